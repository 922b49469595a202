use std::ops::Range;

use rand::Rng;
use rand_distr::{Distribution, Gamma, Poisson};
use serde::{Deserialize, Serialize};

/// Bins over which a domain fades in and out.
const EDGE_BINS: usize = 15;

/// No bin holds more reads on average, whatever the settings.
const MOST_READS: f64 = 1e6;

/// Counts above it have no exact place among the f32.
const MOST_COUNTED: f64 = (1 << 24) as f64;

/// A mark's reads where no domain lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedMark {
    /// The mark's name.
    pub name: String,
    /// Reads per bin of the typical gene.
    pub background: f64,
    /// Standard deviation of ln background over the genes.
    pub spread: f64,
    /// Over-dispersion of counts: their variance is mean + dispersion x mean².
    pub dispersion: f64,
    /// Share of the reads that is missing where transcription starts, for want of nucleosomes.
    pub depletion: f64,
}

/// A stretch of bins that carries a mark, strongly in some genes and weakly in others.
///
/// A gene's *activity* of a domain is the change of ln reads against the typical gene. With a strength
/// other than 0 the activity drives expression; with 0 the domain is seen in the mark and means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The mark that covers the stretch.
    pub mark: String,
    /// The bins, in the direction of transcription: mirrored for genes on the minus strand.
    pub bins: Range<usize>,
    /// Reads per bin at its height, in a gene of activity 0.
    pub reads: f64,
    /// Standard deviation of the activity over the genes that are not silent.
    pub spread: f64,
    /// Change of ln expression per unit of activity.
    pub strength: f64,
}

impl SimulatedMark {
    /// Tells which share of the reads a bin keeps; the start of transcription is the middle of the bins.
    pub(super) fn kept(&self, bin: usize, bins: usize) -> f64 {
        let width = 0.0125 * bins as f64;
        let distance = (bin as f64 + 0.5 - bins as f64 / 2.0) / width;
        1.0 - self.depletion * (-0.5 * distance * distance).exp()
    }
}

impl Domain {
    /// Tells which share of its reads the domain has in a bin: it fades at both ends, except where the
    /// window cuts it off.
    pub(super) fn height(&self, bin: usize, bins: usize) -> f64 {
        if !self.bins.contains(&bin) {
            return 0.0;
        }
        let edge = EDGE_BINS.min(self.bins.len() / 2).max(1) as f64;
        let rise = |inside: usize| {
            let share = ((inside as f64 + 0.5) / edge).min(1.0);
            (std::f64::consts::FRAC_PI_2 * share).sin().powi(2)
        };
        let left = if self.bins.start == 0 {
            1.0
        } else {
            rise(bin - self.bins.start)
        };
        let right = if self.bins.end == bins {
            1.0
        } else {
            rise(self.bins.end - 1 - bin)
        };
        left.min(right)
    }
}

/// Draws the counts of one gene and mark from their means.
///
/// Each fragment covers two neighbouring bins, as 200 bp of a nucleosome do: neighbours are correlated,
/// bins further apart are not, and the sum of two halves of twice the dispersion has the dispersion asked
/// for.
pub(super) fn counts<'a>(
    means: &'a [f64],
    dispersion: f64,
    random: &'a mut impl Rng,
) -> impl Iterator<Item = f32> + 'a {
    let last = means.len() - 1;
    let mut fragments = move |place: usize| {
        let mean = (means[place.saturating_sub(1)] + means[place.min(last)]) / 4.0;
        over_dispersed(mean.min(MOST_READS), 2.0 * dispersion, random)
    };
    let mut left = fragments(0);
    (1..=means.len()).map(move |place| {
        let right = fragments(place);
        let count = left + right;
        left = right;
        count.min(MOST_COUNTED) as f32
    })
}

/// Draws a negative binomial count: a Poisson count whose rate is gamma distributed.
pub(super) fn over_dispersed(mean: f64, dispersion: f64, random: &mut impl Rng) -> f64 {
    // Below this the gamma is a point as far as any count tells.
    const LEAST_DISPERSION: f64 = 1e-9;
    let rate = match Gamma::new(1.0 / dispersion, mean * dispersion) {
        Ok(gamma) if dispersion > LEAST_DISPERSION => gamma.sample(random),
        _ => mean,
    };
    // A rate of 0, which has no distribution, gives no reads.
    Poisson::new(rate).map_or(0.0, |poisson| poisson.sample(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_dispersed_counts_have_the_mean_and_variance_asked_for() {
        let mut random = chromex_core::random::generator(1, "test");
        let draws: Vec<f64> = (0..200_000)
            .map(|_| over_dispersed(4.0, 0.5, &mut random))
            .collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!((mean - 4.0).abs() < 0.05, "{mean}");
        assert!((variance - (4.0 + 0.5 * 16.0)).abs() < 0.4, "{variance}");
        assert_eq!(over_dispersed(0.0, 0.5, &mut random), 0.0);
        let poisson: Vec<f64> = (0..100_000)
            .map(|_| over_dispersed(4.0, 0.0, &mut random))
            .collect();
        let mean = poisson.iter().sum::<f64>() / poisson.len() as f64;
        let variance =
            poisson.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / poisson.len() as f64;
        assert!((mean - 4.0).abs() < 0.05 && (variance - 4.0).abs() < 0.1);
    }

    #[test]
    fn fragments_tie_neighbouring_bins_and_keep_the_mean() {
        let mut random = chromex_core::random::generator(1, "test");
        let drawn: Vec<f64> = counts(&[4.0; 100_000], 0.5, &mut random)
            .map(f64::from)
            .collect();
        let centred: Vec<f64> = drawn.iter().map(|count| count - 4.0).collect();
        let product = |lag: usize| {
            let pairs = centred.iter().zip(&centred[lag..]);
            pairs.map(|(a, b)| a * b).sum::<f64>() / centred.len() as f64
        };
        assert!((product(0) - 12.0).abs() < 0.5, "{}", product(0));
        assert!((product(1) / product(0) - 0.5).abs() < 0.02);
        assert!((product(2) / product(0)).abs() < 0.02);
        assert!(centred.iter().sum::<f64>().abs() / (centred.len() as f64) < 0.1);
    }

    #[test]
    fn a_domain_fades_at_its_ends_but_not_where_the_window_cuts_it() {
        let domain = |bins: Range<usize>| Domain {
            mark: "H3K36me3".into(),
            bins,
            reads: 1.0,
            spread: 0.0,
            strength: 0.0,
        };
        let body = domain(100..200);
        assert_eq!(body.height(99, 200), 0.0);
        assert!(body.height(100, 200) < 0.01);
        assert_eq!((body.height(115, 200), body.height(199, 200)), (1.0, 1.0));
        assert!(domain(90..110).height(100, 200) > 0.97);
        assert_eq!(
            domain(3..4).height(3, 200),
            domain(3..4).height(3, 200).max(0.4)
        );
    }
}
