use std::path::PathBuf;

use chromex_core::listed;

/// Says what went wrong in a network, its training or its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is outside its range.
    #[error("setting `{name}`: expected {expected}, found {found}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The range that is allowed.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// The loss stopped being a number.
    #[error("step {step}: the loss is {loss}; lower the learning rate or clip gradients")]
    Diverged {
        /// The step, from 1.
        step: u64,
        /// What the loss was.
        loss: f64,
    },
    /// Weights were to be chosen by a score that no look at the validation rows had.
    #[error(
        "no look at the validation rows had a defined score by {selection:?}; keep the last weights or select by the loss"
    )]
    NoBest {
        /// By what they were to be chosen.
        selection: crate::Selection,
    },
    /// Gradients overflow half precision however small the loss is made.
    #[error(
        "step {step}: gradients overflow half precision; train in bfloat16 or single precision, or lower the learning rate"
    )]
    Overflow {
        /// The step, from 1.
        step: u64,
    },
    /// A weight file could not be read or written.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A weight file is not safetensors.
    #[error("{path}: expected a safetensors file", path = path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Where it departs from the format.
        source: safetensors::SafeTensorError,
    },
    /// A weight file lacks a tensor that the network has.
    #[error("{path}: tensor `{name}` is missing; expected shape {expected:?}", path = path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
    },
    /// A tensor of a weight file is not of a floating-point type.
    #[error("{path}: tensor `{name}`: expected a floating-point type, found {found}", path = path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// The type that the file has.
        found: String,
    },
    /// A weight file's tensors are not those of the network.
    #[error("{path}: the tensors are not those of the network: missing: {}; of another shape: {}; of another type than floating point: {}; not the network's: {}", listed(missing), listed(misshapen), listed(mistyped), listed(unexpected), path = path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// Names and shapes of tensors that the network needs and the file lacks.
        missing: Vec<String>,
        /// Names of tensors with the shapes that are needed and found.
        misshapen: Vec<String>,
        /// Names of tensors that the network needs and that are no floating-point numbers, with their types.
        mistyped: Vec<String>,
        /// Names, shapes and types of tensors that the network does not have.
        unexpected: Vec<String>,
    },
    /// A weight file's header or pickle is not what it should be.
    #[error("{path}: byte {offset}: expected {expected}, found {found}", path = path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The byte of the file.
        offset: u64,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A weight file could be of several kinds by how it begins, and is of none.
    #[error("{path}: of no kind that it begins as{}", reasons(tried), path = path.display())]
    Kinds {
        /// The file.
        path: PathBuf,
        /// The kinds that were tried, and why it is not of them.
        tried: Vec<(&'static str, Error)>,
    },
    /// A tensor of a weight file does not lie where the file says.
    #[error("{path}: tensor `{name}`: expected {expected}, found {found}", path = path.display())]
    TensorPlace {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// Where it could lie.
        expected: String,
        /// Where the file says that it lies.
        found: String,
    },
    /// A checkpoint or configuration does not read back.
    #[error("{path}: expected {expected}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// Where it departs from that.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What training would save or restore could not be packed.
    #[error("{what} could not be packed or unpacked")]
    Record {
        /// Weights or optimiser state.
        what: &'static str,
        /// Why it failed.
        source: burn::store::RecordError,
    },
    /// What training shares with other crates failed.
    #[error(transparent)]
    Core(#[from] chromex_core::Error),
}

/// Says of each kind why a file is not of it, with all causes.
fn reasons(tried: &[(&'static str, Error)]) -> String {
    let mut text = String::new();
    for (kind, error) in tried {
        text += &format!("; as {kind}: {error}");
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
    }
    text
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            error => Self::stage("neural network", error),
        }
    }
}
