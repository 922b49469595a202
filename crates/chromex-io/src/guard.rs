use std::cell::Cell;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use crate::{Error, Result};

thread_local! {
    /// Whether this thread decodes a file of others, whose panics are errors and no news for the terminal.
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Decodes a binary file of others by a library. Some libraries end the program at damage that they do not expect; here
/// that is an error like any other, and nothing of it is printed.
pub(crate) fn guard<T, E: Into<Box<dyn StdError + Send + Sync>>>(
    path: &Path,
    format: &'static str,
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    silence();
    let before = IS_DECODING.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(before);
    let source = match decoded {
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

/// Lets panics be printed as they were, but for those of a thread that decodes.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |information| {
            if !IS_DECODING.get() {
                before(information);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_is_an_error() {
        let decode = || -> Result<(), std::io::Error> { panic!("a broken invariant of theirs") };
        let error = guard(Path::new("a.bw"), "bigWig", decode).unwrap_err();
        assert_eq!(error.to_string(), "a.bw: read as bigWig");
        assert!(!IS_DECODING.get());
    }
}
