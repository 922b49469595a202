use std::num::Saturating;
use std::path::Path;

use chromex_core::random::generator;
use chromex_core::{Error, Result, atomic, reverse_complement};
use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::base_of;
use crate::expression::{ExpressionMatrix, ExpressionUnit, MatrixLayout};
use crate::genes::{GeneRow, Strand};

/// Draws a genome with genes, motifs planted at known distances before them, and expression that the motifs decide.
///
/// Genes lie one after the other on their contigs, on either strand, each with its promoter before it. Each motif stands in part of
/// the promoters, always at its distance; each tissue weighs each motif in its own way. Ln TPM is the sum of the effects and noise,
/// part of which all tissues share; silent genes have none. Some genes are copies: they have the promoter of an earlier one with
/// some bases changed, and expression of their own noise, so that a split that parts families tells on itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedGenome {
    /// How many genes.
    pub genes: usize,
    /// How many contigs they lie on.
    pub contigs: usize,
    /// Bases of a promoter.
    pub promoter_bases: usize,
    /// Bases of a gene.
    pub gene_bases: usize,
    /// The part of bases that are G or C outside of motifs.
    pub gc_content: f64,
    /// The tissues, one column of expression each.
    pub tissues: Vec<String>,
    /// What is planted.
    pub motifs: Vec<PlantedMotif>,
    /// Ln TPM of a gene without any motif.
    pub baseline: f64,
    /// Standard deviation of ln TPM that no motif explains.
    pub noise: f64,
    /// The part of genes that are silent in all tissues.
    pub silent: f64,
    /// The part of genes that are copies of earlier ones.
    pub copies: f64,
    /// The part of the bases of a copy's promoter that are drawn anew.
    pub divergence: f64,
}

/// A motif and what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct PlantedMotif {
    /// What it is called.
    pub name: String,
    /// Its letters: A, C, G and T.
    pub letters: String,
    /// Bases between its last letter and the gene.
    pub distance: usize,
    /// The part of promoters that have it.
    pub presence: f64,
    /// What it adds to ln TPM, on average over tissues.
    pub effect: f64,
}

/// A genome that was drawn. Made by [`SimulatedGenome`].
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnGenome {
    /// Contigs and their bases.
    pub contigs: Vec<(String, Vec<u8>)>,
    /// The genes.
    pub genes: Vec<GeneRow>,
    /// TPM of the genes in the tissues.
    pub expression: ExpressionMatrix,
    /// Whether each gene has each motif, gene after gene.
    pub planted: Vec<Vec<bool>>,
    /// The motifs.
    pub motifs: Vec<PlantedMotif>,
}

impl Default for SimulatedGenome {
    /// Gives 1,200 genes with promoters of 300 bases in ten tissues; a TATA box, a Y patch and an initiator where plants have them.
    fn default() -> Self {
        let motif = |name: &str, letters: &str, distance, effect| PlantedMotif {
            name: name.into(),
            letters: letters.into(),
            distance,
            presence: 0.5,
            effect,
        };
        let tissues = [
            "root",
            "shoot",
            "base",
            "middle",
            "tip",
            "tassel",
            "anther",
            "ear",
            "embryo",
            "endosperm",
        ];
        Self {
            genes: 1200,
            contigs: 5,
            promoter_bases: 300,
            gene_bases: 200,
            gc_content: 0.46,
            tissues: tissues.map(str::to_owned).to_vec(),
            motifs: vec![
                motif("TATA box", "CTATAAATAG", 30, 1.6),
                motif("Y patch", "CCTCTTCCTC", 60, 1.1),
                motif("initiator", "CCTCAGTTCA", 3, 1.1),
            ],
            baseline: 1.5,
            noise: 0.5,
            silent: 0.05,
            copies: 0.1,
            divergence: 0.06,
        }
    }
}

/// Bases of a contig before its first gene.
const CONTIG_START: usize = 100;
/// Bases behind each gene.
const BETWEEN_GENES: usize = 50;
/// Bases of a genome.
const MOST_BASES: usize = 1 << 32;

