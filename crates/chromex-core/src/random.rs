//! Random numbers that depend on a seed and a purpose, and on nothing else.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Makes a generator for one purpose.
///
/// Two purposes under the same seed draw independent numbers, and adding a draw to one does not move
/// the other.
///
/// # Examples
///
/// ```
/// use rand::RngExt;
/// let draw = |purpose| chromex_core::random::generator(7, purpose).random::<u64>();
/// assert_eq!(draw("shuffle"), draw("shuffle"));
/// assert_ne!(draw("shuffle"), draw("initial weights"));
/// ```
pub fn generator(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// Derives the seed of one purpose, where a number is wanted instead of a generator.
pub fn derive(seed: u64, purpose: &str) -> u64 {
    use rand::Rng;
    generator(seed, purpose).next_u64()
}
