//! A newcomer's mistakes: each is refused by one message that names what is wrong and says what to do next.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::command_lines::example;

const EXAMPLES: [&str; 9] = [
    "attentivechrome",
    "cornbert",
    "count_reads",
    "deepchrome",
    "deepdiff",
    "dnabert2_vs_dexter",
    "fcn_ensemble",
    "genegpt2",
    "wakawaka",
];

/// What a failed run said.
fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it went through: {text}");
    assert!(matches!(output.status.code(), Some(1 | 2)), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// Runs an example that must refuse, and expects every part in what it says.
fn refused(name: &str, arguments: &[&str], parts: &[&str]) {
    let output = example(name).args(arguments).stdin(Stdio::null()).output();
    let text = told(&output.expect("the example was built"));
    for part in parts {
        assert!(
            text.contains(part),
            "{name} {arguments:?}: {text} lacks {part}"
        );
    }
}

/// A folder with files to count: genes, reads and expression.
fn to_count() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "genes.gtf",
        "chr1\tx\tgene\t601\t900\t.\t+\t.\tgene_id \"ENSG00000000001\"; gene_name \"A\"; gene_biotype \"protein_coding\";\n",
    );
    write("genes.bed", "chr1\t600\t900\tENSG00000000001\t0\t+\n");
    write(
        "reads.bed",
        "chr1\t610\t640\tr\t0\t+\nchr1\t700\t730\ts\t0\t-\n",
    );
    write(
        "expression.tsv",
        "gene\tliver\tkidney\nENSG00000000001\t1\t2\n",
    );
    write(
        "transcripts.tsv",
        "gene\tcell\nENST00000000001\t1\nENST00000000002\t2\n",
    );
    folder
}

fn count(folder: &Path, arguments: &[&str], parts: &[&str]) {
    let place = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (track, out) = (format!("M={}", place("reads.bed")), place("out"));
    let mut all: Vec<String> = ["--name", "cell", "--out", &out]
        .map(str::to_owned)
        .to_vec();
    if !arguments.contains(&"--track") {
        all.extend(["--track".to_owned(), track]);
    }
    all.extend(
        arguments
            .iter()
            .map(|argument| argument.replace("IN/", &format!("{}/", folder.display()))),
    );
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    refused("count_reads", &all, parts);
}

#[test]
fn a_wrong_folder_is_named_with_what_it_should_hold() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (empty, out) = (folder.path().to_str().unwrap(), out.to_str().unwrap());
    for name in ["deepdiff", "genegpt2"] {
        refused(
            name,
            &["--data", empty, "--out", out, "--resume"],
            &[empty, "no file `Cell1."],
        );
    }
    refused(
        "deepchrome",
        &["--data", empty, "--out", out, "--resume"],
        &[empty, "no file `train.csv`", "--data names"],
    );
    for name in EXAMPLES.iter().filter(|name| **name != "count_reads") {
        refused(
            name,
            &["--data", "/nowhere/at/all", "--out", out],
            &["--data", "/nowhere/at/all", "check the path"],
        );
    }
}

#[test]
fn a_file_in_the_place_of_a_folder_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("train.csv"), folder.path().join("out"));
    fs::write(&file, "G,1,0,0,0,0,0,1\n").unwrap();
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    for name in ["deepdiff", "genegpt2", "deepchrome", "attentivechrome"] {
        refused(
            name,
            &["--data", file, "--out", out, "--resume"],
            &[file, "is a file where a folder is needed"],
        );
    }
    for name in ["wakawaka", "cornbert"] {
        refused(
            name,
            &["--data", file, "--out", out, "--resume"],
            &[file, "help: a file stands where a folder is needed"],
        );
    }
    // The other way round.
    let inside = folder.path().to_str().unwrap();
    refused(
        "cornbert",
        &["--promoters", inside, "--out", out, "--resume"],
        &[inside],
    );
}

#[test]
fn a_misspelt_flag_value_or_model_is_told_the_right_one() {
    refused("deepchrome", &["--epoch", "3"], &["--epoch", "--epochs"]);
    refused(
        "deepchrome",
        &["--precision", "singel"],
        &["--precision", "single"],
    );
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    refused(
        "deepchrome",
        &["--only", "deepchrom", "--out", out.to_str().unwrap()],
        &[
            "--only",
            "`deepchrom`",
            "did you mean `deepchrome`?",
            "--list",
        ],
    );
    assert!(
        !out.exists(),
        "a misspelt model is told before there is a folder"
    );
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    for (name, flag, value) in [
        ("deepchrome", "--epochs", "9223372036854775809"),
        ("deepchrome", "--epochs", "0"),
        ("deepchrome", "--seeds", "10000000000"),
        ("cornbert", "--layers", "1000000000"),
        ("cornbert", "--width", "18446744073709551584"),
        ("cornbert", "--vocabulary", "18446744073709551615"),
        ("cornbert", "--least-tpm", "nan"),
        ("genegpt2", "--genebert", "18446744073709551600"),
    ] {
        refused(name, &["--quick", flag, value], &[flag, value]);
    }
    refused("cornbert", &["--layers", "1000000000"], &["1..=1000"]);
}

