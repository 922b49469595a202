use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// The longest header that is read, as of all weight files.
const MOST_HEADER: u64 = 16 << 20;

/// Reads a note of the header of safetensors, as [`save_noted`](super::save_noted) writes them; none where there is none, or the
/// file is of another kind.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be read, [`Error::Malformed`] when it begins as safetensors and its header is none.
pub fn note(path: &Path, name: &str) -> Result<Option<String>> {
    let io = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = chromex_core::input::open(path).map_err(io)?;
    let mut start = Vec::new();
    file.by_ref().take(9).read_to_end(&mut start).map_err(io)?;
    let Some((length, [b'{'])) = start.split_first_chunk() else {
        return Ok(None);
    };
    let length = u64::from_le_bytes(*length);
    if length > MOST_HEADER {
        return Ok(None);
    }
    let mut text = vec![b'{'];
    file.take(length.saturating_sub(1))
        .read_to_end(&mut text)
        .map_err(io)?;
    let header: serde_json::Value =
        serde_json::from_slice(&text).map_err(|source| Error::Malformed {
            path: path.to_owned(),
            expected: "a safetensors header",
            source: source.into(),
        })?;
    let note = header.get("__metadata__").and_then(|notes| notes.get(name));
    Ok(note.and_then(serde_json::Value::as_str).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights;
    use burn::nn::LinearConfig;

    #[test]
    fn notes_come_back_and_files_of_other_kinds_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let linear = LinearConfig::new(2, 1).init(&crate::Device::default());
        let notes = [("marks", "[\"a\", \"\u{e4}\"]".to_owned())];
        weights::save_noted(&linear, &path, str::to_owned, &notes).unwrap();
        assert_eq!(note(&path, "marks").unwrap().as_ref(), Some(&notes[0].1));
        assert_eq!(note(&path, "other").unwrap(), None);
        assert_eq!(weights::names(&path).unwrap().len(), 2);
        for bytes in [&b""[..], b"{", b"PK\x03\x04 and more", &[0xff; 100]] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(note(&path, "marks").unwrap(), None);
        }
        std::fs::write(&path, b"\x04\0\0\0\0\0\0\0{{{{").unwrap();
        assert!(matches!(note(&path, "marks"), Err(Error::Malformed { .. })));
    }
}