impl SimulatedGenome {
    /// Draws. The same seed draws the same genome.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a motif does not fit into the promoter or meets another, or a setting is out of range.
    pub fn draw(&self, seed: u64) -> Result<DrawnGenome> {
        self.check()?;
        let mut random = generator(seed, "simulated genome");
        let weights = Array2::from_shape_fn((self.tissues.len(), self.motifs.len()), |_| {
            random.random_range(0.6..1.4)
        });
        let mut promoters: Vec<Vec<u8>> = Vec::with_capacity(self.genes);
        let mut planted: Vec<Vec<bool>> = Vec::with_capacity(self.genes);
        let mut tpm = Array2::zeros((self.genes, self.tissues.len()));
        for gene in 0..self.genes {
            let parent = (gene > 0 && random.random::<f64>() < self.copies)
                .then(|| random.random_range(0..gene));
            let present: Vec<bool> = match parent {
                Some(parent) => planted[parent].clone(),
                None => {
                    let motifs = self.motifs.iter();
                    motifs
                        .map(|motif| random.random::<f64>() < motif.presence)
                        .collect()
                }
            };
            let mut promoter = match parent {
                Some(parent) => promoters[parent].clone(),
                None => self.bases(self.promoter_bases, &mut random),
            };
            if parent.is_some() {
                for base in &mut promoter {
                    if random.random::<f64>() < self.divergence {
                        *base = base_of(self.gc_content, &mut random);
                    }
                }
            }
            let present_motifs = self
                .motifs
                .iter()
                .zip(&present)
                .filter(|(_, present)| **present);
            for (motif, _) in present_motifs {
                let start = promoter.len() - motif.distance - motif.letters.len();
                promoter[start..start + motif.letters.len()]
                    .copy_from_slice(motif.letters.as_bytes());
            }
            let silent = random.random::<f64>() < self.silent;
            let mut draw = || -> f64 { StandardNormal.sample(&mut random) };
            let shared = draw() * self.noise * 0.8;
            for tissue in 0..self.tissues.len() {
                let own = draw() * self.noise * 0.6;
                let effects = self.motifs.iter().zip(&present).zip(weights.row(tissue));
                let effects: f64 = effects
                    .map(|((motif, present), weight)| {
                        f64::from(u8::from(*present)) * motif.effect * weight
                    })
                    .sum();
                if !silent {
                    tpm[[gene, tissue]] = (self.baseline + effects + shared + own).exp();
                }
            }
            promoters.push(promoter);
            planted.push(present);
        }
        let (contigs, genes) = self.place(&promoters, &mut random);
        let ids = genes.iter().filter_map(|gene| gene.id.clone()).collect();
        let layout = MatrixLayout::of(ExpressionUnit::Tpm);
        let expression = ExpressionMatrix::new(ids, self.tissues.clone(), tpm, &layout)?;
        Ok(DrawnGenome {
            contigs,
            genes,
            expression,
            planted,
            motifs: self.motifs.clone(),
        })
    }

    /// Lays genes with their promoters on contigs, with some bases between them.
    fn place(
        &self,
        promoters: &[Vec<u8>],
        random: &mut impl Rng,
    ) -> (Vec<(String, Vec<u8>)>, Vec<GeneRow>) {
        let mut contigs = Vec::with_capacity(self.contigs);
        let mut genes = Vec::with_capacity(self.genes);
        for contig in 0..self.contigs {
            let name = format!("chr{}", contig + 1);
            let mut bases = self.bases(CONTIG_START, random);
            let share = |part: usize| part * self.genes / self.contigs;
            for (gene, promoter) in
                (share(contig)..share(contig + 1)).map(|gene| (gene, &promoters[gene]))
            {
                let body = self.bases(self.gene_bases, random);
                let strand = if random.random() {
                    Strand::Plus
                } else {
                    Strand::Minus
                };
                let start = match strand {
                    Strand::Plus => {
                        bases.extend_from_slice(promoter);
                        let start = bases.len();
                        bases.extend_from_slice(&body);
                        start
                    }
                    Strand::Minus => {
                        let start = bases.len();
                        bases.extend_from_slice(&body);
                        bases.extend(reverse_complement(promoter));
                        start
                    }
                };
                genes.push(GeneRow {
                    id: Some(format!("SIMG{:06}", gene + 1)),
                    contig: name.clone(),
                    start: start as u64,
                    end: (start + self.gene_bases) as u64,
                    strand: Some(strand),
                });
                bases.extend(self.bases(BETWEEN_GENES, random));
            }
            contigs.push((name, bases));
        }
        (contigs, genes)
    }

