use std::path::Path;

use chromex_core::{Encode, Rows, Sequences, atomic};
use ndarray::Array2;

use crate::{Error, Result};

/// The largest list of motifs that is read: a thousand times the JASPAR collection's.
const MOST_BYTES: u64 = 64 << 20;

/// Tells which motifs stand anywhere in each sequence: `[rows, motifs]` of 0 and 1.
///
/// A letter of a motif may be any of the IUPAC code; a letter of a sequence matches it when all bases that it stands for do.
/// [`LocalisedMotifs`](crate::LocalisedMotifs) derives motifs where none are known.
///
/// # Examples
///
/// ```
/// use chromex_core::{Encode, Sequences};
/// use chromex_tokens::MotifPresence;
/// let motifs = MotifPresence::new(&["TATAWA", "GCC"])?;
/// let table = motifs.encode(&Sequences::new(&["GTATATAG", "GGCC"])?)?;
/// assert_eq!(table, ndarray::array![[1.0, 0.0], [0.0, 1.0]]);
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MotifPresence {
    motifs: Vec<String>,
}

/// The longest motif: a match is a bit per letter.
const LONGEST: usize = 64;

impl MotifPresence {
    /// Takes motifs, upper and lower case alike.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is none, or one is empty, longer than 64 letters, or has a letter that is not of the IUPAC
    /// code.
    pub fn new<S: AsRef<str>>(motifs: &[S]) -> Result<Self> {
        let motifs: Vec<String> = motifs
            .iter()
            .map(|motif| motif.as_ref().to_ascii_uppercase())
            .collect();
        let wrong = |motif: &&String| !is_motif(motif);
        let found = match motifs.iter().find(wrong) {
            Some(motif) => format!("`{}`", motif.escape_debug()),
            None if motifs.is_empty() => "none".to_owned(),
            None => return Ok(Self { motifs }),
        };
        Err(Error::Setting {
            name: "motifs",
            expected: format!("motifs of 1 to {LONGEST} letters of the IUPAC code"),
            found,
        })
    }

    /// Reads a list: a motif per line, alone or as the last of columns that are parted by tabs; lines that begin with `#` and
    /// empty ones are passed over. A motif that stands twice counts once.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be read; [`Error::Motif`] at the first line whose motif cannot be; [`Error::Setting`]
    /// when there is no motif.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            chromex_core::input::read_text(path, MOST_BYTES).map_err(|source| Error::Io {
                action: "read",
                path: path.to_owned(),
                source,
            })?;
        let mut motifs: Vec<String> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let column = line.rsplit('\t').next().unwrap_or_default();
            let motif = column.trim().to_ascii_uppercase();
            if !is_motif(&motif) {
                return Err(Error::Motif {
                    path: path.to_owned(),
                    line: number + 1,
                    found: column.escape_debug().take(40).collect(),
                });
            }
            if !motifs.contains(&motif) {
                motifs.push(motif);
            }
        }
        Self::new(&motifs)
    }

    /// Writes the list as [`MotifPresence::read`] reads it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(atomic::write(path, |file| {
            self.motifs
                .iter()
                .try_for_each(|motif| writeln!(file, "{motif}"))
        })?)
    }

    /// Lists the motifs, one per column.
    pub fn motifs(&self) -> &[String] {
        &self.motifs
    }

    fn table(&self, sequences: &Sequences) -> Array2<f32> {
        let mut table = Array2::zeros((sequences.len(), self.motifs.len()));
        for (column, motif) in self.motifs.iter().enumerate() {
            let allowed = allowed(motif.as_bytes());
            let last = 1_u64 << (motif.len() - 1);
            for (row, sequence) in sequences.iter().enumerate() {
                // Bit n tells that the last n + 1 letters are the first n + 1 of the motif.
                let mut matched = 0_u64;
                let found = sequence.iter().any(|&letter| {
                    matched = (matched << 1 | 1) & allowed[letter as usize];
                    matched & last != 0
                });
                table[[row, column]] = f32::from(found);
            }
        }
        table
    }
}

impl Encode<Sequences> for MotifPresence {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<Array2<f32>> {
        Ok(self.table(inputs))
    }
}

chromex_core::fit_by_copy!(MotifPresence: Sequences);

fn is_motif(motif: &str) -> bool {
    (1..=LONGEST).contains(&motif.len()) && motif.bytes().all(|letter| bases(letter) != 0)
}

/// For each letter of a sequence, the places of a motif where it may stand, a bit each.
fn allowed(motif: &[u8]) -> [u64; 256] {
    let mut allowed = [0; 256];
    for &letter in &Sequences::LETTERS {
        let own = bases(letter);
        for (place, &wanted) in motif.iter().enumerate() {
            if own != 0 && own & !bases(wanted) == 0 {
                allowed[letter as usize] |= 1 << place;
            }
        }
    }
    allowed
}

/// The bases that a letter stands for, a bit each; none for what is masked or no letter of the code.
fn bases(letter: u8) -> u8 {
    let (a, c, g, t) = (1, 2, 4, 8);
    match letter {
        b'A' => a,
        b'C' => c,
        b'G' => g,
        b'T' | b'U' => t,
        b'R' => a | g,
        b'Y' => c | t,
        b'S' => c | g,
        b'W' => a | t,
        b'K' => g | t,
        b'M' => a | c,
        b'B' => c | g | t,
        b'D' => a | g | t,
        b'H' => a | c | t,
        b'V' => a | c | g,
        b'N' => a | c | g | t,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_match_all_of_their_bases_and_nothing_else() {
        let motifs = MotifPresence::new(&["tata", "YYN", "A"]).unwrap();
        let sequences = Sequences::new(&["GTATAC", "CTX", "RTC", "", "TNCTGTAT"]).unwrap();
        let expected = ndarray::array![
            [1.0, 0.0, 1.0],
            [0.0, 0.0, 0.0],
            // R may be G, so that A need not stand there.
            [0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0],
            [0.0, 1.0, 1.0],
        ];
        assert_eq!(motifs.encode(&sequences).unwrap(), expected);
    }

    #[test]
    fn a_list_reads_back_and_a_line_that_is_no_motif_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("motifs.tsv");
        std::fs::write(&path, "# LDSS\nTATA\tTATAAATA\n\nctctctct\nTATAAATA\n").unwrap();
        let motifs = MotifPresence::read(&path).unwrap();
        assert_eq!(motifs.motifs(), ["TATAAATA", "CTCTCTCT"]);
        motifs.write(&path).unwrap();
        assert_eq!(MotifPresence::read(&path).unwrap(), motifs);
        std::fs::write(&path, "TATA\nTA-TA\n").unwrap();
        let message = MotifPresence::read(&path).unwrap_err().to_string();
        assert!(
            message.contains("line 2") && message.contains("TA-TA"),
            "{message}"
        );
        std::fs::write(&path, "# nothing\n").unwrap();
        assert!(MotifPresence::read(&path).is_err());
        assert!(MotifPresence::new(&["A".repeat(65)]).is_err());
    }

    proptest! {
        #[test]
        fn plain_motifs_are_found_where_a_search_of_the_text_finds_them(
            sequence in "[ACGT]{0,40}",
            motif in "[ACGT]{1,4}",
        ) {
            let table = MotifPresence::new(&[&motif]).unwrap();
            let table = table.encode(&Sequences::new(&[&sequence]).unwrap()).unwrap();
            prop_assert_eq!(table[[0, 0]] == 1.0, sequence.contains(&motif));
        }
    }
}
