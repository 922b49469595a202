//! What a hostile file holds, or what stands in its place.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Puts something at a place.
type Make = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

/// Something that is put where a program expects a file.
pub(crate) struct Hostile {
    pub(crate) name: String,
    make: Box<Make>,
}

impl Hostile {
    pub(crate) fn new(
        name: impl Into<String>,
        make: impl Fn(&Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Box::new(make),
        }
    }

    pub(crate) fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(name, move |path| fs::write(path, &bytes))
    }

    /// Holds what a function makes when it is wanted: large files are not kept.
    pub(crate) fn made(
        name: impl Into<String>,
        make: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, move |path| fs::write(path, make()))
    }

    /// Puts it in the place of whatever stands there.
    pub(crate) fn put(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.symlink_metadata().is_ok() {
            fs::remove_file(path)?;
        }
        (self.make)(path)
    }
}

/// What is no file at all, and files that are wrong whatever their format.
pub(crate) fn any() -> Vec<Hostile> {
    let link = |to: &'static str| {
        Hostile::new(format!("a link to {to}"), move |path: &Path| {
            std::os::unix::fs::symlink(to, path)
        })
    };
    vec![
        Hostile::new("a folder", |path| fs::create_dir(path)),
        Hostile::new("a pipe that nobody writes into", |path| {
            let made = Command::new("mkfifo").arg(path).status()?;
            made.success()
                .then_some(())
                .ok_or_else(|| io::Error::other("mkfifo failed"))
        }),
        link("/dev/zero"),
        link("/dev/null"),
        link("/proc/self/mem"),
        link("nothing"),
        Hostile::new("a link to itself", |path| {
            std::os::unix::fs::symlink(path, path)
        }),
        Hostile::new("a socket", |path| {
            std::os::unix::net::UnixListener::bind(path).map(drop)
        }),
        Hostile::bytes("nothing in it", []),
        Hostile::bytes("one NUL", [0]),
        Hostile::bytes("a million NULs", vec![0; 1 << 20]),
        Hostile::bytes("a picture", *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        Hostile::bytes("0xff", vec![0xff; 4096]),
        Hostile::bytes("the start of a gzip", [0x1f, 0x8b, 8, 0]),
        Hostile::bytes("the start of a zstandard", [0x28, 0xb5, 0x2f, 0xfd]),
        Hostile::bytes("the start of a ZIP", *b"PK\x03\x04\x14\0"),
        Hostile::bytes("a line break", "\n"),
        Hostile::bytes("a byte order mark", "\u{feff}"),
        Hostile::bytes(
            "UTF-16",
            "a\u{feff}\tb\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>(),
        ),
    ]
}

/// Packed files that unfold to more than memory should take. Lines are fewer than zeros: to read them is honest work.
pub(crate) fn bombs(start: &'static [u8], line: &'static [u8]) -> Vec<Hostile> {
    let block = line.repeat(1 + (1 << 20) / line.len());
    let again = block.clone();
    vec![
        Hostile::new("a gzip of 3 GiB of zeros", move |path| {
            let mut packed = GzEncoder::new(fs::File::create(path)?, Compression::fast());
            packed.write_all(start)?;
            let zeros = vec![0; 1 << 20];
            (0..3 << 10).try_for_each(|_| packed.write_all(&zeros))?;
            packed.finish().map(drop)
        }),
        Hostile::new("a zstandard of 256 MiB of one line", move |path| {
            let mut packed = zstd::Encoder::new(fs::File::create(path)?, 1)?;
            packed.write_all(start)?;
            (0..256).try_for_each(|_| packed.write_all(&block))?;
            packed.finish().map(drop)
        }),
        Hostile::new("a gzip of 64 MiB of one line", move |path| {
            let mut packed = GzEncoder::new(fs::File::create(path)?, Compression::fast());
            packed.write_all(start)?;
            (0..64).try_for_each(|_| packed.write_all(&again))?;
            packed.finish().map(drop)
        }),
    ]
}

