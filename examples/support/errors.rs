use std::error::Error;
use std::process::ExitCode;

use super::output::{failure, tell};

/// Whatever can go wrong in an example.
pub(crate) type Anything = Box<dyn Error>;

/// Runs an example and prints what went wrong, with its causes, once.
pub(crate) fn report_errors(run: impl FnOnce() -> Result<(), Anything>) -> ExitCode {
    let message = match (run(), failure()) {
        (Ok(()), None) => return ExitCode::SUCCESS,
        (Ok(()), Some(error)) => {
            format!("write to the standard output: {error}; all files are written")
        }
        (Err(error), _) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                message.push_str(": ");
                message.push_str(&inner.to_string());
                cause = inner.source();
            }
            message
        }
    };
    tell(format_args!("error: {message}"));
    ExitCode::FAILURE
}
