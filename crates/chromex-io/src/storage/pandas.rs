use serde_json::Value;

/// Names the columns of a Parquet table that are pandas' index, which is no data, by what pandas notes in the file under `pandas` and by
/// the names that it makes up where that note was lost.
///
/// An index that counts the rows is noted as a range and has no column.
pub(super) fn index_columns(note: Option<&str>, columns: &[String]) -> Vec<usize> {
    let note: Option<Value> = note.and_then(|note| serde_json::from_str(note).ok());
    let levels = note
        .as_ref()
        .and_then(|note| note["index_columns"].as_array());
    let noted = |column: &str| {
        levels.is_some_and(|levels| levels.iter().any(|level| level.as_str() == Some(column)))
    };
    let made_up = |column: &str| {
        let level = column.strip_prefix("__index_level_");
        let level = level.and_then(|rest| rest.strip_suffix("__"));
        level.is_some_and(|level| level.parse::<u32>().is_ok())
    };
    (0..columns.len())
        .filter(|&place| noted(&columns[place]) || made_up(&columns[place]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_what_pandas_notes() {
        let of = |note: &str| {
            let columns = ["leaf", "gene", "__index_level_0__"].map(str::to_owned);
            index_columns(Some(note), &columns)
        };
        assert_eq!(
            of(r#"{"index_columns": ["gene", "__index_level_0__"]}"#),
            [1, 2]
        );
        assert_eq!(
            of(r#"{"index_columns": [{"kind": "range", "stop": 9}]}"#),
            [2]
        );
        for note in ["", "no JSON", "[]", r#"{"index_columns": 3}"#] {
            assert_eq!(of(note), [2], "{note}");
        }
    }
}
