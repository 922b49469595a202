use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use noodles_cram as cram;
use noodles_fasta::repository::adapters::IndexedReader;
use noodles_fasta::{self as fasta};
use noodles_sam::{self as sam};

use super::mode::Read;
use super::tally::{Progress, Tally};
use crate::compressed::Metered;
use crate::guard::guard;
use crate::lines::Lines;
use crate::{Error, Result};

/// The longest line of a SAM: reads of a million bases have a few megabytes.
const LONGEST_LINE_BYTES: usize = 1 << 26;

/// Counts the reads of a SAM.
pub(super) fn count_sam<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, progress.meter.clone())?;
    while lines.advance()? {
        let line = lines.line();
        if line.is_empty() || line[0] == b'@' {
            continue;
        }
        let parsed = sam::Record::try_from(line).and_then(|record| {
            let name = record.reference_sequence_name().map(|name| name.to_vec());
            Ok((name, read_of(&record, u8::MAX)?))
        });
        let (name, read) =
            parsed.map_err(|error| lines.error(None, "a line of SAM", error.to_string()))?;
        match (name, read) {
            (Some(name), Some(read)) => {
                let chromosome = tally.bins.chromosome(&name);
                tally.names.note(&name, chromosome.is_some());
                tally.add(chromosome, &read);
            }
            _ => tally.totals.read += 1,
        }
        progress.report(tally.totals.read);
    }
    tally.totals.is_whole = true;
    Ok(tally)
}

/// Counts the reads of a CRAM. Most need the sequences that they were packed against: a FASTA with its index.
pub(super) fn count_cram<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    reference: Option<&Path>,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    let unreadable = |path: &Path, format| {
        let path = path.to_owned();
        move |source: io::Error| Error::Unreadable {
            path: path.clone(),
            format,
            source: source.into(),
        }
    };
    let repository = match reference {
        Some(reference) => fasta::io::indexed_reader::Builder::default()
            .build_from_path(reference)
            .map(IndexedReader::new)
            .map(fasta::Repository::new)
            .map_err(unreadable(reference, "an indexed FASTA"))?,
        None => fasta::Repository::default(),
    };
    let file = File::open(path).map_err(|source| Error::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    let file = BufReader::new(Metered::new(file, progress.meter.clone()));
    let mut reader = cram::io::reader::Builder::default()
        .set_reference_sequence_repository(repository)
        .build_from_reader(file);
    let header = guard(path, "CRAM", || reader.read_header())?;
    let names = header.reference_sequences().keys();
    let chromosomes: Vec<Option<usize>> = names
        .clone()
        .map(|name| tally.bins.chromosome(name))
        .collect();
    for (name, chromosome) in names.zip(&chromosomes) {
        tally.names.note(name, chromosome.is_some());
    }
    let mut records = reader.records(&header);
    // The decoder ends the program where a slice of several chromosomes comes without its reference.
    while let Some(record) = guard(path, "CRAM", || records.next().transpose())? {
        // The format keeps no quality of reads that are not mapped; other programs take it for 0.
        let missing = match record.flags().is_unmapped() {
            true => 0,
            false => u8::MAX,
        };
        let read = read_of(&record, missing).map_err(unreadable(path, "CRAM"))?;
        match (record.reference_sequence_id(), read) {
            (Some(place), Some(read)) => {
                tally.add(chromosomes.get(place).copied().flatten(), &read);
            }
            _ => tally.totals.read += 1,
        }
        progress.report(tally.totals.read);
    }
    tally.totals.is_whole = true;
    Ok(tally)
}

/// Reads what counts of an alignment, whose mapping quality may be missing; nothing when it lies nowhere.
fn read_of<R: sam::alignment::Record>(record: &R, missing: u8) -> io::Result<Option<Read>> {
    let Some(start) = record.alignment_start().transpose()? else {
        return Ok(None);
    };
    let quality = record.mapping_quality().transpose()?;
    let cigar = record.cigar();
    let span = match cigar.is_empty() {
        true => None,
        false => Some(cigar.alignment_span()? as u64),
    };
    Ok(Some(Read::of_alignment(
        usize::from(start) as i64 - 1,
        span,
        record.flags()?.bits(),
        quality.map_or(missing, u8::from),
        i64::from(record.template_length()?),
    )))
}
