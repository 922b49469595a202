//! Changes files at random and reads what becomes of them: every parser must answer with rows or an error, soon.
//!
//! `cargo run --release --example fuzz -- PARSER[:SEED] SECONDS FILE...` where the files are sound ones to begin with. What a parser
//! panics on, or takes longer than ten seconds for, stays beside the counts in the folder `fuzz-PARSER`; run it under a limit
//! of memory (`ulimit -v`) to find what asks for too much, which leaves its file as `current`. Seconds are the processor's, so
//! that a busy machine neither shortens a search nor makes a file look slow. What is compressed as gzip or BGZF (BAM) is
//! changed within as often as without, or its check sums would guard the parser. With 0 seconds the files are read as they are.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chromex_core::random;
use chromex_io::counting::{ReadCounter, Track};
use chromex_io::deepchrome::{DeepChromeLayout, read_deepchrome};
use chromex_io::deepdiff::{DeepDiffLayout, read_windows};
use chromex_io::expression::{MatrixLayout, read_expression_matrix};
use chromex_io::genes::{GeneSelection, GeneWindows, Strand, Window, read_gene_rows, read_genes};
use chromex_io::promoters::{FastaIndex, Genome, Region};
use chromex_io::storage::{WindowsFile, read_npy, read_npz};
use cpu_time::ProcessTime;
use flate2::read::MultiGzDecoder;
use noodles_bgzf as bgzf;
use rand::{Rng, RngExt};

/// Longer answers are findings.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two reports.
const REPORT: Duration = Duration::from_secs(300);
/// Larger files are left out: small ones are changed where it matters.
const LARGEST_BYTES: u64 = 1 << 20;
/// Files that inflate to more are changed only as they are.
const LARGEST_INFLATED: u64 = 1 << 22;

type Outcome = Result<(), Box<dyn Error>>;

/// Reads a file.
type Parser = fn(&Path) -> Outcome;

/// What is read, by name.
const PARSERS: [(&str, Parser); 11] = [
    ("reads", reads),
    ("genes", genes),
    ("bed-windows", |path| taken(GeneWindows::read_bed(path, 10))),
    ("fasta", fasta),
    ("fasta-index", |path| taken(FastaIndex::read(path))),
    ("expression", |path| {
        taken(read_expression_matrix(path, &MatrixLayout::default()))
    }),
    ("deepchrome", |path| {
        taken(read_deepchrome(path, &DeepChromeLayout::default()))
    }),
    ("deepdiff", |path| {
        taken(read_windows(path, &DeepDiffLayout::default()))
    }),
    ("npy", |path| {
        taken(read_npy(path, &["a", "b", "c", "d", "e"], 100))
    }),
    ("npz", |path| taken(read_npz(path))),
    ("windows", |path| taken(WindowsFile::open(path)?.read())),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let known: Vec<&str> = PARSERS.iter().map(|(name, _)| *name).collect();
    let parsed = match arguments.as_slice() {
        [parser, seconds, files @ ..] if !files.is_empty() => {
            let (parser, seed) = parser.split_once(':').unwrap_or((parser, "0"));
            PARSERS
                .iter()
                .find(|(name, _)| *name == parser)
                .zip(seed.parse().ok())
                .zip(seconds.parse().ok().map(Duration::from_secs))
        }
        _ => None,
    };
    let Some(((parser, seed), time)) = parsed else {
        let known = known.join(", ");
        eprintln!("usage: fuzz PARSER[:SEED] SECONDS FILE...\nparsers: {known}");
        return ExitCode::from(2);
    };
    match run(*parser, seed, time, &arguments[2..]) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A sound file.
struct SoundFile {
    name: String,
    bytes: Vec<u8>,
    /// What it holds, where gzip or BGZF compressed it.
    inflated: Option<Vec<u8>>,
}

impl SoundFile {
    fn read(path: &Path) -> std::io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let mut inflated = Vec::new();
        let whole = MultiGzDecoder::new(bytes.as_slice())
            .take(LARGEST_INFLATED + 1)
            .read_to_end(&mut inflated);
        let within = whole.is_ok_and(|length| length as u64 <= LARGEST_INFLATED);
        Ok(Self {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            bytes,
            inflated: within.then_some(inflated),
        })
    }

    /// This file with changes, some of them pieces of the other.
    fn changed(&self, other: &Self, generator: &mut impl Rng) -> std::io::Result<Vec<u8>> {
        match &self.inflated {
            Some(inflated) if generator.random() => {
                let other = other.inflated.as_ref().unwrap_or(&other.bytes);
                let mut writer = bgzf::io::Writer::new(Vec::new());
                writer.write_all(&changed(inflated, other, generator))?;
                writer.finish()
            }
            _ => Ok(changed(&self.bytes, &other.bytes, generator)),
        }
    }
}

