//! Many runs at once: an ordered parallel map, so that the answer does not depend on the number of threads.

use buttress_model::Change;
use rayon::prelude::*;

use crate::cascade::{Base, Keep, run};
use crate::compile::World;
use crate::outcome::Outcome;

/// One run of a batch.
#[derive(Debug, Clone)]
pub struct Job {
    /// Timed changes.
    pub changes: Vec<Change>,
    /// Seed of its sampling.
    pub seed: u64,
}

/// Runs all jobs on `threads` threads and reduces each outcome at once to what is needed of it; results stand in job order.
/// `done` is called after every run, from any thread.
pub fn run_all<T: Send>(
    world: &World,
    base: &Base,
    jobs: &[Job],
    keep: Keep,
    threads: usize,
    done: &(dyn Fn() + Sync),
    reduce: impl Fn(usize, Outcome) -> T + Sync,
) -> Vec<T> {
    map(jobs.len(), threads, |i| {
        let out = reduce(i, run(world, base, &jobs[i].changes, keep, jobs[i].seed));
        done();
        out
    })
}

/// Maps 0..n on `threads` threads (at least one); results stand in order.
pub fn map<T: Send>(n: usize, threads: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    if threads <= 1 {
        return (0..n).map(f).collect();
    }
    on_threads(threads, || (0..n).into_par_iter().with_max_len(8).map(&f).collect())
}

/// Runs `f` with maps such as [`map_with`] spread over `threads` threads (at least one).
pub fn on_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build() {
        Ok(pool) => pool.install(f),
        Err(_) => f(),
    }
}

/// Maps 0..n on the threads at hand, with room that each thread makes once; results stand in order.
pub fn map_with<S, T: Send>(n: usize, room: impl Fn() -> S + Sync + Send, f: impl Fn(&mut S, usize) -> T + Sync + Send) -> Vec<T> {
    (0..n).into_par_iter().map_init(room, f).collect()
}
