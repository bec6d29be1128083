//! Re-energising the grid: a bus that was dead does not come back by itself.
//!
//! A bus is dead when it is out, or when nothing in its island can feed it. It is energised again over lines in service,
//! one step after its neighbour, from what is alive (top down) or from a black-start plant in the dead part (bottom
//! up): the two strategies of Regulation (EU) 2017/2196, Art. 26 to 28. The time of each bus is the shortest over all paths
//! (Dijkstra). Direct-current links count as lines: many can start a dead end, and islands have no other way. Times are judgement, set so that the restart of
//! Spain and Portugal on 28 April 2025 comes out (case `hindcast_iberia_2025`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Class, Run, SAME_TIME_H, What, key};

/// Hours to switch a bus to one that never went dark: low, central, high.
pub const SWITCHING_H: [f64; 3] = [0.25, 0.5, 1.0];
/// Hours from one restarted bus to the next, its load picked up in blocks: low, central, high.
pub const RESTART_STEP_H: [f64; 3] = [1.25, 2.5, 5.0];
/// Hours until a black-start plant offers voltage: low, central, high.
pub const BLACK_START_H: [f64; 3] = [1.5, 3.0, 6.0];
/// A smaller plant restarts itself, not a grid, p.u.
const BLACK_START_PU: f64 = 3.0;

/// What will energise a bus.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// Nothing.
    None,
    /// This line or link, from this bus.
    Line(u32, u32),
    /// This plant at the bus.
    Plant(u32),
}

/// A bus that waits to be energised.
#[derive(Debug, Clone, Copy)]
struct Wait {
    at_h: f64,
    way: Way,
}

impl Wait {
    const NEVER: Wait = Wait { at_h: f64::INFINITY, way: Way::None };
}

/// Dead buses of a run.
pub(super) struct Dead {
    /// What each bus waits for; `None` for a live bus.
    wait: Vec<Option<Wait>>,
    /// Buses that have been dead in this run: they are weak.
    was: Vec<bool>,
    /// True when lines, buses or plants moved since the times were found.
    stale: bool,
}

impl Dead {
    fn is(&self, bus: usize) -> bool {
        self.wait[bus].is_some()
    }
}

impl Run<'_, '_> {
    /// Share of a bus: nothing while it is dead.
    pub(super) fn bus_share(&mut self, bus: u32, share: f64) -> f64 {
        match &mut self.dead {
            Some(dead) => {
                dead.stale = true;
                if dead.is(bus as usize) { 0.0 } else { share }
            }
            None => share,
        }
    }

    /// A line or plant moved: dead buses may be reached in another way.
    pub(super) fn restart_paths_moved(&mut self) {
        if let Some(dead) = &mut self.dead {
            dead.stale = true;
        }
    }

    /// Takes buses that are dead now, and were not in the base, out of the grid until they are energised. What they were served
    /// was nothing already, so the solve that found them stands.
    pub(super) fn note_dead(&mut self, dead_now: &[u32]) {
        let n = self.world.power.grid.n_buses;
        let base = &self.base.power.dead;
        for &bus in dead_now.iter().filter(|b| base.binary_search(b).is_err()) {
            let dead = self.dead.get_or_insert_with(|| Box::new(Dead { wait: vec![None; n], was: vec![false; n], stale: false }));
            let wait = &mut dead.wait[bus as usize];
            if wait.is_none() {
                *wait = Some(Wait::NEVER);
                dead.was[bus as usize] = true;
                dead.stale = true;
            }
            if let Some(state) = &mut self.power {
                state.bus[bus as usize] = 0.0;
            }
        }
    }

    /// Whether damage and dependencies leave anything of each bus, dead or not.
    fn bus_able(&self) -> Vec<bool> {
        let first = self.world.first.bus;
        let able = |k: usize| self.world.settings.in_service[first + k] && self.share((first + k) as u32) > 0.0;
        (0..self.world.power.grid.n_buses).map(able).collect()
    }

    /// Finds when each dead bus is energised, and schedules the first.
    pub(super) fn plan_restart(&mut self) {
        let Some(mut dead) = self.dead.take() else { return };
        if std::mem::take(&mut dead.stale) && dead.wait.iter().any(Option::is_some) {
            self.find_times(&mut dead);
            self.schedule_next(&dead);
        }
        self.dead = Some(dead);
    }

    fn schedule_next(&mut self, dead: &Dead) {
        let next = dead.wait.iter().flatten().map(|w| w.at_h).fold(f64::INFINITY, f64::min);
        self.push(next.max(self.now), Class::Recover, What::Energised);
    }

