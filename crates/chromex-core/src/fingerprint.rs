use sha2::{Digest, Sha256};

/// Tells apart what fits depend on, so that what is kept of one is never taken for another's.
///
/// Texts count with their lengths: neighbours do not run together.
///
/// # Examples
///
/// ```
/// use chromex_core::Fingerprint;
/// let of = |texts: [&str; 2]| {
///     let mut print = Fingerprint::default();
///     texts.iter().for_each(|text| print.text(text));
///     print.finish()
/// };
/// assert_eq!(of(["ab", "c"]), of(["ab", "c"]));
/// assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    /// Adds numbers, and how many they are.
    pub fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u64>) {
        self.number(numbers.len() as u64);
        numbers.for_each(|number| self.number(number));
    }

    /// Writes the SHA-256 of all that was added in 64 hexadecimal digits.
    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
