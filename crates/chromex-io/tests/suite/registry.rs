use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chromex_io::Error;
use chromex_io::registry::{DatasetEntry, Registry, RemoteFile, Replicate};
use sha2::{Digest, Sha256};

/// What the server does with a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Sends what is asked for, ranges as well.
    Whole,
    /// Sends so many bytes and closes the connection, having promised all.
    Cut(usize),
    /// Sends everything whatever range is asked for.
    NoRanges,
    /// Sends other bytes of the same number.
    Changed,
    /// Sends more than the file has.
    Longer,
    /// Sends elsewhere.
    Redirect,
    /// Sends to itself, without end.
    Circle,
    /// Sends to another address.
    To(&'static str),
    /// Closes the connection at once.
    Nothing,
    Status(u16),
}

/// A server of one file that answers each request by the next of its answers, and by the last of them from then on.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

pub(super) fn content() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

impl Server {
    fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answers, noted) = (answers.to_vec(), Arc::clone(&requests));
        std::thread::spawn(move || {
            for (place, stream) in listener.incoming().enumerate() {
                let answer = answers[place.min(answers.len() - 1)];
                // A client that goes away is what some of these tests are about.
                let _ = stream.and_then(|stream| serve(stream, answer, &noted));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, answer: Answer, noted: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let head = head.to_ascii_lowercase();
    let from: usize = match head.split_once("range: bytes=") {
        Some((_, rest)) => rest.split('-').next().unwrap().parse().unwrap(),
        None => 0,
    };
    noted
        .lock()
        .unwrap()
        .push(format!("{} from {from}", head.lines().next().unwrap()));
    let content = content();
    let mut send = |status: &str, extra: &str, body: &[u8], promised: usize| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {promised}\r\nConnection: close\r\n{extra}\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    };
    let rest = &content[from..];
    let range = format!(
        "Content-Range: bytes {from}-{}/{}\r\n",
        content.len() - 1,
        content.len()
    );
    let (status, extra) = match from {
        0 => ("200 OK", ""),
        _ => ("206 Partial Content", range.as_str()),
    };
    match answer {
        Answer::Whole => send(status, extra, rest, rest.len()),
        Answer::Cut(bytes) => send(status, extra, &rest[..bytes], rest.len()),
        Answer::NoRanges => send("200 OK", "", &content, content.len()),
        Answer::Changed => {
            let mut changed = rest.to_vec();
            changed[7] ^= 1;
            send(status, extra, &changed, changed.len())
        }
        Answer::Longer => {
            let longer = [&content[..], b"and more"].concat();
            send("200 OK", "", &longer, longer.len())
        }
        Answer::Redirect => send("302 Found", "Location: /elsewhere\r\n", b"", 0),
        Answer::To(place) => send("302 Found", &format!("Location: {place}\r\n"), b"", 0),
        Answer::Circle => send("302 Found", "Location: /file\r\n", b"", 0),
        Answer::Nothing => Ok(()),
        Answer::Status(status) => send(&format!("{status} No"), "", b"", 0),
    }
}

pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn file(server: &Server, name: &str, number: u32) -> RemoteFile {
    RemoteFile {
        name: name.into(),
        url: format!("{}/file", server.address),
        bytes: content().len() as u64,
        sha256: hash(&content()),
        replicate: Some(Replicate {
            of: "E003 H3K4me3".into(),
            number,
        }),
    }
}

/// A registry whose dataset `reads` has the files, and its folder.
fn registry(files: Vec<RemoteFile>) -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let entry = DatasetEntry {
        name: "reads".into(),
        title: "Reads".into(),
        licence: "CC0-1.0".into(),
        citation: "nobody".into(),
        genome: "hg19".into(),
        files,
    };
    let manifest = folder.path().join("manifest.json");
    std::fs::write(&manifest, serde_json::to_string(&[entry]).unwrap()).unwrap();
    let registry = Registry::new(folder.path().join("cache"));
    let registry = registry
        .with_manifest(&manifest)
        .unwrap()
        .pause(Duration::ZERO);
    (folder, registry)
}

/// Fetches one file from a server with these answers.
fn fetch(
    answers: &[Answer],
) -> (
    Server,
    tempfile::TempDir,
    Registry,
    chromex_io::Result<PathBuf>,
) {
    let server = Server::start(answers);
    let (folder, registry) = registry(vec![file(&server, "a.bam", 1)]);
    let fetched = registry
        .fetch("reads")
        .map(|fetched| fetched.files[0].clone());
    (server, folder, registry, fetched)
}

fn is_whole(path: &Path) -> bool {
    let part = path.with_extension("bam.part");
    std::fs::read(path).unwrap() == content() && !part.exists()
}

