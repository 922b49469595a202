//! Where promoters and expression come from: a drawn genome, files of one, or a table.

use std::collections::BTreeMap;
use std::path::Path;

use chromex::core::{
    Dataset, GivenSplit, GroupShares, Keys, Rows, Sequences, Split, Target, Targets, Transform,
};
use chromex::io::TabRows;
use chromex::io::expression::{
    ExpressionUnit, GeneIds, MatrixLayout, TargetColumn, read_expression_matrix,
};
use chromex::io::genes::{Strand, read_gene_rows};
use chromex::io::promoters::{
    Genome, PromoterLayout, PromoterTable, PromoterTableLayout, PromoterWindow, Region,
    extract_promoters, read_promoter_table,
};
use chromex::io::simulate::{PlantedMotif, SimulatedGenome};
use chromex::io::splits::{read_split, write_split};
use chromex::tokens::Homology;
use ndarray::Array2;

use crate::support::{Anything, Run};
use crate::{Flags, Mode};

/// Promoters with their expression, divided, and what else there is to read.
pub(crate) struct Set {
    /// The groups are `cluster`, of alike promoters, and `part`.
    pub(crate) dataset: Dataset<Sequences>,
    /// Promoters of other species.
    pub(crate) others: Sequences,
    /// What was planted, where the genome is drawn.
    pub(crate) planted: Vec<PlantedMotif>,
}

/// The seed of FloraBERT's split.
const SPLIT_SEED: u64 = 47;

impl Set {
    pub(crate) fn read(flags: &Flags, run: &mut Run) -> Result<Self, Anything> {
        let mut planted = Vec::new();
        let mut others = Vec::new();
        let (dataset, given) = if let (Some(genome), Some(annotation), Some(expression)) =
            (&flags.genome, &flags.annotation, &flags.expression)
        {
            (
                of_genome(flags, [genome, annotation, expression], run)?,
                false,
            )
        } else if let Some(table) = &flags.promoters {
            (of_table(flags, table, run)?, false)
        } else if let Some(data) = &flags.options.data {
            others = arabidopsis(data, run)?;
            (maize(flags, data, run)?, true)
        } else {
            let folder = run.folder("data")?;
            let genes = if flags.options.quick { 60 } else { 1200 };
            let settings = SimulatedGenome {
                genes,
                ..SimulatedGenome::default()
            };
            let drawn = settings.draw(6)?;
            drawn.write(&folder)?;
            planted = drawn.motifs;
            others = relative(flags, &settings, &run.folder("data/relative")?)?;
            run.note("A simulated genome: see --genome, --promoters and --data for real ones.");
            let files = ["genome.fa", "genes.gff3", "expression.tsv"].map(|name| folder.join(name));
            let [genome, annotation, expression] = &files;
            (
                of_genome(flags, [genome, annotation, expression], run)?,
                false,
            )
        };
        for path in &flags.corpus {
            others.extend(whole_sequences(path)?);
            run.add_input(path)?;
        }
        let mut set = Self {
            dataset,
            others: Sequences::new(&others)?,
            planted,
        };
        set.divide(flags, given, run)?;
        Ok(set)
    }

    /// A small set without files, which tells the models' names.
    pub(crate) fn tiny() -> Result<Self, Anything> {
        let columns = vec![tpm("leaf"), tpm("root")];
        let values = Array2::from_shape_fn((6, 2), |(row, tissue)| (row + tissue) as f32);
        let ids: Vec<String> = (0..6).map(|row| row.to_string()).collect();
        let keys = Keys::new(ids.clone())?
            .with_group("cluster", &ids)?
            .with_group(
                "part",
                &["train", "train", "train", "valid", "valid", "test"],
            )?;
        let promoters = Sequences::new(&["ACGTACGT"; 6])?;
        Ok(Self {
            dataset: Dataset::new(promoters, Targets::new(values, columns)?, keys)?,
            others: Sequences::new::<&str>(&[])?,
            planted: Vec::new(),
        })
    }

