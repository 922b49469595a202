use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chromex_core::reverse_complement;
use memchr::{memchr2, memrchr};

use super::fasta_index::Contig;
use super::{FastaIndex, Region};
use crate::compressed::{self, Compression};
use crate::error::quoted;
use crate::genes::{ChromosomeNames, Strand};
use crate::lines::Lines;
use crate::{Error, Result};

/// The bytes of a line of a packed FASTA that are looked at in one go, and of a title that are read: some files hold a chromosome on
/// one line.
const PIECE_BYTES: usize = 1 << 16;
/// What a contig takes in memory beside its name.
const CONTIG_BYTES: usize = 192;
/// The most bases that are taken at once: no promoter is longer, and a mistaken table must not fill the memory.
const LONGEST_PIECE: u64 = 1 << 28;

/// The most contigs whose titles are compared with the index.
const MOST_TITLES: usize = 4096;
/// The longest title of a contig.
const LONGEST_TITLE: u64 = 1 << 20;

/// A genome in a FASTA file, of which pieces are read.
///
/// A plain file is read at the places that its index names; a packed one, whether by gzip, bgzip or zstandard, in one pass.
/// Neither is ever held in memory.
#[derive(Clone, Debug)]
pub struct Genome {
    path: PathBuf,
    /// None for a packed file.
    index: Option<FastaIndex>,
}

/// A piece of a genome.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The letters as they stand in the file, cut where the contig ends.
    pub(super) letters: Vec<u8>,
    /// The bases of the whole contig.
    pub(super) contig_length: u64,
}

/// A piece that is wanted: contig, first base, one past the last.
pub(super) type Wanted<'a> = (&'a str, u64, u64);

impl Genome {
    /// Opens a FASTA file. Of a plain one the index beside it (`.fai`) is read, or built where there is none; it is then kept
    /// in memory, see [`Genome::index`].
    ///
    /// # Errors
    ///
    /// When the file or its index cannot be read, or the index is not of this file.
    pub fn open(path: &Path) -> Result<Self> {
        let (_, compression) = compressed::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        if compression != Compression::None {
            return Ok(Self {
                path: path.to_owned(),
                index: None,
            });
        }
        let beside = index_path(path);
        let index = if beside.exists() {
            let index = FastaIndex::read(&beside)?;
            fits(&index, path, &beside)?;
            named(&index, path, &beside)?;
            index
        } else {
            FastaIndex::build(path)?
        };
        Ok(Self {
            path: path.to_owned(),
            index: Some(index),
        })
    }

    /// Views the index of a plain file, to be written beside it for other tools.
    pub fn index(&self) -> Option<&FastaIndex> {
        self.index.as_ref()
    }

    /// Names the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads one region from its strand, in the case of the file, cut where the contig ends.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or has no such contig.
    pub fn read(&self, region: &Region) -> Result<Vec<u8>> {
        let wanted = [(region.contig.as_str(), region.start, region.end)];
        let pieces = self.pieces(&wanted, ChromosomeNames::Exact)?;
        let letters = pieces.into_iter().flatten().flat_map(|piece| piece.letters);
        Ok(match region.strand {
            Strand::Plus => letters.collect(),
            Strand::Minus => reverse_complement(&letters.collect::<Vec<u8>>()),
        })
    }

