use std::path::{Path, PathBuf};

use chromex_io::expression::{MatrixLayout, read_expression_matrix};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/parquet")
        .join(name)
}

#[test]
fn tables_of_other_programs_are_read_as_they_pack_them() {
    for name in [
        "pyarrow.none.parquet",
        "pyarrow.snappy.parquet",
        "pyarrow.lz4.parquet",
        "pyarrow.zstd.parquet",
        "pyarrow.pages.parquet",
        "polars.parquet",
        "duckdb.parquet",
    ] {
        let table = read_expression_matrix(&golden(name), &MatrixLayout::default());
        let table = table.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(table.samples(), ["E003", "E123"], "{name}");
        assert_eq!(table.genes().len(), 40, "{name}");
        for (row, gene) in table.genes().iter().enumerate() {
            assert_eq!(gene, &format!("ENSG{row:02}"), "{name}");
            let expected = [row as f64 * 0.5, (row % 7) as f64];
            assert_eq!(table.values().row(row).to_vec(), expected, "{name}");
        }
    }
}

#[test]
fn a_packing_without_a_bound_is_refused_by_name() {
    let file = golden("pyarrow.gzip.parquet");
    let error = read_expression_matrix(&file, &MatrixLayout::default()).unwrap_err();
    let cause = std::error::Error::source(&error).expect("a cause");
    let message = format!("{error}: {cause}");
    assert!(message.contains("pyarrow.gzip.parquet"), "{message}");
    assert!(message.contains("packed by snappy"), "{message}");
    assert!(message.contains("found GZIP"), "{message}");
}
