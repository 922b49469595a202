/// What tables write where a number is missing: what pandas takes for it, and `-` and `.`.
const MISSING: [&str; 20] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "-", ".",
];

/// Tells whether a field says that its number is missing.
pub(crate) fn is_missing(field: &str) -> bool {
    MISSING.contains(&field) || field == "null"
}

/// Reads a number as tables write it. The parser of the standard library also takes words for infinity.
pub(crate) fn number(field: &str) -> Option<f64> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let has_digit = field.bytes().any(|byte| byte.is_ascii_digit());
    let number = (has_digit && field.bytes().all(is_plain))
        .then(|| field.parse::<f64>().ok())
        .flatten();
    number.filter(|number| number.is_finite())
}

/// Tells whether a field may be meant for a number, be it that of another language or a word for infinity.
pub(crate) fn is_like_number(field: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.,'eE%".contains(&byte);
    let digits = field.bytes().any(|byte| byte.is_ascii_digit()) && field.bytes().all(plain);
    digits || field.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_what_tables_write() {
        for (field, value) in [
            ("3.69", 3.69),
            ("-1e-3", -1e-3),
            ("+7", 7.0),
            (".5", 0.5),
            ("0", 0.0),
        ] {
            assert_eq!(number(field), Some(value));
        }
        for field in [
            "inf", "nan", "1e999", "", "-", "3,69", "1 2", "0x1", "E5", "e", "٣",
        ] {
            assert_eq!(number(field), None, "{field}");
        }
        assert!(is_like_number("3,69") && is_like_number("inf") && !is_like_number("TP53"));
        assert!(is_missing("NA") && is_missing("null") && !is_missing("0"));
    }

    proptest! {
        #[test]
        fn any_number_that_is_written_is_read(value in prop::num::f64::NORMAL) {
            prop_assert_eq!(number(&value.to_string()), Some(value));
            prop_assert_eq!(number(&format!("{value:e}")), Some(value));
        }

        #[test]
        fn any_text_is_taken_or_not(field in "\\PC{0,12}") {
            if let Some(value) = number(&field) {
                prop_assert!(value.is_finite() && is_like_number(&field));
            }
        }
    }
}
