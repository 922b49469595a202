//! Numbers as other programs store them, made 64-bit floats without a change that is not said.

/// The whole numbers up to which a 64-bit float holds each.
const EXACT: u128 = 1 << 53;

/// Makes a whole number a float, where there is one for it.
pub(crate) fn whole(value: i128) -> Result<f64, String> {
    match value.unsigned_abs() <= EXACT || (value as f64) as i128 == value {
        true => Ok(value as f64),
        false => Err(format!("{value}, which no 64-bit float is")),
    }
}

/// Makes a decimal, `digits` over ten to the power of `scale`, the float that is nearest.
pub(crate) fn decimal(digits: i128, scale: u32) -> Result<f64, String> {
    // Both are exact, so that the division rounds once.
    if digits.unsigned_abs() <= EXACT && scale <= 22 {
        return Ok(digits as f64 / 10_f64.powi(scale as i32));
    }
    let text = format!("{digits}e-{scale}");
    text.parse().map_err(|_| format!("the decimal {text}"))
}

/// Reads a whole number of any length, its first byte the highest, where it has 128 bits at most.
pub(crate) fn big_endian(bytes: &[u8]) -> Result<i128, String> {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(16);
    let (more, last) = bytes.split_at(spare);
    let fits = more.iter().all(|&byte| byte == fill);
    let same_sign = spare == 0 || (last[0] >= 0x80) == negative;
    if !fits || !same_sign {
        return Err(format!("a decimal of {} bytes", bytes.len()));
    }
    let mut whole = [fill; 16];
    whole[16 - last.len()..].copy_from_slice(last);
    Ok(i128::from_be_bytes(whole))
}

/// Reads a float of 16 bits.
pub(crate) fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_the_nearest_floats() {
        assert_eq!(decimal(369, 2), Ok(3.69));
        assert_eq!(decimal(-1120, 2), Ok(-11.2));
        assert_eq!(decimal(i128::MAX, 38), Ok(1.7014118346046923));
        assert_eq!(
            decimal(123_456_789_012_345_678, 9),
            Ok(123_456_789.012_345_67)
        );
    }

    #[test]
    fn whole_numbers_without_a_float_are_named() {
        assert_eq!(whole(1 << 60), Ok((1_u64 << 60) as f64));
        assert!(
            whole((1 << 53) + 1)
                .unwrap_err()
                .starts_with("9007199254740993, which")
        );
    }

    #[test]
    fn halves_are_those_of_the_standard() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }

    proptest! {
        #[test]
        fn whole_numbers_of_any_length_read_back(value in any::<i128>(), more in 0_usize..20) {
            let fill = if value < 0 { 0xff } else { 0 };
            let bytes = [vec![fill; more], value.to_be_bytes().to_vec()].concat();
            prop_assert_eq!(big_endian(&bytes), Ok(value));
        }

        #[test]
        fn bytes_that_are_too_many_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = big_endian(&bytes) {
                let fill = if value < 0 { 0xff } else { 0_u8 };
                let whole = [vec![fill; 40], value.to_be_bytes().to_vec()].concat();
                prop_assert!(whole.ends_with(&bytes));
            }
        }
    }
}
