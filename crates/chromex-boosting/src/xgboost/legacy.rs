//! The binary format that XGBoost wrote before it wrote JSON, up to version 2: its structures as they lay in memory.

use std::collections::BTreeMap;

use super::learner::{self, Booster, Learner, Trees};
use super::nodes::{StoredTree, Values};
use super::value::{Value, malformed};
use crate::{Link, Result};

/// Bytes of a node, and of its statistics.
const NODE: usize = 20;
const STATISTICS: usize = 16;

/// Reads a model.
///
/// The mark `binf` may stand before it, or be the bytes of its base score.
pub(super) fn read(bytes: &[u8], untested: bool) -> Result<Learner> {
    if !bytes.starts_with(b"binf") {
        return read_from(bytes, 0, untested);
    }
    read_from(bytes, 4, untested).or_else(|error| read_from(bytes, 0, untested).map_err(|_| error))
}

fn read_from(bytes: &[u8], at: usize, untested: bool) -> Result<Learner> {
    let mut reader = Reader { bytes, at };
    let base_score = reader.number()?;
    let columns = reader.count()?;
    let classes = reader.count()?;
    let has_attributes = reader.integer()? != 0;
    let _has_metrics = reader.integer()?;
    let major_version = reader.count()?;
    let minor_version = reader.count()?;
    let targets = reader.count()?;
    reader.skip(26 * 4)?;
    let objective = reader.old_text()?;
    let booster = match reader.text()?.as_str() {
        "gbtree" => Booster::Trees(reader.trees()?),
        "dart" => {
            let mut trees = reader.trees()?;
            if !trees.trees.is_empty() {
                trees.weights = Some(reader.numbers()?);
            }
            Booster::Trees(trees)
        }
        "gblinear" => {
            reader.skip(34 * 4)?;
            Booster::Linear(reader.numbers()?)
        }
        other => {
            return Err(malformed(
                format!("byte {}", reader.at - other.len()),
                "`gbtree`, `dart` or `gblinear`",
                format!("`{}`", other.escape_debug()),
            ));
        }
    };
    let attributes = if has_attributes {
        reader.attributes()?
    } else {
        BTreeMap::new()
    };
    let version = [major_version as u32, minor_version as u32, 0];
    learner::check_version(version, untested)?;
    // Before version 1 the base score was a margin already.
    let link = Link::of_objective(&objective);
    let base_score = match link {
        Some(link @ (Link::Logistic | Link::Exponential)) if major_version == 0 => {
            let mut margin = ndarray::arr1(&[base_score]);
            link.apply(margin.view_mut());
            margin[0]
        }
        _ => base_score,
    };
    let (objective_fields, attributes) = parameters(attributes);
    Ok(Learner {
        columns,
        classes,
        targets: targets.max(1),
        base_scores: vec![base_score],
        unfitted: false,
        objective,
        booster,
        column_names: Vec::new(),
        attributes,
        objective_fields,
        column_types: Vec::new(),
        // Before version 1 files had zeros in its place.
        version: Some(version).filter(|version| version[0] > 0),
    })
}

type Attributes = BTreeMap<String, String>;

