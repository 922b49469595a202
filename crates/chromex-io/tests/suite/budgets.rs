//! Small files that would fill the memory are refused, and the process that reads them stays small.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chromex_io::deepchrome::{DeepChromeLayout, read_deepchrome};
use chromex_io::deepdiff::{DeepDiffLayout, read_windows};
use chromex_io::expression::{MatrixLayout, read_expression, read_expression_matrix};
use chromex_io::genes::{GeneWindows, read_gene_rows, read_genes};
use chromex_io::promoters::{Genome, PromoterTableLayout, Region, read_promoter_table};
use chromex_io::splits::read_split;
use chromex_io::storage::{WindowsFile, read_npy, read_npz};
use chromex_io::{Error, TabRows, read_cells_npz};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// What a reader may take of the machine: its budget is 256 MiB and 32 bytes for each byte of these small files, and vectors that grow
/// hold what they had for a moment.
const MOST_BYTES: u64 = 1200 << 20;
/// Names the reader and the file in a process of its own.
const READER: &str = "CHROMEX_TEST_READER";
const FILE: &str = "CHROMEX_TEST_FILE";

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

type Reader = fn(&Path) -> Result<(), Error>;

const READERS: [(&str, Reader); 13] = [
    ("expression matrix", |path| {
        read_expression_matrix(path, &MatrixLayout::default()).map(drop)
    }),
    ("expression", |path| read_expression(path).map(drop)),
    ("promoters", |path| {
        read_promoter_table(path, &PromoterTableLayout::default()).map(drop)
    }),
    ("tab rows", |path| {
        let mut rows = TabRows::open(path)?;
        while rows.advance()? {}
        Ok(())
    }),
    ("deepchrome", |path| {
        let layout = DeepChromeLayout {
            marks: vec!["a".into()],
            bins: 1,
            bin_width_bp: 100,
        };
        read_deepchrome(path, &layout).map(drop)
    }),
    ("deepdiff", |path| {
        let layout = DeepDiffLayout {
            marks: vec!["a".into()],
            bins: 1,
            bin_width_bp: 100,
        };
        read_windows(path, &layout).map(drop)
    }),
    ("split", |path| read_split(path).map(drop)),
    ("genes", |path| {
        read_genes(path, &Default::default()).map(drop)?;
        read_gene_rows(path, "gene").map(drop)
    }),
    ("windows", |path| GeneWindows::read_bed(path, 2).map(drop)),
    ("genome", |path| {
        let region = Region {
            contig: "chr1".into(),
            start: 5,
            end: 9,
            strand: chromex_io::genes::Strand::Plus,
        };
        Genome::open(path)?.read(&region).map(drop)
    }),
    ("npy", |path| read_npy(path, &["a"], 100).map(drop)),
    ("npz", |path| {
        let _ = read_npz(path);
        read_cells_npz(path, &DeepChromeLayout::default(), "").map(drop)
    }),
    ("windows file", |path| {
        WindowsFile::open(path)?.read().map(drop)?;
        read_expression_matrix(path, &MatrixLayout::default()).map(drop)
    }),
];

