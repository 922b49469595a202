//! Tables of expression as the programs of the field write them.

use std::path::{Path, PathBuf};

use chromex_io::Error;
use chromex_io::expression::{
    ExpressionMatrix, ExpressionUnit, MatrixLayout, TableHeader, read_expression_matrix,
};
use chromex_io::promoters::{PromoterTableLayout, read_promoter_table};
use chromex_io::storage::read_npy;

const GENES: [&str; 3] = [
    "ENSG00000000003.15",
    "ENSG00000000005.6",
    "ENSG00000000419.14",
];

fn fault(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/faults")
        .join(name)
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/parquet_types")
        .join(name)
}

fn asked(samples: &[&str], unit: ExpressionUnit) -> MatrixLayout {
    MatrixLayout {
        sample_names_file: true,
        samples: samples.iter().map(|&sample| sample.to_owned()).collect(),
        ..MatrixLayout::of(unit)
    }
}

/// Reads a text that is written as a file of a name.
fn text(content: &str, layout: &MatrixLayout) -> Result<ExpressionMatrix, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.txt");
    std::fs::write(&path, content).unwrap();
    read_expression_matrix(&path, layout)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn column(matrix: &ExpressionMatrix, sample: &str) -> Vec<f64> {
    let place = matrix
        .samples()
        .iter()
        .position(|own| own == sample)
        .unwrap();
    matrix.values().column(place).to_vec()
}

#[test]
fn tables_of_other_programs_join_as_they_come() {
    use ExpressionUnit::{Reads, Tpm};
    for (file, sample, unit, expected) in [
        ("rsem/cell.genes.results", "TPM", Tpm, [3.69, 0.0, 11.2]),
        ("rsem/cell.genes.results", "cell", Tpm, [3.69, 0.0, 11.2]),
        ("rsem/cell.genes.results", "cell", Reads, [48.4, 0.0, 120.0]),
        (
            "featurecounts/counts.txt",
            "cell.bam",
            Reads,
            [153.0, 2.0, 40.0],
        ),
        (
            "nfcore_tpm/salmon.merged.gene_tpm.tsv",
            "cell",
            Tpm,
            [3.69, 0.0, 11.2],
        ),
        ("csv_quotes/quoted.csv", "cell", Tpm, [3.69, 0.0, 11.2]),
        ("na_other/na.tsv", "cell", Tpm, [3.69, 0.0, 11.2]),
        (
            "parquet_types/duckdb_decimal.parquet",
            "cell",
            Tpm,
            [3.69, 0.0, 11.2],
        ),
        (
            "pandas_index/symbol_first.parquet",
            "cell",
            Tpm,
            [3.69, 0.0, 11.2],
        ),
    ] {
        let matrix = read_expression_matrix(&fault(file), &asked(&[sample], unit));
        let matrix = matrix.unwrap_or_else(|error| panic!("{file}: {}", chain(&error)));
        assert_eq!(matrix.genes(), GENES, "{file}");
        assert_eq!(column(&matrix, sample), expected, "{file}");
    }
    let comma = read_expression_matrix(&fault("csv_quotes/comma.csv"), &asked(&["cell"], Tpm));
    assert_eq!(comma.unwrap().genes()[0], "ENSG00000000003.15, TSPAN6");
}

