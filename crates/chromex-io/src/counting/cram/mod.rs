//! Counting the reads of a CRAM.

mod blocks;
mod bounds;
mod numbers;

use std::io::{self, BufReader};
use std::path::Path;

use noodles_cram as cram;
use noodles_cram::io::reader::Container;
use noodles_fasta as fasta;
use noodles_fasta::repository::adapters::IndexedReader;
use noodles_sam as sam;
use noodles_sam::alignment::Record as _;

use super::alignments::read_of;
use super::tally::{Progress, Tally};
use crate::compressed::Metered;
use crate::guard::guard;
use crate::{Error, Result};

/// Counts the reads of a CRAM. Most need the sequences that they were packed against: a FASTA with its index.
pub(super) fn count_cram<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    reference: Option<&Path>,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    let repository = match reference {
        Some(reference) => fasta::io::indexed_reader::Builder::default()
            .build_from_path(reference)
            .map(IndexedReader::new)
            .map(fasta::Repository::new)
            .map_err(|source| unreadable(reference, "an indexed FASTA", source))?,
        None => fasta::Repository::default(),
    };
    let file = chromex_core::input::open(path).map_err(|source| Error::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    let file = BufReader::new(Metered::new(file, progress.meter.clone()));
    let mut reader = cram::io::Reader::new(file);
    let header = guard(path, "CRAM", || reader.read_header())?;
    let names = header.reference_sequences().keys();
    let chromosomes: Vec<Option<usize>> = names
        .clone()
        .map(|name| tally.bins.chromosome(name))
        .collect();
    for (name, chromosome) in names.zip(&chromosomes) {
        tally.names.note(name, chromosome.is_some());
    }
    let mut bytes = Vec::new();
    let mut container = Container::default();
    let mut is_ended = false;
    let cram = |source| unreadable(path, "CRAM", source);
    while let Some(frame) = bounds::next_container(reader.get_mut(), &mut bytes).map_err(cram)? {
        // The decoder ends the program where a slice of several chromosomes comes without its reference.
        guard(path, "CRAM", || {
            let mut bytes = cram::io::Reader::new(&bytes[..]);
            is_ended = bytes.read_container(&mut container)? == 0;
            if is_ended {
                return Ok(());
            }
            let encodings = container.compression_header()?;
            for (place, slice) in container.slices().enumerate() {
                let slice = slice?;
                let (core, blocks) = slice.decode_blocks()?;
                frame.check(place, &blocks)?;
                let repository = repository.clone();
                for record in slice.records(repository, &header, &encodings, &core, &blocks)? {
                    count(&record, &header, &chromosomes, &mut tally)?;
                    progress.report(tally.totals.read);
                }
            }
            io::Result::Ok(())
        })?;
    }
    // A file that was cut between two containers reads to its end as if it were whole.
    if !is_ended {
        return Err(Error::CutShort {
            path: path.to_owned(),
        });
    }
    tally.totals.is_whole = true;
    Ok(tally)
}

fn count(
    record: &cram::Record<'_>,
    header: &sam::Header,
    chromosomes: &[Option<usize>],
    tally: &mut Tally<'_>,
) -> io::Result<()> {
    // The format keeps no quality of reads that are not mapped; other programs take it for 0.
    let missing = match record.flags()?.is_unmapped() {
        true => 0,
        false => u8::MAX,
    };
    let place = record.reference_sequence_id(header).transpose()?;
    match (place, read_of(record, missing)?) {
        (Some(place), Some(read)) => {
            tally.add(chromosomes.get(place).copied().flatten(), &read);
        }
        _ => tally.totals.read += 1,
    }
    Ok(())
}

fn unreadable(path: &Path, format: &'static str, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format,
        source: source.into(),
    }
}
