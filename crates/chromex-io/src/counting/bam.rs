use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek, SeekFrom};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use noodles_bam::RecordRef;
use noodles_bgzf::{self as bgzf, io::Seek as _};
use rayon::prelude::*;

use super::chunks::{self, Beside, Chunk};
use super::mode::Read;
use super::tally::{Progress, Tally};
use crate::compressed::Metered;
use crate::{Error, Result};

/// The longest record that is read: reads of a million bases have a few megabytes.
const LONGEST_RECORD_BYTES: usize = 1 << 28;
/// The most reference sequences and the longest name that are read; the wheat genome in scaffolds has a million.
const MOST_REFERENCES: u32 = 1 << 24;
const LONGEST_NAME_BYTES: u32 = 1 << 10;
/// The empty block with which bgzip ends a file.
const END_BLOCK: [u8; 28] = [
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, 0x42, 0x43, 2, 0, 0x1b, 0, 3, 0, 0, 0, 0, 0, 0, 0,
    0, 0,
];
/// Which operations of a CIGAR consume the reference, two bits each, the upper of the two.
const CONSUMES_REFERENCE: u32 = 0x3c1a7;

/// The reference sequences of a file, by their place: the chromosome of the windows that each is, if any.
struct Dictionary {
    names: Vec<Vec<u8>>,
    chromosomes: Vec<Option<usize>>,
}

/// Counts the reads of a BAM: where windows lie when it has an index and the rest does not matter, else all of it.
pub(super) fn count<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    needs_whole: bool,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    check_end(path)?;
    let mut reader = bgzf::io::Reader::new(open(path, progress)?);
    let dictionary = Dictionary::read(&mut reader, path, &tally)?;
    let begin = reader.virtual_position();
    for (name, chromosome) in dictionary.names.iter().zip(&dictionary.chromosomes) {
        tally.names.note(name, chromosome.is_some());
    }
    let index = match chunks::Index::of(path)? {
        Beside::Index(index) => {
            index.check(path, &mut reader, begin, dictionary.names.len())?;
            Some(index)
        }
        Beside::Older(index) => {
            tally.totals.remark = format!(
                "{} is older than the file and was passed over",
                index.file_name().unwrap_or_default().to_string_lossy()
            );
            None
        }
        Beside::Nothing => None,
    };
    let reach = tally.mode.reach_bp().filter(|_| !needs_whole);
    let parts = match (&index, reach) {
        (Some(index), Some(reach)) => {
            Some(index.near(path, tally.bins, &dictionary.chromosomes, reach)?)
        }
        (Some(index), None) => Some(index.whole(begin)),
        (None, _) => None,
    };
    tally.totals.is_whole = index.is_none() || reach.is_none();
    let (Some(parts), Some(index)) = (parts, index) else {
        return stream(path, tally, &dictionary, progress);
    };
    // Reads that lie beyond the windows are on their chromosomes all the same.
    for (reference, chromosome) in dictionary.chromosomes.iter().enumerate() {
        if let Some(chromosome) = *chromosome {
            tally.has_reads[chromosome] |= index.has_reads(reference);
        }
    }
    let (bins, mode, filter) = (tally.bins, tally.mode, tally.filter);
    // Counts are whole numbers, whose sums have no order.
    #[allow(clippy::disallowed_methods)]
    let threads = rayon::current_num_threads();
    let groups = chunks::grouped(parts, threads);
    let next = AtomicUsize::new(0);
    // One tally per thread, however many groups there are.
    let counted = (0..threads.min(groups.len()))
        .into_par_iter()
        .map(|_| -> Result<Tally<'a>> {
            let mut part = Tally::new(bins, mode, filter);
            let mut reader = bgzf::io::Reader::new(open(path, progress)?);
            while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                for &chunk in group {
                    let seek = reader.seek_to_virtual_position(chunk.start);
                    seek.map_err(|source| unreadable(path, source))?;
                    records(
                        path,
                        &mut reader,
                        Some(chunk),
                        &dictionary,
                        &mut part,
                        progress,
                    )?;
                }
            }
            Ok(part)
        });
    match counted.try_reduce_with(|one, other| Ok(one.join(&other))) {
        Some(Ok(part)) => Ok(tally.join(&part)),
        None => Ok(tally),
        // What reads well from begin to end was read at wrong places.
        Some(Err(error)) => {
            let whole = Tally::new(bins, mode, filter);
            match stream(path, whole, &dictionary, progress) {
                Ok(_) => Err(index.other(path, "what it leads to is no record".into())),
                Err(_) => Err(error),
            }
        }
    }
}

