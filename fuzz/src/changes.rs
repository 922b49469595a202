//! Changes that reach what a check sum guards.

use std::io::{Cursor, Read, Write};

use chromex_core::seal;
use flate2::Crc;
use flate2::read::MultiGzDecoder;
use noodles_bgzf as bgzf;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// What inflates to more is changed only as it lies.
const LARGEST_INFLATED: u64 = 1 << 20;
/// What a change may add to what was packed.
const ROOM: usize = 1 << 12;

/// Changes the first `size` of `data` in place by `mutate`, and gives the size after. Three times in four what is packed as
/// gzip, BGZF or ZIP is changed within, and a changed CRAM, or a file that chromex sealed, gets sums that fit.
pub fn change(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    mutate: impl Fn(&mut [u8], usize, usize) -> usize,
) -> usize {
    if !seed.is_multiple_of(4) {
        let within = |inner: Vec<u8>| {
            let size = inner.len();
            let mut inner = inner;
            inner.resize(size + ROOM, 0);
            let size = mutate(&mut inner, size, size + ROOM);
            inner.truncate(size);
            inner
        };
        let packed = &data[..size];
        let changed = if packed.starts_with(&[0x1f, 0x8b]) {
            within_gzip(packed, within)
        } else if packed.starts_with(b"PK") {
            within_zip(packed, seed, within)
        } else {
            None
        };
        if let Some(changed) = changed.filter(|changed| changed.len() <= max_size.min(data.len())) {
            data[..changed.len()].copy_from_slice(&changed);
            return changed.len();
        }
    }
    let is_cram = data[..size].starts_with(b"CRAM");
    let size = mutate(data, size, max_size);
    if !seed.is_multiple_of(4) {
        if is_cram {
            mend_cram(&mut data[..size]);
        }
        mend_seal(&mut data[..size]);
    }
    size
}

/// Writes the checksum anew that models and weights carry of their content: as text, or as Universal Binary JSON.
fn mend_seal(file: &mut [u8]) {
    let key = seal::KEY.as_bytes();
    let Some(place) = file.windows(key.len()).position(|bytes| bytes == key) else {
        return;
    };
    let end = place + key.len();
    let gap = match file.get(end) {
        Some(b'S') => 1 + 1 + 8,
        _ => 3,
    };
    if file.len() >= end + gap + seal::DIGITS {
        seal::stamp(file, end + gap);
    }
}

/// Changes what gzip or BGZF packed, and packs it as BGZF, which is both.
fn within_gzip(packed: &[u8], within: impl Fn(Vec<u8>) -> Vec<u8>) -> Option<Vec<u8>> {
    let mut inner = Vec::new();
    MultiGzDecoder::new(packed)
        .take(LARGEST_INFLATED)
        .read_to_end(&mut inner)
        .ok()?;
    let level = bgzf::io::writer::CompressionLevel::FAST;
    let mut writer = bgzf::io::writer::Builder::default()
        .set_compression_level(level)
        .build_from_writer(Vec::new());
    writer.write_all(&within(inner)).ok()?;
    writer.finish().ok()
}

/// Changes one entry of an archive; all are then stored as they are.
fn within_zip(packed: &[u8], seed: u32, within: impl Fn(Vec<u8>) -> Vec<u8>) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(packed)).ok()?;
    let chosen = (seed / 4) as usize % archive.len().max(1);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).ok()?;
        let name = entry.name().to_owned();
        let mut inner = Vec::new();
        entry.take(LARGEST_INFLATED).read_to_end(&mut inner).ok()?;
        if index == chosen {
            inner = within(inner);
        }
        writer.start_file(name, options).ok()?;
        writer.write_all(&inner).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

/// Writes the sums of a CRAM's containers and blocks anew, as far as its lengths lead.
fn mend_cram(file: &mut [u8]) {
    // What stands before the first container: the letters, two bytes of version and twenty of a name.
    let mut place = 26;
    while let Some(next) = mend_container(file, place) {
        place = next;
    }
}

