//! Reading and writing XGBoost's models.

mod json;
mod learner;
mod legacy;
mod nodes;
mod schema;
mod ubj;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

use chromex_core::{Predict, atomic};
use ndarray::{Array2, ArrayView2};

use crate::{BoostedLinear, BoostedTrees, Error, Result};

/// The attribute in which XGBoost notes the best round of a fit that stopped early.
const BEST_ROUND: &str = "best_iteration";

/// The attribute in which this crate notes an objective that XGBoost does not have.
const CUSTOM_OBJECTIVE: &str = "chromex_objective";

/// The formats that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON text, in files that end in `.json`.
    Json,
    /// Universal Binary JSON, smaller and faster, in files that end in `.ubj`.
    Ubj,
}

impl Format {
    /// Tells the format from the ending of a path.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::UnknownName`] for another ending, or none.
    pub fn of_path(path: &Path) -> chromex_core::Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        match ending.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "ubj" => Ok(Self::Ubj),
            _ => Err(chromex_core::Error::UnknownName {
                what: "ending of a model file",
                name: ending.into_owned(),
                known: vec!["json".into(), "ubj".into()],
            }),
        }
    }

    fn write(self, document: &value::Value) -> Vec<u8> {
        match self {
            Self::Json => json::write(document),
            Self::Ubj => ubj::write(document),
        }
    }
}

/// A model that XGBoost stored, of either kind.
///
/// Reads what XGBoost 1.0 to 3.2 write: JSON, Universal Binary JSON, and the binary format that versions before 3 wrote by
/// default. Models with categorical splits, and those of objectives that XGBoost does not have, are refused.
///
/// # Examples
///
/// ```no_run
/// use chromex_boosting::XgboostModel;
/// use ndarray::array;
///
/// let model = XgboostModel::load("model.ubj".as_ref())?;
/// let predicted = model.predict_table(array![[0.5, f32::NAN]].view())?;
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum XgboostModel {
    /// Of the boosters `gbtree` and `dart`. The weights of dart are multiplied into the leaves.
    Trees(BoostedTrees),
    /// Of the booster `gblinear`.
    Linear(BoostedLinear),
}

impl XgboostModel {
    /// Reads a file; its first bytes tell the format.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be read; [`chromex_core::Error::Stage`] with the path when
    /// it holds no model, or one that contradicts itself.
    pub fn load(path: &Path) -> chromex_core::Result<Self> {
        let bytes = chromex_core::input::read(path, chromex_core::input::MOST_MODEL_BYTES)
            .map_err(|source| chromex_core::Error::io("read", path, source))?;
        Self::from_bytes(&bytes).map_err(|error| of_file(path, error))
    }

    /// Reads a model from what a file holds.
    ///
    /// Memory is bounded by a small multiple of the bytes.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedFile`] with the place in the file that departs from XGBoost's formats;
    /// [`Error::MalformedTree`] with the node of a tree that cannot be walked; [`Error::MalformedModel`] when
    /// parts do not fit together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let learner = match first_two(bytes) {
            (Some(b'{'), Some(b'"' | b'}')) => schema::read(json::read(bytes)?)?,
            (Some(b'{'), _) => schema::read(ubj::read(bytes)?)?,
            _ => legacy::read(bytes)?,
        };
        learner.into_model(bytes.len())
    }

    /// Predicts every row, as [`BoostedTrees::predict_table`] and [`BoostedLinear::predict_table`] do.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs]`, or `[rows, 1]` for
    /// [`Link::LargestClass`](crate::Link::LargestClass).
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] when the columns are not those of the fit; [`Error::Value`] when an input is
    /// infinite.
    pub fn predict_table(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        match self {
            Self::Trees(model) => model.predict_table(inputs),
            Self::Linear(model) => model.predict_table(inputs),
        }
    }
}

impl Predict<Array2<f32>> for XgboostModel {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}

impl BoostedTrees {
    /// Writes the model as XGBoost 3.2 does: as JSON where the path ends in `.json`, as Universal Binary JSON where it
    /// ends in `.ubj`.
    ///
    /// Python's `xgboost.Booster(model_file=path)` reads it. Early stopping is the attribute `best_iteration`, which
    /// Python's scikit-learn interface heeds, and its `Booster.predict` by `iteration_range`. An objective that XGBoost
    /// does not have is stored as one with the same link, and its name as the attribute `chromex_objective`.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::UnknownName`] for another ending; [`chromex_core::Error::Io`] when the file cannot be
    /// written; what stood there before still stands then.
    pub fn save(&self, path: &Path) -> chromex_core::Result<()> {
        let bytes = self.to_bytes(Format::of_path(path)?);
        atomic::write(path, |file| file.write_all(&bytes))
    }

    /// Gives what [`save`](Self::save) writes.
    pub fn to_bytes(&self, format: Format) -> Vec<u8> {
        format.write(&schema::of_trees(self))
    }

    /// Reads a model of trees that this crate or XGBoost wrote; the file's first bytes tell the format.
    ///
    /// What was saved comes back to the bit. A fit that stopped early predicts with its best rounds only.
    ///
    /// # Errors
    ///
    /// As [`XgboostModel::load`]; also when the model is linear.
    pub fn load(path: &Path) -> chromex_core::Result<Self> {
        trees_only(XgboostModel::load(path)?).map_err(|error| of_file(path, error))
    }

    /// Reads a model of trees from what a file holds.
    ///
    /// # Errors
    ///
    /// As [`XgboostModel::from_bytes`]; also when the model is linear.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        trees_only(XgboostModel::from_bytes(bytes)?)
    }
}

impl BoostedLinear {
    /// Writes the model as [`BoostedTrees::save`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn save(&self, path: &Path) -> chromex_core::Result<()> {
        let bytes = self.to_bytes(Format::of_path(path)?);
        atomic::write(path, |file| file.write_all(&bytes))
    }

    /// Gives what [`save`](Self::save) writes.
    pub fn to_bytes(&self, format: Format) -> Vec<u8> {
        format.write(&schema::of_linear(self))
    }
}

/// What a file holds beyond what this crate understands, to be written back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remainder {
    attributes: BTreeMap<String, String>,
    /// Fields of the objective beside its name.
    objective: Vec<(String, value::Value)>,
    column_types: Vec<String>,
}

fn trees_only(model: XgboostModel) -> Result<BoostedTrees> {
    match model {
        XgboostModel::Trees(model) => Ok(model),
        XgboostModel::Linear(_) => Err(Error::MalformedModel {
            what: "booster",
            expected: "trees".into(),
            found: "`gblinear`".into(),
        }),
    }
}

fn of_file(path: &Path, error: Error) -> chromex_core::Error {
    chromex_core::Error::stage(format!("read {}", path.display()), error)
}

/// The first two bytes that are not white space.
fn first_two(bytes: &[u8]) -> (Option<u8>, Option<u8>) {
    let mut bytes = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace());
    (bytes.next(), bytes.next())
}