#[test]
fn a_dataset_is_downloaded_once_and_then_needs_no_network() {
    let (server, _folder, registry, path) = fetch(&[Answer::Whole, Answer::Status(500)]);
    assert!(is_whole(&path.unwrap()));
    let again = registry.clone().offline().fetch("reads").unwrap();
    assert_eq!(
        (again.downloaded, again.entry.licence.as_str()),
        (0, "CC0-1.0")
    );
    assert_eq!(server.requests().len(), 1);
    // A file that was changed since is fetched again, or refused without the network.
    std::fs::write(&again.files[0], b"changed").unwrap();
    let refused = registry.clone().offline().fetch("reads").unwrap_err();
    assert!(matches!(refused, Error::Offline { .. }));
    assert_eq!(registry.verify("reads").unwrap().changed, ["a.bam"]);
}

#[test]
fn a_connection_that_is_lost_is_gone_on_with() {
    let answers = [
        Answer::Cut(100_000),
        Answer::Nothing,
        Answer::Cut(50_001),
        Answer::Whole,
    ];
    let (server, _folder, _, path) = fetch(&answers);
    assert!(is_whole(&path.unwrap()));
    let froms: Vec<String> = server
        .requests()
        .iter()
        .map(|line| line.split(' ').next_back().unwrap().to_owned())
        .collect();
    assert_eq!(froms, ["0", "100000", "100000", "150001"]);
}

#[test]
fn a_later_fetch_goes_on_where_an_earlier_one_stopped() {
    let (_server, folder, registry, failed) = fetch(&[Answer::Cut(300_000), Answer::Nothing]);
    let error = failed.unwrap_err();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    let server = Server::start(&[Answer::Whole]);
    let part = folder.path().join("cache/reads/a.bam.part");
    assert_eq!(std::fs::metadata(&part).unwrap().len(), 300_000);
    let manifest = folder.path().join("again.json");
    let mut entry = registry.entry("reads").unwrap().clone();
    entry.files[0].url = format!("{}/file", server.address);
    std::fs::write(&manifest, serde_json::to_string(&[entry]).unwrap()).unwrap();
    let fetched = registry
        .with_manifest(&manifest)
        .unwrap()
        .fetch("reads")
        .unwrap();
    assert!(is_whole(&fetched.files[0]));
    assert_eq!(server.requests(), ["get /file http/1.1 from 300000"]);
}

#[test]
fn a_server_without_ranges_sends_everything_again() {
    let (_server, _folder, _, path) = fetch(&[Answer::Cut(100_000), Answer::NoRanges]);
    assert!(is_whole(&path.unwrap()));
}

#[test]
fn redirects_are_followed_and_circles_are_not() {
    let (server, _folder, _, path) = fetch(&[Answer::Redirect, Answer::Whole]);
    assert!(is_whole(&path.unwrap()));
    assert_eq!(server.requests()[1], "get /elsewhere http/1.1 from 0");
    let (_server, _folder, _, failed) = fetch(&[Answer::Circle]);
    assert!(matches!(failed.unwrap_err(), Error::Download { .. }));
}

#[test]
fn redirects_to_where_nothing_is_asked_are_refused_at_once() {
    for place in [
        "http://example.org/file",
        "ftp://example.org/file",
        "file:///etc/passwd",
        "http://user@127.0.0.1/file",
        "http://127.0.0.1@example.org/file",
        "http://[::ffff:7f00:1]/file",
    ] {
        let (server, folder, _, failed) = fetch(&[Answer::To(place), Answer::Whole]);
        let error = failed.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("a redirect from"), "{place}: {cause}");
        // It is not tried again, and nothing is left but what an earlier try may go on from.
        assert_eq!(server.requests().len(), 1, "{place}");
        assert!(!folder.path().join("cache/reads/a.bam").exists());
    }
}

#[test]
fn digits_of_a_checksum_may_be_of_either_case() {
    let server = Server::start(&[Answer::Whole]);
    let mut large = file(&server, "a.bam", 1);
    large.sha256 = large.sha256.to_ascii_uppercase();
    let (_folder, registry) = registry(vec![large]);
    assert_eq!(registry.fetch("reads").unwrap().downloaded, 1);
    assert_eq!(registry.fetch("reads").unwrap().downloaded, 0);
    assert_eq!(registry.verify("reads").unwrap().sound, ["a.bam"]);
}

