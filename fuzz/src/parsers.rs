//! The parsers by name: what each reads of a file, and whether the file was taken.

use std::error::Error;
use std::path::Path;

use chromex_boosting::{
    BoostedTrees, Format, GbdtModel, LinearModel, SupportVectorModel, XgboostModel,
};
use chromex_io::counting::{ReadCounter, Track};
use chromex_io::deepchrome::{DeepChromeLayout, read_deepchrome};
use chromex_io::deepdiff::{DeepDiffLayout, read_windows};
use chromex_io::expression::{MatrixLayout, read_expression, read_expression_matrix};
use chromex_io::genes::{
    GeneSelection, GeneWindows, Strand, Window, read_gene_list, read_gene_rows, read_genes,
};
use chromex_io::promoters::{FastaIndex, Genome, Region};
use chromex_io::read_cells_npz;
use chromex_io::splits::read_split;
use chromex_io::storage::{WindowsFile, read_npy, read_npz};
use chromex_nn::tensor_file::TensorFile;
use chromex_tokens::{BpeTokenizer, KmerVocabulary};
use ndarray::Array2;

/// Whether a file was taken.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Reads a file.
pub type Parser = fn(&Path) -> Outcome;

/// The bins of a gene in tables: few, so that small files hold whole genes.
const BINS: usize = 4;
/// The columns of rows that models predict: a few bytes can say that a model has millions, of which rows would fill memory.
const MOST_COLUMNS: usize = 1 << 10;
/// What tokenizers encode.
const TEXTS: [&str; 4] = [
    "",
    "ACGTNNNNNNNNNNNNacgt",
    "lll mhl hhh\nlll  lmh ",
    "\u{301}\u{0} \u{1f9ec}İß\u{fffd}",
];

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

/// How genes are divided.
pub fn splits(path: &Path) -> Outcome {
    read_split(path)?;
    Ok(())
}

/// A tokenizer and what it makes of texts, and a vocabulary of k-mers.
pub fn tokenizer(path: &Path) -> Outcome {
    let vocabulary = KmerVocabulary::load(path).map(drop);
    let tokenizer = BpeTokenizer::load(path);
    if let Ok(tokenizer) = &tokenizer {
        for text in TEXTS {
            if let Ok(ids) = tokenizer.encode_text(text) {
                tokenizer.decode(&ids).ok();
            }
        }
        BpeTokenizer::from_json(tokenizer.to_json()?.as_bytes())?;
    }
    tokenizer.map(drop).or(vocabulary)?;
    Ok(())
}

/// Models of XGBoost and of this workspace, and what they predict.
pub fn boosting(path: &Path) -> Outcome {
    match XgboostModel::load(path) {
        Ok(XgboostModel::Trees(model)) => {
            let rows = rows(model.columns(), f32::NAN);
            model.predict_table(rows.view()).ok();
            model.explain().contributions(rows.view()).ok();
            for format in [Format::Json, Format::Ubj] {
                BoostedTrees::from_bytes(&model.to_bytes(format))?;
            }
        }
        Ok(model) => {
            if let XgboostModel::Linear(linear) = &model {
                model
                    .predict_table(rows(linear.columns(), f32::NAN).view())
                    .ok();
            }
        }
        Err(error) => return own_model(path).map_err(|_| error.into()),
    }
    Ok(())
}

fn own_model(path: &Path) -> Outcome {
    if let Ok(model) = GbdtModel::load(path) {
        model.predict_table(rows(model.columns(), 2.5).view()).ok();
        return Ok(());
    }
    if let Ok(model) = SupportVectorModel::load(path) {
        let columns = match &model {
            SupportVectorModel::Linear(linear) => linear.coefficients().nrows(),
            SupportVectorModel::Radial(radial) => radial.vectors().ncols(),
            _ => 0,
        };
        model.predict_table(rows(columns, 2.5).view()).ok();
        return Ok(());
    }
    let model = LinearModel::load(path)?;
    model
        .predict_table(rows(model.coefficients().nrows(), 2.5).view())
        .ok();
    Ok(())
}

/// Some rows, one of whose values may be missing.
fn rows(columns: usize, missing: f32) -> Array2<f32> {
    let value = |(row, column): (usize, usize)| [0.0, missing, -3.5, 1e30][(row + column) % 4];
    Array2::from_shape_fn((4, columns.min(MOST_COLUMNS)), value)
}

/// Published weights: safetensors, and the archives and pickles of PyTorch.
pub fn weights(path: &Path) -> Outcome {
    let file = TensorFile::open(path)?;
    for (name, _) in file.tensors() {
        file.numbers(name).ok();
    }
    Ok(())
}
