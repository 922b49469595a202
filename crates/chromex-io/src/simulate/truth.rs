use std::ops::Range;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::genes::Strand;

/// What was planted: where a perfect model would look, and how well it could do.
#[derive(Clone, Debug, PartialEq)]
pub struct PlantedTruth {
    /// What drives expression, in the order of the columns of `activity`.
    pub effects: Vec<PlantedEffect>,
    /// Change of ln reads against the typical gene, `[genes, effects]`, of the first and the second cell.
    pub activity: [Array2<f64>; 2],
    /// The strand of each gene.
    pub strands: Vec<Strand>,
    /// Whether a gene is silent in one cell only.
    pub switched: Vec<bool>,
    /// Correlation of the label with what the activities alone make of it: what a model could reach that
    /// knew every activity without error.
    pub attainable_pearson: f64,
    /// Share of the label's variance that the activities explain.
    pub explained_variance: f64,
}

/// A mark and bins that drive expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlantedEffect {
    /// The mark.
    pub mark: String,
    /// The bins, in the direction of transcription.
    pub bins: Range<usize>,
    /// Change of ln expression per unit of activity.
    pub strength: f64,
}

impl PlantedEffect {
    /// Gives the effect's bins in the order of the genome, for a gene of the given strand in a window of
    /// `bins` bins.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_io::simulate::{PlantedEffect, Strand};
    /// let body = PlantedEffect { mark: "H3K36me3".into(), bins: 110..200, strength: 1.0 };
    /// assert_eq!(body.genomic_bins(Strand::Minus, 200), 0..90);
    /// ```
    pub fn genomic_bins(&self, strand: Strand, bins: usize) -> Range<usize> {
        match strand {
            Strand::Plus => self.bins.clone(),
            Strand::Minus => bins - self.bins.end..bins - self.bins.start,
        }
    }
}

impl PlantedTruth {
    /// Tells whether a mark in a bin, counted in the order of the genome, drives a gene's expression.
    ///
    /// # Panics
    ///
    /// When there is no such gene.
    pub fn drives(&self, gene: usize, mark: &str, bin: usize, bins: usize) -> bool {
        self.effects.iter().any(|effect| {
            effect.mark == mark && effect.genomic_bins(self.strands[gene], bins).contains(&bin)
        })
    }
}

/// Scores what the activities make of the label: Pearson's r and the share of variance explained. Both are 0
/// where the label or its explanation is constant.
pub(super) fn attainable(label: &[f64], explained: &[f64]) -> (f64, f64) {
    let constant = |values: &[f64]| values.iter().all(|value| *value == values[0]);
    if constant(label) || constant(explained) {
        return (0.0, 0.0);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (label_mean, explained_mean) = (mean(label), mean(explained));
    let [
        mut product,
        mut label_square,
        mut explained_square,
        mut error,
    ] = [0.0; 4];
    for (label, explained) in label.iter().zip(explained) {
        let (x, y) = (label - label_mean, explained - explained_mean);
        product += x * y;
        label_square += x * x;
        explained_square += y * y;
        error += (label - explained).powi(2);
    }
    let pearson = product / (label_square * explained_square).sqrt();
    (pearson, 1.0 - error / label_square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attainable_is_pearson_and_one_minus_the_error_share() {
        assert_eq!(attainable(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), (1.0, 1.0));
        // Off by one everywhere: 3 of error against 2 of variance.
        assert_eq!(attainable(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]), (1.0, -0.5));
        assert_eq!(attainable(&[1.0, 2.0, 3.0], &[2.0; 3]), (0.0, 0.0));
    }

    #[test]
    fn an_effect_is_mirrored_on_the_minus_strand() {
        let truth = PlantedTruth {
            effects: vec![PlantedEffect {
                mark: "H3K36me3".into(),
                bins: 6..10,
                strength: 1.0,
            }],
            activity: [Array2::zeros((2, 1)), Array2::zeros((2, 1))],
            strands: vec![Strand::Plus, Strand::Minus],
            switched: vec![false; 2],
            attainable_pearson: 0.0,
            explained_variance: 0.0,
        };
        let driven = |gene| -> Vec<usize> {
            (0..10)
                .filter(|&bin| truth.drives(gene, "H3K36me3", bin, 10))
                .collect()
        };
        assert_eq!(driven(0), [6, 7, 8, 9]);
        assert_eq!(driven(1), [0, 1, 2, 3]);
        assert!(!truth.drives(0, "H3K4me3", 6, 10));
    }
}