/// Mends the container at a place and gives the place behind it (CRAM 3, sections 7 and 8).
fn mend_container(file: &mut [u8], start: usize) -> Option<usize> {
    let length = u32::from_le_bytes(file.get(start..start + 4)?.try_into().ok()?) as usize;
    let mut place = start + 4;
    // Reference, first base, bases, records.
    for _ in 0..4 {
        itf8(file, &mut place)?;
    }
    // The counters of records and bases.
    for _ in 0..2 {
        place += file.get(place)?.leading_ones() as usize + 1;
    }
    // Blocks, then where slices begin.
    itf8(file, &mut place)?;
    for _ in 0..itf8(file, &mut place)? {
        itf8(file, &mut place)?;
    }
    mend_sum(file, start, place)?;
    place += 4;
    let end = place.checked_add(length)?;
    while place < end.min(file.len()) {
        place = mend_block(file, place)?;
    }
    Some(end)
}

fn mend_block(file: &mut [u8], start: usize) -> Option<usize> {
    // How it is packed, and what it holds.
    let mut place = start + 2;
    itf8(file, &mut place)?;
    let packed = itf8(file, &mut place)?;
    itf8(file, &mut place)?;
    place = place.checked_add(packed as usize)?;
    mend_sum(file, start, place)?;
    Some(place + 4)
}

/// Writes the sum of bytes behind them.
fn mend_sum(file: &mut [u8], start: usize, end: usize) -> Option<()> {
    let mut sum = Crc::new();
    sum.update(file.get(start..end)?);
    file.get_mut(end..end.checked_add(4)?)?
        .copy_from_slice(&sum.sum().to_le_bytes());
    Some(())
}

/// Reads a number of one to five bytes, whose leading ones tell how many follow; of the fifth, four bits count.
fn itf8(file: &[u8], place: &mut usize) -> Option<u32> {
    let first = *file.get(*place)?;
    let more = (first.leading_ones() as usize).min(4);
    let rest = file.get(*place + 1..=*place + more)?;
    let begin = u32::from(first) & (0x7f >> more.min(3));
    *place += more + 1;
    Some(match *rest {
        [a, b, c, d] => (begin << 28) | (u32::from_be_bytes([0, a, b, c]) << 4) | u32::from(d & 15),
        _ => rest
            .iter()
            .fold(begin, |number, &byte| (number << 8) | u32::from(byte)),
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::parsers;

    fn seed_file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(name)
    }

    /// Changes a file by taking one text for another of the same length.
    fn changed(name: &str, seed: u32, text: &[u8], by: &[u8]) -> Vec<u8> {
        let mut data = std::fs::read(seed_file(name)).unwrap();
        let size = data.len();
        data.resize(1 << 16, 0);
        let mutate = |data: &mut [u8], size: usize, _: usize| {
            let place = data[..size]
                .windows(text.len())
                .position(|window| window == text);
            if let Some(place) = place {
                data[place..place + by.len()].copy_from_slice(by);
            }
            size
        };
        let size = change(&mut data, size, 1 << 16, seed, mutate);
        data.truncate(size);
        data
    }

    fn read(parser: parsers::Parser, bytes: &[u8]) -> parsers::Outcome {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        parser(&path)
    }

    #[test]
    fn gzip_and_bgzf_are_changed_within() {
        let table = changed("deepdiff/a.csv.gz", 1, b"G0_N_1,", b"X0_N_1,");
        let error = read(parsers::deepdiff, &table).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        let bam = changed("reads/reads.bam", 1, b"read1\0", b"named\0");
        assert_ne!(bam, std::fs::read(seed_file("reads/reads.bam")).unwrap());
        read(parsers::reads, &bam).unwrap();
    }

    #[test]
    fn an_entry_of_a_zip_is_changed_and_the_others_stay() {
        let archive = std::fs::read(seed_file("npz/a.npz")).unwrap();
        let entries = ZipArchive::new(Cursor::new(archive)).unwrap().len() as u32;
        let refused = (0..entries).filter(|entry| {
            let changed = changed("npz/a.npz", 4 * entry + 1, b"NUMPY", b"numpy");
            assert_eq!(
                ZipArchive::new(Cursor::new(&changed)).unwrap().len() as u32,
                entries
            );
            read(parsers::npz, &changed).is_err()
        });
        assert_eq!(refused.count() as u32, entries);
    }

    #[test]
    fn a_changed_cram_has_sums_that_fit() {
        // Names lie in a block that is not packed.
        for (seed, is_sound) in [(1, true), (4, false)] {
            let changed = changed("reads/stored.cram", seed, b"read1", b"named");
            let outcome = read(parsers::reads, &changed);
            assert_eq!(outcome.is_ok(), is_sound, "{seed}: {outcome:?}");
        }
    }
}
