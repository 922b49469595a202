//! Files in which one tensor is not like the others, files of Python 2, and what begins like another kind of file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use chromex_nn::Error;
use chromex_nn::tensor_file::TensorFile;
use serde::Deserialize;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/odd_tensor_files")
        .join(name)
}

fn faults(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/faults")
        .join(name)
}

#[derive(Deserialize)]
struct Held {
    plain: BTreeMap<String, Vec<f32>>,
    parameter: Vec<f32>,
    shapes: BTreeMap<String, Vec<usize>>,
}

fn held() -> Held {
    serde_json::from_slice(&std::fs::read(golden("odd.json")).unwrap()).unwrap()
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

/// The error of a file and all its causes.
fn message(content: &[u8]) -> String {
    let error = TensorFile::open(file(content).path()).unwrap_err();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[test]
fn tensors_of_other_types_are_listed_and_refused_alone() {
    let held = held();
    let types: [(&str, &str, &str); 18] = [
        ("e4m3", "F8_E4M3", "float8_e4m3fn"),
        ("e5m2", "F8_E5M2", "float8_e5m2"),
        ("uint16", "U16", "uint16"),
        ("uint32", "U32", "uint32"),
        ("uint64", "U64", "uint64"),
        ("complex", "C64", "ComplexFloat"),
        ("bool", "BOOL", "BOOL"),
        ("int64", "I64", "I64"),
        ("int8", "I8", "I8"),
        ("quantised", "", "QUInt8 (quantised)"),
        ("by_channel", "", "QInt8 (quantised)"),
        ("sparse", "", "sparse"),
        ("sparse_rows", "", "sparse"),
        ("negative", "", "conjugate or negative view"),
        ("conjugate", "", "conjugate or negative view"),
        (
            "meta",
            "",
            "float32 (made by _rebuild_meta_tensor_no_storage)",
        ),
        ("integer_parameter", "", "I64"),
        ("parameter", "", ""),
    ];
    for name in ["odd.safetensors", "odd.pt", "odd_legacy.pt"] {
        let opened = TensorFile::open(&golden(name)).unwrap();
        for (tensor, numbers) in &held.plain {
            assert_eq!(
                &opened.numbers(tensor).unwrap(),
                numbers,
                "{name}: {tensor}"
            );
        }
        let safe = name.ends_with("safetensors");
        if !safe {
            assert_eq!(opened.numbers("parameter").unwrap(), held.parameter);
        }
        let mut refused = 0;
        for (tensor, in_safetensors, in_pickles) in types {
            let expected = if safe { in_safetensors } else { in_pickles };
            let Some(about) = opened.tensor(tensor).filter(|_| !expected.is_empty()) else {
                continue;
            };
            assert_eq!(about.number.to_string(), expected, "{name}: {tensor}");
            assert_eq!(about.shape, held.shapes[tensor], "{name}: {tensor}");
            let error = opened.numbers(tensor).unwrap_err();
            assert!(matches!(error, Error::TensorType { .. }));
            let text = error.to_string();
            let ends =
                format!("tensor `{tensor}`: expected a floating-point type, found {expected}");
            assert!(text.ends_with(&ends), "{text}");
            refused += 1;
        }
        let all = opened.tensors().count();
        let parameter = usize::from(!safe);
        assert_eq!(refused, all - held.plain.len() - parameter, "{name}");
        assert!(refused >= 9);
    }
}

#[test]
fn one_type_that_is_not_known_closes_no_file() {
    for (name, odd, number) in [
        ("with_f8.safetensors", "scale", "F8_E4M3"),
        ("with_uint16.safetensors", "pos", "U16"),
    ] {
        let opened = TensorFile::open(&faults("weights").join(name)).unwrap();
        assert_eq!(opened.numbers("a.weight").unwrap().len(), 12);
        assert_eq!(opened.numbers("b.bias").unwrap().len(), 5);
        let error = opened.numbers(odd).unwrap_err().to_string();
        assert!(error.contains(odd) && error.ends_with(number), "{error}");
    }
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"Q99","shape":[7,7],"data_offsets":[4,6]}}"#;
    let content = [&(header.len() as u64).to_le_bytes(), &header[..], &[0; 6]].concat();
    let stored = file(&content);
    let opened = TensorFile::open(stored.path()).unwrap();
    assert_eq!(opened.numbers("w").unwrap(), [0.0]);
    assert!(
        opened
            .numbers("x")
            .unwrap_err()
            .to_string()
            .ends_with("found Q99")
    );
    // Where the type is known, the bytes are those of the shape.
    for wrong in [
        r#""F8_E4M3","shape":[3]"#,
        r#""U16","shape":[2]"#,
        r#""C64","shape":[1]"#,
    ] {
        let header = String::from_utf8_lossy(header).replace(r#""Q99","shape":[7,7]"#, wrong);
        let content = [
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            &[0; 6],
        ]
        .concat();
        assert!(message(&content).contains("tensor `x`"), "{wrong}");
    }
}

#[test]
fn pickles_of_python_2_hold_what_pytorch_finds_in_them() {
    let found: Value =
        serde_json::from_slice(&std::fs::read(golden("python2.json")).unwrap()).unwrap();
    let files = found
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "torch");
    let mut read = 0;
    for (name, tensors) in files {
        let opened = TensorFile::open(&golden(name)).unwrap();
        let tensors = tensors.as_object().unwrap();
        assert_eq!(opened.tensors().count(), tensors.len(), "{name}");
        for (tensor, expected) in tensors {
            let numbers = expected["numbers"].as_array().unwrap();
            let numbers: Vec<f32> = numbers.iter().map(|n| n.as_f64().unwrap() as f32).collect();
            assert_eq!(opened.numbers(tensor).unwrap(), numbers, "{name}: {tensor}");
            let shape = serde_json::to_value(&opened.tensor(tensor).unwrap().shape).unwrap();
            assert_eq!(shape, expected["shape"], "{name}: {tensor}");
            read += 1;
        }
    }
    assert_eq!(read, 5 * 8 + 2);
    let opened = TensorFile::open(&faults("torch_python2/py2_legacy.pt")).unwrap();
    assert_eq!(opened.numbers("a").unwrap(), [1.0; 4]);
    assert_eq!(opened.numbers("b").unwrap(), [0.0; 3]);
    assert_eq!(opened.tensor("a").unwrap().shape, [2, 2]);
}

