//! Numbers that look random and are the same each time (splitmix64).

/// A source of numbers.
pub struct Random(u64);

impl Random {
    /// The seed is `BUTTRESS_SEED`, else the one given; it is printed, so that a failure can be had again.
    pub fn new(default: u64) -> Random {
        let seed = std::env::var("BUTTRESS_SEED").ok().and_then(|v| v.parse().ok()).unwrap_or(default);
        println!("BUTTRESS_SEED={seed}");
        Random(seed)
    }

    /// A source that begins at a seed.
    pub fn seeded(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Whether the long form is asked for.
pub fn is_soak() -> bool {
    std::env::var_os("BUTTRESS_SOAK").is_some()
}
