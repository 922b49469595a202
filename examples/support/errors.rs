use std::error::Error;
use std::process::ExitCode;

/// Whatever can go wrong in an example.
pub(crate) type Anything = Box<dyn Error>;

/// Runs an example and prints what went wrong, with its causes, once.
pub(crate) fn report_errors(run: impl FnOnce() -> Result<(), Anything>) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                message.push_str(": ");
                message.push_str(&inner.to_string());
                cause = inner.source();
            }
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