/// Reads changed files for a time; counts the findings.
fn run(
    (name, parser): (&str, Parser),
    seed: u64,
    time: Duration,
    files: &[String],
) -> Result<usize, Box<dyn Error>> {
    if time.is_zero() {
        return Ok(replay(parser, files));
    }
    let folder = PathBuf::from(format!("fuzz-{name}"));
    std::fs::create_dir_all(&folder)?;
    let mut sound = Vec::new();
    for file in files.iter().map(Path::new) {
        if std::fs::metadata(file)?.len() <= LARGEST_BYTES {
            sound.push(SoundFile::read(file)?);
        }
    }
    if sound.is_empty() {
        return Err(format!("no file of at most {LARGEST_BYTES} bytes").into());
    }
    std::panic::set_hook(Box::new(|_| ()));
    let mut generator = random::generator(random::derive(seed, name), "fuzz");
    let (started, mut cases, mut taken) = (ProcessTime::now(), 0_u64, 0_u64);
    let (mut findings, mut slowest) = (0, Duration::ZERO);
    let mut next = REPORT;
    loop {
        let file = &sound[generator.random_range(0..sound.len())];
        let other = &sound[generator.random_range(0..sound.len())];
        let bytes = file.changed(other, &mut generator)?;
        let path = folder.join(format!("current-{}", file.name));
        std::fs::write(&path, &bytes)?;
        let begun = ProcessTime::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| parser(&path)));
        let took = begun.elapsed();
        slowest = slowest.max(took);
        let finding = match outcome {
            Err(_) => Some("panic"),
            Ok(_) if took > PATIENCE => Some("slow"),
            Ok(outcome) => {
                taken += u64::from(outcome.is_ok());
                None
            }
        };
        if let Some(kind) = finding {
            findings += 1;
            let kept = folder.join(format!("{kind}-{seed}-{cases}-{}", file.name));
            println!("{name}: {kind}: {}", kept.display());
            std::fs::write(kept, &bytes)?;
        }
        std::fs::remove_file(&path)?;
        cases += 1;
        // A search that is killed has told what it did.
        let elapsed = started.elapsed();
        if elapsed >= next.min(time) {
            next += REPORT;
            println!(
                "{name}:{seed}: {cases} files, {taken} taken, {findings} findings, slowest {slowest:.1?}, {elapsed:.0?}"
            );
        }
        if elapsed >= time {
            return Ok(findings);
        }
    }
}

/// Reads files as they are, and tells what became of each.
fn replay(parser: Parser, files: &[String]) -> usize {
    for file in files {
        let begun = ProcessTime::now();
        let outcome = parser(Path::new(file));
        let told = outcome.map_or_else(|error| error.to_string(), |()| "taken".into());
        println!("{file}: {:.1?}: {told}", begun.elapsed());
    }
    0
}

/// Changes bytes, numbers and lengths of a file, by one to eight steps.
fn changed(seed: &[u8], other: &[u8], generator: &mut impl Rng) -> Vec<u8> {
    const NUMBERS: [&[u8]; 14] = [
        b"0",
        b"-1",
        b"1e308",
        b"nan",
        b"inf",
        b"4294967295",
        b"2147483648",
        b"9223372036854775807",
        b"18446744073709551616",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\x7f",
        b"\x00\x00\x00\x00",
        b"\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x00\x00\x00\x80",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..generator.random_range(1..=8) {
        let length = bytes.len();
        let place = generator.random_range(0..=length);
        let end = (place + generator.random_range(0..64)).min(length);
        match generator.random_range(0..8) {
            0 | 1 if place < length => bytes[place] ^= 1 << generator.random_range(0..8),
            2 if place < length => bytes[place] = generator.random(),
            3 => bytes.truncate(place),
            4 => drop(bytes.drain(place..end)),
            5 => {
                let piece = bytes[place..end].to_vec();
                bytes.splice(place..place, piece);
            }
            6 => {
                let number = NUMBERS[generator.random_range(0..NUMBERS.len())];
                let over = (place + number.len()).min(length);
                let to = if generator.random() { over } else { place };
                bytes.splice(place..to, number.iter().copied());
            }
            _ => {
                let from = generator.random_range(0..=other.len());
                let to = (from + generator.random_range(0..512)).min(other.len());
                bytes.splice(place..end, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

/// SAM, BAM, CRAM, tagAlign, BED, bedGraph and bigWig, as their names say.
fn reads(path: &Path) -> Outcome {
    let names = ["chr1", "chr2", "chr21", "chr22", "ref", "1", "x"];
    let window = |name: &&str| Window {
        id: (*name).to_owned(),
        symbol: String::new(),
        chromosome: (*name).to_owned(),
        start: 0,
        strand: None,
    };
    let windows = GeneWindows::new(names.iter().map(window).collect(), 10, 100, "fuzz")?;
    ReadCounter::default().count(&windows, &[Track::new("mark", path)])?;
    Ok(())
}

fn genes(path: &Path) -> Outcome {
    let rows = read_gene_rows(path, "gene");
    read_genes(path, &GeneSelection::default())?;
    rows?;
    Ok(())
}

fn fasta(path: &Path) -> Outcome {
    let genome = Genome::open(path)?;
    for chromosome in ["chr1", "chrI", "1", "seq1"] {
        let region = Region {
            contig: chromosome.to_owned(),
            start: 0,
            end: 500,
            strand: Strand::Minus,
        };
        genome.read(&region).ok();
    }
    Ok(())
}

fn taken<T>(read: chromex_io::Result<T>) -> Outcome {
    read.map(|_| ()).map_err(Into::into)
}
