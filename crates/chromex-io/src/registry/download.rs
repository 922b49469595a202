use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use chromex_core::InputFile;
use chromex_core::observe::{Event, Observer};
use ureq::Agent;

use super::RemoteFile;
use super::address::{self, Address, Refused};
use crate::{Error, Result};

/// How often a connection that was lost is opened again, while nothing more came through it.
const TRIES: u32 = 4;
/// The most bytes that are read of a listing, a manifest or another file that is held whole.
pub(super) const MOST_SMALL_BYTES: u64 = 8 << 20;
/// How long to wait for a connection, or for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes what connects: it gives up on silence, and follows no redirect by itself ([`address::get`] does).
pub(super) fn agent() -> Agent {
    let settings = Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("chromex-io/", env!("CARGO_PKG_VERSION")));
    settings.build().new_agent()
}

/// Downloads a file into place. What came before a cut lies beside it and is gone on with.
pub(super) fn download(
    agent: &Agent,
    file: &RemoteFile,
    place: &Path,
    pause: Duration,
    observer: &dyn Observer,
) -> Result<()> {
    Address::parse(&file.url).map_err(|source| lost(file, source))?;
    let io = |source| chromex_core::Error::io("write", place, source);
    let mut name = place.as_os_str().to_owned();
    name.push(".part");
    let part_path = std::path::PathBuf::from(name);
    let mut part = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&part_path)
        .map_err(io)?;
    // Another process that downloads the same is waited for.
    part.lock().map_err(io)?;
    if is_sound(place, file.bytes, &file.sha256)? {
        return Ok(());
    }
    let mut had = part.metadata().map_err(io)?.len();
    if had > file.bytes {
        part.set_len(0).map_err(io)?;
        had = 0;
    }
    let (task, steps, done) = (file.name.as_str(), file.bytes, had);
    observer.observe(&Event::Begin { task, steps, done });
    let mut tries = 0;
    while had < file.bytes {
        let outcome = attempt(agent, file, &mut part, had, observer);
        let now = part.metadata().map_err(io)?.len();
        match outcome {
            Ok(()) if now == file.bytes => {}
            Err(source) if is_refused(&source) => return Err(source),
            _ if now > had => tries = 0,
            Ok(()) | Err(_) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(pause * tries);
            }
            Ok(()) => {
                return Err(lost(file, format!("{now} of {} bytes came", file.bytes)));
            }
            Err(source) => return Err(source),
        }
        had = now;
    }
    observer.observe(&Event::End { task });
    part.sync_all().map_err(io)?;
    let found = checksum(&part_path)?;
    if !found.eq_ignore_ascii_case(&file.sha256) {
        // What is wrong must not be gone on with.
        part.set_len(0).map_err(io)?;
        return Err(Error::Checksum {
            what: file.url.clone(),
            expected: file.sha256.clone(),
            found,
        });
    }
    std::fs::rename(&part_path, place).map_err(io)?;
    Ok(())
}

/// Asks once for what is missing and appends what comes.
fn attempt(
    agent: &Agent,
    file: &RemoteFile,
    part: &mut File,
    had: u64,
    observer: &dyn Observer,
) -> Result<()> {
    let response =
        address::get(agent, &file.url, had, None).map_err(|source| lost(file, source))?;
    let status = response.status().as_u16();
    let from = match status {
        206 if had > 0 && begins_at(&response, had) => had,
        // A server that knows no ranges sends everything again.
        200 => 0,
        416 => {
            part.set_len(0).map_err(|source| lost(file, source))?;
            return Err(lost(file, "the server has less than was downloaded before"));
        }
        status => return Err(lost(file, format!("status {status}"))),
    };
    let write = || -> io::Result<()> {
        if from == 0 {
            part.set_len(0)?;
        }
        part.seek(SeekFrom::Start(from))?;
        let mut reader = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        let (mut done, task) = (from, file.name.as_str());
        let mut writer = BufWriter::new(&mut *part);
        while done < file.bytes {
            let read = reader.read(&mut buffer);
            let Ok(read) = read else {
                // What came is kept.
                writer.flush()?;
                return read.map(|_| ());
            };
            if read == 0 {
                break;
            }
            let room = usize::try_from(file.bytes - done).unwrap_or(usize::MAX);
            writer.write_all(&buffer[..read.min(room)])?;
            done += read.min(room) as u64;
            let values = &[][..];
            observer.observe(&Event::Step { task, done, values });
        }
        writer.flush()
    };
    write().map_err(|source| lost(file, source))
}

/// Tells whether an answer goes on from a place.
fn begins_at<B>(response: &ureq::http::Response<B>, place: u64) -> bool {
    let range = response.headers().get("content-range");
    let range = range.and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {place}-")))
}

fn lost(file: &RemoteFile, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Download {
        url: file.url.clone(),
        source: source.into(),
    }
}

/// Tells whether an error is of an address that is never asked.
fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Download { source, .. } if source.is::<Refused>())
}

/// Tells whether a file is there with its length and its SHA-256, whose digits may be of either case.
pub(super) fn is_sound(path: &Path, bytes: u64, sha256: &str) -> Result<bool> {
    // Another length needs no reading, and what is no file must not be read: it may have no end.
    let known = std::fs::metadata(path);
    let fits = known.is_ok_and(|known| known.is_file() && known.len() == bytes);
    Ok(fits && checksum(path)?.eq_ignore_ascii_case(sha256))
}

/// Computes the SHA-256 of a file.
pub(super) fn checksum(path: &Path) -> Result<String> {
    Ok(InputFile::of(path)?.sha256)
}

/// Tells whether a text is a SHA-256 in hexadecimal digits.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}
