use std::path::PathBuf;

use chromex::io::counting::{CountMode, Normalisation, ReadCounter, ReadFilter, TrackFormat};
use chromex::io::expression::{ExpressionUnit, TableHeader};
use chromex::io::genes::{
    AnnotationFormat, Centre, ChromosomeNames, GeneSelection, Orientation, TranscriptChoice,
    WindowLayout,
};
use clap::{Parser, ValueEnum};

/// Count reads of histone marks into bins around each gene's transcription start
#[derive(Parser, Clone, Debug)]
#[command(name = "count_reads")]
pub(crate) struct Flags {
    /// Count these files as a mark: BAM, CRAM, SAM, BED, tagAlign, bedGraph or bigWig; simulated reads without any
    #[arg(long = "track", value_name = "MARK=FILE,..")]
    pub(crate) tracks: Vec<String>,
    /// Take these files (input) off a mark
    #[arg(long = "control", value_name = "MARK=FILE,..", requires = "tracks")]
    pub(crate) controls: Vec<String>,
    /// Lay windows around the genes of this GTF, GFF3 or BED
    #[arg(long, value_name = "FILE", requires = "tracks")]
    pub(crate) genes: Option<PathBuf>,
    /// Take the lines of this BED for windows, as they are
    #[arg(
        long,
        value_name = "FILE",
        requires = "tracks",
        conflicts_with = "genes"
    )]
    pub(crate) windows: Option<PathBuf>,
    /// How the file of genes is written [default: told by its header, else by its lines]
    #[arg(long, value_enum, requires = "genes")]
    pub(crate) annotation_format: Option<Annotation>,
    /// How all tracks are written [default: told by their content and names]
    #[arg(long, value_enum, requires = "tracks")]
    pub(crate) track_format: Option<Written>,
    /// Keep only genes of this kind, as protein_coding
    #[arg(long, value_name = "NAME", conflicts_with = "windows")]
    pub(crate) biotype: Vec<String>,
    /// Let this transcript stand for a gene: gene, first, longest, or the name of a tag as Ensembl_canonical
    #[arg(
        long,
        value_name = "NAME",
        default_value = "gene",
        conflicts_with = "windows"
    )]
    pub(crate) transcript: String,
    /// Cut what follows the last dot off gene ids, where they stay distinct
    #[arg(long, conflicts_with = "windows")]
    pub(crate) cut_versions: bool,
    /// Bins before the transcription start
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) upstream: usize,
    /// Bins behind the transcription start
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) downstream: usize,
    /// Base pairs of a bin
    #[arg(long, value_name = "BP", default_value_t = 100)]
    pub(crate) bin_width: u32,
    /// Turn the bins of genes on the minus strand round in the files; pictures always do
    #[arg(long)]
    pub(crate) by_strand: bool,
    /// Cut windows as DeepChrome did, behind the first transcribed base on either strand
    #[arg(long, conflicts_with = "windows")]
    pub(crate) one_based_start: bool,
    /// What counts as a read in a bin; 5' ends of simulated reads
    #[arg(long, value_enum, default_value_t = Mode::Overlap, requires = "tracks")]
    pub(crate) mode: Mode,
    /// Move 5' ends by so many base pairs
    #[arg(
        long,
        value_name = "BP",
        default_value_t = 75,
        allow_negative_numbers = true
    )]
    pub(crate) shift: i32,
    /// Base pairs of a fragment
    #[arg(long, value_name = "BP", default_value_t = 200)]
    pub(crate) fragment: u32,
    /// Which reads count
    #[arg(long, value_enum, default_value_t = Reads::Multicov)]
    pub(crate) reads: Reads,
    /// The least mapping quality
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) quality: u8,
    /// What is made of the counts
    #[arg(long, value_enum, default_value_t = Scale::None)]
    pub(crate) scale: Scale,
    /// Take ln(1 + x) at last
    #[arg(long)]
    pub(crate) log1p: bool,
    /// Take chr1 and 1 for the same chromosome
    #[arg(long)]
    pub(crate) ignore_chr: bool,
    /// The indexed FASTA that CRAM files were packed against
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Option<PathBuf>,
    /// Join this table of expression: TSV, CSV, GCT or Parquet
    #[arg(long, value_name = "FILE", requires = "tracks")]
    pub(crate) expression: Option<PathBuf>,
    /// Take these columns of it [default: the cell's name]
    #[arg(long = "sample", value_name = "NAME", requires = "expression")]
    pub(crate) samples: Vec<String>,
    /// Take this column of it for the genes; its index or first one without it
    #[arg(long, value_name = "NAME", requires = "expression")]
    pub(crate) gene_column: Option<String>,
    /// Whether its first row names the columns: guessed, present or absent
    #[arg(long, value_name = "WORD", default_value_t = TableHeader::Guessed)]
    pub(crate) header: TableHeader,
    /// Join genes with it by this name of theirs
    #[arg(long, value_enum, default_value_t = By::Id, requires = "expression")]
    pub(crate) by: By,
    /// What the table counts
    #[arg(long, value_enum, default_value_t = Unit::Reads)]
    pub(crate) unit: Unit,
    /// Name the cell type
    #[arg(long, value_name = "NAME", default_value = "cell")]
    pub(crate) name: String,
    /// Name the genome build
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) genome: String,
    /// Write into this folder
    #[arg(long, value_name = "DIR", default_value = "out/count_reads")]
    pub(crate) out: PathBuf,
    /// Also write DeepDiff's tables: thirds of the genes as train, valid and test, and their expression
    #[arg(long)]
    pub(crate) tables: bool,
    /// Also write an npz for Python
    #[arg(long)]
    pub(crate) npz: bool,
    /// Do nothing when the dataset file was made from the same files with the same settings
    #[arg(long)]
    pub(crate) resume: bool,
    /// How many threads read; all when 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Simulate thirty genes instead of six hundred
    #[arg(long)]
    pub(crate) quick: bool,
    /// Draw simulated cells by this seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Annotation {
    Gtf,
    Gff3,
    Bed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Written {
    Bam,
    Cram,
    Sam,
    /// Reads of six columns, or tagAlign
    Bed,
    BedGraph,
    BigWig,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum By {
    /// The id; versions of Ensembl, GENCODE and RefSeq are ignored where no id is the same
    Id,
    /// The symbol
    Symbol,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    /// Every read that overlaps a bin, as bedtools multicov
    Overlap,
    /// The 5' end, moved by --shift
    FivePrime,
    /// Mean depth of fragments of --fragment base pairs
    Fragments,
    /// Mean depth of the fragments of proper pairs
    Pairs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Reads {
    /// All but duplicates and failed reads
    Multicov,
    /// Mapped reads, each once, no duplicates
    Primary,
    /// All mapped reads
    Mapped,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Scale {
    None,
    Cpm,
    Rpkm,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Unit {
    #[value(alias = "counts")]
    Reads,
    Cpm,
    Rpkm,
    Fpkm,
    Tpm,
}

impl Flags {
    pub(crate) fn selection(&self) -> GeneSelection {
        GeneSelection {
            choice: match self.transcript.as_str() {
                "gene" => TranscriptChoice::WholeGene,
                "first" => TranscriptChoice::First,
                "longest" => TranscriptChoice::Longest,
                tag => TranscriptChoice::Tagged(tag.to_owned()),
            },
            biotypes: self.biotype.clone(),
            format: self.annotation_format.map(|format| match format {
                Annotation::Gtf => AnnotationFormat::Gtf,
                Annotation::Gff3 => AnnotationFormat::Gff3,
                Annotation::Bed => AnnotationFormat::Bed,
            }),
        }
    }

    pub(crate) fn track_format(&self) -> Option<TrackFormat> {
        self.track_format.map(|format| match format {
            Written::Bam => TrackFormat::Bam,
            Written::Cram => TrackFormat::Cram,
            Written::Sam => TrackFormat::Sam,
            Written::Bed => TrackFormat::Bed,
            Written::BedGraph => TrackFormat::BedGraph,
            Written::BigWig => TrackFormat::BigWig,
        })
    }

    /// Tells whether bins hold whole numbers of reads.
    pub(crate) fn counts_reads(&self) -> bool {
        matches!(self.scale, Scale::None)
            && !self.log1p
            && matches!(self.mode, Mode::Overlap | Mode::FivePrime)
    }

    pub(crate) fn layout(&self) -> WindowLayout {
        WindowLayout {
            upstream_bins: self.upstream,
            downstream_bins: self.downstream,
            bin_width_bp: self.bin_width,
            orientation: self.orientation(),
            centre: match self.one_based_start {
                true => Centre::OneBasedStart,
                false => Centre::BeforeStart,
            },
        }
    }

    pub(crate) fn orientation(&self) -> Orientation {
        match self.by_strand {
            true => Orientation::Transcription,
            false => Orientation::Genomic,
        }
    }

    pub(crate) fn counter(&self) -> ReadCounter {
        let filter = match self.reads {
            Reads::Multicov => ReadFilter::multicov(),
            Reads::Primary => ReadFilter::primary(),
            Reads::Mapped => ReadFilter::mapped(),
        };
        ReadCounter {
            mode: match self.mode {
                Mode::Overlap => CountMode::Overlap,
                Mode::FivePrime => CountMode::FivePrime {
                    shift_bp: self.shift,
                },
                Mode::Fragments => CountMode::Fragments {
                    length_bp: self.fragment,
                },
                Mode::Pairs => CountMode::PairedFragments,
            },
            filter: ReadFilter {
                minimum_mapping_quality: self.quality,
                ..filter
            },
            normalisation: match self.scale {
                Scale::None => Normalisation::None,
                Scale::Cpm => Normalisation::Cpm,
                Scale::Rpkm => Normalisation::Rpkm,
            },
            log1p: self.log1p,
            chromosomes: match self.ignore_chr {
                true => ChromosomeNames::IgnorePrefix,
                false => ChromosomeNames::Exact,
            },
            reference: self.reference.clone(),
            threads: self.threads,
            ..ReadCounter::default()
        }
    }

    pub(crate) fn unit(&self) -> ExpressionUnit {
        match self.unit {
            Unit::Reads => ExpressionUnit::Reads,
            Unit::Cpm => ExpressionUnit::Cpm,
            Unit::Rpkm => ExpressionUnit::Rpkm,
            Unit::Fpkm => ExpressionUnit::Fpkm,
            Unit::Tpm => ExpressionUnit::Tpm,
        }
    }
}