    /// The rows that the language may be learned from.
    pub(crate) fn corpus_rows(&self, mode: Mode) -> Result<Vec<usize>, Anything> {
        Ok(match mode {
            Mode::Faithful => (0..self.dataset.len()).collect(),
            Mode::Rigorous => self.part("train")?,
        })
    }

    pub(crate) fn part(&self, name: &str) -> Result<Vec<usize>, Anything> {
        let fold = GivenSplit::default()
            .folds(&self.dataset.keys, 0)?
            .remove(0);
        Ok(match name {
            "test" => fold.test,
            "valid" => fold.valid,
            _ => fold.train,
        })
    }

    /// Clusters promoters that are alike, and gives each cluster a part, unless parts came with the set.
    fn divide(&mut self, flags: &Flags, given: bool, run: &mut Run) -> Result<(), Anything> {
        let keys = self.dataset.keys.clone();
        self.dataset.keys = if let Some(path) = &flags.split {
            run.add_input(path)?;
            read_split(path)?.apply(keys)?
        } else {
            let clusters = Homology::default().clusters(&self.dataset.inputs)?;
            let clusters: Vec<String> = clusters.iter().map(usize::to_string).collect();
            let keys = keys.with_group("cluster", &clusters)?;
            if given {
                keys
            } else {
                let fold = GroupShares::florabert().folds(&keys, SPLIT_SEED)?.remove(0);
                let parts = fold.parts(keys.len());
                keys.with_group("part", &parts)?
            }
        };
        write_split(&run.place("split.tsv")?, &self.dataset.keys)?;
        let counts = ["train", "valid", "test"].map(|part| self.part(part).map(|rows| rows.len()));
        let [train, valid, test] = counts;
        let clusters = self.dataset.keys.group("cluster")?.labels().len();
        run.note(&format!(
            "{} genes in {clusters} clusters of alike promoters: {} to learn from, {} to choose by, {} to test (split.tsv).",
            self.dataset.len(),
            train?,
            valid?,
            test?
        ));
        Ok(())
    }

    /// Tells how alike tested promoters are to those that models learn from.
    pub(crate) fn report_leakage(&self, run: &Run) -> Result<(), Anything> {
        let tested = self.part("test")?;
        let mut learned = self.part("train")?;
        learned.extend(self.part("valid")?);
        let of = |rows: &[usize]| self.dataset.inputs.select(rows);
        let nearest = Homology::default().nearest(&of(&tested), &of(&learned))?;
        let mut text = String::from("gene\tnearest_identity\n");
        for (&row, identity) in tested.iter().zip(&nearest) {
            text.push_str(&format!(
                "{}\t{identity:.4}\n",
                self.dataset.keys.ids()[row]
            ));
        }
        run.file("leakage.tsv", &text)?;
        let mut sorted = nearest;
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
        let above = sorted
            .iter()
            .filter(|&&one| one >= Homology::default().identity)
            .count();
        run.note(&format!(
            "Identity of a tested promoter to the most alike that is learned from: median {:.2}, 90 % below {:.2}, 95 % below \
             {:.2}, 99 % below {:.2}, highest {:.2}; {above} of {} at 0.80 or above (leakage.tsv).",
            quantile(0.5),
            quantile(0.9),
            quantile(0.95),
            quantile(0.99),
            quantile(1.0),
            sorted.len()
        ));
        Ok(())
    }
}

fn tpm(tissue: &str) -> Target {
    Target {
        name: tissue.to_owned(),
        unit: "TPM".into(),
        transform: Transform::NaturalLog { offset: 1.0 },
    }
}

fn layout(flags: &Flags) -> PromoterLayout {
    PromoterLayout {
        window: PromoterWindow::Upstream {
            length: flags.length(),
            without_genes: true,
        },
        ..PromoterLayout::default()
    }
}

