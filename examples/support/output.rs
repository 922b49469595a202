//! The one place where examples write to the terminal. A reader that goes away, a full disk behind a redirection or a closed stream
//! never ends work: files matter more than what is said about them.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::Mutex;

/// Why the standard output could not be written, the first time.
static FAILED: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Writes a line, or several, to the standard output. What cannot be written is left out, and told at the end by [`failure`].
pub(crate) fn say(text: impl Display) {
    let mut failed = FAILED.lock().unwrap_or_else(|error| error.into_inner());
    if failed.is_some() {
        return;
    }
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    *failed = written.err();
}

/// Writes a line to the standard error, where anybody reads it.
pub(crate) fn tell(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Tells why not all could be said. A reader that has read enough, as `head`, is no failure.
pub(crate) fn failure() -> Option<std::io::Error> {
    let mut failed = FAILED.lock().unwrap_or_else(|error| error.into_inner());
    failed
        .take()
        .filter(|error| error.kind() != ErrorKind::BrokenPipe)
}
