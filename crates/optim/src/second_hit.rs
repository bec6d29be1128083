//! What fails next while the first loss lasts: extra loss of two over the sum of one and one.

use std::collections::BTreeMap;

use buttress_engine::batch::Job;
use buttress_engine::cascade::Keep;
use buttress_model::Change;
use buttress_model::geo::distance_km;

use crate::answer::{AssetLoss, SecondHit};
use crate::assess::{Desk, loading};

/// First assets tried: the worst of the ranking, and the most loaded of those without loss of service.
const N_WORST: usize = 4;
const N_QUIET: usize = 6;
/// Second assets tried with each.
const N_SECOND: usize = 50;
/// Assets this near may fall to the same cause.
const CO_LOCATED_KM: f64 = 15.0;

/// Fills `second_hit` of the worst losses and returns the quiet assets by second hit.
pub(crate) fn second_hits(desk: &Desk, losses: &mut [AssetLoss], live: &[u32]) -> Vec<SecondHit> {
    let alone: BTreeMap<u32, (f64, f64)> = losses.iter().map(|l| (l.asset, (l.central.people_hours, l.central.euro[1]))).collect();
    let mut loaded: Vec<(f64, u32)> = live.iter().map(|&i| (loading(&desk.world, &desk.base, i), i)).filter(|x| x.0 > 0.0).collect();
    loaded.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut first: Vec<u32> = losses.iter().take(N_WORST).map(|l| l.asset).collect();
    first.extend(loaded.iter().map(|x| x.1).filter(|a| !alone.contains_key(a)).take(N_QUIET));
    let pairs: Vec<(u32, u32)> = first.iter().flat_map(|&a| seconds(desk, &loaded, a).into_iter().map(move |b| (a, b))).collect();
    desk.progress.stage("second hits", pairs.len());
    let jobs: Vec<Job> = pairs
        .iter()
        .map(|&(a, b)| Job {
            changes: [a, b].into_iter().map(|i| Change::take_out(&desk.world.asset(i).key)).collect(),
            seed: desk.world.study.seed,
        })
        .collect();
    let both = desk.runs(&desk.world, &jobs, Keep::default(), |_, out| (out.people_hours_total(), out.euro_total()[1]));
    let cost = |i: u32| alone.get(&i).copied().unwrap_or((0.0, 0.0));
    let mut best: BTreeMap<u32, SecondHit> = BTreeMap::new();
    for (&(a, b), c) in pairs.iter().zip(both) {
        let (ca, cb) = (cost(a), cost(b));
        let hit = SecondHit {
            first: a,
            second: b,
            extra_people_hours: (c.0 - ca.0 - cb.0).max(0.0),
            extra_euro: (c.1 - ca.1 - cb.1).max(0.0),
            exposed_h: desk.world.repair_h[a as usize][1],
        };
        let worse = best.get(&a).is_none_or(|x| (hit.extra_people_hours, hit.extra_euro) > (x.extra_people_hours, x.extra_euro));
        if worse {
            best.insert(a, hit);
        }
    }
    for loss in losses.iter_mut() {
        loss.second_hit = best.get(&loss.asset).cloned();
    }
    let mut quiet: Vec<SecondHit> = best.into_values().filter(|h| !alone.contains_key(&h.first)).collect();
    // Where nothing would be lost even then, the larger capacity stands first.
    let capacity = |h: &SecondHit| desk.world.asset(h.first).capacity;
    quiet.sort_by(|x, y| {
        y.extra_people_hours
            .total_cmp(&x.extra_people_hours)
            .then(y.extra_euro.total_cmp(&x.extra_euro))
            .then(capacity(y).total_cmp(&capacity(x)))
            .then(x.first.cmp(&y.first))
    });
    quiet
}

/// Candidates for the second loss: co-located first, then the most loaded near by, then the most loaded anywhere.
fn seconds(desk: &Desk, loaded: &[(f64, u32)], a: u32) -> Vec<u32> {
    let here = desk.world.asset(a);
    let far = |i: u32| {
        let b = desk.world.asset(i);
        distance_km(here.lat, here.lon, b.lat, b.lon)
    };
    let mut out: Vec<u32> = Vec::new();
    let near = loaded.iter().map(|x| x.1).filter(|&i| i != a && far(i) <= CO_LOCATED_KM).take(N_SECOND / 3);
    out.extend(near);
    let same_zone = loaded.iter().map(|x| x.1).filter(|&i| {
        let b = desk.world.asset(i);
        b.zone == here.zone || b.zone_to == here.zone || b.zone == here.zone_to
    });
    for i in same_zone.chain(loaded.iter().map(|x| x.1)) {
        if out.len() >= N_SECOND {
            break;
        }
        if i != a && !out.contains(&i) {
            out.push(i);
        }
    }
    out
}
