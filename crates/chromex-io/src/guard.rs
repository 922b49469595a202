use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::{Error, Result};

/// Decodes a binary file of others by a library. Some libraries end the program at damage that they do not expect; here
/// that is an error like any other.
pub(crate) fn guard<T, E: Into<Box<dyn StdError + Send + Sync>>>(
    path: &Path,
    format: &'static str,
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    let source = match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => return Ok(decoded),
        Ok(Err(source)) => source.into(),
        Err(_) => "damaged, or written in a way that its decoder does not know".into(),
    };
    Err(Error::Unreadable {
        path: path.to_owned(),
        format,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_is_an_error() {
        let decode = || -> Result<(), std::io::Error> { panic!("a broken invariant of theirs") };
        let error = guard(Path::new("a.bw"), "bigWig", decode).unwrap_err();
        assert_eq!(error.to_string(), "a.bw: read as bigWig");
    }
}
