//! Hostile files of single formats: sizes that no file has, tables that point outside of it, programs within data.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use crate::content::Hostile;

/// Text around other bytes.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let padded = format!("{header}{}\n", " ".repeat(63 - (10 + header.len()) % 64));
    let length = (padded.len() as u16).to_le_bytes();
    joined(&[b"\x93NUMPY\x01\0", &length, padded.as_bytes(), data])
}

fn npy_of(shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    npy(&header, &[0; 64])
}

fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default();
        writer
            .start_file(*name, options)
            .expect("a name of an entry");
        writer.write_all(bytes).expect("room for an entry");
    }
    writer.finish().expect("room for an archive").into_inner()
}

/// Archives of NumPy arrays.
pub(crate) fn npz() -> Vec<Hostile> {
    let mut all = Vec::new();
    for (name, entry) in [
        ("a path upwards", "a/../../../../../outside.npy"),
        ("an absolute path", "/tmp/chromex-hostile-outside.npy"),
        ("HTML", "<script>alert(1)</script>.npy"),
        ("a long name", &"n".repeat(60_000)),
        ("no name", ".npy"),
    ] {
        all.push(Hostile::bytes(
            format!("an archive with {name}"),
            archive(&[(entry, npy_of("(1, 100, 5)"))]),
        ));
    }
    for shape in [
        "(4611686018427387904, 100, 5)",
        "(18446744073709551615, 1, 1)",
        "(99999999999999999999999, 1, 1)",
        "(4294967296, 4294967296, 2)",
        "(0, 100, 5)",
        "(2, 0, 5)",
        "()",
        "(-1, 100, 5)",
        "(1,)",
    ] {
        all.push(Hostile::bytes(
            format!("an archive of shape {shape}"),
            archive(&[("cell.npy", npy_of(shape))]),
        ));
    }
    let nested = format!("{}{}", "(".repeat(20_000), ")".repeat(20_000));
    all.push(Hostile::bytes(
        "a shape nested deep",
        archive(&[("cell.npy", npy_of(&nested))]),
    ));
    for kind in [
        "|O",
        "<U1000000000",
        "<f16",
        ">c32",
        "|V9223372036854775807",
    ] {
        let header =
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (1, 100, 5), }}");
        all.push(Hostile::bytes(
            format!("an archive of type {kind}"),
            archive(&[("cell.npy", npy(&header, &[0; 64]))]),
        ));
    }
    all.push(Hostile::made("an archive that unfolds to 1.6 GB", || {
        let zeros = vec![0; 2000 * 100 * 5 * 4];
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2000, 100, 5), }";
        let bomb = npy(header, &zeros);
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for cell in 0..400 {
            let name = format!("cell{cell}.npy");
            let options = SimpleFileOptions::default();
            writer
                .start_file(name, options)
                .expect("a name of an entry");
            writer.write_all(&bomb).expect("room for an entry");
        }
        writer.finish().expect("room for an archive").into_inner()
    }));
    let inner = archive(&[("cell.npy", npy_of("(1, 100, 5)"))]);
    all.push(Hostile::bytes(
        "an archive of an archive",
        archive(&[("a.npz", inner)]),
    ));
    all.push(Hostile::bytes("an archive of nothing", archive(&[])));
    all
}

