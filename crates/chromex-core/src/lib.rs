//! The traits and data types that every chromex model composes through.
//!
//! Five verbs over a batch type `X`: [`Encode`] turns rows into other rows, [`Predict`] predicts
//! `[rows, targets]`, [`Fit`] learns either of them from rows, [`Split`] divides rows, and [`Metric`]
//! scores one target. A *configuration* learns; what has learned encodes or predicts, so nothing is
//! ever half trained. [`Then::then`] chains learners into a [`Pipeline`], which refits its **whole**
//! chain on the training rows of each fold: no tokenizer, scaler or pre-training can leak.
//!
//! An [`Experiment`] runs named learners over the folds and seeds of one dataset and gives a
//! [`Report`]: scores with bootstrap intervals, paired comparisons, the floors, and the predictions
//! from which every table can be recomputed.

pub mod atomic;
mod cell_by_gene;
mod dataset;
mod ensemble;
mod error;
mod experiment;
mod file_name;
mod fingerprint;
mod floors;
mod in_units;
pub mod input;
mod kept_fits;
mod keys;
mod learn;
mod location_importance;
mod log_means;
mod mark_layout;
mod marks;
pub mod observe;
mod pipeline;
mod predictions;
pub mod random;
mod report;
mod rows;
mod run_record;
mod scoring;
pub mod seal;
mod sequences;
mod shared;
mod split;
mod strands;
mod targets;
mod token_ids;
mod window_maxima;

pub use cell_by_gene::{CellByGene, CellByGeneBuilder, GeneMean, GeneMeans};
pub use chromex_metrics::{Direction, Metric};
pub use dataset::Dataset;
pub use ensemble::{Ensemble, Gated, GatedExperts, GroupEnsemble, Members, Weighting};
pub use error::{Error, Result, chain, listed, nearest};
pub use experiment::{Experiment, Part};
pub use file_name::FileName;
pub use fingerprint::Fingerprint;
pub use floors::{Constant, ShuffledTargets, TrainMean, TrainMeanInUnits, TrainMedian};
pub use in_units::InUnits;
pub use keys::{Group, Keys};
pub use learn::{Encode, Fit, Predict, Then};
pub use location_importance::{ImportancePeak, LocationImportance, LocationImportances};
pub use log_means::LogMeans;
pub use mark_layout::MarkLayout;
pub use marks::{CellPair, MarkSignal, MarkWindows};
pub use pipeline::{Chain, Pipeline};
pub use predictions::{Prediction, Predictions};
pub use report::{Comparison, Report, Score, Summary};
pub use rows::Rows;
pub use run_record::{InputFile, RunRecord};
pub use scoring::Scoring;
pub use sequences::Sequences;
pub use shared::Shared;
pub use split::{
    DoubleHoldOut, Fold, GivenSplit, GroupKFold, GroupShares, GroupSplit, KFold, Split,
};
pub use strands::{BothStrands, reverse_complement};
pub use targets::{Target, Targets, Transform};
pub use token_ids::{TokenIds, View};
pub use window_maxima::{WindowColumns, WindowMaxima};
