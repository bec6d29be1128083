//! Re-energising the grid: a bus that was dead does not come back by itself.
//!
//! A bus is dead when it is out, or when nothing in its island can feed it. It is energised again over lines in service,
//! one switching step after its neighbour, from what is alive (top down) or from a black-start plant in the dead part (bottom
//! up): the two strategies of Regulation (EU) 2017/2196, Art. 26 to 28. The time of each bus is the shortest over all paths
//! (Dijkstra). Direct-current links energise nothing, since few of them can. Times are engineering judgement, checked against
//! the first units and the half-way mark of the Iberian restart of 28 April 2025.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Class, Run, SAME_TIME_H, What, key};

/// Hours from one energised bus to the next, picking up its load included: low, central, high.
pub const SWITCHING_STEP_H: [f64; 3] = [0.25, 0.5, 1.0];
/// Hours until a black-start plant offers voltage: low, central, high.
pub const BLACK_START_H: [f64; 3] = [0.5, 1.5, 3.0];
/// A smaller plant restarts itself, not a grid, p.u.
const BLACK_START_PU: f64 = 1.0;

/// Dead buses of a run.
pub(super) struct Dead {
    /// True for a dead bus.
    is: Vec<bool>,
    /// When each dead bus will be energised, h; infinite while nothing can.
    ready_h: Vec<f64>,
    /// True when lines, buses or plants moved since the times were found.
    stale: bool,
}

impl Dead {
    pub(super) fn none(n_buses: usize) -> Dead {
        Dead { is: vec![false; n_buses], ready_h: vec![f64::INFINITY; n_buses], stale: false }
    }
}

impl Run<'_, '_> {
    /// Share of a bus: nothing while it is dead.
    pub(super) fn bus_share(&mut self, bus: u32, share: f64) -> f64 {
        match &mut self.dead {
            Some(dead) => {
                dead.stale = true;
                if dead.is[bus as usize] { 0.0 } else { share }
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

    /// Notes buses that are dead now and were not in the base.
    pub(super) fn note_dead(&mut self, dead_now: &[u32]) {
        if dead_now.len() == self.base.power.dead.len() {
            return;
        }
        let n = self.world.power.grid.n_buses;
        let base = &self.base.power.dead;
        for &bus in dead_now.iter().filter(|b| base.binary_search(b).is_err()) {
            let dead = self.dead.get_or_insert_with(|| Box::new(Dead::none(n)));
            if !std::mem::replace(&mut dead.is[bus as usize], true) {
                dead.stale = true;
            }
        }
    }

    /// Share that damage and dependencies leave of each bus, dead or not.
    fn bus_able(&self) -> Vec<bool> {
        let first = self.world.first.bus;
        (0..self.world.power.grid.n_buses)
            .map(|k| self.world.settings.in_service[first + k] && self.share((first + k) as u32) > 0.0)
            .collect()
    }

    /// Finds when each dead bus is energised, and schedules the first.
    pub(super) fn plan_restart(&mut self) {
        let Some(mut dead) = self.dead.take() else { return };
        if dead.stale && dead.is.contains(&true) {
            dead.stale = false;
            self.find_times(&mut dead);
            self.schedule_next(&dead);
        }
        self.dead = Some(dead);
    }

    fn schedule_next(&mut self, dead: &Dead) {
        let next = dead.is.iter().zip(&dead.ready_h).filter(|x| *x.0).map(|x| *x.1).fold(f64::INFINITY, f64::min);
        self.push(next.max(self.now), Class::Recover, What::Energised);
    }

    fn find_times(&self, dead: &mut Dead) {
        let grid = &self.world.power.grid;
        let state = self.power.as_deref().unwrap_or(&self.world.power.state);
        let level = self.world.study.level.index();
        let step = SWITCHING_STEP_H[level];
        let able = self.bus_able();
        let mut neighbours: Vec<Vec<u32>> = vec![Vec::new(); grid.n_buses];
        for (line, &share) in grid.lines.iter().zip(&state.line) {
            if share > 0.0 && able[line.from] && able[line.to] && (dead.is[line.from] || dead.is[line.to]) {
                neighbours[line.from].push(line.to as u32);
                neighbours[line.to].push(line.from as u32);
            }
        }
        // A bus that still waits keeps the time it had, if that is sooner: work under way is not begun anew.
        let mut time: Vec<f64> = (0..grid.n_buses).map(|b| if dead.is[b] && able[b] { dead.ready_h[b] } else { f64::INFINITY }).collect();
        let mut heap = BinaryHeap::new();
        let reach = |time: &mut [f64], heap: &mut BinaryHeap<Reverse<(u64, usize)>>, bus: usize, t: f64| {
            if t < time[bus] {
                time[bus] = t;
                heap.push(Reverse((key(t), bus)));
            }
        };
        for bus in 0..grid.n_buses {
            if !dead.is[bus] && able[bus] && !neighbours[bus].is_empty() {
                for &next in neighbours[bus].iter().filter(|&&n| dead.is[n as usize]) {
                    reach(&mut time, &mut heap, next as usize, self.now + step);
                }
            }
            if time[bus].is_finite() {
                heap.push(Reverse((key(time[bus]), bus)));
            }
        }
        for (plant, &share) in grid.plants.iter().zip(&state.plant) {
            let p = plant.p_max[self.world.study.point as usize] * share;
            if plant.black_start && dead.is[plant.bus] && able[plant.bus] && p >= BLACK_START_PU {
                reach(&mut time, &mut heap, plant.bus, self.now + BLACK_START_H[level]);
            }
        }
        while let Some(Reverse((bits, bus))) = heap.pop() {
            let t = f64::from_bits(bits);
            if t > time[bus] {
                continue;
            }
            for &next in neighbours[bus].iter().filter(|&&n| dead.is[n as usize]) {
                reach(&mut time, &mut heap, next as usize, t + step);
            }
        }
        dead.ready_h = time;
    }

    /// Buses whose time has come are alive again; true when there are any.
    pub(super) fn energise(&mut self) -> bool {
        let Some(mut dead) = self.dead.take() else { return false };
        let mut moved = false;
        for bus in 0..dead.is.len() {
            if dead.is[bus] && dead.ready_h[bus] <= self.now + SAME_TIME_H {
                dead.is[bus] = false;
                dead.ready_h[bus] = f64::INFINITY;
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
