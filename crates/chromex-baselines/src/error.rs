/// Says what went wrong in a network of histone marks.
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
    /// A logistic regression does not settle.
    #[error(
        "the classes are told apart without error: the weights of a logistic regression have no end; set a penalty"
    )]
    Separable,
    /// A logistic regression has no single best weights.
    #[error(
        "a column is constant or made of others: the weights of a logistic regression are not unique; leave the column out or set a penalty"
    )]
    Dependent,
    /// The network could not be built, trained, read or written.
    #[error(transparent)]
    Network(#[from] chromex_nn::Error),
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Network(error) => error.into(),
            error => Self::stage("network of histone marks", error),
        }
    }
}
