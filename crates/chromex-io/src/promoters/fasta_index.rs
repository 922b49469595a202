use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use memchr::{memchr, memchr_iter};

use crate::error::quoted;
use crate::lines::Lines;
use crate::{Error, Result};

/// The longest name of a contig that is taken; a file without line ends would be one name.
const LONGEST_NAME: usize = 1 << 16;
const CHUNK_BYTES: usize = 1 << 18;

/// Where the contigs of a FASTA file lie: the content of a `.fai` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FastaIndex {
    contigs: Vec<Contig>,
    names: HashSet<String>,
}

/// One line of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contig {
    pub(super) name: String,
    /// Bases.
    pub(super) length: u64,
    /// Where the first base lies in the file.
    pub(super) offset: u64,
    /// Bases of a line.
    pub(super) line_bases: u64,
    /// Bytes of a line, its end included.
    pub(super) line_bytes: u64,
}

impl FastaIndex {
    /// Reads a `.fai` file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, a line is not one of an index, or a name is there twice.
    pub fn read(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?.keeping(192);
        let mut index = Self::default();
        while lines.advance()? {
            let line = String::from_utf8_lossy(lines.line()).into_owned();
            let columns: Vec<&str> = line.split('\t').collect();
            let number = |column: usize| {
                let field = columns.get(column).copied().unwrap_or_default();
                field.parse::<u64>().map_err(|_| {
                    lines.error(Some(column + 1), "a number", quoted(field.as_bytes()))
                })
            };
            let contig = Contig {
                name: columns[0].to_owned(),
                length: number(1)?,
                offset: number(2)?,
                line_bases: number(3)?,
                line_bytes: number(4)?,
            };
            let end = contig.line_bytes.checked_sub(contig.line_bases);
            let lines_fit = match end {
                Some(1 | 2) => contig.length == 0 || contig.line_bases > 0,
                Some(0) => contig.length == 0,
                _ => false,
            };
            if !lines_fit {
                return Err(lines.error(None, "lines of bases with an end", quoted(lines.line())));
            }
            if !index.add(contig) {
                let found = quoted(columns[0].as_bytes());
                return Err(lines.error(Some(1), "a contig of its own", found));
            }
        }
        Ok(index)
    }

    /// Builds the index of a plain FASTA file, as `samtools faidx` does.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has no contig, or a contig whose lines differ in length, and when a name is there twice.
    pub fn build(path: &Path) -> Result<Self> {
        let io = |action, source| Error::Io {
            action,
            path: path.to_owned(),
            source,
        };
        let mut file = chromex_core::input::open(path).map_err(|source| io("open", source))?;
        let mut scan = Scan {
            path,
            index: Self::default(),
            line: 1,
            position: 0,
            open: None,
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        // What is known of a line that goes on in the next chunk.
        let (mut name, mut is_name, mut bytes) = (Vec::new(), false, 0);
        let mut last = 0;
        loop {
            let read = file.read(&mut chunk).map_err(|source| io("read", source))?;
            if read == 0 {
                break;
            }
            let mut rest = &chunk[..read];
            while !rest.is_empty() {
                if bytes == 0 {
                    rest = &rest[scan.full_lines(rest)..];
                    let Some(first) = rest.first() else { break };
                    is_name = *first == b'>';
                }
                let end = memchr(b'\n', rest);
                let part = &rest[..end.unwrap_or(rest.len())];
                if is_name {
                    name.extend_from_slice(&part[..part.len().min(LONGEST_NAME)]);
                }
                bytes += part.len() as u64;
                last = part.last().copied().unwrap_or(last);
                let Some(end) = end else { break };
                scan.line(bytes, last == b'\r' && bytes > 0, is_name, &mut name, 1)?;
                rest = &rest[end + 1..];
                (bytes, last, is_name) = (0, 0, false);
            }
        }
        if bytes > 0 {
            scan.line(bytes, last == b'\r', is_name, &mut name, 0)?;
        }
        scan.close()?;
        if scan.index.contigs.is_empty() {
            return Err(scan.error("a line that begins with >", "none"));
        }
        Ok(scan.index)
    }

    /// Writes a `.fai` file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        chromex_core::atomic::write(path, |file| {
            for contig in &self.contigs {
                let Contig {
                    name,
                    length,
                    offset,
                    line_bases,
                    line_bytes,
                } = contig;
                writeln!(
                    file,
                    "{name}\t{length}\t{offset}\t{line_bases}\t{line_bytes}"
                )?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Lists the contigs and their lengths, in the order of the file.
    pub fn lengths(&self) -> impl Iterator<Item = (&str, u64)> {
        let contigs = self.contigs.iter();
        contigs.map(|contig| (contig.name.as_str(), contig.length))
    }

    pub(super) fn contigs(&self) -> impl Iterator<Item = &Contig> {
        self.contigs.iter()
    }

    /// Adds a contig; false when the name is taken.
    fn add(&mut self, contig: Contig) -> bool {
        let is_new = self.names.insert(contig.name.clone());
        self.contigs.push(contig);
        is_new
    }
}

impl Contig {
    /// Where a base lies in the file.
    pub(super) fn place(&self, base: u64) -> u64 {
        let line_bases = self.line_bases.max(1);
        let whole_lines = (base / line_bases).saturating_mul(self.line_bytes);
        let within = whole_lines.saturating_add(base % line_bases);
        self.offset.saturating_add(within)
    }
}

/// An index in the making.
struct Scan<'a> {
    path: &'a Path,
    index: FastaIndex,
    /// The line, from 1.
    line: u64,
    /// Where it begins in the file.
    position: u64,
    /// The contig whose lines are coming, and whether a shorter line has ended it.
    open: Option<(Contig, bool)>,
}

impl Scan<'_> {
    /// Takes as many lines as are like the contig's first, and gives how many bytes that are. Counting line ends and looking
    /// where they must be is many times faster than finding each.
    fn full_lines(&mut self, bytes: &[u8]) -> usize {
        let Some((contig, false)) = &mut self.open else {
            return 0;
        };
        let width = contig.line_bytes as usize;
        if width < 2 {
            return 0;
        }
        let has_return = contig.line_bytes - contig.line_bases == 2;
        let is_full = |line: &&[u8]| {
            let returns = line[width - 2] == b'\r';
            line[0] != b'>' && line[width - 1] == b'\n' && returns == has_return
        };
        let lines = bytes.chunks_exact(width).take_while(is_full).count();
        let taken = lines * width;
        if memchr_iter(b'\n', &bytes[..taken]).count() != lines {
            return 0;
        }
        contig.length += lines as u64 * contig.line_bases;
        self.position += taken as u64;
        self.line += lines as u64;
        taken
    }

