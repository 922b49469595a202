//! Arrays as NumPy writes them: versions 1 to 3 of npy, in the order of C or of Fortran, with real numbers of every size and end,
//! truth values, and texts.

use std::io::{ErrorKind, Read};

use super::literal::{Literal, Value};
use super::numbers::{half, whole};
use crate::budget::Budget;
use crate::error::quoted;
use crate::{Error, Result};

/// The longest header that is read. That of an array of one kind of numbers has some hundred bytes.
const LONGEST_HEADER: u64 = 1 << 16;
/// How many items are decoded at a time.
const BATCH: usize = 1 << 13;

/// What an item of an array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
    Truth,
    /// Text of four bytes a letter, or of one.
    Text,
    Bytes,
}

/// What an array says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    kind: Kind,
    /// The bytes of an item.
    size: usize,
    is_big_endian: bool,
    pub(super) is_fortran: bool,
    pub(super) shape: Vec<usize>,
}

/// An item: whole numbers stay whole until it is known what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    Whole(i128),
    Float(f64),
}

/// Why an array is not read.
pub(super) enum Refusal {
    /// What is wrong with it.
    Found(String),
    /// It takes too much memory.
    Full(Error),
}

impl From<String> for Refusal {
    fn from(found: String) -> Self {
        Self::Found(found)
    }
}

impl Item {
    /// Makes it a 64-bit float that is the same number.
    pub(super) fn wide(self) -> Result<f64, String> {
        match self {
            Self::Whole(value) => whole(value),
            Self::Float(value) => Ok(value),
        }
    }

    /// Makes it a 32-bit float. A fraction becomes the nearest one; a whole number must stay the same, and none may become infinite.
    pub(super) fn narrow(self) -> Result<f32, String> {
        let lost = |value: String| Err(format!("{value}, which no 32-bit float is"));
        match self {
            Self::Whole(value) if (value as f32) as i128 == value => Ok(value as f32),
            Self::Whole(value) => lost(value.to_string()),
            Self::Float(value) => {
                let near = value as f32;
                let same = value.fract() != 0.0 || f64::from(near) == value;
                match !value.is_finite() || (near.is_finite() && same) {
                    true => Ok(near),
                    false => lost(value.to_string()),
                }
            }
        }
    }
}

