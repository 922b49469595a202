/// e to the power of `x`, within 2 units in the last place for results that f32 can hold.
///
/// Written without branches or calls so that the compiler turns a loop of it into vector instructions; the library
/// function is a call per number, and these kernels take millions of them per step.
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    let (power, rest) = parts(x);
    (rest + 1.0) * power
}

/// 1 / (1 + e to the power of `-x`).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// The hyperbolic tangent, as exact near 0 as elsewhere.
#[inline(always)]
pub(super) fn tangent(x: f32) -> f32 {
    let (power, rest) = parts(2.0 * x);
    // e^2x - 1 without taking 1 from a number close to it.
    let grown = rest * power + (power - 1.0);
    grown / (grown + 2.0)
}

/// Takes e to the power of `x` apart into a power of two and what that is multiplied with, less 1.
#[inline(always)]
fn parts(x: f32) -> (f32, f32) {
    // Outside, f32 has only 0 and infinity; the ends keep the exponent arithmetic in range.
    let x = x.clamp(-87.0, 88.0);
    // x = n ln 2 + r with n whole and |r| <= ln 2 / 2. Adding and taking away 1.5 * 2^23 rounds.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first with few bits, so that n times it is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    // The power series of e^r to the seventh term, less its first.
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r + 1.0;
    // 2^n by its bits: the low bits of `shifted` are n.
    let power = f32::from_bits(((shifted.to_bits() as i32) << 23).wrapping_add(127 << 23) as u32);
    (power, series * r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_within_two_units_in_the_last_place() {
        for step in -86_000..=87_000 {
            let x = step as f32 / 1000.0;
            let truth = f64::from(x).exp();
            let error = (f64::from(exponential(x)) - truth).abs() / truth;
            assert!(error < 2.4e-7, "{x}: {error}");
        }
        assert_eq!(exponential(0.0), 1.0);
        assert!(exponential(-1e30) < 2e-38);
    }

    #[test]
    fn gates_are_exact_near_zero_and_saturate() {
        for step in -400_000..=400_000 {
            let x = step as f32 / 20_000.0;
            let truth = f64::from(x).tanh();
            let error = (f64::from(tangent(x)) - truth).abs() / truth.abs().max(1e-30);
            assert!(error < 4e-7, "{x}: {error}");
            let truth = 1.0 / (1.0 + (-f64::from(x)).exp());
            let error = (f64::from(sigmoid(x)) - truth).abs() / truth;
            assert!(error < 4e-7, "{x}: {error}");
        }
        for x in [50.0, 1e4, f32::MAX] {
            assert_eq!((tangent(x), tangent(-x)), (1.0, -1.0));
            assert_eq!(sigmoid(x), 1.0);
            assert!(sigmoid(-x) < 1e-20);
        }
    }
}
