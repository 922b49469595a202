use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type};

use crate::{Error, Result};

/// A column of the table of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Model,
    Fold,
    Seed,
    Target,
    Id,
    Cluster,
    Stratum,
    Truth,
    Predicted,
}

impl Column {
    pub(super) const ALL: [Self; 9] = [
        Self::Model,
        Self::Fold,
        Self::Seed,
        Self::Target,
        Self::Id,
        Self::Cluster,
        Self::Stratum,
        Self::Truth,
        Self::Predicted,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Fold => "fold",
            Self::Seed => "seed",
            Self::Target => "target",
            Self::Id => "id",
            Self::Cluster => "cluster",
            Self::Stratum => "stratum",
            Self::Truth => "truth",
            Self::Predicted => "predicted",
        }
    }

    fn physical(self) -> Physical {
        match self {
            Self::Seed => Physical::INT64,
            Self::Truth | Self::Predicted => Physical::FLOAT,
            _ => Physical::BYTE_ARRAY,
        }
    }

    fn expected(self) -> &'static str {
        match self.physical() {
            Physical::INT64 => "one 64-bit integer per row",
            Physical::FLOAT => "one 32-bit float per row",
            _ => "one string per row",
        }
    }

    fn field(self) -> Result<Type, ParquetError> {
        let logical = match self.physical() {
            Physical::INT64 => Some(LogicalType::integer(64, false)),
            Physical::BYTE_ARRAY => Some(LogicalType::String),
            _ => None,
        };
        let repetition = match self {
            Self::Stratum => Repetition::OPTIONAL,
            _ => Repetition::REQUIRED,
        };
        Type::primitive_type_builder(self.name(), self.physical())
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
    }

    /// Finds the column's place in a file; nothing where a file without strata has no such column.
    pub(super) fn find(self, schema: &SchemaDescriptor, path: &Path) -> Result<Option<usize>> {
        let refuse = |found: String| Error::Column {
            path: path.to_owned(),
            column: self.name(),
            expected: self.expected(),
            found,
        };
        let place = schema
            .columns()
            .iter()
            .position(|column| column.path().parts() == [self.name()]);
        let Some(place) = place else {
            let inside = schema
                .columns()
                .iter()
                .find(|column| column.path().parts()[0] == self.name());
            return match (self, inside) {
                (_, Some(inside)) => Err(refuse(format!("a group with `{}`", inside.path()))),
                (Self::Stratum, None) => Ok(None),
                (_, None) => Err(refuse("no such column".into())),
            };
        };
        let column = schema.column(place);
        let is_text = column.converted_type() == ConvertedType::UTF8
            || matches!(column.logical_type_ref(), Some(LogicalType::String));
        let physical = column.physical_type();
        if column.max_rep_level() > 0 {
            return Err(refuse(format!("a list of {physical}")));
        }
        if physical != self.physical() {
            return Err(refuse(physical.to_string()));
        }
        // Dates, times and decimals lie in whole numbers too.
        let is_number = matches!(
            column.logical_type_ref(),
            None | Some(LogicalType::Integer(_))
        ) && !matches!(
            column.converted_type(),
            ConvertedType::DECIMAL
                | ConvertedType::DATE
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        );
        if physical != Physical::BYTE_ARRAY && !is_number {
            let kind = column.converted_type();
            return Err(refuse(format!("{physical} that stands for {kind}")));
        }
        if physical == Physical::BYTE_ARRAY && !is_text {
            return Err(refuse("bytes that are not marked as text".into()));
        }
        Ok(Some(place))
    }
}

/// Makes the schema of the table.
pub(super) fn schema() -> Result<Arc<Type>, ParquetError> {
    let fields = Column::ALL
        .into_iter()
        .map(|column| column.field().map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("predictions")
        .with_fields(fields)
        .build()
        .map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::parser::parse_message_type;

    fn find(column: Column, schema: &str) -> Result<Option<usize>> {
        let schema = SchemaDescriptor::new(Arc::new(parse_message_type(schema).unwrap()));
        column.find(&schema, Path::new("p.parquet"))
    }

    #[test]
    fn the_schema_has_every_column_where_it_is_looked_for() {
        let schema = SchemaDescriptor::new(schema().unwrap());
        for (place, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.find(&schema, Path::new("p")).unwrap(), Some(place));
        }
    }

    #[test]
    fn a_wrong_column_is_named_with_what_was_expected_and_found() {
        let message = |column, schema| find(column, schema).unwrap_err().to_string();
        assert_eq!(
            message(Column::Truth, "message m { required double truth; }"),
            "p.parquet, column `truth`: expected one 32-bit float per row, found DOUBLE"
        );
        assert_eq!(
            message(Column::Id, "message m { required binary name (UTF8); }"),
            "p.parquet, column `id`: expected one string per row, found no such column"
        );
        let bytes = message(Column::Id, "message m { required binary id; }");
        assert!(
            bytes.ends_with("found bytes that are not marked as text"),
            "{bytes}"
        );
        let time = message(
            Column::Seed,
            "message m { required int64 seed (TIMESTAMP_MILLIS); }",
        );
        assert!(
            time.ends_with("found INT64 that stands for TIMESTAMP_MILLIS"),
            "{time}"
        );
        let list = message(Column::Seed, "message m { repeated int64 seed; }");
        assert!(list.ends_with("found a list of INT64"), "{list}");
        let group = message(
            Column::Seed,
            "message m { required group seed { required int64 a; } }",
        );
        assert!(
            group.ends_with("found a group with `\"seed.a\"`"),
            "{group}"
        );
    }

    #[test]
    fn a_file_without_strata_may_lack_their_column() {
        let schema = "message m { required float truth; }";
        assert_eq!(find(Column::Stratum, schema).unwrap(), None);
    }
}