impl Header {
    /// Reads a header, after which the items follow.
    pub(super) fn read(input: &mut dyn Read) -> Result<Self, String> {
        let cut = |error: std::io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => "an array cut short within its header".to_owned(),
            _ => error.to_string(),
        };
        let mut start = [0; 8];
        input.read_exact(&mut start).map_err(cut)?;
        let [magic @ .., major, _] = start;
        if magic != *b"\x93NUMPY" {
            return Err("other bytes than the magic number of npy".into());
        }
        let mut length = [0; 4];
        let bytes = match major {
            1 => 2,
            2 | 3 => 4,
            _ => return Err(format!("version {major} of npy: 1 to 3 are read")),
        };
        input.read_exact(&mut length[..bytes]).map_err(cut)?;
        let length = u64::from(u32::from_le_bytes(length));
        if length > LONGEST_HEADER {
            return Err(format!(
                "a header of {length} bytes: {LONGEST_HEADER} are read"
            ));
        }
        let mut text = vec![0; length as usize];
        input.read_exact(&mut text).map_err(cut)?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut literal = Literal::new(text);
        let wrong = || format!("the header {}", quoted(text.as_bytes()));
        let fields = literal.dictionary().ok_or_else(wrong)?;
        let find = |name: &str| {
            let found = fields.iter().find(|(own, _)| own == name);
            found
                .map(|(_, value)| value)
                .ok_or_else(|| format!("a header without `{name}`"))
        };
        // The type before the shape: who has both wrong mends the type first.
        let descr = match find("descr")? {
            Value::Text(descr) => descr,
            _ => {
                return Err(
                    "structured items (fields with names): save each field as an array of its own"
                        .into(),
                );
            }
        };
        let (kind, size, is_big_endian) = item_type(descr)?;
        let Value::Truth(is_fortran) = *find("fortran_order")? else {
            return Err(wrong());
        };
        let Value::Several(extents) = find("shape")? else {
            return Err(wrong());
        };
        let shape: Option<Vec<usize>> = extents
            .iter()
            .map(|extent| match extent {
                Value::Number(extent) => Some(*extent),
                _ => None,
            })
            .collect();
        Ok(Self {
            kind,
            size,
            is_big_endian,
            is_fortran,
            shape: shape.ok_or_else(wrong)?,
        })
    }

    /// Counts the items.
    pub(super) fn items(&self) -> Result<usize, String> {
        let count = self
            .shape
            .iter()
            .try_fold(1_usize, |all, &extent| all.checked_mul(extent));
        let count = count.filter(|count| count.checked_mul(self.size.max(1)).is_some());
        count.ok_or_else(|| format!("a shape of {:?}, which no memory holds", self.shape))
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Bytes)
    }

    /// Reads the numbers that follow the header, in the order of the file; `keep` makes of each what is kept.
    pub(super) fn numbers<V>(
        &self,
        input: &mut dyn Read,
        budget: &mut Budget,
        keep: impl Fn(Item) -> Result<V, String>,
    ) -> Result<Vec<V>, Refusal> {
        if self.is_text() {
            return Err(Refusal::Found("texts where numbers are expected".into()));
        }
        let mut kept = Vec::new();
        self.each(input, budget, size_of::<V>(), |bytes| {
            kept.push(keep(self.item(bytes))?);
            Ok(())
        })?;
        Ok(kept)
    }

    /// Reads texts: an array of them, or one of bytes with a line feed behind each.
    pub(super) fn texts(
        &self,
        input: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<Vec<String>, Refusal> {
        let no_text = || "bytes that are no text".to_owned();
        let mut texts = Vec::new();
        match (self.kind, self.size) {
            (Kind::Text, size) => self.each(input, budget, size.max(16) + 24, |bytes| {
                let letters = bytes.chunks_exact(4).map(|letter| {
                    let letter = letter.try_into().unwrap_or_default();
                    let letter = match self.is_big_endian {
                        true => u32::from_be_bytes(letter),
                        false => u32::from_le_bytes(letter),
                    };
                    char::from_u32(letter)
                });
                let text: Option<String> = letters.collect();
                texts.push(text.ok_or_else(no_text)?.trim_end_matches('\0').to_owned());
                Ok(())
            })?,
            (Kind::Bytes, size) => self.each(input, budget, size.max(16) + 24, |bytes| {
                let text = std::str::from_utf8(bytes).map_err(|_| no_text())?;
                texts.push(text.trim_end_matches('\0').to_owned());
                Ok(())
            })?,
            (Kind::Unsigned, 1) => {
                // The bytes, and a text of its own for each line.
                let mut all = Vec::new();
                self.each(input, budget, 24, |bytes| {
                    all.extend_from_slice(bytes);
                    Ok(())
                })?;
                let text = String::from_utf8(all).map_err(|_| no_text())?;
                texts.extend(text.lines().map(str::to_owned));
            }
            _ => return Err(Refusal::Found("numbers where texts are expected".into())),
        }
        Ok(texts)
    }

    /// Hands on item after item, of which there must be as many as the shape says; each will take so many bytes.
    fn each(
        &self,
        input: &mut dyn Read,
        budget: &mut Budget,
        kept_bytes: usize,
        mut keep: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), Refusal> {
        let count = self.items()?;
        // What is said, before it is believed.
        let bytes = (count as u64).saturating_mul(kept_bytes as u64);
        budget.hold(bytes).map_err(Refusal::Full)?;
        let mut left = count;
        // Texts of no letter have no bytes.
        let mut buffer = vec![0; BATCH.min(count.max(1)).saturating_mul(self.size)];
        if self.size > LONGEST_HEADER as usize {
            return Err(Refusal::Found(format!("texts of {} bytes", self.size)));
        }
        while left > 0 {
            let batch = BATCH.min(left);
            let part = &mut buffer[..batch * self.size];
            input.read_exact(part).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => format!(
                    "an array cut short: its shape {:?} has {count} items of {} bytes",
                    self.shape, self.size
                ),
                _ => error.to_string(),
            })?;
            match self.size {
                0 => (0..batch).try_for_each(|_| keep(&[]))?,
                size => part.chunks_exact(size).try_for_each(&mut keep)?,
            }
            left -= batch;
        }
        match input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Refusal::Found(format!(
                "more bytes than the shape {:?} has room for",
                self.shape
            ))),
            Err(error) => Err(Refusal::Found(error.to_string())),
        }
    }

    fn item(&self, bytes: &[u8]) -> Item {
        let mut little = [0; 8];
        little[..bytes.len()].copy_from_slice(bytes);
        if self.is_big_endian {
            little[..bytes.len()].reverse();
        }
        let number = u64::from_le_bytes(little);
        // The sign of a shorter number lies further down.
        let spare = 64 - 8 * bytes.len() as u32;
        match (self.kind, bytes.len()) {
            (Kind::Float, 2) => Item::Float(f64::from(half(number as u16))),
            (Kind::Float, 4) => Item::Float(f64::from(f32::from_bits(number as u32))),
            (Kind::Float, _) => Item::Float(f64::from_bits(number)),
            (Kind::Signed, _) => Item::Whole(i128::from(((number << spare) as i64) >> spare)),
            (Kind::Truth, _) => Item::Whole(i128::from(number != 0)),
            _ => Item::Whole(i128::from(number)),
        }
    }
}

