use std::collections::HashMap;
use std::path::Path;

use bigtools::beddata::BedParserStreamingIterator;
use bigtools::{BigWigWrite, Value};
use chromex_core::atomic;

use crate::genes::GeneWindows;
use crate::{Error, Result, compressed};

/// A stretch of a chromosome with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalInterval {
    /// The chromosome.
    pub chromosome: String,
    /// The first base, 0-based.
    pub start: u32,
    /// One past the last base.
    pub end: u32,
    /// The value of each base.
    pub value: f32,
}

/// Turns one mark of counted windows into a track: sorted, each base once. Where windows overlap the values are
/// averaged; parts before a chromosome's begin are cut, and 0 is left out.
///
/// # Errors
///
/// [`Error::Core`] when the rows or bins differ, or there is no such mark.
pub fn intervals_of(
    windows: &GeneWindows,
    counts: &chromex_core::MarkWindows,
    mark: &str,
) -> Result<Vec<SignalInterval>> {
    let signal = counts.signal();
    let shape = (windows.windows().len(), windows.bins());
    if (signal.shape()[0], signal.shape()[1]) != shape {
        return Err(chromex_core::Error::Shape {
            what: "counts of the windows",
            expected: format!("{shape:?} genes x bins"),
            found: format!("{:?}", &signal.shape()[..2]),
        }
        .into());
    }
    let column = counts.marks().iter().position(|name| name == mark);
    let column = column.ok_or_else(|| chromex_core::Error::UnknownName {
        what: "mark",
        name: mark.to_owned(),
        known: counts.marks().to_vec(),
    })?;
    // What a base is worth changes only where a bin begins or ends.
    let mut changes: HashMap<&str, Vec<(i64, f64, i32)>> = HashMap::new();
    let width = i64::from(windows.bin_width_bp());
    for (row, window) in windows.windows().iter().enumerate() {
        let of_chromosome = changes.entry(&window.chromosome).or_default();
        for bin in 0..windows.bins() {
            let place = match windows.is_reversed(row) {
                true => windows.bins() - 1 - bin,
                false => bin,
            };
            let value = f64::from(signal[[row, place, column]]);
            let start = window.start + bin as i64 * width;
            of_chromosome.push((start, value, 1));
            of_chromosome.push((start + width, -value, -1));
        }
    }
    let mut chromosomes: Vec<_> = changes.into_iter().collect();
    chromosomes.sort_by_key(|(name, _)| *name);
    let mut intervals = Vec::new();
    for (name, mut changes) in chromosomes {
        changes.sort_by_key(|change| change.0);
        push_intervals(name, &changes, &mut intervals);
    }
    Ok(intervals)
}

/// Writes a track as bedGraph; packed when the name ends in `.gz` or `.zst`, and whole or not at all.
///
/// # Errors
///
/// [`Error::Core`] when the file cannot be written.
pub fn write_bed_graph(path: &Path, intervals: &[SignalInterval]) -> Result<()> {
    compressed::write(path, |file| {
        for one in intervals {
            writeln!(
                file,
                "{}\t{}\t{}\t{}",
                one.chromosome, one.start, one.end, one.value
            )?;
        }
        Ok(())
    })
}

/// Writes a track as bigWig, whole or not at all.
///
/// `chromosomes` gives the length of each. Intervals must be sorted by chromosome and start and may not overlap.
///
/// # Errors
///
/// [`Error::Unreadable`] when an interval lies beyond its chromosome, out of order, or there is none;
/// [`Error::Core`] when the file cannot be written.
pub fn write_big_wig(
    path: &Path,
    chromosomes: &[(String, u32)],
    intervals: Vec<SignalInterval>,
) -> Result<()> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreadable {
        path: path.to_owned(),
        format: "a track for bigWig",
        source,
    };
    let sizes: HashMap<String, u32> = chromosomes.iter().cloned().collect();
    check(&intervals, &sizes).map_err(|found| refused(found.into()))?;
    let io = |source| chromex_core::Error::io("write", path, source);
    // The library writes to a path: it gets one of its own beside nothing, and what it wrote is put in place whole.
    let folder = tempfile::tempdir().map_err(io)?;
    let partial = folder.path().join("track.bw");
    let mut writer = BigWigWrite::create_file(&partial, sizes).map_err(io)?;
    writer.options.channel_size = 0;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(io)?;
    let values = intervals.into_iter().map(|one| {
        let value = Value {
            start: one.start,
            end: one.end,
            value: one.value,
        };
        (one.chromosome, value)
    });
    let values = BedParserStreamingIterator::wrap_infallible_iter(values, true);
    writer
        .write(values, runtime)
        .map_err(|source| refused(source.to_string().into()))?;
    let mut written = std::fs::File::open(&partial).map_err(io)?;
    atomic::write(path, |file| std::io::copy(&mut written, file).map(|_| ()))?;
    Ok(())
}

/// Refuses what a bigWig cannot hold, with the place; the library would write some of it.
fn check(intervals: &[SignalInterval], sizes: &HashMap<String, u32>) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut last_end = 0;
    for (place, one) in intervals.iter().enumerate() {
        if seen.last() != Some(&one.chromosome.as_str()) {
            if seen.contains(&one.chromosome.as_str()) {
                return Err(format!("interval {place}: {} stands apart", one.chromosome));
            }
            seen.push(&one.chromosome);
            last_end = 0;
        }
        let Some(size) = sizes.get(&one.chromosome) else {
            return Err(format!("interval {place}: no length of {}", one.chromosome));
        };
        if one.start < last_end || one.start >= one.end || one.end > *size {
            let (start, end) = (one.start, one.end);
            return Err(format!(
                "interval {place}: {start} to {end}, after {last_end} of {size}"
            ));
        }
        last_end = one.end;
    }
    match intervals.is_empty() {
        true => Err("no interval".into()),
        false => Ok(()),
    }
}

/// Adds what lies between neighbouring changes.
fn push_intervals(name: &str, changes: &[(i64, f64, i32)], intervals: &mut Vec<SignalInterval>) {
    let (mut sum, mut depth, mut from) = (0.0, 0, i64::MIN);
    for &(place, value, step) in changes {
        if depth > 0 && place > from.max(0) {
            let (start, end) = (from.max(0) as u32, place as u32);
            let value = (sum / f64::from(depth)) as f32;
            let last = intervals.last_mut().filter(|last: &&mut SignalInterval| {
                last.chromosome == name && last.end == start && last.value == value
            });
            match last {
                Some(last) => last.end = end,
                None if value != 0.0 => intervals.push(SignalInterval {
                    chromosome: name.to_owned(),
                    start,
                    end,
                    value,
                }),
                None => {}
            }
        }
        sum += value;
        depth += step;
        // What rounding left is not a signal.
        if depth == 0 {
            sum = 0.0;
        }
        from = place;
    }
}