#[test]
fn the_programs_are_known_without_a_sample_and_what_is_left_aside_is_said() {
    use ExpressionUnit::{Fpkm, Reads, Tpm};
    let cases: [(&str, ExpressionUnit, &str, f64); 11] = [
        (
            "Name\tLength\tEffectiveLength\tTPM\tNumReads\nE1\t1230\t990.3\t3.69\t48.4\n",
            Tpm,
            "TPM",
            3.69,
        ),
        (
            "target_id\tlength\teff_length\test_counts\ttpm\nE1\t1230\t990.3\t48.4\t3.69\n",
            Reads,
            "est_counts",
            48.4,
        ),
        (
            "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\nE1\t-\tchr1\t+\t1\t9\t2.5\t2.66\t3.69\n",
            Tpm,
            "TPM",
            3.69,
        ),
        (
            "tracking_id\tclass_code\tnearest_ref_id\tgene_id\tgene_short_name\ttss_id\tlocus\tlength\tcoverage\tFPKM\tFPKM_conf_lo\tFPKM_conf_hi\tFPKM_status\nE1\t-\t-\tE1\tTSPAN6\tTSS1\tchr1:1-9\t-\t-\t2.66\t1\t3\tOK\n",
            Fpkm,
            "FPKM",
            2.66,
        ),
        (
            "# Program:featureCounts v2.0.1; Command:\"featureCounts\" \"-a\" \"g.gtf\"\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\nE1\tchr1;chr1\t1;5\t3;9\t+;+\t8\t153\n",
            Reads,
            "a.bam",
            153.0,
        ),
        (
            "\"baseMean\",\"log2FoldChange\",\"lfcSE\",\"stat\",\"pvalue\",\"padj\"\n\"E1\",153.2,-1.5,0.2,-7,1e-9,NA\n",
            Reads,
            "baseMean",
            153.2,
        ),
        (
            "\"\",\"a\",\"logFC\",\"logCPM\",\"F\",\"PValue\",\"FDR\"\n\"E1\",5,-1,3,2,0.1,0.2\n",
            Reads,
            "a",
            5.0,
        ),
        (
            "#1.2\n1\t1\t\nid\tName\tDescription\tGTEX-1\n0\tE1\tTSPAN6\t3.69\n",
            Tpm,
            "GTEX-1",
            3.69,
        ),
        ("gene;a;note\nE1;3.69;x, y\n", Tpm, "a", 3.69),
        (
            "\u{feff}gene,a\r\n\r\nE1,3.69\r\n# the end\r\n",
            Tpm,
            "a",
            3.69,
        ),
        ("\"a\" \"b\"\n\"E1\" 3.69 NA\n\"E2\" 1 2\n", Tpm, "a", 1.0),
    ];
    for (content, unit, sample, value) in cases {
        let matrix = text(content, &MatrixLayout::of(unit));
        let matrix = matrix.unwrap_or_else(|error| panic!("{content}: {}", chain(&error)));
        assert_eq!(matrix.samples()[0], sample, "{content}");
        assert_eq!(matrix.values()[[0, 0]], value, "{content}");
        assert!(matrix.genes()[0].starts_with('E'), "{content}");
    }
    let layout = MatrixLayout::of(ExpressionUnit::Tpm);
    let matrix =
        read_expression_matrix(&fault("nfcore_tpm/salmon.merged.gene_tpm.tsv"), &layout).unwrap();
    assert_eq!(matrix.samples(), ["cell", "other"]);
    assert_eq!(
        matrix.notes(),
        ["Columns left aside: 1 (`gene_name (text)`)"]
    );
    let matrix = read_expression_matrix(&fault("rsem/cell.genes.results"), &layout).unwrap();
    assert_eq!(matrix.samples(), ["TPM"]);
    assert!(
        matrix.notes()[1].starts_with("Columns left aside: 5"),
        "{:?}",
        matrix.notes()
    );
    let without = asked(&["cell"], ExpressionUnit::Rpkm);
    let message =
        chain(&read_expression_matrix(&fault("rsem/cell.genes.results"), &without).unwrap_err());
    assert!(
        message.contains("cell.genes.results: line 1: expected a column `cell`"),
        "{message}"
    );
}

