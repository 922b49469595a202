//! XGBoost's JSON, which is JSON but for three more numbers: `NaN`, `Infinity` and `-Infinity`.

use std::io::Write;

use super::value::{DEEPEST, Elements, Value, malformed};
use crate::Result;

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Value> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
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
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.text().map(Value::Text),
            Some(b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') => self.scalar(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.skip(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.unexpected("a name"));
            }
            let key = self.text()?;
            self.need(b':')?;
            entries.push((key, self.value(depth + 1)?));
            if self.skip(b'}') {
                return Ok(Value::Map(entries));
            }
            self.need(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        self.at += 1;
        let mut elements = Elements::None;
        if self.skip(b']') {
            return Ok(elements.finish());
        }
        loop {
            let start = self.at;
            let value = self.value(depth + 1)?;
            elements.push(value).map_err(|value| {
                let place = format!("byte {start}");
                malformed(place, "a value like those before it", value.kind())
            })?;
            if self.skip(b']') {
                return Ok(elements.finish());
            }
            self.need(b',')?;
        }
    }

    fn text(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(self.unexpected("the end of a string")),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = &self.bytes[start..self.at];
        let text = if escaped {
            serde_json::from_slice(quoted).ok()
        } else {
            let plain = &quoted[1..quoted.len() - 1];
            std::str::from_utf8(plain).ok().map(str::to_owned)
        };
        text.ok_or_else(|| malformed(format!("byte {start}"), "a string of UTF-8", "another"))
    }

    /// Reads a number, a truth value or null.
    fn scalar(&mut self) -> Result<Value> {
        let start = self.at;
        let mut whole = true;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'-' | b'0'..=b'9' => {}
                b'+' | b'.' | b'A'..=b'Z' | b'a'..=b'z' => whole = false,
                _ => break,
            }
            self.at += 1;
        }
        let word = std::str::from_utf8(&self.bytes[start..self.at]).expect("ASCII only");
        if whole && let Ok(value) = word.parse() {
            return Ok(Value::Integer(value));
        }
        let value = match word {
            "null" => Some(Value::Null),
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            "NaN" => Some(Value::Number(f32::NAN)),
            "Infinity" => Some(Value::Number(f32::INFINITY)),
            "-Infinity" => Some(Value::Number(f32::NEG_INFINITY)),
            // Rust, too, knows numbers by name.
            _ if word.contains(|letter: char| letter.is_alphabetic() && !"eE".contains(letter)) => {
                None
            }
            _ => word
                .parse::<f32>()
                .ok()
                .filter(|value| value.is_finite())
                .map(Value::Number),
        };
        value.ok_or_else(|| {
            let word: String = word.chars().take(40).collect();
            malformed(
                format!("byte {start}"),
                "a number of 32 bits",
                format!("`{word}`"),
            )
        })
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, byte: u8) -> Result<()> {
        if self.skip(byte) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{}`", char::from(byte))))
        }
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
    let mut text = Vec::new();
    write_value(&mut text, value);
    text
}

fn write_value(text: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => text.extend(b"null"),
        Value::Boolean(value) => text.extend(if *value { &b"true"[..] } else { b"false" }),
        Value::Integer(value) => write_integer(text, *value),
        Value::Number(value) => text.extend(number(*value).as_bytes()),
        Value::Text(value) => write_text(text, value),
        Value::List(values) => write_list(text, values, write_value),
        Value::Bytes(values) => write_list(text, values, |text, &value| write_integer(text, value)),
        Value::Integers(values) => {
            write_list(text, values, |text, &value| write_integer(text, value));
        }
        Value::Longs(values) => write_list(text, values, |text, &value| write_integer(text, value)),
        Value::Numbers(values) => {
            write_list(text, values, |text, &value| {
                text.extend(number(value).as_bytes());
            });
        }
        Value::Map(entries) => {
            text.push(b'{');
            for (place, (key, value)) in entries.iter().enumerate() {
                if place > 0 {
                    text.push(b',');
                }
                write_text(text, key);
                text.push(b':');
                write_value(text, value);
            }
            text.push(b'}');
        }
    }
}

fn write_list<T>(text: &mut Vec<u8>, values: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    text.push(b'[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        write(text, value);
    }
    text.push(b']');
}

fn write_integer(text: &mut Vec<u8>, value: impl Into<i64>) {
    write!(text, "{}", value.into()).expect("writing to memory cannot fail");
}

fn write_text(text: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(text, value).expect("strings can be written to memory");
}

/// Spells a number as XGBoost does: with the fewest digits that lead back to its bits, and an exponent.
pub(super) fn number(value: f32) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        format!("{value:E}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn documents_come_back_as_they_were_written() {
        let value = Value::map([
            ("numbers", Value::Numbers(vec![0.1, -0.0, 1e-45, f32::MAX])),
            ("longs", Value::Longs(vec![-1, i64::MAX])),
            ("text \"\\\n é", Value::text("a \u{1f9ec}\t")),
            (
                "maps",
                Value::List(vec![Value::Map(vec![]), Value::Map(vec![])]),
            ),
            ("one", Value::Number(2.5)),
            ("yes", Value::Boolean(true)),
            ("null", Value::Null),
        ]);
        assert_eq!(read(&write(&value)).unwrap(), value);
    }

    #[test]
    fn every_kind_of_number_keeps_its_bits() {
        let bits = (0..=u32::MAX).step_by(104_729);
        let values: Vec<f32> = bits.map(f32::from_bits).filter(|v| !v.is_nan()).collect();
        let text = write(&Value::Numbers(values.clone()));
        let Value::Numbers(back) = read(&text).unwrap() else {
            panic!("not numbers")
        };
        assert!(
            values
                .iter()
                .zip(&back)
                .all(|(one, other)| one.to_bits() == other.to_bits())
        );
        assert_eq!(number(0.5), "5E-1");
        assert_eq!(write(&Value::Number(f32::NAN)), b"NaN");
    }

    #[test]
    fn whole_numbers_stand_among_others_and_truth_values_count_as_integers() {
        assert_eq!(
            read(b"[1, 2.5,3]").unwrap(),
            Value::Numbers(vec![1.0, 2.5, 3.0])
        );
        assert_eq!(read(b"[true,false]").unwrap(), Value::Bytes(vec![1, 0]));
        assert_eq!(read(b" [ ] ").unwrap(), Value::List(vec![]));
    }

    #[test]
    fn text_that_is_no_json_is_refused_with_its_place() {
        assert_eq!(
            message("[1"),
            "byte 2: expected `,`, found the end of the file"
        );
        assert_eq!(message("{\"a\" 1}"), "byte 5: expected `:`, found `1`");
        assert_eq!(
            message("[1e99]"),
            "byte 1: expected a number of 32 bits, found `1e99`"
        );
        for text in [
            "",
            "[",
            "{",
            "[1,]",
            "{1:2}",
            "nan",
            "[inf]",
            "infinity",
            "[1]x",
            "\"",
            "\"\\",
            "-",
            "[null]",
            "[1,\"a\"]",
            "[[],{}]",
            "\"\\u12\"",
            "1.2.3",
            "+1",
            ".5",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
        assert!(message(&"[".repeat(100_000)).contains("expected at most 32 levels"));
    }
}
