use chromex_core::random::generator;
use chromex_core::{Dataset, Error, Keys, Result, Sequences, Target, Targets, Transform};
use ndarray::Array2;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::base_of;

/// Draws aligned promoters in which stretches of repeated letters drive expression.
///
/// Each gene has one stretch of every element, of a length from 0 to the longest, somewhere in the element's region;
/// a tenth of its letters are drawn anew, so that it is of low complexity and no exact repeat. Log10 TPM is the sum of
/// effects, each times the stretch's part of its longest, and noise; genes that are silent have none.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedPromoters {
    /// How many genes.
    pub genes: usize,
    /// Bases of a promoter.
    pub length: usize,
    /// The base that promoters are aligned at, 0-based.
    pub alignment: usize,
    /// The part of bases that are G or C outside of stretches.
    pub gc_content: f64,
    /// What is planted.
    pub elements: Vec<PlantedStretch>,
    /// Standard deviation of log10 TPM that no element explains.
    pub noise: f64,
    /// The part of genes that are silent whatever their promoter.
    pub silent: f64,
}

/// A stretch of repeated letters and what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct PlantedStretch {
    /// The letters that are repeated: A, C, G and T.
    pub unit: String,
    /// The first base of its region, counted from the base of alignment.
    pub first: i64,
    /// The last base of its region.
    pub last: i64,
    /// Bases of the longest stretch.
    pub longest: usize,
    /// What the longest stretch adds to log10 TPM.
    pub effect: f64,
}

impl Default for SimulatedPromoters {
    /// Gives 1,500 promoters of 1,001 bases around their start, with four stretches.
    fn default() -> Self {
        let stretch = |unit: &str, first, last, longest, effect| PlantedStretch {
            unit: unit.into(),
            first,
            last,
            longest,
            effect,
        };
        Self {
            genes: 1500,
            length: 1001,
            alignment: 500,
            gc_content: 0.42,
            elements: vec![
                stretch("CG", -125, 125, 120, 1.4),
                stretch("A", -500, -126, 60, -0.8),
                stretch("TATAAA", -60, -20, 12, 0.5),
                stretch("GGA", 126, 400, 90, 0.7),
            ],
            noise: 0.4,
            silent: 0.1,
        }
    }
}

impl SimulatedPromoters {
    /// The lowest TPM that is told from none.
    pub const FLOOR: f64 = 0.001;

    /// Draws promoters and their expression. The same seed draws the same ones; the groups are `chromosome`, five of
    /// them.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when an element does not fit into its region or its region into the promoter, or a setting is out
    /// of range.
    pub fn draw(&self, seed: u64) -> Result<Dataset<Sequences>> {
        self.check()?;
        let mut random = generator(seed, "simulated promoters");
        let mut sequences = Vec::with_capacity(self.genes);
        let mut expression = Vec::with_capacity(self.genes);
        for _ in 0..self.genes {
            let mut bases: Vec<u8> = (0..self.length)
                .map(|_| base_of(self.gc_content, &mut random))
                .collect();
            let noise: f64 = StandardNormal.sample(&mut random);
            let mut log_tpm = noise * self.noise;
            for element in &self.elements {
                let length = random.random_range(0..=element.longest);
                let region = self.bases(element);
                let start = random.random_range(region.start..=region.end - length);
                let unit = element.unit.as_bytes();
                for (offset, base) in bases[start..start + length].iter_mut().enumerate() {
                    if random.random::<f64>() >= 0.1 {
                        *base = unit[offset % unit.len()];
                    }
                }
                log_tpm += element.effect * length as f64 / element.longest as f64;
            }
            let tpm = match random.random::<f64>() < self.silent {
                true => 0.0,
                false => 10_f64.powf(log_tpm),
            };
            sequences.push(bases);
            expression.push(tpm);
        }
        let transform = Transform::Log10 { floor: Self::FLOOR };
        let values = expression
            .iter()
            .map(|&tpm| transform.apply(tpm, 0.0) as f32)
            .collect();
        let column = Target {
            name: "simulated tissue".into(),
            unit: "TPM".into(),
            transform,
        };
        let values = Array2::from_shape_vec((self.genes, 1), values).expect("a value per gene");
        let ids = (1..=self.genes).map(|gene| format!("SIMP{gene:07}"));
        let chromosomes: Vec<String> = (0..self.genes)
            .map(|gene| format!("chr{}", 1 + gene * 5 / self.genes))
            .collect();
        let keys = Keys::new(ids.collect())?.with_group("chromosome", &chromosomes)?;
        Dataset::new(
            Sequences::new(&sequences)?,
            Targets::new(values, vec![column])?,
            keys,
        )
    }