#[test]
fn the_layouts_of_text_are_told_apart() {
    let layout = MatrixLayout::of(ExpressionUnit::Tpm);
    for content in [
        "gene\ta\tb\nE1\t1\t2\n",
        "gene,a,b\nE1,1,2\n",
        "a\tb\nE1\t1\t2\n",
        "gene\ta\tb\nE1\t1\t2\t\n",
        "gene\ta\tb\t\nE1\t1\t2\t\n",
        "gene\ta\tb\t\t\nE1\t1\t2\n",
        "gene\ta\tb\nE1\t1\t2\t\t\t\n",
        "\"a\",\"b\"\n\"E1\",1,2\n",
        "#1.2\n1\t2\nName\tDescription\ta\tb\nE1\tthe first\t1\t2\n",
        "#gene\ta\tb\nE1\t1\t2\n",
        "# a remark\n\n# gene\ta\tb\nE1\t1\t2\n",
        ",gene,a,b\n0,E1,1,2\n",
        "\"\",\"gene\",\"a\",\"b\"\n\"1\",\"E1\",1,2\n",
        "Unnamed: 0\tgene\ta\tb\n0\tE1\t1\t2\n",
        "gene\ta\tb\n  E1 \t 1\t2 \n\t\t\n",
    ] {
        let matrix = text(content, &layout);
        let matrix = matrix.unwrap_or_else(|error| panic!("{content}: {}", chain(&error)));
        assert_eq!(matrix.samples(), ["a", "b"], "{content}");
        assert_eq!(
            (matrix.get("E1", "a"), matrix.get("E1", "b")),
            (Some(1.0), Some(2.0)),
            "{content}"
        );
    }
    // A name that lacks is not taken for that of the genes.
    let message = chain(&text("gene\ta\nE1\t1\t2\n", &layout).unwrap_err());
    assert!(
        message.contains("line 2: expected 2 columns, found 3"),
        "{message}"
    );
    // A header without a name for the genes, and a row whose last number is missing.
    let matrix = text(
        "a\tb\nE1\t1\t\nE2\t3\t4\n",
        &asked(&["a"], ExpressionUnit::Tpm),
    )
    .unwrap();
    assert_eq!(column(&matrix, "a"), [1.0, 3.0]);
}

#[test]
fn missing_numbers_count_where_they_are_asked_for() {
    let content = "gene\ta\tb\nE1\t1\tNA\nE2\t-\t2\nE3\t3\t4\nE4\t\tnull\n";
    let layout = |samples: &[&str]| asked(samples, ExpressionUnit::Tpm);
    let matrix = text(content, &layout(&["b"])).unwrap();
    assert_eq!(
        (matrix.genes(), column(&matrix, "b")),
        (&["E2".to_owned(), "E3".into()][..], vec![2.0, 4.0])
    );
    assert_eq!(
        matrix.notes(),
        ["Genes left out, which lack a number in a column that was read: 2 (`E1`, `E4`)"]
    );
    assert_eq!(text(content, &layout(&[])).unwrap().genes(), ["E3"]);
    let zeros = MatrixLayout {
        missing: Some(0.0),
        ..layout(&["a"])
    };
    assert_eq!(
        column(&text(content, &zeros).unwrap(), "a"),
        [1.0, 0.0, 3.0, 0.0]
    );
    let message = chain(&text("gene\ta\nE1\tNA\n", &layout(&[])).unwrap_err());
    assert!(
        message.contains("a column of numbers beside the genes"),
        "{message}"
    );
    let message = chain(&text("gene\ta\nE1\tNA\n", &layout(&["a"])).unwrap_err());
    assert!(
        message.contains(
            "found 1 that lack a number in a column that was asked for (as `E1` in line 2)"
        ),
        "{message}"
    );
}

