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
        let lines = Looked::at(path).map_err(io)?;
        if lines.is_bam {
            return Ok(Self::Bam);
        }
        let refused = |expected: &str, found: String| Error::Table {
            path: path.to_owned(),
            line: lines.number,
            column: None,
            expected: expected.to_owned(),
            found,
        };
        let by_name = ByName::of(path);
        if let Some(ByName::Peaks(kind)) = by_name {
            return Err(refused(
                "reads or a signal (BAM, CRAM, SAM, BED, tagAlign, bedGraph or bigWig)",
                format!("the name of peaks, {kind}: what was called and not what was read"),
            ));
        }
        match (by_name, lines.kind) {
            // Nothing is there to contradict the name.
            (Some(ByName::Format(format)), None) => Ok(format),
            (Some(ByName::Format(format)), Some(LineKind::Format(found))) if found == format => {
                Ok(format)
            }
            (Some(ByName::Format(format)), Some(kind @ LineKind::Format(_))) => Err(refused(
                &format!("lines of {}, as the file's name says", format.name()),
                format!("{}; say which it is (--track-format)", kind.name()),
            )),
            (_, Some(LineKind::Format(format))) => Ok(format),
            (_, Some(kind)) => Err(refused(
                "BAM, CRAM, SAM, BED, tagAlign, bedGraph or bigWig",
                kind.name().to_owned(),
            )),
            (_, None) => Err(refused(
                "BAM, CRAM, SAM, BED, tagAlign, bedGraph or bigWig",
                crate::error::quoted(&lines.first),
            )),
        }
    }

    /// Tells whether the file holds a signal and not reads.
    pub fn is_signal(self) -> bool {
        matches!(self, Self::BedGraph | Self::BigWig)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bam => "BAM",
            Self::Cram => "CRAM",
            Self::Sam => "SAM",
            Self::Bed => "reads (BED of six columns, tagAlign)",
            Self::BedGraph => "a bedGraph",
            Self::BigWig => "bigWig",
        }
    }
}

/// What a file's name says.
enum ByName {
    Format(TrackFormat),
    Peaks(&'static str),
}

impl ByName {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let mut name = name.as_str();
        for packing in [".gz", ".bgz", ".zst"] {
            name = name.strip_suffix(packing).unwrap_or(name);
        }
        Some(match name.rsplit_once('.')?.1 {
            "sam" => Self::Format(TrackFormat::Sam),
            "bed" | "tagalign" | "bed6" => Self::Format(TrackFormat::Bed),
            "bedgraph" | "bdg" | "bg" => Self::Format(TrackFormat::BedGraph),
            "narrowpeak" => Self::Peaks("narrowPeak"),
            "broadpeak" => Self::Peaks("broadPeak"),
            "gappedpeak" => Self::Peaks("gappedPeak"),
            _ => return None,
        })
    }
}

/// What a line is by all of its columns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Format(TrackFormat),
    /// A BED without a strand, of which nobody can tell where a read's 5' end lies.
    Strandless,
    /// Peaks, of nine or ten columns.
    Peaks,
}