/// JSON where a configuration is expected.
pub(crate) fn json() -> Vec<Hostile> {
    vec![
        Hostile::bytes("arrays nested deep", "[".repeat(200_000)),
        Hostile::bytes("objects nested deep", "{\"a\":".repeat(200_000)),
        Hostile::bytes(
            "closed arrays nested deep",
            format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
        Hostile::bytes("an array", "[1, 2]"),
        Hostile::bytes("null", "null"),
        Hostile::bytes("half a surrogate", r#"{"a": "\ud800"}"#),
        Hostile::made("a string of 50 MB", || {
            format!("{{\"a\": \"{}\"}}", "x".repeat(50_000_000)).into()
        }),
        Hostile::made("a million keys", || {
            let keys: Vec<String> = (0..1_000_000).map(|key| format!("\"k{key}\":1")).collect();
            format!("{{{}}}", keys.join(",")).into()
        }),
    ]
}

/// A configuration of DNABERT-2 with one number out of range.
pub(crate) fn configurations(sound: &str) -> Vec<Hostile> {
    let fields = [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
    ];
    let mut all = json();
    let config: serde_json::Value = serde_json::from_str(sound).expect("the configuration is JSON");
    for field in fields {
        for value in [
            "0",
            "1000000000",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "-1",
            "1e400",
            "1.5",
            "null",
            "\"8\"",
        ] {
            let old = format!("\"{field}\":{}", config[field]);
            let text = config
                .to_string()
                .replace(&old, &format!("\"{field}\":{value}"));
            all.push(Hostile::bytes(format!("{field} is {value}"), text));
        }
    }
    all
}

/// Tokenizers that are JSON but none that can be.
pub(crate) fn tokenizers(sound: &[u8]) -> Vec<Hostile> {
    let mut all = json();
    let text = String::from_utf8_lossy(sound).into_owned();
    let value: serde_json::Value = serde_json::from_str(&text).expect("the tokenizer is JSON");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut other = value.clone();
        change(&mut other);
        other.to_string()
    };
    all.push(Hostile::bytes(
        "an absurd id",
        with(&|v| v["model"]["vocab"]["zz"] = 4_294_967_295_u32.into()),
    ));
    all.push(Hostile::bytes(
        "an id beyond 32 bits",
        with(&|v| v["model"]["vocab"]["zz"] = u64::MAX.into()),
    ));
    all.push(Hostile::bytes(
        "an id twice",
        with(&|v| v["model"]["vocab"]["zz"] = 0.into()),
    ));
    all.push(Hostile::bytes(
        "merges of unknown tokens",
        with(&|v| v["model"]["merges"] = serde_json::json!([["q", "zzz"]])),
    ));
    all.push(Hostile::bytes(
        "no model",
        with(&|v| v["model"] = serde_json::Value::Null),
    ));
    all.push(Hostile::bytes("an expression that backtracks", with(&|v| {
        v["pre_tokenizer"] = serde_json::json!({"type": "Split", "pattern": {"Regex": "(a*)*b"}, "behavior": "Isolated", "invert": false});
    })));
    all.push(Hostile::bytes("an added token of an absurd id", with(&|v| {
        v["added_tokens"] = serde_json::json!([{"id": 4_000_000_000_u32, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}]);
    })));
    all
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    joined(&[
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        data,
    ])
}

/// Weights whose headers lie, and pickles that call what they should not.
pub(crate) fn weights() -> Vec<Hostile> {
    let mut all = Vec::new();
    for length in [1 << 60, u64::MAX, 1 << 32, 0, 7] {
        let bytes = joined(&[&u64::to_le_bytes(length), b"{}", &[0; 32]]);
        all.push(Hostile::bytes(format!("a header of {length} bytes"), bytes));
    }
    for (name, header) in [
        (
            "offsets beyond the file",
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,1152921504606846976]}}"#,
        ),
        (
            "offsets beyond 64 bits",
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,99999999999999999999]}}"#,
        ),
        (
            "offsets that overlap",
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}"#,
        ),
        (
            "offsets that fall",
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#,
        ),
        (
            "a shape that overflows",
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,16]}}"#,
        ),
        (
            "an unknown type",
            r#"{"a":{"dtype":"F7","shape":[4],"data_offsets":[0,16]}}"#,
        ),
        (
            "a tensor twice",
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        ),
        (
            "a name that is a path",
            r#"{"../../../outside":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        ),
        ("a header that is an array", "[]"),
    ] {
        all.push(Hostile::bytes(
            format!("weights with {name}"),
            safetensors(header, &[0; 16]),
        ));
    }
    let names: Vec<String> = (0..20_000)
        .map(|tensor| {
            format!("\"t{tensor}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")
        })
        .collect();
    all.push(Hostile::bytes(
        "weights of 20,000 tensors",
        safetensors(&format!("{{{}}}", names.join(",")), &[]),
    ));
    all
}