/// Cuts promoters out of a genome, writes them, and joins them with their expression.
fn of_genome(
    flags: &Flags,
    [genome, annotation, expression]: [&Path; 3],
    run: &mut Run,
) -> Result<Dataset<Sequences>, Anything> {
    for file in [genome, annotation, expression] {
        run.add_input(file)?;
    }
    let rows = read_gene_rows(annotation, "gene")?;
    let promoters = extract_promoters(&rows, &Genome::open(genome)?, &layout(flags))?;
    promoters.write_fasta(&run.place("data/promoters.fa.gz")?)?;
    promoters.write_bed(&run.place("data/promoters.bed")?)?;
    let mut reasons: BTreeMap<_, usize> = BTreeMap::new();
    for (_, reason) in &promoters.left_out {
        *reasons.entry(reason).or_default() += 1;
    }
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason:?}"))
        .collect();
    let left_out = if reasons.is_empty() {
        "none left out".into()
    } else {
        format!("left out: {}", reasons.join(", "))
    };
    let count = promoters.promoters.len();
    run.note(&format!(
        "{count} promoters of {} genes; {left_out}.",
        rows.len()
    ));
    let table = read_expression_matrix(
        expression,
        &MatrixLayout {
            gene_column: flags.gene_column.clone(),
            samples: flags.tissues.clone(),
            header: flags.header,
            ..MatrixLayout::of(ExpressionUnit::Tpm)
        },
    )?;
    note_all(table.notes(), run);
    let genes: Vec<String> = promoters
        .promoters
        .iter()
        .map(|one| one.gene.clone())
        .collect();
    let log = Transform::NaturalLog { offset: 1.0 };
    let samples = table.samples().iter();
    let columns: Vec<TargetColumn> = samples
        .map(|sample| TargetColumn::transformed(sample, log))
        .collect();
    let (dataset, joined) =
        table.dataset(&promoters.sequences()?, &genes, GeneIds::Exact, &columns)?;
    run.note(&format!("{joined}."));
    expressed(flags, dataset, run)
}

fn of_table(flags: &Flags, path: &Path, run: &mut Run) -> Result<Dataset<Sequences>, Anything> {
    run.add_input(path)?;
    let layout = PromoterTableLayout {
        tissues: flags.tissues.clone(),
        header: flags.header,
        ..PromoterTableLayout::default()
    };
    let table = read_promoter_table(path, &layout)?;
    let log = Transform::NaturalLog { offset: 1.0 };
    let values = table
        .values
        .iter()
        .map(|&tpm| log.apply(tpm, 0.0))
        .collect();
    let columns = table.tissues.iter().map(|tissue| tpm(tissue)).collect();
    expressed(flags, dataset(flags, table, values, columns, run)?, run)
}

/// Reads the public table of maize promoters with its folds; the last is the test, the one before it validates.
fn maize(flags: &Flags, data: &Path, run: &mut Run) -> Result<Dataset<Sequences>, Anything> {
    let path = data.join("florabert_maize/merged_seq_genex.csv.gz");
    run.add_input(&path)?;
    let layout = PromoterTableLayout {
        gene: "gene_id".into(),
        sequence: "seq".into(),
        part: Some("fold".into()),
        may_be_negative: true,
        ..PromoterTableLayout::default()
    };
    let table = read_promoter_table(&path, &layout)?;
    let parts: Vec<&str> = table
        .parts
        .iter()
        .map(|fold| match fold.as_str() {
            "train_4" => "test",
            "train_3" => "valid",
            _ => "train",
        })
        .collect();
    // The table's numbers are log2 of the relative abundance plus 0.001: those of B73 are its TPM over some 1,700.
    let column = |tissue: &String| Target {
        name: tissue.clone(),
        unit: "abundance".into(),
        transform: Transform::Log2 { offset: 0.001 },
    };
    let columns = table.tissues.iter().map(column).collect();
    let values = table.values.clone();
    let mut dataset = dataset(flags, table, values, columns, run)?;
    dataset.keys = dataset.keys.with_group("part", &parts)?;
    Ok(dataset)
}

