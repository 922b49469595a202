//! What a model file holds, before it is understood.

use crate::{Error, Result};

/// The deepest nesting that is read; XGBoost's models nest eight deep.
pub(super) const DEEPEST: usize = 32;

/// A value of XGBoost's JSON and UBJSON documents. Arrays of numbers have types of their own, as in UBJSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f32),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
    Bytes(Vec<u8>),
    Integers(Vec<i32>),
    Longs(Vec<i64>),
    Numbers(Vec<f32>),
}

impl Value {
    pub(super) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// An array of integers that XGBoost wants without a type of its own.
    pub(super) fn list_of(integers: impl IntoIterator<Item = usize>) -> Self {
        let integers = integers.into_iter();
        Self::List(integers.map(|value| Self::Integer(value as i64)).collect())
    }

    pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let entries = entries.into_iter();
        Self::Map(entries.map(|(key, value)| (key.into(), value)).collect())
    }

    /// Names the kind of value, for errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a truth value",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
            Self::Bytes(_) | Self::Integers(_) | Self::Longs(_) => "integers",
            Self::Numbers(_) => "numbers",
        }
    }
}

/// The elements of an array of which the file does not say the type, as they come.
///
/// Numbers lie as densely as in arrays of a known type, so that a file cannot ask for many times its size.
pub(super) enum Elements {
    None,
    Bytes(Vec<u8>),
    Longs(Vec<i64>),
    Numbers(Vec<f32>),
    Others(Vec<Value>),
}

impl Elements {
    /// Adds an element; one that does not go with those before it is given back.
    pub(super) fn push(&mut self, value: Value) -> Result<(), Value> {
        match (&mut *self, value) {
            (_, Value::Null) => return Err(Value::Null),
            (Self::Bytes(all), Value::Boolean(value)) => all.push(value.into()),
            (Self::Longs(all), Value::Integer(value)) => all.push(value),
            (Self::Numbers(all), Value::Number(value)) => all.push(value),
            // Some writers leave out the point of whole numbers.
            (Self::Numbers(all), Value::Integer(value)) => all.push(value as f32),
            (Self::Longs(before), Value::Number(value)) => {
                let before = before.iter().map(|&value| value as f32);
                *self = Self::Numbers(before.chain([value]).collect());
            }
            (Self::Others(all), value) if all[0].kind() == value.kind() => all.push(value),
            (Self::None, Value::Boolean(value)) => *self = Self::Bytes(vec![value.into()]),
            (Self::None, Value::Integer(value)) => *self = Self::Longs(vec![value]),
            (Self::None, Value::Number(value)) => *self = Self::Numbers(vec![value]),
            (Self::None, value) => *self = Self::Others(vec![value]),
            (_, value) => return Err(value),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Value {
        match self {
            Self::None => Value::List(Vec::new()),
            Self::Bytes(all) => Value::Bytes(all),
            Self::Longs(all) => Value::Longs(all),
            Self::Numbers(all) => Value::Numbers(all),
            Self::Others(all) => Value::List(all),
        }
    }
}

/// The fields of an object, to be taken out one by one, and where in the document it stands.
pub(super) struct Fields {
    place: String,
    entries: Vec<(String, Value)>,
}

impl Fields {
    pub(super) fn new(place: impl Into<String>, value: Value) -> Result<Self> {
        let place = place.into();
        match value {
            Value::Map(entries) => Ok(Self { place, entries }),
            other => Err(malformed(place, "an object", other.kind())),
        }
    }

    /// Names a field with its way through the document.
    pub(super) fn place(&self, key: &str) -> String {
        if self.place.is_empty() {
            key.into()
        } else {
            format!("{}.{key}", self.place)
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Takes a field that may be missing; of several with one name the last counts, as in XGBoost.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        let found = self.entries.extract_if(.., |(name, _)| name == key);
        found.last().map(|(_, value)| value)
    }

    pub(super) fn need(&mut self, key: &str) -> Result<Value> {
        self.take(key)
            .ok_or_else(|| malformed(self.place(key), "a value", "none"))
    }

    pub(super) fn fields(&mut self, key: &str) -> Result<Self> {
        let value = self.need(key)?;
        Self::new(self.place(key), value)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<String> {
        match self.need(key)? {
            Value::Text(text) => Ok(text),
            other => Err(malformed(self.place(key), "a string", other.kind())),
        }
    }

    /// Takes a count, which XGBoost writes as a string.
    pub(super) fn count(&mut self, key: &str) -> Result<Option<usize>> {
        let found = match self.take(key) {
            None => return Ok(None),
            Some(Value::Text(text)) => match text.trim().parse::<u32>() {
                Ok(count) => return Ok(Some(count as usize)),
                Err(_) => format!("`{text}`"),
            },
            Some(other) => other.kind().into(),
        };
        Err(malformed(self.place(key), "a count as a string", found))
    }

    pub(super) fn longs(&mut self, key: &str) -> Result<Vec<i64>> {
        match self.need(key)? {
            Value::Longs(values) => Ok(values),
            Value::Integers(values) => Ok(values.into_iter().map(i64::from).collect()),
            Value::Bytes(values) => Ok(values.into_iter().map(i64::from).collect()),
            Value::List(values) if values.is_empty() => Ok(Vec::new()),
            other => Err(malformed(self.place(key), "integers", other.kind())),
        }
    }

    pub(super) fn numbers(&mut self, key: &str) -> Result<Vec<f32>> {
        match self.need(key)? {
            Value::Numbers(values) => Ok(values),
            Value::Longs(values) => Ok(values.into_iter().map(|value| value as f32).collect()),
            Value::List(values) if values.is_empty() => Ok(Vec::new()),
            other => Err(malformed(self.place(key), "numbers", other.kind())),
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Vec<Value>> {
        match self.need(key)? {
            Value::List(values) => Ok(values),
            other => Err(malformed(self.place(key), "a list", other.kind())),
        }
    }

    /// Takes a list of strings; none where there is no such field.
    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>> {
        let values = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::List(values)) => values,
            Some(other) => {
                return Err(malformed(self.place(key), "strings", other.kind()));
            }
        };
        let texts = values.into_iter().map(|value| match value {
            Value::Text(text) => Ok(text),
            other => Err(malformed(self.place(key), "strings", other.kind())),
        });
        texts.collect()
    }

    /// Refuses fields that nobody took.
    ///
    /// What predictions depend on has moved to fields of a new name before, under names and numbers that were read as ever: a
    /// field that is not known is never passed over.
    pub(super) fn done(self) -> Result<()> {
        match self.entries.first() {
            None => Ok(()),
            Some((key, value)) => {
                let expected = "no field whose part in predictions is not known";
                Err(malformed(self.place(key), expected, value.kind()))
            }
        }
    }

    /// Passes over fields that no prediction needs.
    pub(super) fn skip(&mut self, keys: &[&str]) {
        self.entries
            .retain(|(key, _)| !keys.contains(&key.as_str()));
    }

    /// Gives the fields that nobody took.
    pub(super) fn rest(self) -> Vec<(String, Value)> {
        self.entries
    }
}

/// Says that a file departs from what was expected at some place.
pub(super) fn malformed(
    place: impl Into<String>,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Error {
    Error::MalformedFile {
        place: place.into(),
        expected: expected.into(),
        found: found.into(),
    }
}