    /// Takes a line of `bytes` without its end, which has `end` bytes more.
    fn line(
        &mut self,
        bytes: u64,
        has_return: bool,
        is_name: bool,
        name: &mut Vec<u8>,
        end: u64,
    ) -> Result<()> {
        let bases = bytes - u64::from(has_return);
        let next = self.position + bytes + end;
        if is_name {
            self.close()?;
            let word = name[1..].split(u8::is_ascii_whitespace).next();
            let word = String::from_utf8_lossy(word.unwrap_or_default()).into_owned();
            name.clear();
            let contig = Contig {
                name: word,
                length: 0,
                offset: next,
                line_bases: 0,
                line_bytes: 0,
            };
            self.open = Some((contig, false));
        } else if let Some((contig, is_last)) = &mut self.open {
            if contig.length == 0 && bases > 0 && !*is_last {
                contig.line_bases = bases;
                contig.line_bytes = bytes + end.max(1);
            }
            let fits = bases == 0 || (!*is_last && bases <= contig.line_bases);
            if !fits {
                let expected = format!("lines of {} bases but for the last", contig.line_bases);
                return Err(self.error(&expected, &format!("a line of {bases}")));
            }
            contig.length += bases;
            *is_last |= bases < contig.line_bases || bases == 0;
        } else if bases > 0 {
            return Err(self.error("a line that begins with >", "bases without a contig"));
        }
        self.position = next;
        self.line += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some((contig, _)) = self.open.take() else {
            return Ok(());
        };
        let name = contig.name.clone();
        if name.is_empty() || !self.index.add(contig) {
            return Err(self.error("contigs with a name of their own", &quoted(name.as_bytes())));
        }
        Ok(())
    }

    fn error(&self, expected: &str, found: &str) -> Error {
        Error::Table {
            path: PathBuf::from(self.path),
            line: self.line,
            column: None,
            expected: expected.into(),
            found: found.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str) -> Result<FastaIndex> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fa");
        std::fs::write(&path, text).unwrap();
        FastaIndex::build(&path)
    }

    #[test]
    fn contigs_are_found_whatever_their_line_ends() {
        let index = build(">one x\nACGT\nAC\n>two\r\nAAA\r\nA\r\n>none\n>last\nACG").unwrap();
        let lengths: Vec<_> = index.lengths().collect();
        assert_eq!(lengths, [("one", 6), ("two", 4), ("none", 0), ("last", 3)]);
        let contigs: Vec<&Contig> = index.contigs().collect();
        let (one, two) = (contigs[0], contigs[1]);
        assert_eq!((one.offset, one.line_bases, one.line_bytes), (7, 4, 5));
        assert_eq!((two.offset, two.line_bases, two.line_bytes), (21, 3, 5));
        assert_eq!((two.place(0), two.place(3)), (21, 26));
    }

    #[test]
    fn files_that_no_index_describes_are_refused_with_the_line() {
        for (text, expected) in [
            (">a\nACG\nACGT\n", "line 3: expected lines of 3 bases"),
            (">a\nACG\nA\nACG\n", "line 4: expected lines of 3 bases"),
            (">a\nACG\n\nACG\n", "line 4: expected lines of 3 bases"),
            (">a\nA\n>a\nA\n", "name of their own"),
            ("ACG\n", "bases without a contig"),
            ("", "begins with >"),
        ] {
            let message = build(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn an_index_reads_back_and_a_false_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fa.fai");
        let lines = "ACGTACGTAC\n".repeat(300_000);
        let index = build(&format!(">one x\n{lines}ACG\n>two\nAAA\n")).unwrap();
        let lengths: Vec<_> = index.lengths().collect();
        assert_eq!(lengths, [("one", 3_000_003), ("two", 3)]);
        let message = build(&format!(">one\n{lines}\n{lines}"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("line 300003: expected lines of 10"),
            "{message}"
        );
        index.write(&path).unwrap();
        assert_eq!(FastaIndex::read(&path).unwrap(), index);
        for text in [
            "a\t1\t2\t3\n",
            "a\t9\t0\t5\t5\n",
            "a\t1\t3\t1\t2\na\t1\t3\t1\t2\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(FastaIndex::read(&path).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_index_whose_lines_have_no_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fa.fai");
        for (line, is_sound) in [
            ("a\t0\t3\t0\t0", true),
            ("a\t9\t3\t5\t6", true),
            ("a\t9\t3\t5\t5", false),
            ("a\t9\t3\t0\t1", false),
            // Without bases nothing else is looked at, but lines are.
            ("a\t0\t3\t50\t13", false),
            ("a\t0\t3\t50\t53", false),
        ] {
            std::fs::write(&path, format!("{line}\n")).unwrap();
            assert_eq!(FastaIndex::read(&path).is_ok(), is_sound, "{line}");
        }
    }
}
