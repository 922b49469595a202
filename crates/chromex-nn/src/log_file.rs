use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use chromex_core::{atomic, input};

use crate::{Error, Result};

/// A line that is longer than this is damage: a log's lines have a task, a step and a number.
const LONGEST_LINE: u64 = 1 << 20;

/// What was found damaged where a log is kept, and was put aside so that work goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The log.
    pub log: PathBuf,
    /// Where what was found is now.
    pub kept_as: PathBuf,
    /// Lines that are no lines of a log.
    pub damaged: u64,
    /// Lines that the log goes on with.
    pub read: u64,
}

/// A text file to which lines are added.
///
/// A log must not stop the work that it is about. Whatever is found in its place is put aside, whole, and the lines of it that are
/// a log's are taken over: a half line, junk, other columns, a folder, a pipe or a link never keep a run from going on.
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    format: Format,
    set_aside: Option<SetAside>,
}

/// How lines are laid out.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    /// The first line; none when empty.
    pub(crate) header: &'static str,
    /// Tells a line from damage.
    pub(crate) is_line: fn(&str) -> bool,
}

impl LogFile {
    pub(crate) fn open(path: &Path, format: Format) -> Result<Self> {
        let failed = |source| Error::Io {
            action: "write",
            path: path.to_owned(),
            source,
        };
        let set_aside = match fs::symlink_metadata(path) {
            Err(_) => None,
            Ok(found) if found.is_file() => repair(path, format)?,
            Ok(_) => Some(put_aside(path, 0, 0).map_err(failed)?),
        };
        Ok(Self {
            path: path.to_owned(),
            file: begin(path, format).map_err(failed)?,
            format,
            set_aside,
        })
    }

    pub(crate) fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Adds lines. Those that cannot be written are left out.
    pub(crate) fn append(&mut self, lines: &str) {
        let _ = self.file.write_all(lines.as_bytes());
    }

    /// Drops all lines.
    pub(crate) fn clear(&mut self) {
        self.keep(|_| false);
    }

    /// Drops the lines that `keep` does not hold on to.
    pub(crate) fn keep(&mut self, keep: impl Fn(&str) -> bool) {
        let Ok(file) = input::open(&self.path) else {
            return;
        };
        let header = usize::from(!self.format.header.is_empty());
        let lines = BufReader::new(file).lines().map_while(|line| line.ok());
        let lines: Vec<String> = lines.skip(header).collect();
        if lines.iter().all(|line| keep(line)) {
            return;
        }
        let written = atomic::write(&self.path, |out| {
            out.write_all(self.format.header.as_bytes())?;
            for line in lines.iter().filter(|line| keep(line)) {
                writeln!(out, "{line}")?;
            }
            Ok(())
        });
        if written.is_ok()
            && let Ok(file) = OpenOptions::new().append(true).open(&self.path)
        {
            self.file = file;
        }
    }
}

fn begin(path: &Path, format: Format) -> std::io::Result<File> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() == 0 {
        file.write_all(format.header.as_bytes())?;
    }
    Ok(file)
}

/// Puts a file aside that has more than lines of a log, and writes those anew.
fn repair(path: &Path, format: Format) -> Result<Option<SetAside>> {
    let failed = |source| Error::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let counted = OpenOptions::new()
        .read(true)
        .append(true)
        .open(path)
        .and_then(|file| each_line(file, format, |_| Ok(())));
    let (read, damaged) = match counted {
        Ok((_, 0)) => return Ok(None),
        Ok(counts) => counts,
        // One that may not be opened, or breaks off, is of no use either.
        Err(_) => return Ok(Some(put_aside(path, 0, 0).map_err(failed)?)),
    };
    let set_aside = put_aside(path, read, damaged).map_err(failed)?;
    atomic::write(path, |out| {
        out.write_all(format.header.as_bytes())?;
        let former = input::open(&set_aside.kept_as)?;
        each_line(former, format, |line| writeln!(out, "{line}")).map(|_| ())
    })?;
    Ok(Some(set_aside))
}

/// Hands on the lines of a log, without its header, and counts them and the damaged ones.
fn each_line(
    file: File,
    format: Format,
    mut take: impl FnMut(&str) -> std::io::Result<()>,
) -> std::io::Result<(u64, u64)> {
    let mut reader = BufReader::new(file);
    let (mut read, mut damaged) = (0, 0);
    let mut is_first = !format.header.is_empty();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            return Ok((read, damaged));
        }
        let is_header = std::mem::take(&mut is_first);
        if is_header && line == format.header.as_bytes() {
            continue;
        }
        // Without its end a line is a half one, though it may look like a whole.
        let text = line.strip_suffix(b"\n").map(std::str::from_utf8);
        match text {
            Some(Ok(text)) if !is_header && (format.is_line)(text) => {
                take(text)?;
                read += 1;
            }
            _ => damaged += 1,
        }
        if line.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
        }
    }
}

/// Gives what stands at a path another name, `training.csv.damaged` or the like, that nothing has.
fn put_aside(path: &Path, read: u64, damaged: u64) -> std::io::Result<SetAside> {
    for count in 1_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(".damaged");
        if count > 1 {
            name.push(format!("-{count}"));
        }
        let kept_as = PathBuf::from(name);
        if fs::symlink_metadata(&kept_as).is_err() {
            fs::rename(path, &kept_as)?;
            return Ok(SetAside {
                log: path.to_owned(),
                kept_as,
                damaged,
                read,
            });
        }
    }
    Err(std::io::Error::other("too many damaged logs lie here"))
}
