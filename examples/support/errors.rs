use std::error::Error;
use std::io;
use std::process::ExitCode;

use chromex::core::chain;

use super::output::{failure, tell};

/// Whatever can go wrong in an example.
pub(crate) type Anything = Box<dyn Error>;

/// Runs an example and prints what went wrong, with its causes, once, and what to do about it where the system refused.
pub(crate) fn report_errors(run: impl FnOnce() -> Result<(), Anything>) -> ExitCode {
    match (run(), failure()) {
        (Ok(()), None) => return ExitCode::SUCCESS,
        (Ok(()), Some(error)) => tell(format_args!(
            "error: write to the standard output: {error}; all files are written"
        )),
        (Err(error), _) => {
            tell(format_args!("error: {}", printable(&chain(&*error))));
            if let Some(advice) = advice(&*error) {
                tell(format_args!("help: {advice}"));
            }
        }
    }
    ExitCode::FAILURE
}

/// Spells out control characters, which names of foreign files may send to a terminal.
fn printable(text: &str) -> String {
    let spelt = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(spelt).collect()
}

/// Says what to do where the system refused a file or a folder.
fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use io::ErrorKind;
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<io::Error>() {
            return Some(match refused.kind() {
                ErrorKind::NotFound => "check the path, and the folder that it starts from",
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    "name a file that you may read, or by --out a folder that you may write into"
                }
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    "make room and go on with --resume, or name a folder with more room by --out"
                }
                ErrorKind::NotADirectory => {
                    "a file stands where a folder is needed: name the folder that holds it"
                }
                ErrorKind::IsADirectory => "a folder stands where a file is needed: name the file",
                _ => return None,
            });
        }
        cause = error.source();
    }
    None
}