#[test]
fn a_table_without_a_header_is_refused_or_read_whole() {
    let reads = |header| MatrixLayout {
        header,
        ..asked(&["cell"], ExpressionUnit::Reads)
    };
    let path = fault("headless/htseq.txt");
    for layout in [reads(TableHeader::Guessed), MatrixLayout::default()] {
        let message = chain(&read_expression_matrix(&path, &layout).unwrap_err());
        assert!(
            message.contains("htseq.txt: line 1: expected a header"),
            "{message}"
        );
        assert!(message.contains("`153` in column 2: if it is a row of a table without a header, say so (`--header absent`)"), "{message}");
    }
    let matrix = read_expression_matrix(&path, &reads(TableHeader::Absent)).unwrap();
    assert_eq!(
        (matrix.genes(), column(&matrix, "cell")),
        (&GENES.map(str::to_owned)[..], vec![153.0, 2.0, 40.0])
    );
    assert!(
        matrix.notes().iter().any(|note| note
            .contains("Rows passed over, which are no genes: 2 (`__no_feature`, `__ambiguous`)")),
        "{:?}",
        matrix.notes()
    );
    // STAR's, of three columns.
    let star = "N_unmapped\t9\t9\t9\nN_multimapping\t1\t1\t1\nN_noFeature\t1\t2\t3\nN_ambiguous\t0\t0\t0\nE1\t7\t3\t4\n";
    assert!(text(star, &MatrixLayout::default()).is_err());
    let third = MatrixLayout {
        header: TableHeader::Absent,
        ..asked(&["column 4"], ExpressionUnit::Reads)
    };
    assert_eq!(text(star, &third).unwrap().get("E1", "column 4"), Some(4.0));
    // Samples whose names are numbers.
    let numbered = "gene\t293\t1\nE1\t7\t3\n";
    assert!(text(numbered, &MatrixLayout::default()).is_err());
    let present = MatrixLayout {
        header: TableHeader::Present,
        ..MatrixLayout::default()
    };
    assert_eq!(text(numbered, &present).unwrap().samples(), ["293", "1"]);
}

#[test]
fn what_is_wrong_is_named_by_file_line_and_column() {
    fn t(content: &str, expected: &str) {
        let layout = asked(&["a"], ExpressionUnit::Tpm);
        for layout in [layout, MatrixLayout::default()] {
            let message = chain(&text(content, &layout).unwrap_err());
            assert!(message.contains("table.txt: line "), "{message}");
            assert!(message.contains(expected), "{message} lacks {expected}");
        }
    }
    t("", "line 1: expected a header, found an empty file");
    t(
        "# a\n\n",
        "line 3: expected a header, found remarks and empty lines only",
    );
    t("gene\ta\n", "expected at least one gene");
    t(
        "gene\ta\nE1\t1\nE2\tx\n",
        "line 3, column 2: expected a number of at least 0 (a), found `x`",
    );
    t(
        "a\tb\n\nE1\t-1\t1\n",
        "line 3, column 2: expected a number of at least 0 (a), found `-1`",
    );
    t(
        "gene\ta\nE1\tinf\n",
        "line 2, column 2: expected a number of at least 0 (a), found `inf`",
    );
    t("gene;a\nE1;3,69\n", "found `3,69`");
    t(
        "gene\ta\nE1\t1\nE2\t1\t2\n",
        "line 3: expected 2 columns, found 3",
    );
    t(
        "gene\ta\nE1\t1\nE2\n",
        "line 3: expected 2 columns, found 1",
    );
    t(
        "gene\ta\nE1\t1\n\nE1\t2\n",
        "line 4, column 1: expected genes that stand once, and `E1` stands in line 2",
    );
    t(
        "gene\ta\ta\nE1\t1\t1\n",
        "line 1, column 3: expected one column `a`, found two, in columns 2 and 3",
    );
    t(
        "gene\ta\n\t1\n",
        "line 2, column 1: expected a gene (gene), found nothing",
    );
    t(
        "gene\ta\nE1\t\"1\n",
        "line 2: expected quotes that are closed",
    );
    t("gene\ta\nE\u{e4}1\t1\nE2\t\u{e4}\n", "found `\u{e4}`");
    // Who does not ask for the column that stands twice is not kept by it.
    assert!(
        text(
            "gene\ta\tb\tb\nE1\t1\t2\t3\n",
            &asked(&["a"], ExpressionUnit::Tpm)
        )
        .is_ok()
    );
    let many: Vec<String> = (0..17_382).map(|sample| format!("GTEX-{sample}")).collect();
    let content = format!(
        "gene\t{}\nE1{}\n",
        many.join("\t"),
        "\t1".repeat(many.len())
    );
    let message = chain(&text(&content, &asked(&["liver"], ExpressionUnit::Tpm)).unwrap_err());
    assert!(message.ends_with("`GTEX-8` and 17373 more"), "{message}");
}