/// Damage of a text that was sound. `separator` parts its fields.
pub(crate) fn text(sound: &[u8], separator: char) -> Vec<Hostile> {
    let whole = String::from_utf8_lossy(sound).into_owned();
    let mut all = vec![
        Hostile::bytes("cut in a line", &sound[..sound.len() * 2 / 3 - 1]),
        Hostile::bytes("cut after its first byte", &sound[..1]),
        Hostile::bytes("twice", [sound, sound].concat()),
        Hostile::bytes("with a byte order mark", format!("\u{feff}{whole}")),
        Hostile::bytes("with carriage returns alone", whole.replace('\n', "\r")),
        Hostile::bytes("with empty lines", whole.replace('\n', "\n\n\n")),
        {
            let sound = sound.to_vec();
            Hostile::made("with a line of 20 MB", move || {
                [&sound[..], &vec![b'a'; 20_000_000]].concat()
            })
        },
        {
            let sound = sound.to_vec();
            Hostile::made("with a first line of 20 MB", move || {
                [&vec![b'A'; 20_000_000], &b"\n"[..], &sound].concat()
            })
        },
        {
            let whole = whole.clone();
            Hostile::made("with a million columns", move || {
                let first = whole.lines().next().unwrap_or_default();
                let columns = format!("{separator}1").repeat(1_000_000);
                whole
                    .replacen(first, &format!("{first}{columns}"), 1)
                    .into()
            })
        },
        {
            let whole = whole.clone();
            Hostile::made("with a million columns in every line", move || {
                let columns = format!("{separator}1").repeat(1_000_000);
                let lines = whole.lines().take(5);
                let wide: String = lines.map(|line| format!("{line}{columns}\n")).collect();
                wide.into()
            })
        },
        Hostile::bytes("with other separators", whole.replace(separator, "|")),
        Hostile::bytes(
            "with an open quote",
            whole.replacen(separator, &format!("{separator}\""), 3),
        ),
        Hostile::bytes("comments alone", "# a\n#! b\n".repeat(100)),
        Hostile::bytes("its first line alone", {
            whole.lines().next().unwrap_or_default().as_bytes()
        }),
    ];
    // Each field of the last line becomes each of these.
    let lines: Vec<&str> = whole.lines().collect();
    let line = lines.len() - 1;
    let fields = lines[line].split(separator).count();
    for (name, value) in FIELDS {
        for field in 0..fields.min(9) {
            let mut changed: Vec<&str> = lines[line].split(separator).collect();
            changed[field] = value;
            let changed = changed.join(&separator.to_string());
            let mut all_lines = lines.clone();
            all_lines[line] = &changed;
            let text = all_lines.join("\n") + "\n";
            all.push(Hostile::bytes(
                format!("{name} as field {}", field + 1),
                text,
            ));
        }
    }
    for (name, bytes) in [("no UTF-8", &b"\xff\xfe\xc3\x28"[..]), ("NULs", b"\0\0\0")] {
        let mut changed = sound.to_vec();
        let place = changed.len() / 2;
        changed.splice(place..place, bytes.iter().copied());
        all.push(Hostile::bytes(format!("with {name} inside"), changed));
    }
    all
}

const FIELDS: [(&str, &str); 16] = [
    ("NaN", "NaN"),
    ("infinity", "-inf"),
    ("1e400", "1e400"),
    ("-1", "-1"),
    ("2^63", "9223372036854775808"),
    ("2^64 - 1", "18446744073709551615"),
    ("2^32", "4294967296"),
    (
        "a number of 400 digits",
        concat!(
            "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
            "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
            "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
            "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
        ),
    ),
    ("nothing", ""),
    (
        "HTML",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
    ),
    ("Markdown", "[x](javascript:alert(1)) | `x` | **"),
    ("a formula", "=cmd|'/c calc'!A0"),
    ("a path", "../../../../outside"),
    ("an absolute path", "/tmp/chromex-hostile-outside"),
    ("letters beyond ASCII", "É\u{301}\u{202e}🧬ＡＣＧＴ"),
    ("control letters", "\u{1b}[31m\u{7}"),
];

/// Damage of bytes that were sound: cut at places, and changed in places.
pub(crate) fn bytes(sound: &[u8], changes: usize) -> Vec<Hostile> {
    let mut all = Vec::new();
    for cut in 1..=changes {
        let place = (sound.len() * cut / (changes + 1)).max(1);
        all.push(Hostile::bytes(
            format!("cut after {place} bytes"),
            &sound[..place],
        ));
    }
    for change in 0..changes {
        let mut changed = sound.to_vec();
        // Spread by the golden ratio, with more changes where headers lie.
        let share = (change as f64 * 0.618_034).fract();
        let place = match change % 2 {
            0 => (share * changed.len().min(200) as f64) as usize,
            _ => (share * changed.len() as f64) as usize,
        };
        let count = 1 + change % 4;
        for byte in changed.iter_mut().skip(place).take(count) {
            *byte = [0xff, 0x7f, 0, 0x80][change % 4];
        }
        all.push(Hostile::bytes(
            format!("{count} bytes changed from byte {place}"),
            changed,
        ));
    }
    all.push(Hostile::bytes(
        "with a megabyte behind",
        [sound, &vec![b'x'; 1 << 20]].concat(),
    ));
    all.push(Hostile::bytes("twice", [sound, sound].concat()));
    all
}
