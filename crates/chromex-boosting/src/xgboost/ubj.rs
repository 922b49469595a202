//! Universal Binary JSON as XGBoost uses it: numbers are big-endian, and arrays of numbers say their type and length.

use super::value::{DEEPEST, Elements, Value, malformed};
use crate::Result;

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Value> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(0)?;
    match reader.bytes.get(reader.at) {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > DEEPEST {
            return Err(self.unexpected(&format!("at most {DEEPEST} levels")));
        }
        let marker = self.marker("a value")?;
        Ok(match marker {
            b'{' => self.map(depth)?,
            b'[' => self.list(depth)?,
            b'Z' => Value::Null,
            b'T' => Value::Boolean(true),
            b'F' => Value::Boolean(false),
            b'S' => Value::Text(self.text()?),
            b'd' => Value::Number(f32::from_be_bytes(self.take()?)),
            b'D' => Value::Number(f64::from_be_bytes(self.take()?) as f32),
            _ => match self.integer(marker)? {
                Some(value) => Value::Integer(value),
                None => {
                    self.at -= 1;
                    return Err(self.unexpected("a value"));
                }
            },
        })
    }

    /// Reads an integer of a type; none where no integer is marked so.
    fn integer(&mut self, marker: u8) -> Result<Option<i64>> {
        Ok(Some(match marker {
            b'i' => i8::from_be_bytes(self.take()?).into(),
            b'U' | b'C' => u8::from_be_bytes(self.take()?).into(),
            b'I' => i16::from_be_bytes(self.take()?).into(),
            b'l' => i32::from_be_bytes(self.take()?).into(),
            b'L' => i64::from_be_bytes(self.take()?),
            _ => return Ok(None),
        }))
    }

    /// Reads a length and checks that so many things, of `size` bytes at least, may follow.
    fn length(&mut self, size: usize) -> Result<usize> {
        let start = self.at;
        let marker = self.marker("a length")?;
        let Some(length) = self.integer(marker)? else {
            self.at = start;
            return Err(self.unexpected("a length"));
        };
        let most = (self.bytes.len() - self.at) / size;
        match usize::try_from(length) {
            Ok(length) if length <= most => Ok(length),
            _ => Err(malformed(
                format!("byte {start}"),
                format!("a length of at most {most}, which the file has room for"),
                length.to_string(),
            )),
        }
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length(1)?;
        let start = self.at;
        self.at += length;
        match std::str::from_utf8(&self.bytes[start..self.at]) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(malformed(
                format!("byte {start}"),
                "a string of UTF-8",
                "another",
            )),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        let mut entries = Vec::new();
        while !self.skip(b'}') {
            let key = self.text()?;
            entries.push((key, self.value(depth + 1)?));
        }
        Ok(Value::Map(entries))
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        if self.skip(b'$') {
            return self.typed();
        }
        let mut elements = Elements::None;
        if self.skip(b'#') {
            for _ in 0..self.length(1)? {
                self.element(&mut elements, depth)?;
            }
        } else {
            while !self.skip(b']') {
                self.element(&mut elements, depth)?;
            }
        }
        Ok(elements.finish())
    }

    fn element(&mut self, elements: &mut Elements, depth: usize) -> Result<()> {
        let start = self.at;
        let value = self.value(depth + 1)?;
        elements.push(value).map_err(|value| {
            let place = format!("byte {start}");
            malformed(place, "a value like those before it", value.kind())
        })
    }

    /// Reads an array whose elements have one type.
    fn typed(&mut self) -> Result<Value> {
        let marker = self.marker("a type")?;
        let known = matches!(marker, b'd' | b'D' | b'i' | b'U' | b'I' | b'l' | b'L');
        if !known {
            self.at -= 1;
            return Err(self.unexpected("a type of numbers"));
        }
        if !self.skip(b'#') {
            return Err(self.unexpected("`#`"));
        }
        Ok(match marker {
            b'd' => Value::Numbers(self.array(f32::from_be_bytes)?),
            b'D' => Value::Numbers(self.array(|bytes| f64::from_be_bytes(bytes) as f32)?),
            b'i' => Value::Integers(self.array(|bytes| i8::from_be_bytes(bytes).into())?),
            b'U' => Value::Bytes(self.array(u8::from_be_bytes)?),
            b'I' => Value::Integers(self.array(|bytes| i16::from_be_bytes(bytes).into())?),
            b'l' => Value::Integers(self.array(i32::from_be_bytes)?),
            _ => Value::Longs(self.array(i64::from_be_bytes)?),
        })
    }

    fn array<T, const SIZE: usize>(&mut self, number: impl Fn([u8; SIZE]) -> T) -> Result<Vec<T>> {
        let length = self.length(SIZE)?;
        let start = self.at;
        self.at += length * SIZE;
        let (chunks, _) = self.bytes[start..self.at].as_chunks();
        Ok(chunks.iter().map(|&bytes| number(bytes)).collect())
    }

    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        let rest = &self.bytes[self.at..];
        let Some(bytes) = rest.first_chunk() else {
            self.at = self.bytes.len();
            return Err(self.unexpected("a number"));
        };
        self.at += SIZE;
        Ok(*bytes)
    }

    fn marker(&mut self, expected: &str) -> Result<u8> {
        let marker = self.bytes.get(self.at).copied();
        let marker = marker.ok_or_else(|| self.unexpected(expected))?;
        self.at += 1;
        Ok(marker)
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, expected: &str) -> crate::Error {
        let found = match self.bytes.get(self.at) {
            None => "the end of the file".into(),
            Some(byte) => format!("`{}`", byte.escape_ascii()),
        };
        malformed(format!("byte {}", self.at), expected, found)
    }
}

