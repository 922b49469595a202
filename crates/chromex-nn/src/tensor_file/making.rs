//! What the functions make that pickles of tensors name: storages, views of them, dictionaries.

use super::globals::{self, Known};
use super::pickle::{LONGEST_NAME, Machine, Odd, Step, Storage, Value, View};

/// The most axes of a tensor, as PyTorch has it: a pickle can repeat a long tuple at no cost.
const MOST_AXES: usize = 64;

/// The most arguments of what makes tensors: a pickle can repeat a long tuple at no cost.
const MOST_ARGUMENTS: usize = 16;

/// The most entries of dictionaries that are made of lists: some hundred times those of a published model.
const MOST_MADE: usize = 1 << 20;

impl Machine {
    pub(super) fn known(&mut self, module: &str, name: &str) -> Step<Value> {
        let expected = "tensors and dictionaries alone";
        if module.len().max(name.len()) > LONGEST_NAME {
            return Err((expected, "a longer name".into()));
        }
        let known = globals::known(module, name)
            .ok_or_else(|| (expected, format!("the global `{module}.{name}`")))?;
        self.texts.push(name.to_owned());
        Ok(Value::Known(known, self.texts.len() - 1))
    }

    /// A storage: ("storage", its class, its key, where it was, how many numbers it has, of which old files may say the part
    /// that it is a view of).
    pub(super) fn persistent(&mut self, id: Value) -> Step<Value> {
        let expected = "a storage";
        let id = self.sequence_of(id)?;
        let (class, key, numbers) = match *id {
            [
                Value::Text(kind),
                Value::Known(Known::Storage, class),
                Value::Text(key),
                _,
                Value::Int(numbers),
                ..,
            ] if self.texts[kind] == "storage" && numbers >= 0 => (class, key, numbers as u64),
            _ => return Err((expected, format!("{} values", id.len()))),
        };
        let (offset, numbers) = match id.get(5) {
            None | Some(Value::Other) => (0, numbers),
            Some(view) => match *self.sequence_of(*view)? {
                [_, Value::Int(offset), Value::Int(size)] if offset >= 0 && size >= 0 => {
                    (offset as u64, size as u64)
                }
                ref other => {
                    return Err(("a view of a storage", format!("{} values", other.len())));
                }
            },
        };
        self.storages.push(Storage {
            class,
            key,
            offset,
            numbers,
        });
        Ok(Value::Storage(self.storages.len() - 1))
    }

    pub(super) fn reduce(&mut self, called: Value, arguments: Value) -> Step<Value> {
        let Value::Known(known, name) = called else {
            return Err(("something that makes tensors", format!("{called:?}")));
        };
        let arguments = self.sequence_of(arguments)?;
        if arguments.len() > MOST_ARGUMENTS {
            return Err(("at most 16 arguments", arguments.len().to_string()));
        }
        let arguments = arguments.to_vec();
        let made = match (known, &arguments[..]) {
            (Known::Dict, []) => self.dict(),
            (Known::Dict, [dict @ Value::Dict(_)]) => *dict,
            // Python 2 makes an ordered dictionary of a list of pairs.
            (Known::Dict, &[Value::Sequence(pairs)]) => self.dict_of(pairs)?,
            (Known::DefaultDict, _) => self.dict(),
            // Python 2 makes objects of a class, the class it is built on, and what that begins with.
            (Known::Object, [Value::Known(Known::Dict | Known::DefaultDict, _), _, state]) => {
                match *state {
                    dict @ Value::Dict(_) => dict,
                    _ => self.dict(),
                }
            }
            (Known::Object | Known::Harmless, _) => Value::Other,
            (Known::Parameter, [tensor @ (Value::Tensor(_) | Value::Odd(_)), ..]) => *tensor,
            (Known::OfType, &[inner, _, arguments, ..]) if self.makes_tensors(inner) => {
                return self.reduce(inner, arguments);
            }
            (Known::Size, [shape @ Value::Sequence(_)]) => *shape,
            // A conjugate or negative view: its numbers are not those of the storage.
            (Known::Tensor, &[_, _, shape, _, _, _, Value::Dict(view), ..])
                if !self.dicts[view].is_empty() =>
            {
                self.odd(name, None, Some(shape))
            }
            (
                Known::Tensor,
                &[
                    Value::Storage(storage),
                    Value::Int(offset),
                    shape,
                    strides,
                    ..,
                ],
            ) => {
                let view = View {
                    storage,
                    offset: u64::try_from(offset).map_err(|_| ("an offset", offset.to_string()))?,
                    shape: self.extents(shape)?,
                    strides: self.extents(strides)?,
                };
                self.views.push(view);
                Value::Tensor(self.views.len() - 1)
            }
            (Known::OddTensor, arguments) => {
                let number = arguments.iter().find_map(|argument| match *argument {
                    // A type is a global, as `torch.uint16`, or the class of the storage.
                    Value::Known(Known::Harmless, number) => Some(number),
                    Value::Storage(storage) if !self.is_untyped(storage) => {
                        Some(self.storages[storage].class)
                    }
                    _ => None,
                });
                let shape = self.odd_shape(arguments);
                self.odd(name, number, shape)
            }
            (known, other) => {
                let found = format!("{} other ones for {known:?}", other.len());
                return Err(("the arguments that tensors are written with", found));
            }
        };
        Ok(made)
    }

    /// Makes a dictionary of a list of pairs.
    fn dict_of(&mut self, pairs: usize) -> Step<Value> {
        let count = self.sequences[pairs].len();
        self.made = self.made.saturating_add(count);
        if self.made > MOST_MADE {
            return Err(("fewer entries of dictionaries", self.made.to_string()));
        }
        let pair = |value: &Value| match self.sequence_of(*value)? {
            &[key, value] => Ok((key, value)),
            other => Err(("pairs", format!("{} values", other.len()))),
        };
        let pairs = self.sequences[pairs].iter().map(pair);
        let pairs = pairs.collect::<Step<Vec<_>>>()?;
        self.dicts.push(pairs);
        Ok(Value::Dict(self.dicts.len() - 1))
    }

    fn makes_tensors(&self, value: Value) -> bool {
        let Value::Known(known, _) = value else {
            return false;
        };
        matches!(known, Known::Tensor | Known::OddTensor | Known::Parameter)
    }

    fn is_untyped(&self, storage: usize) -> bool {
        self.texts[self.storages[storage].class] == "UntypedStorage"
    }

    /// Notes a tensor that is not simply numbers in a row; a shape that cannot be told is none.
    fn odd(&mut self, maker: usize, number: Option<usize>, shape: Option<Value>) -> Value {
        let shape = shape.and_then(|shape| self.extents(shape).ok());
        self.odd.push(Odd {
            maker,
            number,
            shape: shape.unwrap_or_default(),
        });
        Value::Odd(self.odd.len() - 1)
    }

    /// Finds the shape among the arguments of a function that makes an odd tensor: behind the storage and an offset, or last but
    /// for flags in a tuple of parts, as of a sparse one.
    fn odd_shape(&self, arguments: &[Value]) -> Option<Value> {
        let is_shape = |value: &Value| self.extents(*value).is_ok();
        match arguments {
            [Value::Storage(_), Value::Int(_), shape, ..] => Some(*shape),
            [_, Value::Sequence(parts)] => {
                let parts = self.sequences[*parts].iter().rev();
                parts
                    .take(MOST_ARGUMENTS)
                    .find(|part| is_shape(part))
                    .copied()
            }
            _ => arguments.iter().find(|value| is_shape(value)).copied(),
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
}