#[test]
fn a_gct_has_the_version_and_extent_that_it_says() {
    fn t(start: &str, expected: Option<&str>) {
        let content = format!("{start}\nName\tDescription\ta\tb\nE1\tx\t1\t2\nE2\ty\t3\t4\n");
        let found = text(&content, &MatrixLayout::default());
        match expected {
            None => assert_eq!(found.unwrap().genes().len(), 2),
            Some(expected) => {
                let message = found.unwrap_err().to_string();
                assert!(message.contains(expected), "{message}");
            }
        }
    }
    t("#1.2\n2\t2", None);
    // As spreadsheets write it.
    t("#1.2\t\t\n2\t2\t\t", None);
    t(
        "#1.2\n3\t2",
        Some("line 6: expected 3 rows as the second line says, found 2"),
    );
    t(
        "#1.2\n2\t3",
        Some("expected 3 samples as the second line says, found 2"),
    );
    t(
        "#1.2\n2",
        Some("line 2: expected the numbers of rows and samples, found `2`"),
    );
    t(
        "#1.3\n2\t2\t0\t0",
        Some("line 1: expected version 1.2 of GCT, found `#1.3`"),
    );
    let aside = MatrixLayout {
        other_columns: vec!["b".into()],
        ..MatrixLayout::default()
    };
    let content = "#1.2\n1\t2\nName\tDescription\ta\tb\nE1\tx\t1\t2\n";
    assert_eq!(text(content, &aside).unwrap().samples(), ["a"]);
    let by_symbol = MatrixLayout {
        gene_column: Some("Description".into()),
        ..asked(&["b"], ExpressionUnit::Tpm)
    };
    assert_eq!(text(content, &by_symbol).unwrap().get("x", "b"), Some(2.0));
}

#[test]
fn types_of_parquet_are_read_by_their_meaning() {
    let parts = [3.69, 0.0, 11.2];
    let read = |file: &str, sample: &str| {
        read_expression_matrix(&golden(file), &asked(&[sample], ExpressionUnit::Tpm))
    };
    for (file, columns) in [
        (
            "pyarrow.parquet",
            &[
                "int8",
                "int16",
                "int32",
                "int64",
                "uint8",
                "uint16",
                "uint32",
                "uint64",
                "float16",
                "float32",
                "float64",
                "decimal4",
                "decimal9",
                "decimal18",
                "decimal38",
                "decimal50",
            ][..],
        ),
        (
            "pyarrow.integers.parquet",
            &["decimal4", "decimal9", "decimal18", "decimal38"],
        ),
        ("pyarrow.int96.parquet", &["float64"]),
        (
            "duckdb.parquet",
            &[
                "tinyint",
                "smallint",
                "integer",
                "bigint",
                "hugeint",
                "utinyint",
                "usmallint",
                "uinteger",
                "ubigint",
                "float",
                "double",
                "decimal(4,2)",
                "decimal(9,2)",
                "decimal(18,4)",
                "decimal(38,10)",
            ],
        ),
        ("polars.parquet", &["u32", "i8", "f32", "decimal"]),
    ] {
        for column in columns {
            let matrix = read(file, column);
            let matrix =
                matrix.unwrap_or_else(|error| panic!("{file} {column}: {}", chain(&error)));
            let values = matrix.values().column(0).to_vec();
            let expected = match *column {
                "double" | "float64" => parts,
                "float16" | "float32" | "float" | "f32" => [3.5, 0.0, 11.25],
                name if name.starts_with("decimal") => parts,
                _ => [3.0, 0.0, 11.0],
            };
            assert_eq!(values, expected, "{file} {column}");
        }
    }
    assert_eq!(
        read("pyarrow.parquet", "uint32_high").unwrap().values()[[0, 0]],
        4_294_967_295.0
    );
    assert_eq!(
        read("pyarrow.parquet", "uint64_high").unwrap().values()[[0, 0]],
        9_223_372_036_854_775_808.0
    );
    let missing = read("pyarrow.parquet", "missing").unwrap();
    assert_eq!((missing.genes().len(), missing.notes().len()), (1, 1));
}