/// Writes a document as XGBoost does.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value);
    bytes
}

fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(b'Z'),
        Value::Boolean(value) => bytes.push(if *value { b'T' } else { b'F' }),
        Value::Integer(value) => write_integer(bytes, *value),
        Value::Number(value) => {
            bytes.push(b'd');
            bytes.extend(value.to_be_bytes());
        }
        Value::Text(value) => {
            bytes.push(b'S');
            write_text(bytes, value);
        }
        Value::List(values) => {
            bytes.extend(b"[#");
            write_length(bytes, values.len());
            for value in values {
                write_value(bytes, value);
            }
        }
        Value::Map(entries) => {
            bytes.push(b'{');
            for (key, value) in entries {
                write_text(bytes, key);
                write_value(bytes, value);
            }
            bytes.push(b'}');
        }
        Value::Bytes(values) => write_array(bytes, b'U', values, |value| [*value]),
        Value::Integers(values) => write_array(bytes, b'l', values, |value| value.to_be_bytes()),
        Value::Longs(values) => write_array(bytes, b'L', values, |value| value.to_be_bytes()),
        Value::Numbers(values) => write_array(bytes, b'd', values, |value| value.to_be_bytes()),
    }
}

fn write_array<T, const SIZE: usize>(
    bytes: &mut Vec<u8>,
    marker: u8,
    values: &[T],
    big_endian: impl Fn(&T) -> [u8; SIZE],
) {
    bytes.extend([b'[', b'$', marker, b'#']);
    write_length(bytes, values.len());
    bytes.extend(values.iter().flat_map(big_endian));
}

fn write_integer(bytes: &mut Vec<u8>, value: i64) {
    if let Ok(value) = i8::try_from(value) {
        bytes.push(b'i');
        bytes.extend(value.to_be_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        bytes.push(b'I');
        bytes.extend(value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        bytes.push(b'l');
        bytes.extend(value.to_be_bytes());
    } else {
        bytes.push(b'L');
        bytes.extend(value.to_be_bytes());
    }
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.push(b'L');
    bytes.extend((length as i64).to_be_bytes());
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_length(bytes, text.len());
    bytes.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        read(bytes).unwrap_err().to_string()
    }

    #[test]
    fn documents_come_back_as_they_were_written() {
        let value = Value::map([
            ("numbers", Value::Numbers(vec![0.1, f32::NEG_INFINITY])),
            ("bytes", Value::Bytes(vec![0, 1, 255])),
            ("integers", Value::Integers(vec![-1, i32::MAX])),
            ("longs", Value::Longs(vec![i64::MIN])),
            (
                "texts",
                Value::List(vec![Value::text("é"), Value::text("")]),
            ),
            ("empty", Value::List(vec![])),
            ("map", Value::map([("null", Value::Null)])),
            ("yes", Value::Boolean(true)),
        ]);
        assert_eq!(read(&write(&value)).unwrap(), value);
        for integer in [0, -128, 127, 128, 1 << 20, i64::MIN] {
            let value = Value::Integer(integer);
            assert_eq!(read(&write(&value)).unwrap(), value);
        }
    }

    #[test]
    fn arrays_may_end_with_a_bracket_and_lengths_be_short() {
        assert_eq!(
            read(b"[i\x01l\0\0\x01\0]").unwrap(),
            Value::Longs(vec![1, 256])
        );
        assert_eq!(
            read(b"[$I#i\x01\xff\xfe").unwrap(),
            Value::Integers(vec![-2])
        );
        assert_eq!(read(b"SU\x02ab").unwrap(), Value::text("ab"));
    }

    #[test]
    fn lengths_beyond_the_file_are_refused() {
        let huge = (1_u64 << 40).to_be_bytes();
        for start in [&b"[#L"[..], b"[$d#L", b"SL", b"{L"] {
            let bytes = [start, &huge, b"ab"].concat();
            assert!(message(&bytes).contains("found 1099511627776"), "{start:?}");
        }
        assert!(message(b"[$d#i\x02\0\0\0\0\0\0\0").contains("at most 1"));
        assert!(message(b"Si\xff").contains("found -1"));
    }

    #[test]
    fn bytes_that_are_no_document_are_refused_with_their_place() {
        assert_eq!(
            message(b""),
            "byte 0: expected a value, found the end of the file"
        );
        assert_eq!(message(b"[i\x01x"), "byte 3: expected a value, found `x`");
        assert_eq!(
            message(b"[$S#i\0"),
            "byte 2: expected a type of numbers, found `S`"
        );
        assert_eq!(
            message(b"l\0\0"),
            "byte 3: expected a number, found the end of the file"
        );
        assert!(message(b"[ZZ]").contains("found null"));
        assert!(message(b"Si\x01\xff").contains("UTF-8"));
        assert!(message(b"TT").contains("expected the end"));
        assert!(message(&b"[".repeat(100_000)).contains("expected at most 32 levels"));
    }
}
