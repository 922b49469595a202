use std::io::{self, BufRead, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, compressed};

/// How a file of reads or signal is written. Text of any format may be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TrackFormat {
    /// Alignments, binary and packed with bgzip.
    Bam,
    /// Alignments against a reference.
    Cram,
    /// Alignments, text.
    Sam,
    /// Reads as a BED of six columns, or tagAlign.
    Bed,
    /// A signal as text: chromosome, start, end, value.
    BedGraph,
    /// A signal, binary and indexed.
    BigWig,
}

impl TrackFormat {
    /// Tells the format of a file by its content where that is plain, else by its name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be opened; [`Error::Table`] when neither says what it is.
    pub fn of(path: &Path) -> Result<Self> {
        let io = |source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let start = first_bytes(path).map_err(io)?;
        if start.starts_with(b"CRAM") {
            return Ok(Self::Cram);
        }
        if start.starts_with(&[0x26, 0xfc, 0x8f, 0x88])
            || start.starts_with(&[0x88, 0x8f, 0xfc, 0x26])
        {
            return Ok(Self::BigWig);
        }
        let line = first_line(path).map_err(io)?;
        if line.starts_with(b"BAM\x01") {
            return Ok(Self::Bam);
        }
        let by_name = Self::of_name(path);
        by_name
            .or_else(|| Self::of_line(&line))
            .ok_or_else(|| Error::Table {
                path: path.to_owned(),
                line: 1,
                column: None,
                expected: "BAM, CRAM, SAM, BED, tagAlign, bedGraph or bigWig".into(),
                found: crate::error::quoted(&line),
            })
    }

    /// Tells whether the file holds a signal and not reads.
    pub fn is_signal(self) -> bool {
        matches!(self, Self::BedGraph | Self::BigWig)
    }

    fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let mut name = name.as_str();
        for packing in [".gz", ".bgz", ".zst"] {
            name = name.strip_suffix(packing).unwrap_or(name);
        }
        Some(match name.rsplit_once('.')?.1 {
            "sam" => Self::Sam,
            "bed" | "tagalign" | "bed6" => Self::Bed,
            "bedgraph" | "bdg" | "bg" => Self::BedGraph,
            _ => return None,
        })
    }

    fn of_line(line: &[u8]) -> Option<Self> {
        let columns: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        match columns[..] {
            [tag, ..] if tag.len() == 3 && tag[0] == b'@' => Some(Self::Sam),
            [_, _, _, _] => Some(Self::BedGraph),
            [_, _, _, _, _, b"+" | b"-", ..] => Some(Self::Bed),
            _ => None,
        }
    }
}

fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    chromex_core::input::open(path)?
        .take(4)
        .read_to_end(&mut start)?;
    Ok(start)
}

/// Reads the first line that is no remark, unpacked and cut to what a format can be told by. A file that does not
/// unpack is left to its reader, which says more.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let (reader, _) = compressed::open(path)?;
    let mut reader = reader.take(1 << 16);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return Ok(Vec::new());
        }
        if !crate::genes::is_remark(&line) && line != b"\n" {
            line.pop_if(|byte| *byte == b'\n');
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content_then_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let format = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            TrackFormat::of(&path)
        };
        assert_eq!(format("a", b"CRAM\x03").unwrap(), TrackFormat::Cram);
        assert_eq!(
            format("a.bed", &[0x26, 0xfc, 0x8f, 0x88]).unwrap(),
            TrackFormat::BigWig
        );
        assert_eq!(format("a", b"@HD\tVN:1.6\n").unwrap(), TrackFormat::Sam);
        assert_eq!(format("a.tagAlign.gz", b"").unwrap(), TrackFormat::Bed);
        assert_eq!(
            format("a", b"track x\nchr1\t1\t2\tN\t0\t+\n").unwrap(),
            TrackFormat::Bed
        );
        assert_eq!(
            format("a", b"chr1\t1\t2\t0.5\n").unwrap(),
            TrackFormat::BedGraph
        );
        let message = format("a", b"what is this").unwrap_err().to_string();
        assert!(message.contains("expected BAM, CRAM"), "{message}");
    }
}
