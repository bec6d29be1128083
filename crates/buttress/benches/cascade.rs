//! Cascades of the published threshold family: one large case, and many sampled ones.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use buttress::engine::batch::map;
use buttress::engine::cascade::{Base, Keep, run_damages};
use buttress::engine::compile::World;
use buttress::engine::rng::Rng;
use buttress::model::check::check;
use buttress::model::{Balance, Study};
use criterion::{Criterion, criterion_group, criterion_main};
use support::Towers;

fn damage(world: &World, towers: &Towers) -> Vec<(u32, f64, f64, f64)> {
    let edges = towers.edges.iter().enumerate().filter(|(_, e)| !e.2).map(|(k, _)| (world.first.line + k) as u32);
    let plants = towers.plants.iter().enumerate().filter(|(_, p)| !p.2).map(|(k, _)| (world.first.plant + k) as u32);
    edges.chain(plants).map(|a| (a, 1.0, 0.0, 2.0)).collect()
}

/// L = 300 is the large published size; 200 of the 10,000 sampled cascades at L = 100 are timed at once, on two threads.
fn cascades(c: &mut Criterion) {
    let study = Study { balance: Balance::Component, horizon_h: 1.0, ..Study::default() };
    for l in [100, 300] {
        let mut towers = Towers::generate(l, 1);
        let case = check(&towers.draft()).0.expect("a sound case");
        let world = World::compile(&case, &study, &[]);
        let base = Base::new(&world);
        let damaged = damage(&world, &towers);
        c.bench_function(&format!("threshold cascade L={l}"), |b| {
            b.iter(|| run_damages(&world, &base, &damaged, &[], Keep::default(), 1).n_failed);
        });
        if l == 100 {
            let draws: Vec<_> = (0..200)
                .map(|seed| {
                    towers.redraw(&mut Rng::new(seed));
                    damage(&world, &towers)
                })
                .collect();
            c.bench_function("200 sampled threshold cascades L=100, two threads", |b| {
                b.iter(|| {
                    map(draws.len(), 2, |k| run_damages(&world, &base, &draws[k], &[], Keep::default(), k as u64).n_failed)
                        .iter()
                        .sum::<usize>()
                });
            });
        }
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = cascades }
criterion_main!(benches);