#[test]
fn types_that_are_no_numbers_are_refused_by_name_column_and_file() {
    for (file, column, found) in [
        ("pyarrow.parquet", "bool", "truth values"),
        ("pyarrow.parquet", "date32", "dates"),
        ("pyarrow.parquet", "timestamp", "times of dates"),
        (
            "pyarrow.int96.parquet",
            "timestamp",
            "times of dates (INT96)",
        ),
        ("pyarrow.parquet", "time64", "times of day"),
        ("pyarrow.parquet", "null", "nulls only"),
        ("pyarrow.parquet", "list.list.element", "lists"),
        ("pyarrow.parquet", "struct.x", "structures"),
        ("pyarrow.parquet", "fixed", "bytes"),
        ("pyarrow.parquet", "dictionary", "text"),
        ("duckdb.parquet", "boolean", "truth values"),
        ("duckdb.parquet", "date", "dates"),
        ("duckdb.parquet", "time", "times of day"),
        ("duckdb.parquet", "timestamp", "times of dates"),
        ("duckdb.parquet", "interval", "spans of time"),
        ("duckdb.parquet", "uuid", "UUIDs"),
        ("duckdb.parquet", "json", "JSON"),
        ("duckdb.parquet", "enum", "text"),
        ("polars.parquet", "date", "dates"),
        ("polars.parquet", "categorical", "text"),
    ] {
        let error = read_expression_matrix(&golden(file), &asked(&[column], ExpressionUnit::Tpm))
            .unwrap_err();
        assert!(matches!(error, Error::Column { .. }), "{error:?}");
        let message = error.to_string();
        let expected = format!("{file}: column `{column}`: expected numbers, found {found}");
        assert!(message.ends_with(&expected), "{message}");
        let genes = MatrixLayout {
            gene_column: Some(column.to_owned()),
            ..MatrixLayout::default()
        };
        if found != "text" {
            let message = chain(&read_expression_matrix(&golden(file), &genes).unwrap_err());
            assert!(
                message.ends_with(&format!(
                    "expected text that names the genes, found {found}"
                )),
                "{message}"
            );
        }
    }
    let odd = read_expression_matrix(
        &golden("pyarrow.parquet"),
        &asked(&["uint64_odd"], ExpressionUnit::Tpm),
    );
    let message = odd.unwrap_err().to_string();
    assert!(message.ends_with("row 1, column `uint64_odd`: expected a value, found 9223372036854775809, which no 64-bit float is"), "{message}");
    // Who asks for all columns reads those of numbers, and is told of the others.
    let duck = read_expression_matrix(&golden("duckdb.parquet"), &MatrixLayout::default()).unwrap();
    assert_eq!(duck.samples().len(), 15);
    let note = duck.notes().join(" ");
    for aside in ["boolean (truth values)", "date (dates)", "uuid (UUIDs)"] {
        assert!(note.contains(aside), "{note}");
    }
}