    /// Reads pieces in one pass over the file, and gives them in the order that is asked for; nothing for a contig that the
    /// genome does not have.
    pub(super) fn pieces(
        &self,
        wanted: &[Wanted<'_>],
        names: ChromosomeNames,
    ) -> Result<Vec<Option<Piece>>> {
        for &(_, start, end) in wanted {
            if end.saturating_sub(start) > LONGEST_PIECE {
                return Err(Error::Core(chromex_core::Error::Setting {
                    name: "bases of a promoter",
                    expected: format!("at most {LONGEST_PIECE}"),
                    found: (end - start).to_string(),
                }));
            }
        }
        let (pieces, some_contigs) = match &self.index {
            Some(index) => {
                let some = index.lengths().take(3).map(|(name, _)| name.to_owned());
                (self.pieces_by_index(index, wanted, names)?, some.collect())
            }
            None => self.pieces_by_pass(wanted, names)?,
        };
        if !wanted.is_empty() && pieces.iter().all(Option::is_none) {
            let contigs: BTreeSet<&str> = wanted.iter().map(|piece| piece.0).collect();
            let contigs: Vec<&str> = contigs.into_iter().take(3).collect();
            return Err(Error::Chromosomes {
                path: self.path.clone(),
                windows: contigs.join(", "),
                file: some_contigs.join(", "),
            });
        }
        Ok(pieces)
    }

    fn pieces_by_index(
        &self,
        index: &FastaIndex,
        wanted: &[Wanted<'_>],
        names: ChromosomeNames,
    ) -> Result<Vec<Option<Piece>>> {
        let io = |action, source| Error::Io {
            action,
            path: self.path.clone(),
            source,
        };
        let mut file =
            chromex_core::input::open(&self.path).map_err(|source| io("open", source))?;
        let by_key: HashMap<&str, &Contig> = index
            .contigs()
            .map(|contig| (names.key(&contig.name), contig))
            .collect();
        let mut pieces = vec![None; wanted.len()];
        // In the order of the file, so that the disk reads on.
        let mut order: Vec<(u64, usize, &Contig)> = Vec::with_capacity(wanted.len());
        for (piece, &(name, start, _)) in wanted.iter().enumerate() {
            if let Some(&contig) = by_key.get(names.key(name)) {
                order.push((contig.place(start.min(contig.length)), piece, contig));
            }
        }
        order.sort_unstable_by_key(|&(place, piece, _)| (place, piece));
        let mut bytes = Vec::new();
        for (from, piece, contig) in order {
            let (_, start, end) = wanted[piece];
            let (start, end) = (start.min(contig.length), end.min(contig.length));
            let count = end.saturating_sub(start);
            let mut letters = Vec::with_capacity(count as usize);
            if count > 0 {
                bytes.resize((contig.place(end - 1) + 1 - from) as usize, 0);
                file.seek(SeekFrom::Start(from))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|source| io("read", source))?;
                let mut rest = &bytes[..];
                while let Some(end) = memchr2(b'\n', b'\r', rest) {
                    letters.extend_from_slice(&rest[..end]);
                    rest = &rest[end + 1..];
                }
                letters.extend_from_slice(rest);
            }
            if letters.len() as u64 != count {
                return Err(Error::Unreadable {
                    path: self.path.clone(),
                    format: "FASTA as its index describes it",
                    source: format!("{}: {count} bases, {}", contig.name, letters.len()).into(),
                });
            }
            pieces[piece] = Some(Piece {
                letters,
                contig_length: contig.length,
            });
        }
        Ok(pieces)
    }

    /// Also gives some contigs of the file.
    fn pieces_by_pass(
        &self,
        wanted: &[Wanted<'_>],
        names: ChromosomeNames,
    ) -> Result<(Vec<Option<Piece>>, Vec<String>)> {
        let mut of_contig: HashMap<&str, Vec<usize>> = HashMap::new();
        for (piece, &(name, _, _)) in wanted.iter().enumerate() {
            of_contig.entry(names.key(name)).or_default().push(piece);
        }
        for own in of_contig.values_mut() {
            own.sort_unstable_by_key(|&piece| (wanted[piece].1, piece));
        }
        let mut pieces: Vec<Option<Piece>> = vec![None; wanted.len()];
        let mut seen: HashSet<String> = HashSet::new();
        let mut some_contigs = Vec::new();
        let meter = compressed::Meter::default();
        let mut lines = Lines::open_metered(&self.path, PIECE_BYTES, meter)?;
        let mut position: Option<u64> = None;
        // Pieces of the contig; those that are yet to come, the next one last; those that are being read.
        let mut own: Vec<usize> = Vec::new();
        let (mut coming, mut open): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        let close = |pieces: &mut [Option<Piece>], own: &[usize], length: Option<u64>| {
            for &piece in own {
                if let Some(piece) = &mut pieces[piece] {
                    piece.contig_length = length.unwrap_or(0);
                }
            }
        };
        let mut is_title = false;
        while lines.advance_piece()? {
            is_title = match lines.is_start() {
                true => lines.line().starts_with(b">"),
                // The rest of a long title says nothing.
                false if is_title => continue,
                false => false,
            };
            if let Some(title) = lines.line().strip_prefix(b">").filter(|_| is_title) {
                let word = title.split(u8::is_ascii_whitespace).next();
                let name = String::from_utf8_lossy(word.unwrap_or_default()).into_owned();
                lines.hold(2 * name.len() + CONTIG_BYTES)?;
                close(&mut pieces, &own, position);
                if some_contigs.len() < 3 {
                    some_contigs.push(name.clone());
                }
                own = of_contig.remove(names.key(&name)).unwrap_or_default();
                if name.is_empty() || !seen.insert(name.clone()) {
                    let found = quoted(name.as_bytes());
                    return Err(lines.error(None, "a contig with a name of its own", found));
                }
                for &piece in &own {
                    pieces[piece] = Some(Piece {
                        letters: Vec::new(),
                        contig_length: 0,
                    });
                }
                coming = own.iter().rev().copied().collect();
                open.clear();
                position = Some(0);
                continue;
            }
            let Some(position) = &mut position else {
                if lines.line().is_empty() {
                    continue;
                }
                let found = quoted(lines.line());
                return Err(lines.error(None, "a line that begins with >", found));
            };
            let line = lines.line();
            let (first, past) = (*position, *position + line.len() as u64);
            *position = past;
            while coming.last().is_some_and(|&piece| wanted[piece].1 < past) {
                open.extend(coming.pop());
            }
            open.retain(|&piece| {
                let (_, start, end) = wanted[piece];
                let from = start.max(first) - first;
                let to = end.clamp(first, past) - first;
                if let Some(piece) = &mut pieces[piece]
                    && from < to
                {
                    piece
                        .letters
                        .extend_from_slice(&line[from as usize..to as usize]);
                }
                end > past
            });
        }
        close(&mut pieces, &own, position);
        if seen.is_empty() {
            return Err(lines.error(None, "a line that begins with >", "none"));
        }
        Ok((pieces, some_contigs))
    }
}

/// The place of a FASTA file's index.
fn index_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".fai");
    name.into()
}