/// Pickles: programs that make a file, and ones that ask for memory.
pub(crate) fn pickles() -> Vec<Hostile> {
    let call = b"cposix\nsystem\n(S'touch pwned ../pwned /tmp/chromex-hostile-outside'\ntR.";
    let open = b"c__builtin__\nopen\n(S'pwned'\nS'w'\ntR.";
    let evaluate = b"c__builtin__\neval\n(S'open(\"pwned\",\"w\")'\ntR.";
    let mut all = Vec::new();
    for (name, program) in [("system", &call[..]), ("open", open), ("eval", evaluate)] {
        all.push(Hostile::bytes(
            format!("a pickle that calls {name}"),
            program,
        ));
        let inside = archive(&[
            ("archive/data.pkl", program.to_vec()),
            ("archive/version", b"3\n".to_vec()),
            ("archive/data/0", vec![0; 16]),
        ]);
        all.push(Hostile::bytes(
            format!("an archive whose pickle calls {name}"),
            inside,
        ));
    }
    let mut marks = b"\x80\x02".to_vec();
    marks.extend(b"(".repeat(2_000_000));
    marks.push(b'.');
    all.push(Hostile::bytes("a pickle of two million marks", marks));
    let mut nested = b"\x80\x02".to_vec();
    nested.extend(b"]".repeat(1_000_000));
    nested.extend(b"a".repeat(999_999));
    nested.push(b'.');
    all.push(Hostile::bytes("a pickle of lists in lists", nested));
    let mut doubled = b"\x80\x02]q\x00".to_vec();
    for _ in 0..60 {
        doubled.extend(b"(h\x00h\x00e");
    }
    doubled.push(b'.');
    all.push(Hostile::bytes("a pickle that doubles itself", doubled));
    all.push(Hostile::bytes(
        "a pickle of a long string",
        b"\x80\x02X\xff\xff\xff\x7fabc.".to_vec(),
    ));
    all.push(Hostile::bytes(
        "a pickle of a memo at 2^32 - 1",
        b"\x80\x02]r\xff\xff\xff\xff.".to_vec(),
    ));
    all.push(Hostile::bytes(
        "a pickle that takes from nothing",
        b"\x80\x02000.".to_vec(),
    ));
    all
}

/// Tables of genes whose parents make no tree, and others.
pub(crate) fn genes() -> Vec<Hostile> {
    let line = |kind: &str, start: &str, end: &str, attributes: &str| {
        format!("chr1\tx\t{kind}\t{start}\t{end}\t.\t+\t.\t{attributes}\n")
    };
    let chain: String = (0..100_000)
        .map(|place| {
            line(
                "mRNA",
                "1",
                "9",
                &format!("ID=t{place};Parent=t{}", place + 1),
            )
        })
        .collect();
    vec![
        Hostile::bytes(
            "parents in a circle",
            format!(
                "##gff-version 3\n{}{}",
                line("gene", "1", "9", "ID=a;Parent=b"),
                line("mRNA", "1", "9", "ID=b;Parent=a")
            ),
        ),
        Hostile::bytes(
            "a parent of itself",
            format!(
                "##gff-version 3\n{}",
                line("mRNA", "1", "9", "ID=a;Parent=a")
            ),
        ),
        Hostile::bytes("100,000 parents deep", format!("##gff-version 3\n{chain}")),
        Hostile::bytes(
            "a start beyond the end",
            line("gene", "9", "1", "gene_id \"a\";"),
        ),
        Hostile::bytes("a start of 0", line("gene", "0", "1", "gene_id \"a\";")),
        Hostile::bytes(
            "an end at 2^64",
            line("gene", "1", "18446744073709551615", "gene_id \"a\";"),
        ),
        Hostile::bytes(
            "100,000 attributes",
            line("gene", "1", "9", &"gene_id \"a\"; ".repeat(100_000)),
        ),
        Hostile::bytes(
            "an id of HTML",
            line(
                "gene",
                "1500",
                "1900",
                "gene_id \"<script>alert(1)</script>\";",
            ),
        ),
        Hostile::bytes(
            "an id that is a path",
            line("gene", "1500", "1900", "gene_id \"../../../outside\";"),
        ),
        Hostile::bytes(
            "escapes that are none",
            format!(
                "##gff-version 3\n{}",
                line("gene", "1", "9", "ID=%zz%f;Name=%00")
            ),
        ),
    ]
}

