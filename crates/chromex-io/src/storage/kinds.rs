use parquet::basic::{ConvertedType as Converted, LogicalType as Logical, Type as Physical};
use parquet::schema::types::ColumnDescriptor;

/// What a column of a Parquet table holds, by what the file says of it: the type of its bytes alone does not tell 3.69 from 369.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text of UTF-8.
    Text,
    /// Numbers.
    Number(Number),
    /// What is not read, by its name.
    Other(String),
}

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// Whole, in 32 or 64 bits.
    Signed,
    /// Whole and never below 0, in 32 or 64 bits.
    Unsigned,
    /// Floats of 32 or 64 bits.
    Float,
    /// Floats of 16 bits.
    Half,
    /// Whole numbers over ten to the power of this.
    Decimal(u32),
}

impl Kind {
    /// Tells what a column holds.
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        let other = |what: &str| Self::Other(what.to_owned());
        if column.max_rep_level() > 0 {
            return other("lists");
        }
        if column.path().parts().len() > 1 {
            return other("structures");
        }
        let physical = column.physical_type();
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(Logical::String | Logical::Enum), _)
            | (None, Converted::UTF8 | Converted::ENUM) => match physical {
                Physical::BYTE_ARRAY => Self::Text,
                _ => Self::Other(format!("text in {physical}")),
            },
            (Some(Logical::Integer(kind)), _) => whole(physical, kind.is_signed),
            (
                None,
                Converted::INT_8 | Converted::INT_16 | Converted::INT_32 | Converted::INT_64,
            ) => whole(physical, true),
            (
                None,
                Converted::UINT_8 | Converted::UINT_16 | Converted::UINT_32 | Converted::UINT_64,
            ) => whole(physical, false),
            (Some(Logical::Decimal(kind)), _) => decimal(physical, kind.scale, kind.precision),
            (None, Converted::DECIMAL) => {
                decimal(physical, column.type_scale(), column.type_precision())
            }
            (Some(Logical::Float16), _) => match (physical, column.type_length()) {
                (Physical::FIXED_LEN_BYTE_ARRAY, 2) => Self::Number(Number::Half),
                _ => Self::Other(format!("floats of 16 bits in {physical}")),
            },
            (Some(Logical::Unknown), _) => other("nulls only"),
            (Some(Logical::Date), _) | (None, Converted::DATE) => other("dates"),
            (Some(Logical::Time(_)), _)
            | (None, Converted::TIME_MILLIS | Converted::TIME_MICROS) => other("times of day"),
            (Some(Logical::Timestamp(_)), _)
            | (None, Converted::TIMESTAMP_MILLIS | Converted::TIMESTAMP_MICROS) => {
                other("times of dates")
            }
            (None, Converted::INTERVAL) => other("spans of time"),
            (Some(Logical::Uuid), _) => other("UUIDs"),
            (Some(Logical::Json), _) | (None, Converted::JSON) => other("JSON"),
            (Some(Logical::Bson), _) | (None, Converted::BSON) => other("BSON"),
            (None, Converted::NONE) => plain(physical),
            (Some(logical), _) => Self::Other(format!("{logical:?}")),
            (None, converted) => Self::Other(converted.to_string()),
        }
    }

    /// Names it in a message.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Number(_) => "numbers",
            Self::Other(name) => name,
        }
    }
}

fn plain(physical: Physical) -> Kind {
    match physical {
        // Some writers do not mark their texts.
        Physical::BYTE_ARRAY => Kind::Text,
        Physical::INT32 | Physical::INT64 => Kind::Number(Number::Signed),
        Physical::FLOAT | Physical::DOUBLE => Kind::Number(Number::Float),
        Physical::BOOLEAN => Kind::Other("truth values".into()),
        Physical::INT96 => Kind::Other("times of dates (INT96)".into()),
        Physical::FIXED_LEN_BYTE_ARRAY => Kind::Other("bytes".into()),
    }
}

fn whole(physical: Physical, is_signed: bool) -> Kind {
    match (physical, is_signed) {
        (Physical::INT32 | Physical::INT64, true) => Kind::Number(Number::Signed),
        (Physical::INT32 | Physical::INT64, false) => Kind::Number(Number::Unsigned),
        _ => Kind::Other(format!("whole numbers in {physical}")),
    }
}

fn decimal(physical: Physical, scale: i32, precision: i32) -> Kind {
    let is_held = matches!(
        physical,
        Physical::INT32 | Physical::INT64 | Physical::FIXED_LEN_BYTE_ARRAY | Physical::BYTE_ARRAY
    );
    match u32::try_from(scale) {
        Ok(scale) if is_held && scale <= 76 => Kind::Number(Number::Decimal(scale)),
        _ => Kind::Other(format!(
            "decimals of {precision} digits, {scale} behind the point, in {physical}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;
    use std::sync::Arc;

    fn kind(field: &str) -> Kind {
        let schema = parse_message_type(&format!("message m {{ {field} }}")).unwrap();
        Kind::of(&SchemaDescriptor::new(Arc::new(schema)).column(0))
    }

    #[test]
    fn every_type_is_read_by_its_meaning_or_named() {
        use Number::*;
        for (field, expected) in [
            ("required binary x (UTF8);", Kind::Text),
            ("required binary x (STRING);", Kind::Text),
            ("required binary x (ENUM);", Kind::Text),
            ("required binary x;", Kind::Text),
            ("required int32 x;", Kind::Number(Signed)),
            ("required int32 x (INT_8);", Kind::Number(Signed)),
            ("required int32 x (UINT_16);", Kind::Number(Unsigned)),
            (
                "required int64 x (INTEGER(64,false));",
                Kind::Number(Unsigned),
            ),
            ("required float x;", Kind::Number(Float)),
            ("required double x;", Kind::Number(Float)),
            (
                "required fixed_len_byte_array(2) x (FLOAT16);",
                Kind::Number(Half),
            ),
            ("required int32 x (DECIMAL(9,2));", Kind::Number(Decimal(2))),
            (
                "required int64 x (DECIMAL(18,4));",
                Kind::Number(Decimal(4)),
            ),
            (
                "required binary x (DECIMAL(30,1));",
                Kind::Number(Decimal(1)),
            ),
            (
                "required fixed_len_byte_array(16) x (DECIMAL(38,10));",
                Kind::Number(Decimal(10)),
            ),
        ] {
            assert_eq!(kind(field), expected, "{field}");
        }
        for (field, name) in [
            ("required boolean x;", "truth values"),
            ("required int96 x;", "times of dates (INT96)"),
            ("required int32 x (DATE);", "dates"),
            ("required int32 x (TIME_MILLIS);", "times of day"),
            (
                "required int64 x (TIMESTAMP(MICROS,true));",
                "times of dates",
            ),
            ("required int64 x (TIMESTAMP_MILLIS);", "times of dates"),
            ("required fixed_len_byte_array(16) x (UUID);", "UUIDs"),
            ("required binary x (JSON);", "JSON"),
            ("required binary x (BSON);", "BSON"),
            ("required fixed_len_byte_array(5) x;", "bytes"),
            (
                "required fixed_len_byte_array(12) x (INTERVAL);",
                "spans of time",
            ),
            ("repeated int32 x;", "lists"),
            ("required group g { required int32 x; }", "structures"),
        ] {
            assert_eq!(kind(field).name(), name, "{field}");
        }
    }
}