#[test]
fn pandas_own_notes_say_which_columns_are_data() {
    let genes = ["ENSG01", "ENSG02", "ENSG03"].map(str::to_owned);
    for (name, sample) in [
        ("named", "cell"),
        ("unnamed", "cell"),
        ("range", "cell"),
        ("number", "cell"),
        ("several", "cell"),
        ("several_unnamed", "cell"),
        ("columns", "7"),
        ("category", "cell"),
        ("lost", "cell"),
    ] {
        let matrix = read_expression_matrix(
            &golden(&format!("pandas.{name}.parquet")),
            &MatrixLayout::default(),
        );
        let matrix = matrix.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert_eq!(matrix.genes(), genes, "{name}");
        assert_eq!(matrix.samples(), [sample], "{name}");
        assert_eq!(column(&matrix, sample), [3.69, 0.0, 11.2], "{name}");
        if ["unnamed", "number", "several", "several_unnamed", "lost"].contains(&name) {
            assert!(
                matrix.notes()[0]
                    .starts_with("Columns that are the index of the rows and no data: 1"),
                "{name}: {:?}",
                matrix.notes()
            );
        }
    }
    let nullable =
        read_expression_matrix(&golden("pandas.nullable.parquet"), &MatrixLayout::default())
            .unwrap();
    assert_eq!(
        (nullable.genes(), nullable.get("ENSG03", "cell")),
        (&["ENSG01".to_owned(), "ENSG03".into()][..], Some(11.0))
    );
    let message = chain(
        &read_expression_matrix(
            &golden("pandas.only_number.parquet"),
            &MatrixLayout::default(),
        )
        .unwrap_err(),
    );
    assert!(
        message.contains(
            "expected a column of text that names the genes, found the columns `cell`, `number`"
        ),
        "{message}"
    );
    for (name, rows) in [("silent", 57), ("silent_control", 57)] {
        let path = fault(&format!("pandas_index/{name}.parquet"));
        let matrix = read_expression_matrix(&path, &MatrixLayout::of(ExpressionUnit::Tpm)).unwrap();
        assert_eq!(
            (matrix.samples().len(), matrix.genes().len()),
            (10, rows),
            "{name}"
        );
    }
}

#[test]
fn promoters_of_pandas_are_read_without_its_index() {
    let layout = PromoterTableLayout {
        gene: "gene_id".into(),
        ..PromoterTableLayout::default()
    };
    let table = read_promoter_table(&golden("pandas.promoters.parquet"), &layout).unwrap();
    assert_eq!(
        (&table.genes[..], &table.tissues[..]),
        (
            &["ENSG01".to_owned(), "ENSG03".into()][..],
            &["cell".to_owned()][..]
        )
    );
    assert_eq!(
        (&table.sequences[1][..], &table.values[..]),
        ("acgtn", &[3.69, 11.2][..])
    );
    assert_eq!(
        table.notes,
        [
            "Columns left aside: 2 (`gene_name (text)`, `__index_level_0__ (index)`)",
            "Genes left out, which lack a sequence: 1 (`ENSG02`)"
        ]
    );
}

#[test]
fn arrays_of_other_numbers_and_of_an_older_python_are_read() {
    for name in ["f8.npy", "py2.npy"] {
        let windows = read_npy(&fault("npy").join(name), &["a", "b"], 100).unwrap();
        let values: Vec<f32> = windows.signal().iter().copied().collect();
        assert_eq!(windows.signal().shape(), [2, 3, 2], "{name}");
        assert_eq!(
            values,
            (0..12).map(|value| value as f32).collect::<Vec<f32>>(),
            "{name}"
        );
    }
}

#[test]
fn a_sample_that_is_asked_for_by_name_is_never_another_column() {
    let path = fault("rsem/cell.genes.results");
    let named = |sample: &str| MatrixLayout {
        sample_names_file: false,
        ..asked(&[sample], ExpressionUnit::Tpm)
    };
    let message = read_expression_matrix(&path, &named("TPN")).unwrap_err();
    let message = message.to_string();
    assert!(message.contains("column `TPN`"), "{message}");
    assert!(message.contains("`TPM`"), "{message}");
    assert!(read_expression_matrix(&path, &named("TPM")).is_ok());
    let of_file = asked(&["liver"], ExpressionUnit::Tpm);
    let matrix = read_expression_matrix(&path, &of_file).unwrap();
    assert!(!matrix.notes().is_empty());
}