/// Reads in a process of its own; gives the most memory that it had.
fn peak(reader: &str, file: &Path) -> (u64, String) {
    let limited = format!("ulimit -v {}; exec \"$0\" \"$@\"", 2 << 20);
    let child = Command::new("bash")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args([
            "budgets::a_process_of_its_own",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(READER, reader)
        .env(FILE, file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(
        child.status.success(),
        "{reader}: {text}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let line = text.lines().find_map(|line| line.split_once("peak "));
    let (_, line) = line.unwrap_or_else(|| panic!("{reader}: {text}"));
    let (kilobytes, message) = line.split_once(' ').unwrap();
    (kilobytes.parse::<u64>().unwrap() << 10, message.to_owned())
}

#[test]
fn a_process_of_its_own() {
    let (Ok(reader), Ok(file)) = (std::env::var(READER), std::env::var(FILE)) else {
        return;
    };
    let (_, read) = READERS.iter().find(|(name, _)| *name == reader).unwrap();
    let message = match read(Path::new(&file)) {
        Ok(()) => "read".to_owned(),
        Err(error) => error.to_string(),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    println!("peak {} {message}", peak.split_whitespace().next().unwrap());
}

/// Packs what a function writes, by zstandard, which packs best.
fn packed(
    folder: &Path,
    name: &str,
    fill: &dyn Fn(&mut dyn Write) -> std::io::Result<()>,
) -> PathBuf {
    let path = folder.join(name);
    let mut packer = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
    fill(&mut packer).unwrap();
    packer.finish().unwrap();
    path
}

/// Refused or read, in the memory that small files are given.
fn check(reader: &str, file: &Path, expected: &str) {
    let bytes = std::fs::metadata(file).unwrap().len();
    assert!(bytes < 12 << 20, "{reader}: {bytes}");
    let (peak, message) = peak(reader, file);
    assert!(
        peak < MOST_BYTES,
        "{reader}: {peak} bytes for a file of {bytes}: {message}"
    );
    assert!(message.contains(expected), "{reader}: {message}");
}

#[cfg(target_os = "linux")]
#[test]
fn tables_that_unpack_without_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |name: &str, header: &str, row: &'static str| {
        let header = header.to_owned();
        packed(folder.path(), name, &move |file| {
            file.write_all(header.as_bytes())?;
            let (before, behind) = row.split_once('@').unwrap();
            let mut block = String::new();
            for first in (0_usize..2_100_000).step_by(10_000) {
                block.clear();
                for number in first..first + 10_000 {
                    block.push_str(before);
                    (0..6).for_each(|digit| block.push(DIGITS[number >> (4 * digit) & 15]));
                    block.push_str(behind);
                }
                file.write_all(block.as_bytes())?;
            }
            Ok(())
        })
    };
    let too_large = "takes more than";
    check(
        "expression matrix",
        &rows("a", "gene\ta\n", "@\t1\n"),
        too_large,
    );
    check("expression", &rows("b", "", "@,1\n"), too_large);
    check(
        "promoters",
        &rows("c", "gene\tsequence\ta\n", "@\tA\t1\n"),
        too_large,
    );
    check(
        "tab rows",
        &rows(
            "d",
            "",
            "@\tone of the fields of a longer line, which is kept as it stands and takes as much memory as it has letters\n",
        ),
        too_large,
    );
    check("deepchrome", &rows("o", "", "@,1,0,1\n"), too_large);
    check("deepdiff", &rows("p", "", "@_s_1,0\n"), too_large);
    check(
        "split",
        &rows("e", "gene\tpart\tcluster\n", "@\ttest\t1\n"),
        too_large,
    );
    check(
        "genes",
        &rows("f", "", "1\ts\tgene\t5\t9\t.\t+\t.\tgene_id \"@\"\n"),
        too_large,
    );
    check("windows", &rows("g", "", "1\t5\t9\t@\n"), too_large);
    check("genome", &rows("h", "", ">@\nA\n"), too_large);
    let long = |name: &str, header: &'static [u8], letter: u8| {
        packed(folder.path(), name, &move |file| {
            file.write_all(header)?;
            let block = vec![letter; 1 << 20];
            (0..300).try_for_each(|_| file.write_all(&block))
        })
    };
    // One line of 300 MB, and one quoted field of it.
    let line = long("i", b"gene\tsequence\ta\nE1\t", b'A');
    for (reader, expected) in [
        ("promoters", "a line of at most 4194304 bytes"),
        ("expression matrix", "a line of at most 4194304 bytes"),
        ("deepchrome", "columns"),
        ("genome", "expected a line that begins with >"),
    ] {
        check(reader, &line, expected);
    }
    check(
        "promoters",
        &long("j", b"gene\tsequence\ta\nE1\t\"", b'\n'),
        "quotes that are closed",
    );
    check(
        "genome",
        &long("k", b">chr1\n", b'A'),
        "unpacks to more than",
    );
    check("genome", &long("l", b">", b'A'), "unpacks to more than");
    check(
        "expression matrix",
        &long("m", b"gene\ta\n", b'\n'),
        "unpacks to more than",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn arrays_that_unpack_without_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let header = |descr: &str, shape: &str| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let archive = |name: &str, entries: usize, header: &[u8], bytes: usize| {
        let path = folder.path().join(name);
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let block = vec![0; 700 << 10];
        for entry in 0..entries {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(format!("c{entry}.npy"), options).unwrap();
            zip.write_all(header).unwrap();
            (0..bytes / block.len()).for_each(|_| zip.write_all(&block).unwrap());
        }
        zip.finish().unwrap();
        path
    };
    // One array of 360 MB in some hundred kilobytes, then some of 8 MB each that together take as much.
    let one = archive(
        "one.npz",
        1,
        &header("<f8", "(65536, 100, 7)"),
        65536 * 5600,
    );
    check("npz", &one, "takes more than");
    let many = archive(
        "many.npz",
        16,
        &header("|u1", "(12288, 100, 7)"),
        12288 * 700,
    );
    check("npz", &many, "takes more than");
    // A shape that promises more than there is.
    let path = folder.path().join("a.npy");
    std::fs::write(&path, header("<f8", "(100000, 100, 700)")).unwrap();
    check("npy", &path, "takes more than");
}

#[cfg(target_os = "linux")]
#[test]
fn columns_of_a_few_bytes_that_stand_for_millions_of_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: usize, groups: usize| {
        let path = folder.path().join(name);
        let schema = "message m { required binary gene (UTF8); required double a; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
        let genes = vec![ByteArray::from("E1"); 1 << 16];
        for _ in 0..groups {
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            for _ in 0..rows >> 16 {
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&genes, None, None)
                    .unwrap();
            }
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            for _ in 0..rows >> 16 {
                column
                    .typed::<DoubleType>()
                    .write_batch(&[1.0; 1 << 16], None, None)
                    .unwrap();
            }
            column.close().unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
        path
    };
    let path = write("a.parquet", 20 << 20, 1);
    assert!(std::fs::metadata(&path).unwrap().len() < 500_000);
    check("expression matrix", &path, "takes more than");
    // Of many small groups the second row is the first that stands twice.
    check(
        "expression matrix",
        &write("b.parquet", 1 << 16, 100),
        "genes that stand once",
    );
    check("windows file", &path, "Parquet");
}

#[test]
fn what_has_no_end_is_refused_at_once_by_every_reader() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
        for (name, read) in READERS {
            let error = read(path).unwrap_err();
            let cause = std::error::Error::source(&error);
            let cause = cause
                .unwrap_or_else(|| panic!("{name}: {error}"))
                .to_string();
            assert!(
                cause.starts_with("expected a regular file, found a"),
                "{name}: {cause}"
            );
        }
    }
}

mod any_text {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        /// No reader cuts a letter of several bytes, whatever stands where.
        #[test]
        fn is_read_or_refused_by_every_reader(
            text in prop_oneof![
                "(\\PC|[\t\n\r,;\"#>._ ]){0,160}",
                "([a-zäö€𝄞]{0,4}[\t,; =\"_.]|1|\n){0,80}",
            ],
            start in 0_usize..6,
        ) {
            let start = [
                "", "gene\ta\n", "##gff-version 3\nchr1\ts\tgene\t1\t9\t.\t+\t.\t", "gene\tpart\tcluster\n",
                ">chr1\n", "chr1\ts\tgene\t1\t9\t.\t-\t.\tgene_id \"ä\u{e9}.1_€\"; ",
            ][start];
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.txt");
            std::fs::write(&path, format!("{start}{text}")).unwrap();
            for (_, read) in READERS {
                let _ = read(&path);
            }
        }
    }
}
