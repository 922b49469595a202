//! A reader of the pickles that `torch.save` writes for tensors. Nothing is looked up or called.

use std::collections::HashMap;

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
    Known(Known),
    Storage(usize),
    Tensor(usize),
}

/// The globals that have a meaning here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    OrderedDict,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`.
    Tensor,
    /// `_rebuild_parameter`: the tensor that it wraps.
    Parameter,
    /// A class of storages, by its name's text.
    Storage(usize),
    /// `torch.Size`: the tuple that it wraps.
    Size,
}

/// A run of numbers in the file; its texts are those of the machine, which a pickle can repeat at no cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    /// The class's name.
    pub(super) class: usize,
    pub(super) key: usize,
    pub(super) numbers: u64,
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
}

/// The bytes of a pickle and how far they are read.
struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

/// The most axes of a tensor, as PyTorch has it: a pickle can repeat a long tuple at no cost.
const MOST_AXES: usize = 64;

/// The longest name of a global that has a meaning.
const LONGEST_NAME: usize = 64;

type Step<T> = Result<T, (&'static str, String)>;

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
            b'}' => self.dict(),
            b']' | b')' => self.sequence(Vec::new()),
            b't' | b'l' => {
                let values = self.marked()?;
                self.sequence(values)
            }
            0x85..=0x87 => {
                let values = self.last(usize::from(operation - 0x84))?;
                self.sequence(values)
            }
            b'a' => return self.append(1),
            b'e' => return self.append_marked(),
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
            b'h' => self.recall(u64::from(bytes.byte()?))?,
            b'j' => self.recall(bytes.unsigned(4)?)?,
            b'c' => {
                let (module, name) = (bytes.line()?, bytes.line()?);
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
            b'R' => {
                let (arguments, called) = (self.pop()?, self.pop()?);
                self.reduce(called, arguments)?
            }
            // BUILD sets attributes, such as an ordered dictionary's metadata: none of them is a tensor.
            b'b' => {
                self.pop()?;
                return match self.stack.last() {
                    Some(Value::Dict(_)) => Ok(None),
                    other => Err(("attributes of a dictionary alone", format!("of {other:?}"))),
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

    fn sequence_of(&self, value: Value) -> Step<&[Value]> {
        match value {
            Value::Sequence(sequence) => Ok(&self.sequences[sequence]),
            other => Err(("a tuple", format!("{other:?}"))),
        }
    }

    fn known(&mut self, module: &str, name: &str) -> Step<Value> {
        let named = module.len().max(name.len()) <= LONGEST_NAME;
        let known = match (module, name) {
            _ if !named => return Err(("tensors and dictionaries alone", "a longer name".into())),
            ("collections", "OrderedDict") => Known::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Known::Tensor,
            ("torch._utils", "_rebuild_parameter") => Known::Parameter,
            ("torch", "Size") => Known::Size,
            ("torch" | "torch.storage", class) if class.ends_with("Storage") => {
                self.texts.push(class.to_owned());
                Known::Storage(self.texts.len() - 1)
            }
            _ => {
                let expected = "tensors and dictionaries alone";
                return Err((expected, format!("the global `{module}.{name}`")));
            }
        };
        Ok(Value::Known(known))
    }

    /// A storage: ("storage", its class, its key, where it was, how many numbers it has).
    fn persistent(&mut self, id: Value) -> Step<Value> {
        let expected = "a storage";
        let (class, key, numbers) = match self.sequence_of(id)? {
            [
                Value::Text(kind),
                Value::Known(Known::Storage(class)),
                Value::Text(key),
                _,
                Value::Int(numbers),
                ..,
            ] if self.texts[*kind] == "storage" && *numbers >= 0 => (*class, *key, *numbers as u64),
            other => return Err((expected, format!("{} values", other.len()))),
        };
        self.storages.push(Storage {
            class,
            key,
            numbers,
        });
        Ok(Value::Storage(self.storages.len() - 1))
    }

    fn reduce(&mut self, called: Value, arguments: Value) -> Step<Value> {
        let arguments = self.sequence_of(arguments)?;
        match (called, arguments) {
            (Value::Known(Known::OrderedDict), []) => Ok(self.dict()),
            (Value::Known(Known::Parameter), [tensor @ Value::Tensor(_), ..]) => Ok(*tensor),
            (Value::Known(Known::Size), [shape @ Value::Sequence(_)]) => Ok(*shape),
            (
                Value::Known(Known::Tensor),
                [
                    Value::Storage(storage),
                    Value::Int(offset),
                    shape,
                    strides,
                    ..,
                ],
            ) => {
                let view = View {
                    storage: *storage,
                    offset: u64::try_from(*offset)
                        .map_err(|_| ("an offset", offset.to_string()))?,
                    shape: self.extents(*shape)?,
                    strides: self.extents(*strides)?,
                };
                self.views.push(view);
                Ok(Value::Tensor(self.views.len() - 1))
            }
            (Value::Known(known), other) => {
                let found = format!("{} other ones for {known:?}", other.len());
                Err(("the arguments that tensors are written with", found))
            }
            (other, _) => Err(("something that makes tensors", format!("{other:?}"))),
        }
    }

    fn extents(&self, value: Value) -> Step<Vec<usize>> {
        let extent = |value: &Value| match value {
            Value::Int(extent) => usize::try_from(*extent).ok(),
            _ => None,
        };
        let sequence = self.sequence_of(value)?;
        if sequence.len() > MOST_AXES {
            return Err(("at most 64 axes", sequence.len().to_string()));
        }
        let extents: Option<Vec<usize>> = sequence.iter().map(extent).collect();
        extents.ok_or(("extents of 0 or above", "others".into()))
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

    fn text(&mut self, bytes: &mut Bytes<'_>, length: usize) -> Step<Value> {
        let length = bytes.unsigned(length)?;
        let text = bytes.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let text = std::str::from_utf8(text).map_err(|_| ("UTF-8", "other bytes".into()))?;
        self.texts.push(text.to_owned());
        Ok(Value::Text(self.texts.len() - 1))
    }

    fn dict(&mut self) -> Value {
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

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let left = &self.all[self.at..];
        match left.get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err((
                "bytes that the pickle says it has",
                format!("{} of {count}", left.len()),
            )),
        }
    }

    fn byte(&mut self) -> Step<u8> {
        Ok(self.take(1)?[0])
    }

    fn unsigned(&mut self, count: usize) -> Step<u64> {
        let mut all = [0; 8];
        all[..count].copy_from_slice(self.take(count)?);
        Ok(u64::from_le_bytes(all))
    }

    /// Passes over bytes whose length comes first.
    fn skip(&mut self, length: usize) -> Step<Value> {
        let length = self.unsigned(length)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Value::Other)
    }

    fn line(&mut self) -> Step<String> {
        let left = &self.all[self.at..];
        let end = left.iter().position(|&byte| byte == b'\n');
        let line = self.take(end.ok_or(("a line", "the end".to_owned()))?)?;
        self.at += 1;
        Ok(shortened(&String::from_utf8_lossy(line)))
    }
}