/// Reads a file from begin to end, unpacked by other threads.
fn stream<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    dictionary: &Dictionary,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    #[allow(clippy::disallowed_methods)] // blocks are unpacked in their order
    let workers = NonZero::new(rayon::current_num_threads()).unwrap_or(NonZero::<usize>::MIN);
    let file = open(path, progress)?;
    let mut reader = bgzf::io::MultithreadedReader::with_worker_count(workers, file);
    Dictionary::read(&mut reader, path, &tally)?;
    records(path, &mut reader, None, dictionary, &mut tally, progress)?;
    Ok(tally)
}

fn open(path: &Path, progress: &Progress<'_>) -> Result<BufReader<Metered<File>>> {
    let file = chromex_core::input::open(path).map_err(|source| Error::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    let file = Metered::new(file, progress.meter.clone());
    Ok(BufReader::with_capacity(1 << 17, file))
}

/// Refuses a file that was cut between two blocks, which reads to its end as if it were whole.
fn check_end(path: &Path) -> Result<()> {
    let read = || -> io::Result<bool> {
        let mut file = chromex_core::input::open(path)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        let mut end = [0; END_BLOCK.len()];
        if bytes < end.len() as u64 {
            return Ok(false);
        }
        file.seek(SeekFrom::End(-(end.len() as i64)))?;
        file.read_exact(&mut end)?;
        Ok(end == END_BLOCK)
    };
    match read() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::CutShort {
            path: path.to_owned(),
        }),
        Err(source) => Err(Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

impl Dictionary {
    /// Reads the header; of its text nothing is needed, and much of what programs write there is not to be relied on.
    fn read<R: io::BufRead>(reader: &mut R, path: &Path, tally: &Tally<'_>) -> Result<Self> {
        let mut read = || -> io::Result<Self> {
            let mut magic = [0; 4];
            reader.read_exact(&mut magic)?;
            if magic != *b"BAM\x01" {
                return Err(invalid("not the magic number of BAM"));
            }
            let text_bytes = u64::from(read_u32(reader)?);
            let skipped = io::copy(&mut reader.by_ref().take(text_bytes), &mut io::sink())?;
            let references = read_u32(reader)?;
            if skipped < text_bytes || references > MOST_REFERENCES {
                return Err(invalid("a header cut short or too large"));
            }
            let mut names = Vec::new();
            for _ in 0..references {
                let bytes = read_u32(reader)?;
                if !(1..=LONGEST_NAME_BYTES).contains(&bytes) {
                    return Err(invalid("the name of a reference sequence is too long"));
                }
                let mut name = vec![0; bytes as usize];
                reader.read_exact(&mut name)?;
                name.pop_if(|byte| *byte == 0);
                read_u32(reader)?;
                names.push(name);
            }
            let find = |name: &Vec<u8>| tally.bins.chromosome(name);
            let chromosomes = names.iter().map(find).collect();
            Ok(Self { names, chromosomes })
        };
        read().map_err(|source| unreadable(path, source))
    }
}

/// Counts the records from where the reader stands, up to the end of the chunk or of the file.
fn records<R: bgzf::io::BufRead>(
    path: &Path,
    reader: &mut R,
    chunk: Option<Chunk>,
    dictionary: &Dictionary,
    tally: &mut Tally<'_>,
    progress: &Progress<'_>,
) -> Result<()> {
    let failed = |source| unreadable(path, source);
    let mut record = Vec::new();
    loop {
        if chunk.is_some_and(|chunk| reader.virtual_position() >= chunk.end) {
            return Ok(());
        }
        let number = tally.totals.read + 1;
        let buffer = reader.fill_buf().map_err(failed)?;
        if buffer.is_empty() {
            return Ok(());
        }
        // Most records lie within a block and are counted where they lie.
        let size = buffer
            .first_chunk()
            .map(|size| u32::from_le_bytes(*size) as usize);
        let whole = size.and_then(|size| buffer[4..].get(..size));
        let parsed = match whole {
            Some(bytes) => {
                let (parsed, size) = (parse(bytes), bytes.len());
                reader.consume(4 + size);
                parsed
            }
            None => {
                read_record(path, number, reader, &mut record)?;
                parse(&record)
            }
        };
        let (reference, read) = parsed.ok_or_else(|| {
            malformed(path, number, "lengths that fit the record", "others".into())
        })?;
        match usize::try_from(reference) {
            // Reads that lie nowhere.
            Err(_) => tally.totals.read += 1,
            Ok(reference) => match dictionary.chromosomes.get(reference) {
                Some(&chromosome) => tally.add(chromosome, &read),
                None => {
                    let found = reference.to_string();
                    return Err(malformed(path, number, "a reference of the header", found));
                }
            },
        }
        progress.report(tally.totals.read);
    }
}

/// Copies a record that lies in two blocks; memory grows with what is read, not with what its size says.
fn read_record<R: io::BufRead>(
    path: &Path,
    number: u64,
    reader: &mut R,
    record: &mut Vec<u8>,
) -> Result<()> {
    let failed = |source| unreadable(path, source);
    let size = read_u32(reader).map_err(failed)? as usize;
    if size > LONGEST_RECORD_BYTES {
        return Err(malformed(
            path,
            number,
            "a shorter record",
            size.to_string(),
        ));
    }
    record.clear();
    let mut rest = reader.by_ref().take(size as u64);
    let read = rest.read_to_end(record).map_err(failed)?;
    if read < size {
        let found = format!("{read} of {size} bytes");
        return Err(malformed(path, number, "a whole record", found));
    }
    Ok(())
}

/// Reads what counts of a record, or nothing when its lengths do not fit.
pub(super) fn parse(bytes: &[u8]) -> Option<(i32, Read)> {
    let number = |place: usize| {
        Some(i32::from_le_bytes(
            bytes.get(place..place + 4)?.try_into().ok()?,
        ))
    };
    let (reference, start) = (number(0)?, number(4)?);
    let template = number(28)?;
    let operations = usize::from(u16::from_le_bytes([bytes[12], bytes[13]]));
    let flags = u16::from_le_bytes([bytes[14], bytes[15]]);
    let bases = number(16)? as u32 as usize;
    let cigar = 32 + usize::from(bytes[8]);
    let variable = bytes[8] as usize + 4 * operations + bases.div_ceil(2) + bases;
    if variable > bytes.len() - 32 {
        return None;
    }
    let operation = |chunk: &[u8; 4]| u32::from_le_bytes(*chunk);
    let (ends, _) = bytes[cigar..cigar + 4 * operations].as_chunks();
    let span = match ends {
        [] => None,
        // More than 65,535 operations stand in a tag, and two that only hold place stand here.
        [first, second]
            if operation(first) == (bases as u32) << 4 | 4 && operation(second) & 0xf == 3 =>
        {
            let cigar = RecordRef::new(bytes)?.cigar();
            Some(span_bp(cigar.as_bytes().as_chunks().0))
        }
        _ => Some(span_bp(ends)),
    };
    let read = Read::of_alignment(i64::from(start), span, flags, bytes[9], i64::from(template));
    Some((reference, read))
}

/// Sums what the operations of a CIGAR span on the reference.
pub(super) fn span_bp(operations: &[[u8; 4]]) -> u64 {
    let span = operations.iter().map(|chunk| {
        let operation = u32::from_le_bytes(*chunk);
        let consumes = CONSUMES_REFERENCE >> ((operation & 0xf) << 1) & 2;
        u64::from(operation >> 4) * u64::from(consumes >> 1)
    });
    span.sum()
}

fn read_u32<R: io::Read + ?Sized>(reader: &mut R) -> io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn malformed(path: &Path, record: u64, expected: &'static str, found: String) -> Error {
    Error::Record {
        path: path.to_owned(),
        record,
        expected,
        found,
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format: "BAM",
        source: source.into(),
    }
}