#[test]
fn a_device_that_does_not_exist_advises_only_what_does() {
    refused(
        "deepchrome",
        &["--quick", "--device", "gpu"],
        &["--device gpu", "cpu, cuda, wgpu"],
    );
    let output = example("deepchrome")
        .args(["--quick", "--device", "gpu"])
        .output()
        .unwrap();
    assert!(!told(&output).contains("--features gpu"));
    refused(
        "deepchrome",
        &["--quick", "--device", "cpu:1"],
        &["--device cpu:1", "--device cpu"],
    );
    refused(
        "deepchrome",
        &["--quick", "--device", "cuda:x"],
        &["`x`", "number of a GPU"],
    );
}

/// Where tests run as the superuser no folder is closed to them: the program is run as nobody.
#[test]
fn a_folder_without_rights_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let mode = |path: &Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(folder.path(), 0o755);
    mode(&closed, 0o500);
    // The program must be where nobody may run it.
    let program = folder.path().join("program");
    fs::copy(example("deepchrome").get_program(), &program).unwrap();
    mode(&program, 0o755);
    let arguments = ["--quick", "--out"];
    let target = closed.join("run");
    let as_nobody = Command::new("setpriv")
        .args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "--",
        ])
        .arg(&program)
        .args(arguments)
        .arg(&target)
        .current_dir(folder.path())
        .output();
    let output = match as_nobody {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("setpriv:") => output,
        // Not the superuser: the folder is closed to the test itself.
        _ => Command::new(&program)
            .args(arguments)
            .arg(&target)
            .output()
            .unwrap(),
    };
    let text = told(&output);
    mode(&closed, 0o700);
    assert!(text.contains(target.to_str().unwrap()), "{text}");
    assert!(text.contains("help:") && text.contains("--out"), "{text}");
}

#[test]
fn a_full_disk_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    // A limit on the size of files stands for a disk without room.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(example("deepchrome").get_program())
        .args([
            "--quick",
            "--only",
            "deepchrome",
            "--out",
            out.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    let text = told(&output);
    assert!(text.contains(out.to_str().unwrap()), "{text}");
    assert!(
        text.contains("help: make room") && text.contains("--resume"),
        "{text}"
    );
}

#[test]
fn a_sample_that_is_not_there_is_told_the_most_alike() {
    let folder = to_count();
    count(
        folder.path(),
        &[
            "--genes",
            "IN/genes.bed",
            "--expression",
            "IN/expression.tsv",
            "--sample",
            "lifer",
        ],
        &["`lifer`", "did you mean `liver`?"],
    );
}

/// The flags that `--help` lists.
fn flags_of(name: &str) -> BTreeSet<String> {
    let output = example(name)
        .arg("--help")
        .output()
        .expect("the example was built");
    named_flags(&String::from_utf8_lossy(&output.stdout))
}

/// Every `--flag` of a text.
fn named_flags(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (place, _) in text.match_indices("--") {
        let before = text[..place].chars().next_back();
        let name: String = text[place + 2..]
            .chars()
            .take_while(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || *letter == '-'
            })
            .collect();
        let begins = !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '-');
        if begins && name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            found.insert(name.trim_end_matches('-').to_owned());
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push(path);
        }
    }
    all
}

#[test]
fn every_flag_and_feature_that_a_message_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of_cargo = ["example", "features", "help", "release", "version"].map(str::to_owned);
    let mut of_any: BTreeSet<String> = of_cargo.clone().into();
    for name in EXAMPLES {
        let flags = flags_of(name);
        assert!(flags.contains("out"), "{name}: {flags:?}");
        for path in sources(&root.join("examples").join(name)) {
            let missing: Vec<String> = named_flags(&fs::read_to_string(&path).unwrap())
                .into_iter()
                .filter(|flag| !flags.contains(flag) && !of_cargo.contains(flag))
                .collect();
            assert!(missing.is_empty(), "{}: {missing:?}", path.display());
        }
        of_any.extend(flags);
    }
    let crates = sources(&root.join("crates"));
    for path in sources(&root.join("examples/support"))
        .into_iter()
        .chain(crates)
    {
        if !path
            .components()
            .any(|part| part.as_os_str() == "src" || part.as_os_str() == "support")
        {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // Documentation names flags of other programs.
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let named = named_flags(&code.join("\n"));
        let missing: Vec<&String> = named
            .iter()
            .filter(|flag| !of_any.contains(*flag))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", path.display());
        // Features are named by a value that the code checked, or stand in the manifest.
        for (place, found) in text.match_indices("--features ") {
            let name: String = text[place + found.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || "{}".contains(*c))
                .collect();
            let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
            assert!(
                name == "{name}" || manifest.contains(&format!("\n{name} = [")),
                "{}: {name}",
                path.display()
            );
        }
    }
}