/// Parts the objective's parameters, which XGBoost 1 stored as JSON among the attributes, from what the user stored.
fn parameters(mut attributes: Attributes) -> (Vec<(String, Value)>, Attributes) {
    let stored = attributes.remove("objective");
    attributes.retain(|key, _| key != "metrics" && !key.starts_with("SAVED_PARAM_"));
    let fields = match stored.map(|text| super::json::read(text.as_bytes())) {
        Some(Ok(Value::Map(mut fields))) => {
            fields.retain(|(key, _)| key != "name");
            fields
        }
        _ => Vec::new(),
    };
    (fields, attributes)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn trees(&mut self) -> Result<Trees> {
        let start = self.at;
        let count = self.count()?;
        self.skip(39 * 4)?;
        // Each has a header at least.
        let most = (self.bytes.len() - self.at) / (37 * 4);
        if count > most {
            return Err(self.beyond(start, most, count));
        }
        let trees = (0..count).map(|_| self.tree()).collect::<Result<_>>()?;
        let outputs = (0..count).map(|_| self.integer().map(i64::from));
        Ok(Trees {
            trees,
            outputs: outputs.collect::<Result<_>>()?,
            rounds: None,
            parallel: None,
            weights: None,
        })
    }

    fn tree(&mut self) -> Result<StoredTree> {
        let start = self.at;
        let roots = self.integer()?;
        if roots > 1 {
            let place = format!("byte {start}");
            return Err(malformed(place, "a tree of one root", roots.to_string()));
        }
        let count = self.count()?;
        self.skip(3 * 4)?;
        let outputs = self.integer()?;
        if !(0..=1).contains(&outputs) {
            let place = format!("byte {}", self.at - 4);
            return Err(malformed(
                place,
                "a tree of one output",
                outputs.to_string(),
            ));
        }
        self.skip(31 * 4)?;
        let most = (self.bytes.len() - self.at) / (NODE + STATISTICS);
        if count > most {
            return Err(self.beyond(start + 4, most, count));
        }
        let mut tree = StoredTree {
            outputs: 1,
            left: Vec::with_capacity(count),
            right: Vec::with_capacity(count),
            columns: Vec::with_capacity(count),
            thresholds: Vec::with_capacity(count),
            missing_left: Vec::with_capacity(count),
            loss_changes: Vec::with_capacity(count),
            covers: Vec::with_capacity(count),
            categorical: vec![false; count],
            values: Values::Thresholds,
        };
        for _ in 0..count {
            let _parent = self.integer()?;
            tree.left.push(self.integer()?.into());
            tree.right.push(self.integer()?.into());
            let column = self.integer()? as u32;
            tree.columns.push((column & (u32::MAX >> 1)).into());
            tree.missing_left.push(column >> 31 == 1);
            tree.thresholds.push(self.number()?);
        }
        for _ in 0..count {
            tree.loss_changes.push(self.number()?);
            tree.covers.push(self.number()?);
            self.skip(2 * 4)?;
        }
        Ok(tree)
    }

    fn attributes(&mut self) -> Result<Attributes> {
        let count = self.length(2 * 8)?;
        let pairs = (0..count).map(|_| Ok((self.text()?, self.text()?)));
        pairs.collect()
    }

    fn numbers(&mut self) -> Result<Vec<f32>> {
        let count = self.length(4)?;
        (0..count).map(|_| self.number()).collect()
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length(1)?;
        self.letters(length)
    }

    /// Reads a string that very old versions wrote with a length of 32 bits between two gaps of as many.
    fn old_text(&mut self) -> Result<String> {
        let length = u64::from_le_bytes(self.take()?);
        if length < u64::from(u32::MAX) {
            self.at -= 8;
            return self.text();
        }
        self.skip(4)?;
        self.letters((length >> 32) as usize)
    }

    fn letters(&mut self, length: usize) -> Result<String> {
        let start = self.at;
        self.skip(length)?;
        match std::str::from_utf8(&self.bytes[start..self.at]) {
            Ok(text) => Ok(text.into()),
            Err(_) => {
                let place = format!("byte {start}");
                Err(malformed(place, "a string of UTF-8", "another"))
            }
        }
    }

    /// Reads a length and checks that so many things, of `size` bytes at least, may follow.
    fn length(&mut self, size: usize) -> Result<usize> {
        let start = self.at;
        let length = u64::from_le_bytes(self.take()?);
        let most = (self.bytes.len() - self.at) / size;
        match usize::try_from(length) {
            Ok(length) if length <= most => Ok(length),
            _ => Err(self.beyond(start, most, length)),
        }
    }

    fn count(&mut self) -> Result<usize> {
        let start = self.at;
        let count = self.integer()?;
        usize::try_from(count)
            .map_err(|_| malformed(format!("byte {start}"), "a count", count.to_string()))
    }

    fn integer(&mut self) -> Result<i32> {
        self.take().map(i32::from_le_bytes)
    }

    fn number(&mut self) -> Result<f32> {
        self.take().map(f32::from_le_bytes)
    }

    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        match self.bytes[self.at..].first_chunk() {
            Some(bytes) => {
                self.at += SIZE;
                Ok(*bytes)
            }
            None => Err(self.ended(SIZE)),
        }
    }

    fn skip(&mut self, size: usize) -> Result<()> {
        if size > self.bytes.len() - self.at {
            return Err(self.ended(size));
        }
        self.at += size;
        Ok(())
    }

    fn ended(&self, size: usize) -> crate::Error {
        let expected = format!("{size} more bytes of a model");
        malformed(format!("byte {}", self.at), expected, "the end of the file")
    }

    fn beyond(&self, place: usize, most: usize, found: impl ToString) -> crate::Error {
        let expected = format!("a length of at most {most}, which the file has room for");
        malformed(format!("byte {place}"), expected, found.to_string())
    }
}
