//! Vector lanes, and the one place that chooses the instructions a kernel is compiled for.
//!
//! A kernel is plain arithmetic on [`Lanes`]; it is compiled for AVX-512, AVX2 and the baseline of the target, and the widest
//! set the machine has is taken at run time. Every lane does the same operations in the same order in each of them, nothing
//! is contracted to a fused multiply-add, so all paths give the same bytes.
#![expect(clippy::inline_always, reason = "a kernel and its lanes must be compiled inside the function that enables the instructions")]

use multiversion::multiversion;

/// `W` numbers that go through the same operations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub struct Lanes<const W: usize>(pub [f64; W]);

impl<const W: usize> Lanes<W> {
    /// The same number in every lane.
    #[inline(always)]
    pub fn splat(x: f64) -> Lanes<W> {
        Lanes([x; W])
    }

    /// Lanes from their index.
    #[inline(always)]
    pub fn from_fn(f: impl Fn(usize) -> f64) -> Lanes<W> {
        let mut out = [0.0; W];
        for l in 0..W {
            out[l] = f(l);
        }
        Lanes(out)
    }

    /// Lane by lane.
    #[inline(always)]
    #[must_use]
    pub fn zip(self, other: Lanes<W>, f: impl Fn(f64, f64) -> f64) -> Lanes<W> {
        Lanes::from_fn(|l| f(self.0[l], other.0[l]))
    }

    /// Largest lane.
    #[inline(always)]
    pub fn largest(mut self) -> f64 {
        // Halves against halves, so that it stays a few vector operations.
        let mut width = W;
        while width > 1 {
            let half = width.div_ceil(2);
            for l in 0..width / 2 {
                self.0[l] = larger(self.0[l + half], self.0[l]);
            }
            width = half;
        }
        self.0[0]
    }
}

/// The larger of two numbers; the second when the first is no number.
#[inline(always)]
pub fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// Arithmetic to be compiled for each instruction set. `run` must be marked `#[inline(always)]`.
pub trait Kernel {
    /// What it gives back.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Instructions a kernel may use. A machine that lacks them takes the next set below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// What every machine of the target has.
    Baseline,
    /// AVX2.
    Avx2,
    /// AVX-512, or AVX2, or the baseline.
    #[default]
    Widest,
}

/// Runs a kernel.
pub fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        Level::Baseline => kernel.run(),
        Level::Avx2 => avx2(kernel),
        Level::Widest => widest(kernel),
    }
}

#[multiversion(targets("x86_64+avx+avx2"))]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[multiversion(targets("x86_64+avx+avx2+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx+avx2"))]
fn widest<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
