//! Reading and writing XGBoost's models.

mod formats;
mod json;
mod learner;
mod legacy;
mod nodes;
mod schema;
mod ubj;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

use chromex_core::{Predict, atomic, input};
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
        let (mut bytes, start) = match self {
            Self::Json => (json::write(document), schema::START_OF_JSON),
            Self::Ubj => (ubj::write(document), schema::START_OF_UBJ),
        };
        schema::seal(&mut bytes, start);
        bytes
    }
}

/// A model that XGBoost stored, of either kind.
///
/// Reads what XGBoost 0.90 to 3.4.1 write: JSON, Universal Binary JSON, and the binary format that versions before 3 wrote by
/// default; models of dropout too, whose weights have moved twice since version 3.2. What is not known to predict here as it does
/// there is refused by name: categorical splits, `reg:expectileerror`, objectives and fields that these versions do not
/// have, and every newer version ([`load_untested`](Self::load_untested) reads those). Several quantiles come in
/// ascending order where the XGBoost that wrote the file predicts them so, from version 3.4 on.
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
    /// Reads a file, of whichever format reads.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be read, or is a device or a pipe; [`chromex_core::Error::Stage`]
    /// with the path when it holds no model, one that contradicts itself, one of a version of XGBoost newer than 3.4.1, or
    /// one that this crate wrote and whose checksum is no longer that of its content.
    pub fn load(path: &Path) -> chromex_core::Result<Self> {
        Self::from_bytes(&read_file(path)?).map_err(|error| of_file(path, error))
    }

    /// Reads a file as [`load`](Self::load) does, also of versions of XGBoost that are newer than those whose predictions were
    /// compared with this crate's. [`version`](Self::version) tells which it is. Compare predictions before you trust them:
    /// versions have changed what the same fields mean.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), for anything but the version.
    pub fn load_untested(path: &Path) -> chromex_core::Result<Self> {
        Self::read(&read_file(path)?, true).map_err(|error| of_file(path, error))
    }

    /// Reads a model from what a file holds.
    ///
    /// Memory is bounded by a small multiple of the bytes.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedFile`] with the place in the file that departs from XGBoost's formats, [`Error::NoFormat`] where
    /// several were tried;
    /// [`Error::MalformedTree`] with the node of a tree that cannot be walked; [`Error::MalformedModel`] when
    /// parts do not fit together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, false)
    }

    fn read(bytes: &[u8], untested: bool) -> Result<Self> {
        formats::read(bytes, untested)?.into_model(bytes.len())
    }

    /// Tells which version of XGBoost wrote the file; nothing where it does not say, as before version 1.
    pub fn version(&self) -> Option<[u32; 3]> {
        match self {
            Self::Trees(model) => model.remainder().version,
            Self::Linear(model) => model.remainder().version,
        }
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
    /// ends in `.ubj`. The file carries the checksum of its content ([`chromex_core::seal`]) as a field that XGBoost passes
    /// over; a file that has changed since is not read back.
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

    /// Reads a model of trees that this crate or XGBoost wrote.
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
    /// Which XGBoost wrote the file.
    version: Option<[u32; 3]>,
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

/// Reads a file whole. Only what has an end: a device or a pipe would be read for ever.
pub(crate) fn read_file(path: &Path) -> chromex_core::Result<Vec<u8>> {
    input::read(path, input::MOST_MODEL_BYTES)
        .map_err(|source| chromex_core::Error::io("read", path, source))
}
