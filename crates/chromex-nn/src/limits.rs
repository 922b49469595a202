//! The most that a configuration may ask of a network. Every configuration is held against these before anything is allocated, so
//! that no number of a caller or of a `config.json` wraps around, panics in a backend or ends the process for want of memory.
//!
//! Counts of parameters are products of settings; they are computed in [`std::num::Saturating`] numbers, whose largest is beyond
//! every limit.

use crate::{Error, Result};

/// Parameters of a network: 17 GB in single precision.
pub const MOST_PARAMETERS: usize = 1 << 32;
/// Layers of a network.
pub const MOST_LAYERS: usize = 10_000;
/// Channels of a layer.
pub const MOST_CHANNELS: usize = 1 << 20;
/// Rows of a table of tokens, positions or types.
pub const MOST_TABLE_ROWS: usize = 1 << 24;

/// Refuses a count that is 0 or more than `most`.
///
/// # Errors
///
/// [`Error::Setting`].
pub fn count(name: &'static str, found: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&found) {
        return Ok(());
    }
    Err(Error::Setting {
        name,
        expected: format!("1 to {most}"),
        found: found.to_string(),
    })
}

/// Refuses a share, as of what dropout leaves out, that is below 0, 1 or more, or no number.
///
/// # Errors
///
/// [`Error::Setting`].
pub fn share(name: &'static str, found: f64) -> Result<()> {
    number(
        name,
        found,
        (0.0..1.0).contains(&found),
        "at least 0 and below 1",
    )
}

/// Refuses a number that is not finite or below 0.
///
/// # Errors
///
/// [`Error::Setting`].
pub fn at_least_zero(name: &'static str, found: f64) -> Result<()> {
    let holds = found.is_finite() && found >= 0.0;
    number(name, found, holds, "a finite number, 0 or above")
}

/// Refuses a number that is not finite or not above 0.
///
/// # Errors
///
/// [`Error::Setting`].
pub fn positive(name: &'static str, found: f64) -> Result<()> {
    let holds = found.is_finite() && found > 0.0;
    number(name, found, holds, "a finite number above 0")
}

/// Refuses a network with more parameters than [`MOST_PARAMETERS`].
///
/// # Errors
///
/// [`Error::Setting`].
pub fn parameters(found: usize) -> Result<()> {
    if found <= MOST_PARAMETERS {
        return Ok(());
    }
    Err(Error::Setting {
        name: "parameters of the network",
        expected: format!("at most {MOST_PARAMETERS}: fewer layers, channels or rows of a table"),
        found: match found {
            usize::MAX => format!("{found} or more"),
            _ => found.to_string(),
        },
    })
}

fn number(name: &'static str, found: f64, holds: bool, expected: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Setting {
        name,
        expected: expected.to_owned(),
        found: found.to_string(),
    })
}