/// Takes NumPy's name of a type apart: the kind, the bytes of an item, and whether the highest comes first.
fn item_type(descr: &str) -> Result<(Kind, usize, bool), String> {
    let name = descr.trim_start_matches(['<', '>', '=', '|']);
    let is_big_endian = descr.starts_with('>');
    let (letter, digits) = match name.chars().next() {
        Some(letter) => (letter, &name[letter.len_utf8()..]),
        None => (' ', ""),
    };
    let size = digits.parse::<usize>().ok();
    let kind = match (letter, size) {
        ('f', Some(2 | 4 | 8)) => Kind::Float,
        ('i', Some(1 | 2 | 4 | 8)) => Kind::Signed,
        ('u', Some(1 | 2 | 4 | 8)) => Kind::Unsigned,
        ('b', Some(1)) => Kind::Truth,
        ('U', Some(_)) => Kind::Text,
        ('S' | 'a', Some(_)) => Kind::Bytes,
        _ => {
            let what = match letter {
                'f' => "floats of another size",
                'c' => "complex numbers",
                'O' => "Python objects",
                'M' => "dates",
                'm' => "spans of time",
                'V' => "raw bytes",
                _ => "unknown items",
            };
            let type_name = quoted(descr.as_bytes());
            return Err(format!(
                "items of the type {type_name} ({what}): save them as float32"
            ));
        }
    };
    let size = match kind {
        Kind::Text => size.and_then(|letters| letters.checked_mul(4)),
        _ => size,
    };
    let size = size.ok_or_else(|| format!("items of the type {}", quoted(descr.as_bytes())))?;
    Ok((kind, size, is_big_endian))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn npy(version: u8, dictionary: &str, items: &[u8]) -> Vec<u8> {
        let length = (dictionary.len() as u32).to_le_bytes();
        let length = &length[..if version == 1 { 2 } else { 4 }];
        [
            &b"\x93NUMPY"[..],
            &[version, 0],
            length,
            dictionary.as_bytes(),
            items,
        ]
        .concat()
    }

    fn header(descr: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n")
    }

    fn read(bytes: &[u8]) -> Result<Vec<f32>, String> {
        let mut input = bytes;
        let header = Header::read(&mut input)?;
        let mut budget = Budget::new(Path::new("a.npy"), bytes.len() as u64);
        match header.numbers(&mut input, &mut budget, Item::narrow) {
            Ok(values) => Ok(values),
            Err(Refusal::Found(found)) => Err(found),
            Err(Refusal::Full(error)) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_kind_of_number_is_read() {
        for (descr, items) in [
            ("<f8", [1_f64, -2.0].map(f64::to_le_bytes).concat()),
            (">f8", [1_f64, -2.0].map(f64::to_be_bytes).concat()),
            ("<f4", [1_f32, -2.0].map(f32::to_le_bytes).concat()),
            (">f4", [1_f32, -2.0].map(f32::to_be_bytes).concat()),
            ("<f2", vec![0x00, 0x3c, 0x00, 0xc0]),
            (">f2", vec![0x3c, 0x00, 0xc0, 0x00]),
            ("|i1", [1_i8, -2].map(i8::to_le_bytes).concat()),
            ("<i2", [1_i16, -2].map(i16::to_le_bytes).concat()),
            (">i2", [1_i16, -2].map(i16::to_be_bytes).concat()),
            ("<i4", [1_i32, -2].map(i32::to_le_bytes).concat()),
            (">i4", [1_i32, -2].map(i32::to_be_bytes).concat()),
            ("<i8", [1_i64, -2].map(i64::to_le_bytes).concat()),
            ("i8", [1_i64, -2].map(i64::to_le_bytes).concat()),
            (">i8", [1_i64, -2].map(i64::to_be_bytes).concat()),
        ] {
            let bytes = npy(1, &header(descr, "(2,)"), &items);
            assert_eq!(read(&bytes), Ok(vec![1.0, -2.0]), "{descr}");
        }
        for (descr, items) in [
            ("|u1", vec![1, 200]),
            ("<u2", vec![1, 0, 200, 0]),
            (">u4", vec![0, 0, 0, 1, 0, 0, 0, 200]),
            ("<u8", [1_u64, 200].map(u64::to_le_bytes).concat()),
        ] {
            let bytes = npy(1, &header(descr, "(2,)"), &items);
            assert_eq!(read(&bytes), Ok(vec![1.0, 200.0]), "{descr}");
        }
        assert_eq!(
            read(&npy(1, &header("|b1", "(2,)"), &[1, 0])),
            Ok(vec![1.0, 0.0])
        );
    }

    #[test]
    fn headers_of_every_version_and_python_are_read() {
        for version in 1..=3 {
            for shape in ["(2L, 1L)", "(2, 1)", "( 2 ,1 , )", "[2, 1]"] {
                let bytes = npy(version, &header("|u1", shape), &[7, 8]);
                assert_eq!(read(&bytes), Ok(vec![7.0, 8.0]), "{version} {shape}");
            }
        }
        assert_eq!(read(&npy(1, &header("|u1", "()"), &[7])), Ok(vec![7.0]));
        assert_eq!(read(&npy(1, &header("|u1", "(0, 3)"), &[])), Ok(vec![]));
        let quoted = "{\"shape\": (1,), \"descr\": \"|u1\", \"fortran_order\": True}";
        assert_eq!(read(&npy(1, quoted, &[7])), Ok(vec![7.0]));
    }

    #[test]
    fn types_are_blamed_for_types_and_shapes_for_shapes() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err();
        for (descr, what) in [
            ("<c8", "complex numbers"),
            ("|O", "Python objects"),
            ("<M8[ns]", "dates"),
            ("<f16", "floats of another size"),
            ("|V3", "raw bytes"),
            ("", "unknown items"),
            ("ä8", "unknown items"),
        ] {
            let found = message(&npy(1, &header(descr, "(9, 9)"), &[]));
            assert!(found.contains(what) && found.contains(descr), "{found}");
            assert!(found.ends_with("save them as float32"), "{found}");
        }
        let fields =
            "{'descr': [('a', '<f4'), ('b', '<i4', (2,))], 'fortran_order': False, 'shape': (1,)}";
        assert!(message(&npy(1, fields, &[])).starts_with("structured items"));
        assert_eq!(
            message(&npy(1, &header("<U2", "(1,)"), &[0; 8])),
            "texts where numbers are expected"
        );
        let short = message(&npy(1, &header("<f4", "(2, 3)"), &[0; 20]));
        assert_eq!(
            short,
            "an array cut short: its shape [2, 3] has 6 items of 4 bytes"
        );
        let long = message(&npy(1, &header("<f4", "(2, 3)"), &[0; 25]));
        assert_eq!(long, "more bytes than the shape [2, 3] has room for");
        assert!(message(&npy(4, "{}", &[])).starts_with("version 4 of npy"));
        assert!(message(b"\x93NUMPY\x01\x00\xff\xff{").contains("cut short"));
    }

    #[test]
    fn a_shape_that_promises_more_than_the_budget_is_refused_before_anything_is_read() {
        let found = read(&npy(1, &header("<f4", "(1000000000, 3)"), &[0; 24])).unwrap_err();
        assert!(found.contains("takes more than"), "{found}");
        let found = read(&npy(1, &header("<f4", "(9000000000000, 9000000)"), &[])).unwrap_err();
        assert!(found.contains("which no memory holds"), "{found}");
    }

    #[test]
    fn numbers_that_do_not_fit_are_named() {
        let wide = |value: f64| read(&npy(1, &header("<f8", "()"), &value.to_le_bytes()));
        assert_eq!(wide(0.1), Ok(vec![0.1]));
        assert_eq!(wide(1e-300), Ok(vec![0.0]));
        for value in [16_777_217.0, 1e300] {
            let found = wide(value).unwrap_err();
            assert!(found.ends_with("which no 32-bit float is"), "{found}");
        }
        let found = read(&npy(1, &header("<i4", "()"), &16_777_217_i32.to_le_bytes()));
        assert_eq!(found.unwrap_err(), "16777217, which no 32-bit float is");
        assert!(wide(f64::NAN).unwrap()[0].is_nan());
    }

    #[test]
    fn texts_of_python_and_of_ours_are_the_same() {
        let texts = |bytes: &[u8]| {
            let mut input = bytes;
            let header = Header::read(&mut input).unwrap();
            let mut budget = Budget::new(Path::new("a.npy"), 0);
            header.texts(&mut input, &mut budget).ok().unwrap()
        };
        let letters: Vec<u8> = "K4\0K36"
            .chars()
            .flat_map(|c| (c as u32).to_le_bytes())
            .collect();
        assert_eq!(
            texts(&npy(1, &header("<U3", "(2,)"), &letters)),
            ["K4", "K36"]
        );
        assert_eq!(
            texts(&npy(1, &header("|S3", "(2,)"), b"K4\0K36")),
            ["K4", "K36"]
        );
        assert_eq!(
            texts(&npy(1, &header("|u1", "(7,)"), b"K4\nK36\n")),
            ["K4", "K36"]
        );
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(text in "\\PC{0,80}", items in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&npy(1, &text, &items));
            let _ = read(&npy(3, &header(&text.replace('\'', ""), "(2,)"), &items));
            let _ = read(&npy(1, &header("<f4", &text), &items));
        }
    }
}