    fn bases(&self, count: usize, random: &mut impl Rng) -> Vec<u8> {
        (0..count)
            .map(|_| base_of(self.gc_content, random))
            .collect()
    }

    fn check(&self) -> Result<()> {
        let refuse = |name, expected: &str, found: String| {
            Err(Error::Setting {
                name,
                expected: expected.into(),
                found,
            })
        };
        let sizes = [
            self.genes,
            self.contigs,
            self.promoter_bases,
            self.gene_bases,
            self.tissues.len(),
        ];
        if sizes.contains(&0) {
            let expected = "at least 1 gene, contig, base of each and tissue";
            return refuse(
                "genes, contigs, bases, tissues",
                expected,
                format!("{sizes:?}"),
            );
        }
        let bases = [self.promoter_bases, self.gene_bases, BETWEEN_GENES].map(Saturating);
        let bases = Saturating(self.genes) * bases.into_iter().sum::<Saturating<usize>>()
            + Saturating(self.contigs) * Saturating(CONTIG_START);
        let tissues = self.genes.saturating_mul(self.tissues.len());
        if bases.0.max(tissues) > MOST_BASES {
            let expected = format!("at most {MOST_BASES} bases, and values of tissues, in all");
            return refuse(
                "genes, contigs, bases, tissues",
                &expected,
                format!("{sizes:?}"),
            );
        }
        let parts = [self.gc_content, self.silent, self.copies, self.divergence];
        let part = |value: &f64| (0.0..=1.0).contains(value);
        if !(parts.iter().all(part) && self.noise.is_finite() && self.baseline.is_finite()) {
            let found = format!("{parts:?}, {}, {}", self.noise, self.baseline);
            return refuse(
                "gc_content, silent, copies, divergence, noise, baseline",
                "parts of 1, and numbers",
                found,
            );
        }
        let mut taken = vec![false; self.promoter_bases];
        for motif in &self.motifs {
            let letters = motif
                .letters
                .bytes()
                .all(|letter| b"ACGT".contains(&letter));
            let sound = letters
                && !motif.letters.is_empty()
                && part(&motif.presence)
                && motif.effect.is_finite();
            let places = motif.distance..motif.distance.saturating_add(motif.letters.len());
            let free = taken
                .get_mut(places)
                .filter(|places| !places.contains(&true));
            let (true, Some(free)) = (sound, free) else {
                let expected = "letters ACGT that fit into the promoter and meet no other motif";
                return refuse("motifs", expected, format!("{motif:?}"));
            };
            free.fill(true);
        }
        Ok(())
    }
}

