use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chromex_core::observe::Silent;
use chromex_io::Error;
use chromex_io::registry::ModelHub;

use crate::registry::{content, hash};

/// A hub of one model: a configuration, and weights that the first request for them cuts.
fn model_hub(weights: Vec<u8>, promised: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    named_hub("c0ffee", &hash(&promised), weights)
}

/// A hub that names any commit and any checksum.
fn named_hub(
    commit: &'static str,
    sha256: &str,
    weights: Vec<u8>,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    let listing = serde_json::json!({
        "sha": commit,
        "siblings": [
            {"rfilename": "README.md", "size": 3},
            {"rfilename": "config.json", "size": 2},
            {"rfilename": "model.safetensors", "size": weights.len(),
             "lfs": {"sha256": sha256, "size": weights.len()}},
        ],
    });
    std::thread::spawn(move || {
        let mut cut = true;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let range = head.to_ascii_lowercase();
            let from = range.split_once("range: bytes=").map_or(0, |(_, rest)| {
                rest.split('-').next().unwrap().parse().unwrap()
            });
            noted.lock().unwrap().push(format!("{path} from {from}"));
            let body: Vec<u8> = match path.as_str() {
                "/api/models/lab/tiny/revision/main?blobs=true" => listing.to_string().into(),
                "/lab/tiny/resolve/c0ffee/config.json" => b"{}".to_vec(),
                "/lab/tiny/resolve/c0ffee/model.safetensors" => weights[from..].to_vec(),
                _ => {
                    let _ = stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
                    continue;
                }
            };
            let status = match from {
                0 => "200 OK".to_owned(),
                _ => format!(
                    "206 Part\r\nContent-Range: bytes {from}-{}/{}",
                    weights.len() - 1,
                    weights.len()
                ),
            };
            let length = body.len();
            let sent = match path.ends_with("model.safetensors") && std::mem::take(&mut cut) {
                true => &body[..length / 2],
                false => &body,
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(sent);
        }
    });
    (address, requests)
}

#[test]
fn a_model_is_fetched_once_gone_on_with_and_used_without_the_network() {
    let (address, requests) = model_hub(content(), content());
    let folder = tempfile::tempdir().unwrap();
    let hub = ModelHub::new(folder.path())
        .address(&address)
        .pause(Duration::from_millis(1));
    let fetched = hub.fetch("lab/tiny", &Silent).unwrap();
    assert_eq!(fetched.commit, "c0ffee");
    let names: Vec<&String> = fetched.files.keys().collect();
    let left = std::fs::read_dir(hub.folder("lab/tiny").unwrap()).unwrap();
    assert_eq!(left.count(), 3, "two files and what is noted of them");
    assert_eq!(names, ["config.json", "model.safetensors"]);
    let place = hub.resolve("lab/tiny").unwrap();
    assert_eq!(
        std::fs::read(place.join("model.safetensors")).unwrap(),
        content()
    );
    let asked = requests.lock().unwrap().clone();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(
        asked[3].ends_with(&format!("from {}", content().len() / 2)),
        "{asked:?}"
    );
    let offline = hub.clone().offline();
    assert_eq!(offline.fetch("lab/tiny", &Silent).unwrap(), fetched);
    // A file that changed is not used.
    std::fs::write(place.join("config.json"), "[]").unwrap();
    let error = offline.fetch("lab/tiny", &Silent).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    assert_eq!(hub.fetch("lab/tiny", &Silent).unwrap(), fetched);
    let path = place.to_str().unwrap();
    assert_eq!(offline.resolve(path).unwrap(), place);
    let error = hub.fetch("lab/none", &Silent).unwrap_err().to_string();
    assert!(error.contains("lab/none"), "{error}");
}

#[test]
fn weights_that_are_not_what_the_hub_promised_are_refused() {
    let (address, _) = model_hub(content(), b"others".to_vec());
    let folder = tempfile::tempdir().unwrap();
    let hub = ModelHub::new(folder.path())
        .address(&address)
        .pause(Duration::from_millis(1));
    let error = hub.fetch("lab/tiny", &Silent).unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert!(
        !hub.folder("lab/tiny")
            .unwrap()
            .join("model.safetensors")
            .exists()
    );
}

#[test]
fn nothing_that_a_hub_names_becomes_an_address_or_a_path_unchecked() {
    for (commit, sha256) in [
        ("", hash(&content())),
        ("../../../other/model/resolve/main", hash(&content())),
        ("main/../..", hash(&content())),
        ("a..b", hash(&content())),
        ("c0ffee?x=", hash(&content())),
        ("c0ffee#", hash(&content())),
        ("c0%2fffee", hash(&content())),
        ("c0 ffee\r\nX: y", hash(&content())),
        ("c0ffee", "12".into()),
        (
            "c0ffee",
            "../../../../../../../../../../../../../../../../../../../../..".into(),
        ),
    ] {
        let (address, requests) = named_hub(commit, &sha256, content());
        let folder = tempfile::tempdir().unwrap();
        let hub = ModelHub::new(folder.path()).address(&address);
        let error = hub.fetch("lab/tiny", &Silent).unwrap_err();
        assert!(
            matches!(error, Error::Download { .. }),
            "{commit:?}: {error}"
        );
        let asked = requests.lock().unwrap().clone();
        let is_checked = |line: &String| line.contains("/api/") || line.contains("/c0ffee/");
        assert!(asked.iter().all(is_checked), "{commit:?}: {asked:?}");
        assert!(
            !asked.iter().any(|line| line.contains("safetensors")),
            "{asked:?}"
        );
    }
    let hub = ModelHub::new("cache").address("http://example.org");
    let error = hub.fetch("lab/tiny", &Silent).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("expected https"), "{cause}");
}

#[test]
fn files_without_a_checksum_are_named_and_digits_may_be_of_either_case() {
    let upper = hash(&content()).to_ascii_uppercase();
    let (address, _) = named_hub("c0ffee", &upper, content());
    let folder = tempfile::tempdir().unwrap();
    let hub = ModelHub::new(folder.path())
        .address(&address)
        .pause(Duration::from_millis(1));
    let fetched = hub.fetch("lab/tiny", &Silent).unwrap();
    assert_eq!(fetched.unchecked(), ["config.json"]);
    // A listing that names what lies outside of its folder is not believed.
    let listing = hub.folder("lab/tiny").unwrap().join("files.json");
    let outside = folder.path().join("outside.json");
    std::fs::write(&outside, "{}").unwrap();
    let text = std::fs::read_to_string(&listing).unwrap();
    let text = text.replace("config.json", "../../outside.json");
    std::fs::write(&listing, text).unwrap();
    let offline = hub.offline().fetch("lab/tiny", &Silent);
    assert!(matches!(offline.unwrap_err(), Error::Offline { .. }));
}

/// A server that promises more of a small answer than it sends.
#[test]
fn a_small_answer_that_was_cut_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let listing = br#"{"sha": "c0ffee", "siblings": [{"rfilename": "model.safetensors"}]}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(listing);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let hub = ModelHub::new(folder.path()).address(&address);
    let error = hub.fetch("lab/tiny", &Silent).unwrap_err();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert!(!hub.folder("lab/tiny").unwrap().exists());
}
