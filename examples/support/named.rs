use std::error::Error;
use std::fmt;
use std::path::Path;

use chromex::core::chain;

use super::Anything;

/// Names the file or folder that was read in an error that does not.
pub(crate) fn of<T>(path: &Path, read: Result<T, impl Into<Anything>>) -> Result<T, Anything> {
    read.map_err(|error| {
        let error = error.into();
        let (told, path) = (chain(&*error), path.display().to_string());
        match told.contains(&path) {
            true => error,
            false => Box::new(Unnamed { path, error }),
        }
    })
}

/// An error with the file that it does not name.
#[derive(Debug)]
struct Unnamed {
    path: String,
    error: Anything,
}

impl fmt::Display for Unnamed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)
    }
}

impl Error for Unnamed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}
