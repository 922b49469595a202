use std::path::{Path, PathBuf};

use chromex_io::Error;
use chromex_io::counting::{ReadCounter, Track};
use chromex_io::genes::{GeneSelection, GeneWindows, Window, read_genes};

use super::real_data::data;

/// Lists the files of a folder and of those in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

/// A window on each chromosome that small files commonly have.
fn windows() -> GeneWindows {
    let names = [
        "chr1", "chr2", "chr21", "chrI", "chr7", "ref", "1", "x", "c1", "seq1",
    ];
    let window = |name: &&str| Window {
        id: (*name).to_owned(),
        symbol: String::new(),
        chromosome: (*name).to_owned(),
        start: 0,
        strand: None,
    };
    GeneWindows::new(names.iter().map(window).collect(), 10, 100, "corpora").unwrap()
}

/// Whether a file is read; an error must name it.
fn is_taken<T>(path: &Path, result: chromex_io::Result<T>) -> bool {
    if let Err(error) = &result {
        let (told, name) = (
            error.to_string(),
            path.file_name().unwrap().to_string_lossy(),
        );
        assert!(told.contains(&*name), "{}: {told}", path.display());
        println!("{}: {told}", path.display());
    }
    result.is_ok()
}

/// Whether the reads of a file were read; that none is on a chromosome of ours, or passes, says so too.
fn is_read<T>(counted: &chromex_io::Result<T>) -> bool {
    matches!(
        counted,
        Ok(_) | Err(Error::NoReads { .. } | Error::Chromosomes { .. })
    )
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn every_file_of_other_projects_is_read_or_refused_by_name() {
    let data = data();
    let mut found = Vec::new();
    files(&data.join("genomics_io"), &mut found);
    files(&data.join("bedtools_cases"), &mut found);
    let windows = windows();
    let (mut reads, mut genes) = ([0, 0], [0, 0]);
    for path in &found {
        let name = path.to_string_lossy();
        let name = name.trim_end_matches(".gz");
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[
            ".sam",
            ".bam",
            ".cram",
            ".bed",
            ".bw",
            ".bigWig",
            ".bedGraph",
            ".bigBed",
        ]) {
            let counted = ReadCounter::default().count(&windows, &[Track::new("mark", path)]);
            let is_read = is_read(&counted);
            reads[usize::from(is_taken(path, counted) || is_read)] += 1;
        } else if ends(&[".gtf", ".gff", ".gff3"]) {
            let read = read_genes(path, &GeneSelection::default());
            genes[usize::from(is_taken(path, read))] += 1;
        }
    }
    println!("reads and signals: {} read, {} refused", reads[1], reads[0]);
    println!("genes: {} read, {} refused", genes[1], genes[0]);
    assert!(reads[1] > 20 && genes[1] > 5);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn every_valid_file_of_the_sam_specification_is_read() {
    let data = data();
    let mut found = Vec::new();
    files(&data.join("genomics_io/hts-specs_sam/passed"), &mut found);
    assert!(found.len() >= 80);
    for path in &found {
        let counted = ReadCounter::default().count(&windows(), &[Track::new("mark", path)]);
        assert!(is_read(&counted), "{}: {counted:?}", path.display());
    }
}
