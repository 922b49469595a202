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
    let bases = Bases::open(path, reference)?;
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
        bases.check(&frame, &header)?;
        let decoded = guard(path, "CRAM", || {
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
                let repository = bases.repository.clone();
                for record in slice.records(repository, &header, &encodings, &core, &blocks)? {
                    count(&record, &header, &chromosomes, &mut tally)?;
                    progress.report(tally.totals.read);
                }
            }
            io::Result::Ok(())
        });
        decoded.map_err(|error| bases.blamed(error))?;
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

/// The sequences that a CRAM was packed against.
struct Bases<'a> {
    path: &'a Path,
    reference: Option<&'a Path>,
    repository: fasta::Repository,
}

impl<'a> Bases<'a> {
    fn open(path: &'a Path, reference: Option<&'a Path>) -> Result<Self> {
        if let Some(file) = reference {
            let mut index = file.as_os_str().to_owned();
            index.push(".fai");
            // The library reads whatever stands there to its end, of which a pipe and a device have none.
            for needed in [file, Path::new(&index)] {
                chromex_core::input::open(needed).map_err(|source| Error::NoReference {
                    path: path.to_owned(),
                    found: format!(
                        "{} or its index beside it (samtools faidx) cannot be read: {}: {source}",
                        file.display(),
                        needed.display()
                    ),
                })?;
            }
        }
        let repository = match reference {
            Some(file) => fasta::io::indexed_reader::Builder::default()
                .build_from_path(file)
                .map(IndexedReader::new)
                .map(fasta::Repository::new)
                .map_err(|source| Error::NoReference {
                    path: path.to_owned(),
                    found: format!(
                        "{} or its index beside it (samtools faidx) cannot be read: {source}",
                        file.display()
                    ),
                })?,
            None => fasta::Repository::default(),
        };
        Ok(Self {
            path,
            reference,
            repository,
        })
    }

    /// Refuses a container whose reads are differences from sequences that are not there; its decoder would end the program.
    fn check(&self, frame: &bounds::Frame, header: &sam::Header) -> Result<()> {
        /// What a slice of reads on several chromosomes names.
        const SEVERAL: i32 = -2;
        for &reference in &frame.references {
            let name = usize::try_from(reference)
                .ok()
                .and_then(|place| header.reference_sequences().get_index(place))
                .map(|(name, _)| name);
            let is_placed = name.is_some() || reference == SEVERAL;
            if !(frame.needs_reference && is_placed) {
                continue;
            }
            let Some(file) = self.reference else {
                return Err(
                    self.missing("the reference that it was packed against is not given".into())
                );
            };
            let Some(name) = name else {
                continue;
            };
            if !matches!(self.repository.get(name), Some(Ok(_))) {
                let found = format!("{} has no sequence {name}", file.display());
                return Err(self.missing(found));
            }
        }
        Ok(())
    }

    /// Says of a reference that is of another build so, and leaves every other error.
    fn blamed(&self, error: Error) -> Error {
        let Error::Unreadable { source, .. } = &error else {
            return error;
        };
        let is_other = source.to_string().contains("checksum mismatch");
        match self.reference.filter(|_| is_other) {
            Some(file) => self.missing(format!(
                "{} has other bases than those that it was packed against",
                file.display()
            )),
            None => error,
        }
    }

    fn missing(&self, found: String) -> Error {
        Error::NoReference {
            path: self.path.to_owned(),
            found,
        }
    }
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