impl LineKind {
    /// Tells a line; nothing where its reader must say what is wrong with it.
    fn of(line: &[u8]) -> Option<Self> {
        let columns: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        let text = |place: usize| std::str::from_utf8(columns.get(place)?).ok();
        let is_number = |place: usize| {
            let field = text(place).map(str::trim);
            field.is_some_and(|field| field.parse::<f64>().is_ok())
        };
        let whole = |place: usize| text(place)?.trim().parse::<u64>().ok();
        if columns[0].len() == 3 && columns[0][0] == b'@' && columns.len() > 1 {
            return Some(Self::Format(TrackFormat::Sam));
        }
        if columns.len() >= 11 && whole(1).is_some() && whole(3).is_some() && whole(4).is_some() {
            return Some(Self::Format(TrackFormat::Sam));
        }
        if columns.len() == 1 {
            // A bedGraph may part its columns by blanks.
            let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
            let parts: Vec<&[u8]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            return match parts.len() {
                4 => Self::of(&parts.join(&b'\t')),
                _ => None,
            };
        }
        whole(1).and(whole(2))?;
        let strand = columns.get(5).map(|field| field.trim_ascii());
        // Behind the strand a BED has places and a colour, and peaks have measures, of which one at least is no whole number.
        let measures = (6..9).all(is_number) && (6..9).any(|place| whole(place).is_none());
        Some(match columns.len() {
            9 | 10 if measures => Self::Peaks,
            4 if is_number(3) => Self::Format(TrackFormat::BedGraph),
            _ if matches!(strand, Some(b"+" | b"-")) => Self::Format(TrackFormat::Bed),
            6.. if strand == Some(b".") => Self::Strandless,
            3..=5 => Self::Strandless,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Format(TrackFormat::Bed) => "reads of six columns (BED, tagAlign)",
            Self::Format(TrackFormat::BedGraph) => "four columns with a number, a bedGraph",
            Self::Format(format) => format.name(),
            Self::Strandless => "lines without a strand in column 6, which are no reads",
            Self::Peaks => "peaks (narrowPeak, broadPeak): what was called and not what was read",
        }
    }
}

/// What the first lines of a file are.
struct Looked {
    is_bam: bool,
    /// What all lines are that say anything, or the first that is something else.
    kind: Option<LineKind>,
    /// The line that decided, from 1.
    number: u64,
    first: Vec<u8>,
}

impl Looked {
    /// Looks at lines that are no remarks, unpacked and cut to what a format can be told by. A file that does not unpack is
    /// left to its reader, which says more.
    fn at(path: &Path) -> io::Result<Self> {
        const LINES: usize = 200;
        let (mut reader, _) = compressed::open(path)?;
        let mut looked = Self {
            is_bam: false,
            kind: None,
            number: 1,
            first: Vec::new(),
        };
        let (mut line, mut number, mut seen) = (Vec::new(), 0, 0);
        while seen < LINES {
            line.clear();
            let read = reader.by_ref().take(1 << 16).read_until(b'\n', &mut line);
            if read.unwrap_or(0) == 0 {
                break;
            }
            number += 1;
            if number == 1 && line.starts_with(b"BAM\x01") {
                looked.is_bam = true;
                break;
            }
            while line.pop_if(|byte| matches!(byte, b'\n' | b'\r')).is_some() {}
            if crate::genes::is_remark(&line) {
                continue;
            }
            seen += 1;
            if seen == 1 {
                looked.first.clone_from(&line);
                looked.number = number;
            }
            let Some(kind) = LineKind::of(&line) else {
                continue;
            };
            // A SAM's header decides; its lines are for its reader.
            let is_sam = looked.kind == Some(LineKind::Format(TrackFormat::Sam));
            match looked.kind {
                None => (looked.kind, looked.number) = (Some(kind), number),
                Some(known) if known == kind || is_sam => {}
                // Lines without a strand among reads are for the reader, which names the line.
                Some(LineKind::Format(TrackFormat::Bed)) if kind == LineKind::Strandless => break,
                Some(_) => {
                    (looked.kind, looked.number) = (Some(kind), number);
                    break;
                }
            }
        }
        Ok(looked)
    }
}

fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    chromex_core::input::open(path)?
        .take(4)
        .read_to_end(&mut start)?;
    Ok(start)
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
        let sam = b"r\t0\tchr1\t5\t9\t4M\t*\t0\t0\tACGT\t*\n";
        assert_eq!(format("a", sam).unwrap(), TrackFormat::Sam);
        for bed9 in [
            b"chr1\t1\t9\tN\t0\t+\t1\t9\t0\n",
            b"chr1\t1\t9\tN\t0\t+\t0\t0\t0\n",
        ] {
            assert_eq!(format("a", bed9).unwrap(), TrackFormat::Bed);
        }
        let refused = |name: &str, content: &[u8], expected: &str| {
            let message = format(name, content).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        let peak = b"chr1\t1\t9\tp\t50\t.\t7.5\t3.2\t2.1\t4\n";
        for name in ["a", "a.bed", "a.narrowPeak.gz"] {
            refused(name, peak, "peaks");
        }
        let stranded = b"chr1\t1\t9\tp\t50\t+\t7.5\t3.2\t2.1\t4\n";
        refused("a.bed", stranded, "peaks");
        refused(
            "a.bed",
            b"chr1\t1\t9\t0.5\n",
            "as the file's name says, found four columns with a number",
        );
        refused(
            "a.bedGraph",
            b"chr1\t1\t9\tN\t0\t+\n",
            "say which it is (--track-format)",
        );
        refused("a.bed", b"chr1\t1\t9\tname\n", "without a strand");
        // Numbers as names are told apart by the lines that follow.
        refused("a", b"chr1\t1\t9\t7\nchr1\t1\t9\tBRCA1\n", "line 2");
        let message = format("a", b"what is this").unwrap_err().to_string();
        assert!(message.contains("line 1: expected BAM, CRAM"), "{message}");
        let later = format("a", b"# x\n\ntrack y\nwhat is this\n").unwrap_err();
        assert!(
            later.to_string().contains("line 4: expected BAM"),
            "{later}"
        );
    }
}