#[test]
fn manifests_ask_no_address_in_the_open_and_are_small_regular_files() {
    let (folder, sound) = registry(Vec::new());
    let manifest = folder.path().join("manifest.json");
    let refused = |entry: &DatasetEntry| {
        let text = serde_json::to_string(&[entry]).unwrap();
        std::fs::write(&manifest, text).unwrap();
        let error = Registry::new(folder.path()).with_manifest(&manifest);
        let error = error.unwrap_err();
        std::error::Error::source(&error).unwrap().to_string()
    };
    for url in ["http://example.org/x", "http://169.254.169.254/x", "x"] {
        let mut entry = sound.entry("reads").unwrap().clone();
        entry.files.push(RemoteFile {
            name: "x".into(),
            url: url.into(),
            bytes: 1,
            sha256: hash(b"x"),
            replicate: None,
        });
        let message = refused(&entry);
        assert!(message.contains("the address of \"x\""), "{message}");
    }
    std::fs::write(
        &manifest,
        vec![b' '; chromex_core::input::MOST_SETTINGS_BYTES as usize + 1],
    )
    .unwrap();
    let large = Registry::new(folder.path()).with_manifest(&manifest);
    assert!(matches!(large.unwrap_err(), Error::Io { .. }));
    let endless = Registry::new(folder.path()).with_manifest(Path::new("/dev/zero"));
    assert!(matches!(endless.unwrap_err(), Error::Io { .. }));
}

#[test]
fn what_is_not_the_file_never_comes_into_its_place() {
    let (_server, folder, registry, failed) = fetch(&[Answer::Changed, Answer::Whole]);
    let error = failed.unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert!(!folder.path().join("cache/reads/a.bam").exists());
    assert_eq!(registry.verify("reads").unwrap().missing, ["a.bam"]);
    // What was wrong is not gone on with.
    assert!(is_whole(&registry.fetch("reads").unwrap().files[0]));
}

#[test]
fn a_server_that_sends_more_fills_no_disk() {
    let (_server, folder, _, path) = fetch(&[Answer::Longer]);
    // What stands beyond the file is not read; the file itself is whole.
    assert!(is_whole(&path.unwrap()));
    assert_eq!(
        std::fs::read_dir(folder.path().join("cache/reads"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn statuses_that_are_no_success_are_named() {
    for status in [404, 500] {
        let (_server, _folder, _, failed) = fetch(&[Answer::Status(status)]);
        let error = failed.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(&status.to_string()), "{cause}");
    }
}

#[test]
fn replicates_are_counted() {
    let server = Server::start(&[Answer::Whole]);
    let (folder, registry) = registry(vec![file(&server, "a.bam", 1), file(&server, "b.bam", 2)]);
    registry.fetch("reads").unwrap();
    let verified = registry.verify("reads").unwrap();
    assert_eq!(
        verified.to_string(),
        "2 of 2 files; E003 H3K4me3: 2 of 2 replicates, checksums match"
    );
    std::fs::remove_file(folder.path().join("cache/reads/b.bam")).unwrap();
    let verified = registry.verify("reads").unwrap();
    assert_eq!(
        verified.to_string(),
        "1 of 2 files; E003 H3K4me3: 1 of 2 replicates, missing: b.bam"
    );
}

#[test]
fn several_at_once_download_once() {
    let (server, _folder, registry) = {
        let server = Server::start(&[Answer::Whole]);
        let (folder, registry) = registry(vec![file(&server, "a.bam", 1)]);
        (server, folder, registry)
    };
    std::thread::scope(|scope| {
        let fetches: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| registry.fetch("reads").unwrap()))
            .collect();
        for fetch in fetches {
            assert!(is_whole(&fetch.join().unwrap().files[0]));
        }
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn unknown_names_and_bad_manifests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = Registry::new(folder.path())
        .fetch("deepdiff")
        .unwrap_err()
        .to_string();
    assert!(message.contains("unknown dataset `deepdiff`") && message.contains("deepdiff-sample"));
    let manifest = folder.path().join("manifest.json");
    for text in ["", "[]x", "[{\"name\": \"a\"}]"] {
        std::fs::write(&manifest, text).unwrap();
        assert!(
            Registry::new(folder.path())
                .with_manifest(&manifest)
                .is_err()
        );
    }
    let (_, sound) = registry(Vec::new());
    let mut entry = sound.entry("reads").unwrap().clone();
    entry.files.push(RemoteFile {
        name: "../../x".into(),
        url: "http://127.0.0.1:1/x".into(),
        bytes: 1,
        sha256: hash(b"x"),
        replicate: None,
    });
    std::fs::write(&manifest, serde_json::to_string(&[entry]).unwrap()).unwrap();
    assert!(
        Registry::new(folder.path())
            .with_manifest(&manifest)
            .is_err()
    );
}
