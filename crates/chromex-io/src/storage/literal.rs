/// How deep values may lie within each other in a header.
const DEEPEST: usize = 8;

/// A value of the header's dictionary.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(usize),
    Truth(bool),
    Several(Vec<Value>),
    Nothing,
}

/// A literal of Python, of what headers of npy are made of, that is read from its start.
pub(super) struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let rest = text.trim_end();
        Self { rest }
    }

    /// Reads a dictionary whose keys are texts, behind which nothing stands.
    pub(super) fn dictionary(&mut self) -> Option<Vec<(String, Value)>> {
        let mut fields = Vec::new();
        self.take('{')?;
        while self.take('}').is_none() {
            let name = self.text()?;
            self.take(':')?;
            fields.push((name, self.value(DEEPEST)?));
            if self.take(',').is_none() {
                self.take('}')?;
                break;
            }
        }
        self.rest.trim().is_empty().then_some(fields)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '\'' | '"' => self.text().map(Value::Text),
            '(' => self.several('(', ')', depth),
            '[' => self.several('[', ']', depth),
            letter if letter.is_ascii_digit() => {
                let end = self.rest.find(|letter: char| !letter.is_ascii_digit());
                let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                // Python 2 marks long numbers.
                self.rest = rest.strip_prefix('L').unwrap_or(rest);
                digits.parse().ok().map(Value::Number)
            }
            _ => {
                for (word, value) in [
                    ("True", Value::Truth(true)),
                    ("False", Value::Truth(false)),
                    ("None", Value::Nothing),
                ] {
                    if let Some(rest) = self.rest.strip_prefix(word) {
                        self.rest = rest;
                        return Some(value);
                    }
                }
                None
            }
        }
    }

    fn several(&mut self, open: char, close: char, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.take(open)?;
        let mut values = Vec::new();
        while self.take(close).is_none() {
            values.push(self.value(depth)?);
            if self.take(',').is_none() {
                self.take(close)?;
                break;
            }
        }
        Some(Value::Several(values))
    }

    fn text(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let quote = self
            .rest
            .chars()
            .next()
            .filter(|first| ['\'', '"'].contains(first))?;
        let (text, rest) = self.rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        Some(text.to_owned())
    }

    fn take(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(expected).or_else(|| {
            self.rest = self.rest.trim_start();
            None
        })?;
        Some(())
    }
}
