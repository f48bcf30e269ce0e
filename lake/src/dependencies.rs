//! Arrow and Parquet add megabytes to a program, so only the programs of the lake have them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LAKE: &str = "conversation-lake";

/// The function that writes the lake.
const WRITER: &str = "load-lake";

type Packages = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The packages of the lock file by name, with the names of those that they depend on; of those in this workspace also
/// for their tests.
fn packages(lock: &str) -> Packages {
    let mut packages = Packages::new();
    for package in lock.split("[[package]]").skip(1) {
        let name = package.lines().find_map(|it| it.strip_prefix("name = "));
        let name = name.unwrap().trim_matches('"').to_owned();
        let dependencies = package.lines().filter_map(|it| it.strip_prefix(" \""));
        let dependencies = dependencies.filter_map(|it| it.split([' ', '"']).next());
        // Versions of a package count as one.
        let known = packages.entry(name).or_default();
        known.extend(dependencies.map(ToOwned::to_owned));
    }
    packages
}

/// All packages that a package depends on, at any distance.
fn reachable<'a>(packages: &'a Packages, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if found.insert(name) {
            open.extend(packages[name].iter().map(String::as_str));
        }
    }
    found
}

fn functions() -> Vec<String> {
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let names = folders.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn is_arrow(name: &str) -> bool {
    name == "parquet" || name == "arrow" || name.starts_with("arrow-")
}

#[test]
fn no_function_but_that_of_the_lake_depends_on_arrow() {
    let packages = packages(&fs::read_to_string(root().join("Cargo.lock")).unwrap());
    assert!(reachable(&packages, LAKE).into_iter().any(is_arrow));
    let functions = functions();
    assert!(functions.len() >= 9, "{functions:?}");

    for function in functions.iter().filter(|it| *it != WRITER) {
        let found = reachable(&packages, function);
        assert!(!found.contains(LAKE), "{function} depends on {LAKE}");
        let arrow: Vec<_> = found.into_iter().filter(|it| is_arrow(it)).collect();
        assert!(arrow.is_empty(), "{function} depends on {arrow:?}");
    }
}

#[test]
fn only_the_lake_names_arrow_and_parquet() {
    let packages = packages(&fs::read_to_string(root().join("Cargo.lock")).unwrap());
    let is_foreign = |name: &&String| !is_arrow(name) && *name != LAKE;

    for name in packages.keys().filter(is_foreign) {
        let arrow: Vec<_> = packages[name].iter().filter(|it| is_arrow(it)).collect();
        assert!(arrow.is_empty(), "{name} depends on {arrow:?}");
    }
}

#[test]
fn a_dependency_is_found_at_any_distance() {
    let lock = "[[package]]\nname = \"a\"\ndependencies = [\n \"b 1.0.0\",\n]\n\n[[package]]\nname = \"b\"\ndependencies = [\n \"c\",\n]\n\
        [[package]]\nname = \"c\"\n[[package]]\nname = \"d\"\n";
    let packages = packages(lock);

    assert_eq!(reachable(&packages, "a"), BTreeSet::from(["a", "b", "c"]));
}
