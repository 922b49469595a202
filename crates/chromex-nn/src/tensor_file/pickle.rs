//! A reader of the pickles that `torch.save` writes for tensors, under Python 2 and 3. Nothing is looked up or called.

use std::collections::HashMap;

use super::bytes::{Bytes, LONGEST_NUMBER};
use super::globals::{self, Known};

/// A value on the stack. Whatever has parts is an index into the machine's lists, so that no nesting is too deep to drop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// None, a floating-point number, or anything that no tensor needs.
    Other,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, by its bytes.
    Large(usize),
    Text(usize),
    /// A tuple or list.
    Sequence(usize),
    Dict(usize),
    /// A global, and the text of its name.
    Known(Known, usize),
    Storage(usize),
    Tensor(usize),
    /// A tensor that is not simply numbers in a row.
    Odd(usize),
}

/// A run of numbers in the file; its texts are those of the machine, which a pickle can repeat at no cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    /// The class's name.
    pub(super) class: usize,
    pub(super) key: usize,
    /// Where it begins within what the file has under its key, as a view of another.
    pub(super) offset: u64,
    pub(super) numbers: u64,
}

/// What is known of a tensor that is not simply numbers in a row.
#[derive(Clone, Debug)]
pub(super) struct Odd {
    /// The text of the function that makes it.
    pub(super) maker: usize,
    /// The text of the type of its numbers, where that is known.
    pub(super) number: Option<usize>,
    pub(super) shape: Vec<usize>,
}

/// A view of a storage.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) storage: usize,
    pub(super) offset: u64,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// What stopped a pickle from being read.
#[derive(Debug)]
pub(super) struct Refused {
    /// The byte of the operation.
    pub(super) offset: usize,
    pub(super) expected: &'static str,
    pub(super) found: String,
}

/// A machine that runs the operations of one pickle.
#[derive(Default)]
pub(super) struct Machine {
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    pub(super) texts: Vec<String>,
    pub(super) large: Vec<Vec<u8>>,
    pub(super) sequences: Vec<Vec<Value>>,
    pub(super) dicts: Vec<Vec<(Value, Value)>>,
    pub(super) storages: Vec<Storage>,
    pub(super) views: Vec<View>,
    pub(super) odd: Vec<Odd>,
    /// Entries of dictionaries that were made of lists, which a pickle can repeat at no cost.
    pub(super) made: usize,
}

/// The longest name of a global that has a meaning.
pub(super) const LONGEST_NAME: usize = 64;

