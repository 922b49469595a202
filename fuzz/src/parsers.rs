//! The parsers by name: what each reads of a file, and whether the file was taken.

use std::error::Error;
use std::path::Path;

use chromex_io::counting::{ReadCounter, Track};
use chromex_io::deepchrome::{DeepChromeLayout, read_deepchrome};
use chromex_io::deepdiff::{DeepDiffLayout, read_windows};
use chromex_io::expression::{MatrixLayout, read_expression, read_expression_matrix};
use chromex_io::genes::{
    GeneSelection, GeneWindows, Strand, Window, read_gene_list, read_gene_rows, read_genes,
};
use chromex_io::promoters::{FastaIndex, Genome, Region};
use chromex_io::read_cells_npz;
use chromex_io::storage::{WindowsFile, read_npy, read_npz};

/// Whether a file was taken.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Reads a file.
pub type Parser = fn(&Path) -> Outcome;

/// The bins of a gene in tables: few, so that small files hold whole genes.
const BINS: usize = 4;

/// SAM, BAM, CRAM, tagAlign, BED, bedGraph and bigWig, as their content says.
pub fn reads(path: &Path) -> Outcome {
    let names = ["chr1", "chr2", "chr21", "chr22", "ref", "1", "x"];
    let window = |name: &&str| Window {
        id: (*name).to_owned(),
        symbol: String::new(),
        chromosome: (*name).to_owned(),
        start: 0,
        strand: None,
    };
    let windows = GeneWindows::new(names.iter().map(window).collect(), 10, 100, "fuzz")?;
    let counter = ReadCounter {
        threads: 1,
        ..ReadCounter::default()
    };
    counter.count(&windows, &[Track::new("mark", path)])?;
    Ok(())
}

/// Genes of GTF and GFF3, rows of them, and lists of genes.
pub fn genes(path: &Path) -> Outcome {
    let rows = read_gene_rows(path, "gene").map(drop);
    let list = read_gene_list(path).map(drop);
    let genes = read_genes(path, &GeneSelection::default()).map(drop);
    rows.and(genes).or(list)?;
    Ok(())
}

/// Windows of a BED.
pub fn bed_windows(path: &Path) -> Outcome {
    GeneWindows::read_bed(path, 10)?;
    Ok(())
}

/// A FASTA, and pieces of it.
pub fn fasta(path: &Path) -> Outcome {
    let genome = Genome::open(path)?;
    for contig in ["chr1", "chrI", "1", "seq1"] {
        let region = Region {
            contig: contig.to_owned(),
            start: 0,
            end: 500,
            strand: Strand::Minus,
        };
        genome.read(&region).ok();
    }
    Ok(())
}

/// The index of a FASTA.
pub fn fasta_index(path: &Path) -> Outcome {
    FastaIndex::read(path)?;
    Ok(())
}

/// Tables of expression: TSV, CSV, GCT and Parquet, and the two columns of DeepDiff.
pub fn expression(path: &Path) -> Outcome {
    let columns = read_expression(path).map(drop);
    let matrix = read_expression_matrix(path, &MatrixLayout::default()).map(drop);
    columns.or(matrix)?;
    Ok(())
}

/// The published rows of DeepChrome.
pub fn deepchrome(path: &Path) -> Outcome {
    let layout = DeepChromeLayout {
        bins: BINS,
        ..DeepChromeLayout::default()
    };
    read_deepchrome(path, &layout)?;
    Ok(())
}

/// The published rows of DeepDiff.
pub fn deepdiff(path: &Path) -> Outcome {
    let layout = DeepDiffLayout {
        bins: BINS,
        ..DeepDiffLayout::default()
    };
    read_windows(path, &layout)?;
    Ok(())
}

/// Windows of an npy array.
pub fn npy(path: &Path) -> Outcome {
    read_npy(path, &["a", "b", "c", "d", "e"], 100)?;
    Ok(())
}

/// Windows of an npz archive, and cells of one.
pub fn npz(path: &Path) -> Outcome {
    let layout = DeepChromeLayout {
        bins: BINS,
        ..DeepChromeLayout::default()
    };
    let windows = read_npz(path).map(drop);
    let cells = read_cells_npz(path, &layout, "reads").map(drop);
    windows.or(cells)?;
    Ok(())
}

/// A file of windows.
pub fn windows(path: &Path) -> Outcome {
    WindowsFile::open(path)?.read()?;
    Ok(())
}
