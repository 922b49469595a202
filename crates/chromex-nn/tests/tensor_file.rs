//! Files of weights against what PyTorch and safetensors wrote into them, and against damage and malice.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use chromex_nn::Error;
use chromex_nn::tensor_file::{NumberType, TensorFile};
use proptest::prelude::*;
use serde::Deserialize;
use zip::write::SimpleFileOptions;

#[derive(Deserialize)]
struct Held {
    shapes: BTreeMap<String, Vec<usize>>,
    numbers: BTreeMap<String, Vec<f32>>,
    module: BTreeMap<String, Vec<f32>>,
}

const ALL: [&str; 5] = [
    "archive.bin",
    "legacy.bin",
    "nested.pt",
    "plain.safetensors",
    "model.safetensors.index.json",
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/tensor_files")
        .join(name)
}

fn held() -> Held {
    serde_json::from_slice(&std::fs::read(golden("held.json")).unwrap()).unwrap()
}

#[test]
fn every_kind_of_file_holds_the_same_tensors() {
    let held = held();
    let folder = golden("");
    let opened = ALL.map(|name| TensorFile::open(&golden(name)).unwrap());
    for file in opened.iter().chain([&TensorFile::open(&folder).unwrap()]) {
        let path = file.path().display();
        let shapes: BTreeMap<String, Vec<usize>> = file
            .tensors()
            .map(|(name, tensor)| (name.to_owned(), tensor.shape.clone()))
            .collect();
        assert_eq!(shapes, held.shapes, "{path}");
        for (name, numbers) in &held.numbers {
            assert_eq!(&file.numbers(name).unwrap(), numbers, "{path}: {name}");
        }
        assert_eq!(file.tensor("ids").unwrap().number, NumberType::I64);
        let whole = file.numbers("ids").unwrap_err();
        assert!(matches!(whole, Error::TensorType { .. }));
        assert!(file.numbers("other").is_err());
    }
}

#[test]
fn the_state_of_a_module_is_read_with_its_metadata() {
    let file = TensorFile::open(&golden("module.pt")).unwrap();
    let held = held().module;
    assert_eq!(file.tensors().count(), held.len());
    for (name, numbers) in held {
        assert_eq!(file.numbers(&name).unwrap(), numbers);
    }
}

/// Writes an archive as `torch.save` does, around a pickle of our own.
fn archive(pickle: &[u8], storage: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut archive = zip::ZipWriter::new(&mut file);
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [
        ("m/data.pkl", pickle),
        ("m/byteorder", b"little"),
        ("m/data/0", storage),
    ] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    file
}

fn bytes(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn a_pickle_that_asks_for_a_function_is_refused_by_name_and_byte() {
    let attack = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.";
    let other = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.";
    for (pickle, global, offset) in [
        (&attack[..], "posix.system", 2),
        (other, "builtins.eval", 18),
    ] {
        let legacy = bytes(pickle);
        let message = TensorFile::open(legacy.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("the global `{global}`")),
            "{message}"
        );
        assert!(message.contains(&format!("byte {offset}:")), "{message}");
        let archived = archive(pickle, &[0; 4]);
        let message = TensorFile::open(archived.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("the global `{global}`")),
            "{message}"
        );
    }
    // An object that would be built, one that is not a tensor, and one nested beyond any stack.
    for pickle in [
        &b"\x80\x02cargparse\nNamespace\n)\x81}b."[..],
        b"\x80\x02K\x01.",
        b"\x80\x02}X\x01\x00\x00\x00aK\x01s.",
    ] {
        assert!(TensorFile::open(archive(pickle, &[]).path()).is_err());
    }
    let mut nested = b"\x80\x02".to_vec();
    nested.extend(std::iter::once(b')').chain(std::iter::repeat_n(0x85, 3 << 20)));
    nested.push(b'.');
    assert!(TensorFile::open(archive(&nested, &[]).path()).is_err());
}