/// A BAM by its parts, packed as gzip members as BGZF is.
fn bam(header: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for block in [header, &[]] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(block).expect("room for a block");
        let whole = encoder.finish().expect("room for a block");
        let raw = &whole[10..];
        let size = (12 + 6 + raw.len() - 1) as u16;
        packed.extend(b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0");
        packed.extend(size.to_le_bytes());
        packed.extend(raw);
    }
    packed
}

/// Files of reads that announce more than they hold.
pub(crate) fn reads() -> Vec<Hostile> {
    let number = |value: u32| value.to_le_bytes();
    let header = |text: u32, contigs: u32| joined(&[b"BAM\x01", &number(text), &number(contigs)]);
    let one = joined(&[
        b"BAM\x01",
        &number(0),
        &number(1),
        &number(5),
        b"chr1\0",
        &number(10_000),
    ]);
    let record = |size: u32| joined(&[&one, &number(size), &[0; 40]]);
    let mut all = vec![
        Hostile::bytes("a BAM with a header of 4 GB", bam(&header(u32::MAX, 0))),
        Hostile::bytes("a BAM of 2^31 contigs", bam(&header(0, i32::MAX as u32))),
        Hostile::bytes("a BAM of 2^32 - 1 contigs", bam(&header(0, u32::MAX))),
        Hostile::bytes(
            "a BAM with a contig's name of 4 GB",
            bam(&joined(&[&header(0, 1), &number(u32::MAX)])),
        ),
        Hostile::bytes("a CRAM of version 255", b"CRAM\xff\xff".repeat(10)),
        Hostile::bytes(
            "a CRAM of one container of 2 GB",
            joined(&[
                b"CRAM\x03\0",
                &[0; 20],
                &number(i32::MAX as u32),
                &[0xff; 40],
            ]),
        ),
        Hostile::bytes(
            "a bigWig of a header of 0xff",
            joined(&[b"\x26\xfc\x8f\x88", &[0xff; 200]]),
        ),
        Hostile::bytes(
            "a bigWig of zeros",
            joined(&[b"\x26\xfc\x8f\x88", &[0; 200]]),
        ),
        Hostile::bytes("a bigBed", joined(&[b"\xeb\xf2\x89\x87", &[1; 200]])),
        Hostile::bytes(
            "a SAM of a bad CIGAR",
            "@SQ\tSN:chr1\tLN:10000\nr\t0\tchr1\t1\t9\t99999999999M\t*\t0\t0\tA\tI\n",
        ),
        Hostile::bytes(
            "a SAM of a read that deletes 2^31",
            "@SQ\tSN:chr1\tLN:10000\nr\t0\tchr1\t1\t9\t268435455D1M\t*\t0\t0\tA\tI\n",
        ),
        Hostile::bytes(
            "a SAM of a contig of length 0",
            "@SQ\tSN:chr1\tLN:0\nr\t0\tchr1\t1\t9\t1M\t*\t0\t0\tA\tI\n",
        ),
    ];
    for size in [0, 31, u32::MAX, i32::MAX as u32] {
        all.push(Hostile::bytes(
            format!("a BAM with a record of {size} bytes"),
            bam(&record(size)),
        ));
    }
    all
}

/// Parquet files that lie about their footer.
pub(crate) fn parquet() -> Vec<Hostile> {
    let mut all = Vec::new();
    for length in [0, 8, 1 << 20, u32::MAX, i32::MAX as u32] {
        let bytes = joined(&[b"PAR1", &[0x15; 64], &u32::to_le_bytes(length), b"PAR1"]);
        all.push(Hostile::bytes(
            format!("a Parquet with a footer of {length} bytes"),
            bytes,
        ));
    }
    for byte in [0x00, 0x19, 0x1c, 0x29, 0xff] {
        let footer = vec![byte; 100_000];
        let length = (footer.len() as u32).to_le_bytes();
        let bytes = joined(&[b"PAR1", &footer, &length, b"PAR1"]);
        all.push(Hostile::bytes(
            format!("a Parquet with a footer of 0x{byte:02x}"),
            bytes,
        ));
    }
    all
}