/// Puts a table together; of longer promoters the end next to the gene is taken.
fn dataset(
    flags: &Flags,
    table: PromoterTable,
    values: Vec<f64>,
    columns: Vec<Target>,
    run: &Run,
) -> Result<Dataset<Sequences>, Anything> {
    note_all(&table.notes, run);
    let most = flags.length() as usize;
    let cut: Vec<&[u8]> = table
        .sequences
        .iter()
        .map(|sequence| &sequence.as_bytes()[sequence.len().saturating_sub(most)..])
        .collect();
    let values = values.into_iter().map(|value| value as f32).collect();
    let values = Array2::from_shape_vec((table.genes.len(), columns.len()), values)?;
    Ok(Dataset::new(
        Sequences::new(&cut)?,
        Targets::new(values, columns)?,
        Keys::new(table.genes)?,
    )?)
}

/// Leaves genes out that no tissue expresses, as the document does.
fn expressed(
    flags: &Flags,
    dataset: Dataset<Sequences>,
    run: &Run,
) -> Result<Dataset<Sequences>, Anything> {
    let least = (1.0 + flags.least_tpm).ln() as f32;
    let values = &dataset.targets.values;
    let is_expressed = |&row: &usize| values.row(row).iter().any(|&value| value >= least);
    let rows: Vec<usize> = (0..dataset.len()).filter(is_expressed).collect();
    let left_out = dataset.len() - rows.len();
    if left_out > 0 {
        run.note(&format!(
            "{left_out} genes below {} TPM in all tissues were left out.",
            flags.least_tpm
        ));
    }
    Ok(dataset.select(&rows))
}

/// Promoters of Arabidopsis, a second species to pre-train on, where they are in the folder.
fn arabidopsis(data: &Path, run: &mut Run) -> Result<Vec<Vec<u8>>, Anything> {
    let path = data.join("arabidopsis_seq512/seq512_marks_leaf.chr1-4.tsv.gz");
    if !path.exists() {
        return Ok(Vec::new());
    }
    run.add_input(&path)?;
    let mut rows = TabRows::open(&path)?;
    // The header.
    rows.advance()?;
    let mut promoters = Vec::new();
    while rows.advance()? {
        promoters.push(rows.bases(2)?.as_bytes().to_vec());
    }
    Ok(promoters)
}

/// Says what a reader left aside and left out.
fn note_all(notes: &[String], run: &Run) {
    for note in notes {
        run.note(&format!("{note}."));
    }
}

/// Draws a second species: the same motifs in another genome.
fn relative(
    flags: &Flags,
    settings: &SimulatedGenome,
    folder: &Path,
) -> Result<Vec<Vec<u8>>, Anything> {
    let relative = SimulatedGenome {
        gc_content: settings.gc_content - 0.04,
        ..settings.clone()
    };
    relative.draw(7)?.write(folder)?;
    let rows = read_gene_rows(&folder.join("genes.gff3"), "gene")?;
    let genome = Genome::open(&folder.join("genome.fa"))?;
    let promoters = extract_promoters(&rows, &genome, &layout(flags))?;
    Ok(promoters
        .promoters
        .into_iter()
        .map(|one| one.sequence)
        .collect())
}

/// Reads all sequences of a plain FASTA.
fn whole_sequences(path: &Path) -> Result<Vec<Vec<u8>>, Anything> {
    let genome = Genome::open(path)?;
    let Some(index) = genome.index() else {
        return Err(format!("{}: a corpus is read unpacked", path.display()).into());
    };
    let regions = index.lengths().map(|(name, end)| Region {
        contig: name.to_owned(),
        start: 0,
        end,
        strand: Strand::Plus,
    });
    regions.map(|region| Ok(genome.read(&region)?)).collect()
}
