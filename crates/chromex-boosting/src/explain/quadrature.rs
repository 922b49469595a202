//! Integrals from 0 to 1 by the rule of Gauss and Legendre.

/// Where a function is evaluated, and what each of its values counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quadrature {
    /// The places, between 0 and 1.
    pub(super) points: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

impl Quadrature {
    /// Gives the rule of so many points, which is exact for polynomials of a degree below twice as many.
    pub(super) fn new(count: usize) -> Self {
        let n = count as f64;
        let mut points = vec![0.0; count];
        let mut weights = vec![0.0; count];
        for place in 0..count.div_ceil(2) {
            // Newton's method from where the root of the Legendre polynomial nearly is.
            let mut x = (std::f64::consts::PI * (place as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let value;
                (value, slope) = legendre(count, x);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            // The root in the middle is 0 to the last bit.
            if 2 * place + 1 == count {
                x = 0.0;
                slope = legendre(count, x).1;
            }
            let weight = 1.0 / ((1.0 - x * x) * slope * slope);
            points[place] = 0.5 * (1.0 - x);
            points[count - 1 - place] = 0.5 * (1.0 + x);
            weights[place] = weight;
            weights[count - 1 - place] = weight;
        }
        Self { points, weights }
    }

    /// Gives the rule for the products of so many factors that Shapley values are integrals of.
    ///
    /// Half as many points are exact. Of long products far fewer give every digit of 64 bits: on the unit interval they
    /// lie between 0 and 1 and bend within a stretch of 1 / `factors` at most, and points stand closer towards the ends
    /// than in the middle, by the square of their number.
    pub(super) fn of_product(factors: usize) -> Self {
        let exact = factors.div_ceil(2).max(1);
        let enough = 8 + (4.0 * (factors as f64).sqrt()).ceil() as usize;
        Self::new(exact.min(enough))
    }
}

/// The Legendre polynomial of a degree above 0, and its slope.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=degree {
        let k = k as f64;
        (before, value) = (
            value,
            ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k,
        );
    }
    (value, degree as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integral(rule: &Quadrature, function: impl Fn(f64) -> f64) -> f64 {
        let terms = rule.points.iter().zip(&rule.weights);
        terms.map(|(&point, weight)| weight * function(point)).sum()
    }

    #[test]
    fn polynomials_below_twice_the_points_are_integrated_exactly() {
        for count in 1..=40 {
            let rule = Quadrature::new(count);
            for power in 0..2 * count {
                let found = integral(&rule, |t| t.powi(power as i32));
                let expected = 1.0 / (power as f64 + 1.0);
                assert!((found - expected).abs() < 1e-14, "{count} {power} {found}");
            }
        }
    }

    #[test]
    fn long_products_lose_nothing_by_fewer_points() {
        for factors in [60, 200, 1_000, 10_000] {
            let rule = Quadrature::of_product(factors);
            assert!(rule.points.len() <= factors.div_ceil(2));
            // The sharpest of them: all factors t.
            let found = integral(&rule, |t| t.powi(factors as i32 - 1));
            let error = (found - 1.0 / factors as f64).abs();
            assert!(error < 1e-13, "{factors}: {error:e}");
        }
    }
}