pub(super) type Step<T> = Result<T, (&'static str, String)>;

impl Machine {
    /// Runs a pickle from `start`; gives what it makes and the byte after it.
    pub(super) fn run(&mut self, bytes: &[u8], start: usize) -> Result<(Value, usize), Refused> {
        let mut bytes = Bytes {
            all: bytes,
            at: start,
        };
        loop {
            let offset = bytes.at;
            let done = bytes
                .byte()
                .and_then(|operation| self.step(operation, &mut bytes));
            match done {
                Ok(None) => {}
                Ok(Some(value)) => return Ok((value, bytes.at)),
                Err((expected, found)) => {
                    return Err(Refused {
                        offset,
                        expected,
                        found,
                    });
                }
            }
        }
    }

    /// Runs one operation; gives the result where it is the last.
    fn step(&mut self, operation: u8, bytes: &mut Bytes<'_>) -> Step<Option<Value>> {
        let pushed = match operation {
            // PROTO, FRAME
            0x80 => return bytes.take(1).map(|_| None),
            0x95 => return bytes.take(8).map(|_| None),
            b'.' => return self.pop().map(Some),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            b'0' => return self.pop().map(|_| None),
            b'N' => Value::Other,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(i64::from(bytes.byte()?)),
            b'M' => Value::Int(bytes.unsigned(2)? as i64),
            b'J' => Value::Int(i64::from(bytes.unsigned(4)? as u32 as i32)),
            0x8a => {
                let length = bytes.byte()?;
                self.integer(bytes.take(usize::from(length))?)
            }
            b'G' => bytes.take(8).map(|_| Value::Other)?,
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, BINSTRING, SHORT_BINSTRING
            b'X' | b'T' => self.text(bytes, 4)?,
            0x8c | b'U' => self.text(bytes, 1)?,
            0x8d => self.text(bytes, 8)?,
            // BINBYTES, SHORT_BINBYTES
            b'B' => bytes.skip(4)?,
            b'C' => bytes.skip(1)?,
            // As text, which protocol 0 writes: INT, LONG, FLOAT, STRING, UNICODE.
            b'I' => match bytes.line(LONGEST_NUMBER)?.as_str() {
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                digits => self.decimal(digits)?,
            },
            b'L' => {
                let digits = bytes.line(LONGEST_NUMBER)?;
                self.decimal(digits.strip_suffix('L').unwrap_or(&digits))?
            }
            b'F' => bytes.line(LONGEST_NUMBER).map(|_| Value::Other)?,
            b'S' => {
                let text = globals::unquoted(bytes.raw_line()?);
                text.map_or(Value::Other, |text| self.text_value(text))
            }
            b'V' => {
                let text = globals::unescaped(bytes.raw_line()?);
                text.map_or(Value::Other, |text| self.text_value(text))
            }
            // LONG4, BINBYTES8, BYTEARRAY8
            0x8b => {
                let length = bytes.unsigned(4)?;
                self.integer(bytes.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            0x8e | 0x96 => bytes.skip(8)?,
            b'}' => self.dict(),
            // EMPTY_LIST, EMPTY_TUPLE, EMPTY_SET
            b']' | b')' | 0x8f => self.sequence(Vec::new()),
            // TUPLE, LIST, FROZENSET
            b't' | b'l' | 0x91 => {
                let values = self.marked()?;
                self.sequence(values)
            }
            b'd' => {
                let values = self.marked()?;
                let dict = self.dict();
                self.stack.push(dict);
                return self.insert(&values);
            }
            // POP_MARK, DUP
            b'1' => return self.marked().map(|_| None),
            b'2' => {
                let value = self.pop()?;
                self.stack.push(value);
                value
            }
            0x85..=0x87 => {
                let values = self.last(usize::from(operation - 0x84))?;
                self.sequence(values)
            }
            b'a' => return self.append(1),
            // APPENDS, ADDITEMS
            b'e' | 0x90 => return self.append_marked(),
            b's' => return self.set(2),
            b'u' => return self.set_marked(),
            b'q' => {
                let key = u32::from(bytes.byte()?);
                return self.remember(key);
            }
            b'r' => {
                let key = bytes.unsigned(4)? as u32;
                return self.remember(key);
            }
            0x94 => return self.remember(self.memo.len() as u32),
            b'p' => {
                let key = bytes.number()?;
                return self.remember(key);
            }
            b'g' => {
                let key = bytes.number()?;
                self.recall(u64::from(key))?
            }
            b'h' => self.recall(u64::from(bytes.byte()?))?,
            b'j' => self.recall(bytes.unsigned(4)?)?,
            b'c' => {
                let (module, name) = (bytes.line(LONGEST_NAME)?, bytes.line(LONGEST_NAME)?);
                self.known(&module, &name)?
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let [module, name] = [module, name].map(|text| self.text_of(text).map(shortened));
                self.known(&module?, &name?)?
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)?
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let (arguments, called) = (self.pop()?, self.pop()?);
                self.reduce(called, arguments)?
            }
            // BUILD sets attributes, such as an ordered dictionary's metadata: none of them is a tensor.
            b'b' => {
                self.pop()?;
                return match self.stack.last() {
                    Some(Value::Dict(_) | Value::Tensor(_) | Value::Odd(_) | Value::Other) => {
                        Ok(None)
                    }
                    other => Err((
                        "attributes of a dictionary or tensor alone",
                        format!("of {other:?}"),
                    )),
                };
            }
            other => {
                let expected = "an operation that tensors are written with";
                return Err((expected, format!("{other:#04x}")));
            }
        };
        self.stack.push(pushed);
        Ok(None)
    }

    pub(super) fn text_of(&self, value: Value) -> Step<&str> {
        match value {
            Value::Text(text) => Ok(&self.texts[text]),
            other => Err(("a text", format!("{other:?}"))),
        }
    }

    pub(super) fn sequence_of(&self, value: Value) -> Step<&[Value]> {
        match value {
            Value::Sequence(sequence) => Ok(&self.sequences[sequence]),
            other => Err(("a tuple", format!("{other:?}"))),
        }
    }

    /// An integer of any number of bytes, the lowest first and the highest bit its sign.
    fn integer(&mut self, bytes: &[u8]) -> Value {
        if bytes.len() > 8 {
            self.large.push(bytes.to_vec());
            return Value::Large(self.large.len() - 1);
        }
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut all = [if negative { 0xff } else { 0 }; 8];
        all[..bytes.len()].copy_from_slice(bytes);
        Value::Int(i64::from_le_bytes(all))
    }

    /// An integer as decimal digits.
    fn decimal(&mut self, digits: &str) -> Step<Value> {
        if let Ok(value) = digits.parse::<i64>() {
            return Ok(Value::Int(value));
        }
        let value: i128 = digits
            .parse()
            .map_err(|_| ("an integer", format!("`{digits}`")))?;
        // The fewest bytes that keep its sign, as the other protocols write it.
        let bytes = value.to_le_bytes();
        let sign = if value < 0 { 0xff } else { 0 };
        let spare = |end: usize| bytes[end - 1] == sign && (bytes[end - 2] ^ sign) < 0x80;
        let mut end = bytes.len();
        while end > 9 && spare(end) {
            end -= 1;
        }
        self.large.push(bytes[..end].to_vec());
        Ok(Value::Large(self.large.len() - 1))
    }

    /// A string; of Python 2, where it may be bytes, one that is not UTF-8 names nothing.
    fn text(&mut self, bytes: &mut Bytes<'_>, length: usize) -> Step<Value> {
        let length = bytes.unsigned(length)?;
        let text = bytes.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(match std::str::from_utf8(text) {
            Ok(text) => self.text_value(text.to_owned()),
            Err(_) => Value::Other,
        })
    }

    fn text_value(&mut self, text: String) -> Value {
        self.texts.push(text);
        Value::Text(self.texts.len() - 1)
    }

    pub(super) fn dict(&mut self) -> Value {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    fn sequence(&mut self, values: Vec<Value>) -> Value {
        self.sequences.push(values);
        Value::Sequence(self.sequences.len() - 1)
    }

    fn pop(&mut self) -> Step<Value> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => Ok(self.stack.pop().expect("the stack is above its floor")),
            false => Err(("a value on the stack", "none".into())),
        }
    }

    /// The values above the last mark.
    fn marked(&mut self) -> Step<Vec<Value>> {
        let mark = self.marks.pop().ok_or(("a mark", "none".to_owned()))?;
        Ok(self.stack.split_off(mark))
    }

    fn last(&mut self, count: usize) -> Step<Vec<Value>> {
        let mut values = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        values.reverse();
        Ok(values)
    }

    fn append(&mut self, count: usize) -> Step<Option<Value>> {
        let values = self.last(count)?;
        self.extend(values)
    }

    fn append_marked(&mut self) -> Step<Option<Value>> {
        let values = self.marked()?;
        self.extend(values)
    }

    fn extend(&mut self, values: Vec<Value>) -> Step<Option<Value>> {
        match self.stack.last() {
            Some(Value::Sequence(list)) => {
                self.sequences[*list].extend(values);
                Ok(None)
            }
            other => Err(("a list", format!("{other:?}"))),
        }
    }

    fn set(&mut self, count: usize) -> Step<Option<Value>> {
        let values = self.last(count)?;
        self.insert(&values)
    }

    fn set_marked(&mut self) -> Step<Option<Value>> {
        let values = self.marked()?;
        self.insert(&values)
    }

    fn insert(&mut self, values: &[Value]) -> Step<Option<Value>> {
        match self.stack.last() {
            Some(Value::Dict(dict)) if values.len().is_multiple_of(2) => {
                let pairs = values.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.dicts[*dict].extend(pairs);
                Ok(None)
            }
            other => Err(("a dictionary and pairs", format!("{other:?}"))),
        }
    }

    fn remember(&mut self, key: u32) -> Step<Option<Value>> {
        let value = self.stack.last().copied();
        self.memo
            .insert(key, value.ok_or(("a value", "none".to_owned()))?);
        Ok(None)
    }

    fn recall(&self, key: u64) -> Step<Value> {
        let value = u32::try_from(key).ok().and_then(|key| self.memo.get(&key));
        value
            .copied()
            .ok_or(("a value that was put aside", format!("number {key}")))
    }
}

/// As much of a text as tells that it is too long.
fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_NAME + 1).collect()
}