impl DrawnGenome {
    /// Writes `genome.fa`, `genes.gff3`, `expression.tsv` and `planted.tsv` into a folder that exists.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        const LINE_BASES: usize = 60;
        atomic::write(&folder.join("genome.fa"), |file| {
            for (name, bases) in &self.contigs {
                writeln!(file, ">{name}")?;
                for line in bases.chunks(LINE_BASES) {
                    file.write_all(line)?;
                    writeln!(file)?;
                }
            }
            Ok(())
        })?;
        let ids = || self.expression.genes().iter();
        atomic::write(&folder.join("genes.gff3"), |file| {
            writeln!(file, "##gff-version 3")?;
            for (gene, id) in self.genes.iter().zip(ids()) {
                let strand = if gene.strand == Some(Strand::Minus) {
                    '-'
                } else {
                    '+'
                };
                let (contig, start, end) = (&gene.contig, gene.start + 1, gene.end);
                writeln!(
                    file,
                    "{contig}\tsimulated\tgene\t{start}\t{end}\t.\t{strand}\t.\tID={id}"
                )?;
            }
            Ok(())
        })?;
        atomic::write(&folder.join("expression.tsv"), |file| {
            writeln!(file, "gene\t{}", self.expression.samples().join("\t"))?;
            for (id, row) in ids().zip(self.expression.values().rows()) {
                let row: Vec<String> = row.iter().map(f64::to_string).collect();
                writeln!(file, "{id}\t{}", row.join("\t"))?;
            }
            Ok(())
        })?;
        atomic::write(&folder.join("planted.tsv"), |file| {
            let names: Vec<&str> = self
                .motifs
                .iter()
                .map(|motif| motif.name.as_str())
                .collect();
            writeln!(file, "gene\t{}", names.join("\t"))?;
            for (id, present) in ids().zip(&self.planted) {
                let row: Vec<&str> = present
                    .iter()
                    .map(|&one| if one { "1" } else { "0" })
                    .collect();
                writeln!(file, "{id}\t{}", row.join("\t"))?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{MatrixLayout, read_expression_matrix};
    use crate::genes::read_gene_rows;
    use crate::promoters::{Genome, PromoterLayout, PromoterWindow, extract_promoters};

    fn settings() -> SimulatedGenome {
        SimulatedGenome {
            genes: 120,
            ..SimulatedGenome::default()
        }
    }

    #[test]
    fn promoters_that_are_cut_out_of_the_files_have_the_motifs_at_their_distances() {
        let drawn = settings().draw(5).unwrap();
        assert_eq!(drawn, settings().draw(5).unwrap());
        let folder = tempfile::tempdir().unwrap();
        drawn.write(folder.path()).unwrap();
        let rows = read_gene_rows(&folder.path().join("genes.gff3"), "gene").unwrap();
        let genome = Genome::open(&folder.path().join("genome.fa")).unwrap();
        let layout = PromoterLayout {
            window: PromoterWindow::Upstream {
                length: 300,
                without_genes: true,
            },
            ..PromoterLayout::default()
        };
        let cut = extract_promoters(&rows, &genome, &layout).unwrap();
        assert_eq!((cut.promoters.len(), cut.left_out.len()), (120, 0));
        for (promoter, present) in cut.promoters.iter().zip(&drawn.planted) {
            let sequence = std::str::from_utf8(&promoter.sequence).unwrap();
            assert_eq!(sequence.len(), 300);
            for (motif, &present) in drawn.motifs.iter().zip(present) {
                let start = 300 - motif.distance - motif.letters.len();
                let stands = sequence[start..].starts_with(&motif.letters);
                assert_eq!(stands, present, "{} {}", promoter.gene, motif.name);
            }
        }
        let path = folder.path().join("expression.tsv");
        let read = read_expression_matrix(&path, &MatrixLayout::of(ExpressionUnit::Tpm)).unwrap();
        assert_eq!(read.values(), drawn.expression.values());
        assert_eq!(read.samples(), drawn.expression.samples());
    }

    #[test]
    fn motifs_raise_expression_by_their_effects() {
        let drawn = SimulatedGenome {
            genes: 3000,
            silent: 0.0,
            ..SimulatedGenome::default()
        }
        .draw(1)
        .unwrap();
        for (column, motif) in drawn.motifs.iter().enumerate() {
            let mean = |wanted: bool| {
                let rows = (0..3000).filter(|&row| drawn.planted[row][column] == wanted);
                let values: Vec<f64> = rows
                    .flat_map(|row| drawn.expression.values().row(row).to_vec())
                    .map(f64::ln)
                    .collect();
                values.iter().sum::<f64>() / values.len() as f64
            };
            let rise = mean(true) - mean(false);
            // Ten weights around 1 and noise.
            assert!(
                (rise / motif.effect - 1.0).abs() < 0.25,
                "{}: {rise}",
                motif.name
            );
        }
    }

    #[test]
    fn motifs_that_do_not_fit_or_meet_are_refused() {
        let mut settings = settings();
        settings.motifs[1].distance = 35;
        assert!(settings.draw(0).is_err());
        settings.motifs[1].distance = 295;
        assert!(settings.draw(0).is_err());
        settings.motifs.clear();
        assert!(settings.draw(0).unwrap().planted[0].is_empty());
        settings.genes = 0;
        assert!(settings.draw(0).is_err());
    }
}