/// Refuses an index that reaches past its file.
fn fits(index: &FastaIndex, path: &Path, beside: &Path) -> Result<()> {
    let bytes = std::fs::metadata(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    for contig in index.contigs() {
        let Contig { name, length, .. } = contig;
        let length = *length;
        let fits = length == 0
            || contig
                .offset
                .checked_add((length / contig.line_bases).saturating_mul(contig.line_bytes))
                .is_some_and(|past| past <= bytes.len().saturating_add(contig.line_bytes));
        if !fits || (length > 0 && contig.place(length - 1) >= bytes.len()) {
            return Err(Error::Unreadable {
                path: beside.to_owned(),
                format: "the index of its FASTA",
                source: format!("`{name}` ends past the {} bytes of the file", bytes.len()).into(),
            });
        }
    }
    Ok(())
}

/// Refuses an index of another file: before the bases of a contig its title must stand. Of many contigs some are looked at,
/// the first and the last among them; those without bases need no place.
fn named(index: &FastaIndex, path: &Path, beside: &Path) -> Result<()> {
    let io = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = chromex_core::input::open(path).map_err(io)?;
    let contigs: Vec<&Contig> = index.contigs().filter(|one| one.length > 0).collect();
    let step = contigs.len().div_ceil(MOST_TITLES).max(1);
    for contig in contigs.iter().step_by(step).chain(contigs.last()) {
        let title = title_before(&mut file, contig.offset).map_err(io)?;
        let name = title.strip_prefix(b">").map(|title| {
            let word = title.split(u8::is_ascii_whitespace).next();
            String::from_utf8_lossy(word.unwrap_or_default())
        });
        if name.as_deref() != Some(contig.name.as_str()) {
            return Err(Error::Unreadable {
                path: beside.to_owned(),
                format: "the index of its FASTA",
                source: format!(
                    "expected the title of `{}` before byte {} of the file, found {}",
                    contig.name,
                    contig.offset,
                    quoted(&title)
                )
                .into(),
            });
        }
    }
    Ok(())
}

/// Reads the line that ends where the bases of a contig begin; some other part of the file where none does.
fn title_before(file: &mut File, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut length = 256;
    loop {
        let from = offset.saturating_sub(length);
        let mut bytes = vec![0; (offset - from) as usize];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut bytes)?;
        let Some(b'\n') = bytes.pop() else {
            return Ok(bytes);
        };
        let start = memrchr(b'\n', &bytes).map(|end| end + 1);
        if start.is_some() || from == 0 || length >= LONGEST_TITLE {
            return Ok(bytes.split_off(start.unwrap_or(0)));
        }
        length *= 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(fasta: &str, index: &str) -> Result<Genome> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fa");
        std::fs::write(&path, fasta).unwrap();
        std::fs::write(index_path(&path), index).unwrap();
        Genome::open(&path)
    }

    #[test]
    fn an_index_of_another_file_is_refused() {
        let title = "x".repeat(5000);
        let fasta = format!(">one\r\nACGT\r\n>two {title}\nTTTT\n>none\n");
        let index = |names: [&str; 2], second: usize| {
            let [one, two] = names;
            format!("{one}\t4\t6\t4\t6\n{two}\t4\t{second}\t4\t5\nnone\t0\t0\t0\t0\n")
        };
        let second = 12 + 5 + title.len() + 1;
        opened(&fasta, &index(["one", "two"], second)).unwrap();
        for (names, second) in [
            (["one", "tw"], second),
            (["two", "one"], second),
            (["one", "other"], second),
            // Within the title, and a base too far.
            (["one", "two"], second - 6),
            (["one", "two"], second + 1),
        ] {
            let error = opened(&fasta, &index(names, second)).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("expected the title of `"), "{cause}");
        }
    }

    #[test]
    fn of_many_contigs_the_last_is_looked_at() {
        let count = 2 * MOST_TITLES + 2;
        let (mut fasta, mut index) = (String::new(), String::new());
        for contig in 0..count {
            fasta += &format!(">{contig}\n");
            index += &format!("{contig}\t4\t{}\t4\t5\n", fasta.len());
            fasta += "ACGT\n";
        }
        opened(&fasta, &index).unwrap();
        let other = fasta.replace(&format!(">{}\n", count - 1), ">last\n");
        let moved = index.replace("last", "x");
        assert!(opened(&other, &moved).is_err());
    }
}
