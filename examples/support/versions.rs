use std::collections::{HashMap, HashSet, VecDeque};

/// What computes the numbers of a run.
const NAMED: [&str; 4] = ["burn", "burn-flex", "ndarray", "tokenizers"];

/// Reads the versions of what computes the numbers from the lock file that the example was built with.
///
/// A lock file may hold several versions of a crate, for dependencies' own use. The one that is meant is the nearest to the
/// workspace: what its crates name, before what those in turn need.
pub(crate) fn locked_versions() -> Vec<(String, String)> {
    nearest(include_str!("../../Cargo.lock"), "chromex", &NAMED)
}

/// One `[[package]]` of a lock file.
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    /// `name`, or `name version` where there are several.
    dependencies: Vec<&'a str>,
}

fn nearest(lock: &str, root: &str, wanted: &[&str]) -> Vec<(String, String)> {
    let packages: Vec<Package> = lock.split("[[package]]").filter_map(package).collect();
    let mut of_name: HashMap<&str, Vec<&Package>> = HashMap::new();
    for package in &packages {
        of_name.entry(package.name).or_default().push(package);
    }
    let find = |dependency: &str| {
        let mut words = dependency.split(' ');
        let known = of_name.get(words.next()?)?;
        match words.next() {
            Some(version) => known.iter().find(|package| package.version == version),
            None => known.first(),
        }
        .copied()
    };
    let mut found: Vec<(String, String)> = Vec::new();
    let mut seen = HashSet::new();
    let mut queue = VecDeque::from_iter(find(root));
    while let Some(package) = queue.pop_front() {
        if !seen.insert((package.name, package.version)) {
            continue;
        }
        let is_new = found.iter().all(|(name, _)| name != package.name);
        if is_new && wanted.contains(&package.name) {
            found.push((package.name.to_owned(), package.version.to_owned()));
        }
        queue.extend(package.dependencies.iter().filter_map(|name| find(name)));
    }
    found
}

fn package(text: &str) -> Option<Package<'_>> {
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("\n{name} = \""))?;
        rest.split('"').next()
    };
    let list = text.split_once("\ndependencies = [");
    let list = list.and_then(|(_, rest)| rest.split(']').next());
    Some(Package {
        name: field("name")?,
        version: field("version")?,
        dependencies: list.map_or(Vec::new(), |list| {
            list.split('"').skip(1).step_by(2).collect()
        }),
    })
}