#[test]
fn weights_are_found_within_a_checkpoint() {
    let held = held();
    for name in ["checkpoint.pt", "deeper.pt"] {
        let opened = TensorFile::open(&golden(name)).unwrap();
        assert_eq!(opened.tensors().count(), held.plain.len(), "{name}");
        for (tensor, numbers) in &held.plain {
            let tensor = format!("module.{tensor}");
            assert_eq!(&opened.numbers(&tensor).unwrap(), numbers, "{name}");
        }
    }
}

#[test]
fn no_byte_alone_decides_the_kind() {
    // The lengths of these headers begin as pickles and as archives do.
    let safetensors = |length: usize| {
        let mut header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.to_vec();
        header.resize(length, b' ');
        [
            &(length as u64).to_le_bytes()[..],
            &header,
            &2.5_f32.to_le_bytes(),
        ]
        .concat()
    };
    for length in [
        0x280, 0x380, 0x480, 0x580, 0x4b50, 0x34c, 0x3049, 0x8b1f, 0x7b, 0x227b,
    ] {
        let stored = file(&safetensors(length));
        let opened = TensorFile::open(stored.path()).unwrap();
        assert_eq!(opened.numbers("w").unwrap(), [2.5], "{length:#x}");
    }
    let mut neither = safetensors(0x280);
    neither[20] = b'?';
    let text = message(&neither);
    assert!(text.contains("; as safetensors: "), "{text}");
    assert!(text.contains("; as a pickle of `torch.save`: "), "{text}");
    for (content, what) in [
        (&b""[..], "an empty file"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0", "gzip"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "git lfs pull",
        ),
        (b"<!DOCTYPE html>", "the download went wrong"),
        (b"{\"weight_map\":{}}", "JSON"),
        (b"\x89HDF\r\n\x1a\n\0\0", "HDF5"),
        (b"abc", "`abc`"),
    ] {
        let text = message(content);
        assert!(
            text.contains(what) && text.contains("safetensors"),
            "{text}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(TensorFile::open(folder.path()).is_err());
    #[cfg(unix)]
    assert!(TensorFile::open(Path::new("/dev/zero")).is_err());
}

/// A pickle of the old format around what makes the weights.
fn legacy(weights: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
    [
        magic,
        &b"\x80\x02M\xe9\x03."[..],
        b"\x80\x02}.",
        weights,
        b"\x80\x02].",
    ]
    .concat()
}

#[test]
fn hostile_pickles_are_refused_by_what_they_ask_for() {
    for (weights, what) in [
        (&b"cposix\nsystem\n(S'true'\ntR."[..], "`posix.system`"),
        (
            b"\x80\x02c__builtin__\neval\n(U\x011tR.",
            "`__builtin__.eval`",
        ),
        (b"\x80\x02ccopy_reg\n__newobj__\n.", "`copy_reg.__newobj__`"),
        (b"(iposix\nsystem\n.", "0x69"),
        (b"(cposix\nsystem\no.", "`posix.system`"),
        (b"P1\n.", "0x50"),
        (
            b"\x80\x02ccollections\nOrderedDict\n]K\x01a\x85R.",
            "a tuple",
        ),
        (
            b"\x80\x02ccollections\nOrderedDict\n((K\x01K\x02K\x03ll\x85R.",
            "pairs",
        ),
        (b"I12x\n.", "an integer"),
        (b"S'a\n.", "a dictionary of tensors"),
    ] {
        let text = message(&legacy(weights));
        assert!(text.contains(what), "{text}");
    }
    // A list of pairs that is made into dictionaries again and again, arguments that are repeated, and a dictionary in itself.
    let mut bomb = b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01(".to_vec();
    bomb.extend(b"K\x01K\x02\x86".repeat(20_000));
    bomb.extend(b"e\x85q\x020");
    bomb.extend(b"h\x00h\x02R0".repeat(20_000));
    bomb.push(b'.');
    assert!(message(&legacy(&bomb)).contains("fewer entries"));
    let mut long = b"\x80\x02ccollections\nOrderedDict\nq\x00(".to_vec();
    long.extend(b"K\x01".repeat(20_000));
    long.extend(b"tq\x010h\x00h\x01R.");
    assert!(message(&legacy(&long)).contains("at most 16 arguments"));
    let mut within = b"\x80\x02}q\x00(".to_vec();
    for key in 0..20_000_u32 {
        within.push(b'J');
        within.extend(key.to_le_bytes());
        within.extend(b"h\x00");
    }
    within.extend(b"u.");
    assert!(message(&legacy(&within)).contains("a dictionary without any"));
}

#[test]
fn a_file_that_is_cut_short_is_an_error_wherever_it_ends() {
    for name in [
        "odd_legacy.pt",
        "odd.safetensors",
        "python2_c1.pt",
        "python2_nested.pt",
    ] {
        let whole = std::fs::read(golden(name)).unwrap();
        for end in 0..whole.len() {
            let stored = file(&whole[..end]);
            assert!(
                TensorFile::open(stored.path()).is_err(),
                "{name} up to {end}"
            );
        }
    }
}

#[test]
fn damage_is_an_error_or_other_numbers() {
    for name in [
        "odd.pt",
        "odd_legacy.pt",
        "odd.safetensors",
        "python2_1.pt",
        "python2_nested.pt",
        "python2_views.pt",
    ] {
        let whole = std::fs::read(golden(name)).unwrap();
        for bit in (0..8 * whole.len()).step_by(11) {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let stored = file(&changed);
            // A panic or an allocation beyond the file would end the test.
            if let Ok(opened) = TensorFile::open(stored.path()) {
                for (tensor, _) in opened.tensors() {
                    let _ = opened.numbers(tensor);
                }
            }
        }
    }
}