#[test]
fn a_tensor_that_asks_for_more_than_its_storage_is_named() {
    let pickle = |count: u8, shape: &[u8], stride: &[u8]| {
        let mut pickle =
            b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(".to_vec();
        pickle.extend(b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK");
        pickle.extend([count, b't', b'Q', b'K', 0]);
        pickle.extend([shape, b"\x85", stride, b"\x85\x89}tRs."].concat());
        pickle
    };
    let four = [0; 16];
    let sound = archive(&pickle(4, b"K\x04", b"K\x01"), &four);
    let file = TensorFile::open(sound.path()).unwrap();
    assert_eq!(file.numbers("w").unwrap(), [0.0; 4]);
    for bomb in [
        pickle(200, b"K\xc8", b"K\x01"),
        pickle(4, b"J\xff\xff\xff\x7f", b"K\x00"),
        pickle(4, b"K\x02", b"K\x09"),
        pickle(4, b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"K\x01"),
    ] {
        let message = TensorFile::open(archive(&bomb, &four).path())
            .unwrap_err()
            .to_string();
        assert!(message.contains("tensor `w`"), "{message}");
    }
    let negative = archive(&pickle(4, b"J\xff\xff\xff\xff", b"K\x01"), &four);
    assert!(
        TensorFile::open(negative.path())
            .unwrap_err()
            .to_string()
            .contains("extents")
    );
}

#[test]
fn a_header_that_asks_for_more_than_the_file_is_refused() {
    let safetensors = |length: u64, header: &str, data: usize| {
        let mut file = length.to_le_bytes().to_vec();
        file.extend(header.bytes());
        file.extend(std::iter::repeat_n(0, data));
        file
    };
    let header = |entry: &str| format!("{{\"w\":{entry}}}");
    let with = |entry: &str| {
        let header = header(entry);
        safetensors(header.len() as u64, &header, 16)
    };
    let sound = with(r#"{"dtype":"F32","shape":[4],"data_offsets":[0,16]}"#);
    assert!(TensorFile::open(bytes(&sound).path()).is_ok());
    for length in [u64::MAX, 1 << 40, 100] {
        let message = TensorFile::open(bytes(&safetensors(length, "{}", 0)).path()).unwrap_err();
        assert!(
            message.to_string().contains("byte 0: expected a header"),
            "{message}"
        );
    }
    for entry in [
        r#"{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,16]}"#,
        r#"{"dtype":"F32","shape":[100],"data_offsets":[0,400]}"#,
        r#"{"dtype":"F32","shape":[4],"data_offsets":[16,0]}"#,
        r#"{"dtype":"F32","shape":[3],"data_offsets":[0,16]}"#,
        r#"{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"v":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}"#,
    ] {
        let message = TensorFile::open(bytes(&with(entry)).path())
            .unwrap_err()
            .to_string();
        assert!(message.contains("tensor `"), "{message}");
    }
}

#[test]
fn an_index_leads_to_no_file_but_those_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors.index.json");
    for file in [
        "../secret.safetensors",
        "/etc/passwd",
        "",
        "model.safetensors.index.json",
    ] {
        std::fs::write(&path, format!(r#"{{"weight_map":{{"w":"{file}"}}}}"#)).unwrap();
        assert!(
            matches!(TensorFile::open(&path), Err(Error::Header { .. })),
            "{file}"
        );
    }
    std::fs::copy(
        golden("plain.safetensors"),
        folder.path().join("a.safetensors"),
    )
    .unwrap();
    std::fs::write(&path, r#"{"weight_map":{"w":"a.safetensors"}}"#).unwrap();
    let missing = TensorFile::open(&path).unwrap_err();
    assert!(matches!(missing, Error::MissingTensor { name, .. } if name == "w"));
}

/// Opens a file and reads all that it has; whatever is wrong is an error.
fn read_all(content: &[u8]) -> Result<(), Error> {
    let file = bytes(content);
    let file = TensorFile::open(file.path())?;
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    names
        .iter()
        .try_for_each(|name| file.numbers(name).map(drop))
}

#[test]
fn a_file_that_is_cut_short_is_an_error_wherever_it_ends() {
    for name in ["archive.bin", "legacy.bin", "plain.safetensors"] {
        let whole = std::fs::read(golden(name)).unwrap();
        for end in 0..whole.len() {
            assert!(read_all(&whole[..end]).is_err(), "{name} up to {end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damage_is_an_error_or_other_numbers(
        file in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let name = ["archive.bin", "legacy.bin", "plain.safetensors"][file];
        let mut content = std::fs::read(golden(name)).unwrap();
        for (place, byte) in changes {
            let place = place.index(content.len());
            content[place] = byte;
        }
        // A panic or an allocation beyond the file would end the test.
        let _ = read_all(&content);
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn published_pickles_hold_what_their_safetensors_hold() {
    let data = PathBuf::from(std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set"));
    let folder = Path::new(&data).join("hf_tiny_checkpoints/neural-api");
    for name in ["tiny_gpt2", "tiny_torch_state"] {
        let open = |kind: &str| TensorFile::open(&folder.join(format!("{name}.{kind}"))).unwrap();
        let (pickle, safe) = (open("bin"), open("safetensors"));
        let list = |file: &TensorFile| -> Vec<_> {
            file.tensors()
                .map(|(name, tensor)| (name.to_owned(), tensor.clone()))
                .collect()
        };
        assert_eq!(list(&pickle), list(&safe));
        for (tensor, about) in list(&pickle) {
            if about.number != NumberType::I64 {
                assert_eq!(
                    pickle.numbers(&tensor).unwrap(),
                    safe.numbers(&tensor).unwrap()
                );
            }
        }
    }
}