    /// The bases of an element's region, once it is known to fit.
    fn bases(&self, element: &PlantedStretch) -> std::ops::Range<usize> {
        let place = |base: i64| (self.alignment as i64 + base) as usize;
        place(element.first)..place(element.last) + 1
    }

    fn check(&self) -> Result<()> {
        const MOST_BASES: usize = 1 << 32;
        let part = |value: f64| (0.0..=1.0).contains(&value);
        let refuse = |name, expected: &str, found: String| {
            Err(Error::Setting {
                name,
                expected: expected.into(),
                found,
            })
        };
        if self.genes.saturating_mul(self.length) > MOST_BASES {
            let expected = format!("at most {MOST_BASES} bases in all");
            let found = format!("{} genes of {} bases", self.genes, self.length);
            return refuse("genes, length", &expected, found);
        }
        if self.genes == 0 || self.alignment >= self.length {
            let found = format!("{} genes, base {}", self.genes, self.alignment);
            return refuse("alignment", "genes, and a base of the promoter", found);
        }
        if !(part(self.gc_content) && part(self.silent) && self.noise.is_finite()) {
            let found = format!("{}, {}, {}", self.gc_content, self.silent, self.noise);
            return refuse(
                "gc_content, silent and noise",
                "parts of 1 and a number",
                found,
            );
        }
        let (before, after) = (self.alignment as i64, (self.length - self.alignment) as i64);
        for element in &self.elements {
            let inside = element.first >= -before && element.last < after;
            let bases = element.last.saturating_sub(element.first).saturating_add(1);
            let fits = element.longest > 0 && bases >= 0 && element.longest as u64 <= bases as u64;
            let letters = element.unit.bytes().all(|letter| b"ACGT".contains(&letter));
            if !(inside
                && fits
                && letters
                && !element.unit.is_empty()
                && element.effect.is_finite())
            {
                let expected =
                    "letters ACGT whose longest stretch fits into a region of the promoter";
                return refuse("elements", expected, format!("{element:?}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_core::Rows;

    #[test]
    fn the_same_seed_draws_the_same_promoters_and_stretches_tell_of_expression() {
        let settings = SimulatedPromoters {
            genes: 400,
            silent: 0.0,
            ..SimulatedPromoters::default()
        };
        let drawn = settings.draw(3).unwrap();
        assert_eq!(drawn.inputs, settings.draw(3).unwrap().inputs);
        assert_ne!(drawn.inputs, settings.draw(4).unwrap().inputs);
        assert_eq!((drawn.len(), drawn.inputs.length().unwrap()), (400, 1001));
        let strong = |row: usize| {
            let middle = &drawn.inputs.sequence(row)[375..625];
            middle
                .iter()
                .filter(|letter| b"CG".contains(letter))
                .count()
        };
        let mut rows: Vec<usize> = (0..400).collect();
        rows.sort_by_key(|&row| strong(row));
        let mean = |rows: &[usize]| {
            let values = rows.iter().map(|&row| drawn.targets.values[[row, 0]]);
            values.sum::<f32>() / rows.len() as f32
        };
        assert!(mean(&rows[300..]) > mean(&rows[..100]) + 0.6);
    }

    #[test]
    fn elements_that_do_not_fit_are_refused() {
        let mut settings = SimulatedPromoters::default();
        settings.elements[0].longest = 252;
        assert!(settings.draw(1).is_err());
        settings.elements.clear();
        assert_eq!(settings.draw(1).unwrap().inputs.len(), 1500);
        settings.silent = 1.5;
        assert!(settings.draw(1).is_err());
    }
}
