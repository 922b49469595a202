//! Gives every example hostile files behind each of its flags and looks at what it does: it must end by itself, with a code of 0
//! to 2, without a panic, within 20 seconds and 2 GiB, and write nothing outside its output folder.
//!
//! ```text
//! cargo run -p chromex-fuzz --bin hostile -- target/debug/examples
//! cargo run -p chromex-fuzz --bin hostile -- target/debug/examples --only 'cornbert --split' --tell
//! ```
//!
//! Linux only: memory is read from `/proc`, and pipes and links stand in the place of files.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod child;
mod content;
mod doors;
mod special;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use child::{Budget, Fault};
use content::Hostile;
use doors::Door;

/// Flags of the program.
struct Flags {
    examples: PathBuf,
    only: Option<String>,
    /// Take each so manieth file.
    every: usize,
    jobs: usize,
    budget: Budget,
    /// Tell what became of every file.
    tells: bool,
}

fn main() -> ExitCode {
    match flags().and_then(|flags| run(&flags)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn flags() -> Result<Flags, Box<dyn Error>> {
    const USAGE: &str = "hostile FOLDER-OF-EXAMPLES [--only PART-OF-A-DOOR] [--every N] [--jobs N] [--seconds N] [--megabytes N] [--tell]";
    let mut flags = Flags {
        examples: PathBuf::new(),
        only: None,
        every: 1,
        jobs: 2,
        budget: Budget {
            bytes: 2 << 30,
            seconds: 20,
        },
        tells: false,
    };
    let mut given = std::env::args().skip(1);
    while let Some(flag) = given.next() {
        let mut value = || {
            given
                .next()
                .ok_or_else(|| format!("{flag}: no value; {USAGE}"))
        };
        match flag.as_str() {
            "--only" => flags.only = Some(value()?),
            "--every" => flags.every = value()?.parse::<usize>()?.max(1),
            "--jobs" => flags.jobs = value()?.parse::<usize>()?.max(1),
            "--seconds" => flags.budget.seconds = value()?.parse()?,
            "--megabytes" => flags.budget.bytes = value()?.parse::<u64>()? << 20,
            "--tell" => flags.tells = true,
            folder if !folder.starts_with("--") => flags.examples = folder.into(),
            other => return Err(format!("{other}: no such flag; {USAGE}").into()),
        }
    }
    flags.examples = flags
        .examples
        .canonicalize()
        .map_err(|error| format!("{}: {error}; {USAGE}", flags.examples.display()))?;
    Ok(flags)
}

/// Runs all; gives the number of faults.
fn run(flags: &Flags) -> Result<usize, Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let bases = scratch.path().join("bases");
    std::fs::create_dir_all(&bases)?;
    let doors = doors::all(&flags.examples, &bases, flags.only.as_deref())?;
    let sound = Hostile::new("the sound file", |_| Ok(()));
    let mut cases: Vec<(&Door, Option<&Hostile>)> = Vec::new();
    for door in &doors {
        if door.is_sound && !cases.iter().any(|(other, _)| std::ptr::eq(*other, door)) {
            cases.push((door, None));
        }
        cases.extend(door.hostile.iter().map(|hostile| (door, Some(hostile))));
    }
    let cases: Vec<_> = cases.into_iter().step_by(flags.every).collect();
    let (next, told) = (AtomicUsize::new(0), Mutex::new(Told::default()));
    std::thread::scope(|scope| {
        let work = || {
            while let Some((door, hostile)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let place = next.load(Ordering::Relaxed);
                let cell = scratch
                    .path()
                    .join(format!("cell-{place}-{:?}", std::thread::current().id()));
                let one = case(
                    flags,
                    door,
                    hostile.unwrap_or(&sound),
                    hostile.is_none(),
                    &cell,
                );
                let mut told = told
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                told.note(flags, door, hostile.unwrap_or(&sound), one);
                let _ = std::fs::remove_dir_all(&cell);
            }
        };
        for _ in 0..flags.jobs {
            scope.spawn(work);
        }
    });
    let mut told = told
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for place in [
        "/tmp/chromex-hostile-outside",
        "/tmp/chromex-hostile-outside.npy",
    ] {
        if Path::new(place).exists() {
            *told.faults.entry(Fault::Outside).or_default() += 1;
            println!("FAULT Outside: {place} was made");
        }
    }
    let faults: usize = told.faults.values().sum();
    println!(
        "{} doors, {} files: {} taken, {} refused; {faults} faults {:?}; slowest {:.1} s, most memory {} MB",
        doors.len(),
        cases.len(),
        told.taken,
        cases.len() - told.taken,
        told.faults,
        told.slowest,
        told.most_bytes >> 20,
    );
    Ok(faults)
}

/// What became of all files.
#[derive(Default)]
struct Told {
    taken: usize,
    faults: BTreeMap<Fault, usize>,
    slowest: f64,
    most_bytes: u64,
}

impl Told {
    fn note(
        &mut self,
        flags: &Flags,
        door: &Door,
        hostile: &Hostile,
        one: Result<child::Outcome, Box<dyn Error>>,
    ) {
        let (door, hostile) = (&door.name, &hostile.name);
        let one = match one {
            Ok(one) => one,
            Err(error) => {
                *self.faults.entry(Fault::Abort).or_default() += 1;
                println!("FAULT could not be run: {door}, {hostile}: {error}");
                return;
            }
        };
        self.taken += usize::from(one.is_success);
        self.slowest = self.slowest.max(one.seconds);
        self.most_bytes = self.most_bytes.max(one.peak_bytes);
        for (fault, what) in &one.faults {
            *self.faults.entry(*fault).or_default() += 1;
            println!("FAULT {fault:?}: {door}, {hostile}: {what}");
        }
        if flags.tells {
            let told: String = one.told.chars().take(300).collect();
            println!(
                "{door}, {hostile}: {:.1} s, {} MB: {told}",
                one.seconds,
                one.peak_bytes >> 20
            );
        }
    }
}

/// Runs one case in a folder of its own.
fn case(
    flags: &Flags,
    door: &Door,
    hostile: &Hostile,
    must_be_taken: bool,
    cell: &Path,
) -> Result<child::Outcome, Box<dyn Error>> {
    let folder = cell.join("case");
    child::copy(&door.base, &folder)?;
    if !must_be_taken {
        hostile.put(&folder.join(&door.file))?;
    }
    let place = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let arguments: Vec<String> = door
        .arguments
        .iter()
        .map(|argument| {
            argument
                .replace("IN", &place("in"))
                .replace("OUT", &place("out"))
        })
        .collect();
    let mut outcome = child::run(
        &flags.examples.join(door.example),
        &arguments,
        cell,
        flags.budget,
    )?;
    if must_be_taken && !outcome.is_success {
        outcome.faults.push((
            Fault::Abort,
            format!("a sound file was refused: {}", outcome.told),
        ));
    }
    Ok(outcome)
}