    fn find_times(&self, dead: &mut Dead) {
        let grid = &self.world.power.grid;
        let state = self.power.as_deref().unwrap_or(&self.world.power.state);
        let level = self.world.study.level.index();
        let able = self.bus_able();
        // Lines, then direct-current links.
        let ends: Vec<(usize, usize)> = grid.lines.iter().map(|l| (l.from, l.to)).chain(grid.hvdc.iter().map(|h| (h.from, h.to))).collect();
        let in_service: Vec<bool> = state.line.iter().chain(&state.hvdc).map(|&share| share > 0.0).collect();
        let line_able = |k: usize| in_service[k] && able[ends[k].0] && able[ends[k].1];
        let plant_able = |k: usize| {
            let plant = &grid.plants[k];
            let p = plant.p_max[self.world.study.point as usize] * state.plant[k];
            plant.black_start && able[plant.bus] && p >= BLACK_START_PU
        };
        let mut reach = Reach { wait: kept(dead, &able, &line_able, &plant_able), heap: BinaryHeap::new() };
        for (bus, wait) in reach.wait.iter().enumerate().filter(|x| x.1.at_h.is_finite()) {
            reach.heap.push(Reverse((key(wait.at_h), bus)));
        }
        let mut neighbours: Vec<Vec<(u32, u32)>> = vec![Vec::new(); grid.n_buses];
        for k in (0..ends.len()).filter(|&k| line_able(k)) {
            for (from, to) in [ends[k], (ends[k].1, ends[k].0)] {
                match (dead.is(from), dead.is(to)) {
                    (false, true) => {
                        let step = if dead.was[from] { RESTART_STEP_H } else { SWITCHING_H };
                        reach.offer(to, self.now + step[level], Way::Line(k as u32, from as u32));
                    }
                    (true, true) => neighbours[from].push((k as u32, to as u32)),
                    _ => {}
                }
            }
        }
        for k in (0..grid.plants.len()).filter(|&k| dead.is(grid.plants[k].bus) && plant_able(k)) {
            reach.offer(grid.plants[k].bus, self.now + BLACK_START_H[level], Way::Plant(k as u32));
        }
        while let Some(Reverse((bits, bus))) = reach.heap.pop() {
            let t = f64::from_bits(bits);
            if t > reach.wait[bus].at_h {
                continue;
            }
            for &(line, next) in &neighbours[bus] {
                reach.offer(next as usize, t + RESTART_STEP_H[level], Way::Line(line, bus as u32));
            }
        }
        for (wait, found) in dead.wait.iter_mut().zip(reach.wait) {
            if let Some(wait) = wait {
                *wait = found;
            }
        }
    }

    /// Buses whose time has come are alive again; true when there are any.
    pub(super) fn energise(&mut self) -> bool {
        let Some(mut dead) = self.dead.take() else { return false };
        let mut moved = false;
        for bus in 0..dead.wait.len() {
            if dead.wait[bus].is_some_and(|w| w.at_h <= self.now + SAME_TIME_H) {
                dead.wait[bus] = None;
                let share = self.share((self.world.first.bus + bus) as u32);
                self.power_state().bus[bus] = share;
                moved = true;
            }
        }
        if moved {
            self.schedule_next(&dead);
        }
        self.dead = Some(dead);
        moved
    }
}

/// Earliest times while they are being found.
struct Reach {
    wait: Vec<Wait>,
    heap: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Reach {
    fn offer(&mut self, bus: usize, at_h: f64, way: Way) {
        if at_h < self.wait[bus].at_h {
            self.wait[bus] = Wait { at_h, way };
            self.heap.push(Reverse((key(at_h), bus)));
        }
    }
}

/// The times that still hold: work under way is not begun anew while the way that it follows stands, back to what is alive.
fn kept(dead: &Dead, able: &[bool], line_able: &dyn Fn(usize) -> bool, plant_able: &dyn Fn(usize) -> bool) -> Vec<Wait> {
    let mut out = vec![Wait::NEVER; dead.wait.len()];
    let mut by_time: Vec<(u64, usize)> =
        dead.wait.iter().enumerate().filter_map(|(bus, w)| w.filter(|w| w.at_h.is_finite()).map(|w| (key(w.at_h), bus))).collect();
    by_time.sort_unstable();
    for (_, bus) in by_time {
        let Some(wait) = dead.wait[bus] else { continue };
        let stands = able[bus]
            && match wait.way {
                Way::None => false,
                Way::Plant(k) => plant_able(k as usize),
                Way::Line(k, from) => line_able(k as usize) && (!dead.is(from as usize) || out[from as usize].at_h.is_finite()),
            };
        if stands {
            out[bus] = wait;
        }
    }
    out
}
