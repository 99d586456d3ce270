//! Chance that can be repeated: each test names its seed when it fails, and takes one from `SECURENET_TEST_SEED`.

use uuid::Uuid;

/// SplitMix64: small, and good enough to choose what happens next.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// From the environment, or new each time. The seed is printed, and shown by the harness where a test fails.
    pub fn thrown(test: &str) -> Self {
        Self::seeded_by("SECURENET_TEST_SEED", test)
    }

    /// The same from a variable of its own.
    #[expect(clippy::disallowed_macros, reason = "whoever reads the failure of a test needs its seed")]
    pub fn seeded_by(variable: &str, test: &str) -> Self {
        let named = std::env::var(variable).ok().map(|seed| seed.parse().expect("a seed is a number"));
        let seed = named.unwrap_or_else(|| Uuid::now_v7().as_u64_pair().1);
        eprintln!("{test}: {variable}={seed} repeats these choices");
        Self(seed)
    }

    /// One that goes its own way from here.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a usize fits");
        usize::try_from(self.next() % end).expect("it is below a usize")
    }

    pub fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
