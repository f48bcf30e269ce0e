//! Holds the rules of the layers: which layer may use which, and that the pure layers stay pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// In order: a layer uses only itself and those earlier in the list.
const LAYERS: [&str; 10] = [
    "base", "records", "export", "net", "genesys", "storage", "source", "archive", "pipeline",
    "runtime",
];

/// Layers without input or output.
const PURE: [&str; 3] = ["base", "records", "export"];

/// Crates that a pure layer does not name: HTTP, AWS, the asynchronous runtime.
const IMPURE_CRATES: [&str; 5] = ["reqwest", "hyper", "aws_", "tokio", "lambda_runtime"];

/// A module directly below a layer.
type Module = (String, String);

/// The production code of one file.
struct File {
    module: Module,
    path: String,
    code: String,
}

#[test]
fn a_layer_uses_only_those_before_it() {
    let position = |layer: &str| LAYERS.iter().position(|it| *it == layer);
    let exports = exports();
    let mut broken = Vec::new();
    for file in files() {
        for (layer, module) in used(&file, &exports) {
            if position(&layer) > position(&file.module.0) {
                broken.push(format!("{} uses {layer}::{module}", file.path));
            }
        }
    }

    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn pure_layers_name_no_crate_for_input_or_output() {
    let is_pure = |file: &File| PURE.contains(&file.module.0.as_str());
    let mut broken = Vec::new();
    for file in files().into_iter().filter(is_pure) {
        for word in words(&file.code) {
            let is_named =
                |name: &str| word == name || name.ends_with('_') && word.starts_with(name);
            if IMPURE_CRATES.into_iter().any(is_named) {
                broken.push(format!("{} names {word}", file.path));
            }
        }
    }

    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn modules_do_not_depend_on_each_other_in_a_cycle() {
    let mut edges = BTreeMap::<Module, BTreeSet<Module>>::new();
    let exports = exports();
    for file in files() {
        let used = used(&file, &exports);
        edges.entry(file.module).or_default().extend(used);
    }
    // Removes modules that use none of the remaining ones, or that none of them uses, until only cycles are left.
    loop {
        let known: BTreeSet<_> = edges.keys().cloned().collect();
        let before = edges.len();
        let all_used: BTreeSet<_> = edges.values().flatten().cloned().collect();
        edges.retain(|module, used| {
            used.retain(|it| known.contains(it));
            !used.is_empty() && all_used.contains(module)
        });
        if edges.len() == before {
            break;
        }
    }

    assert!(edges.is_empty(), "{edges:#?}");
}

#[test]
fn every_folder_is_a_layer() {
    let folders = fs::read_dir(source()).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<_> = folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();

    assert_eq!(folders, LAYERS.map(ToOwned::to_owned).into());
}

fn source() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// All files with production code.
fn files() -> Vec<File> {
    let mut paths = Vec::new();
    for layer in LAYERS {
        collect(&source().join(layer), &mut paths).unwrap();
    }
    let only_tests = |path: &String| {
        let names = [
            "tests",
            "properties",
            "conformance",
            "loopback",
            "fake",
            "samples",
        ];
        let mut parts = path.trim_end_matches(".rs").split('/');
        parts.any(|part| names.contains(&part) || part == "round_trips" || part == "examples")
    };
    let read = |path: String| {
        let mut parts = path.trim_end_matches(".rs").split('/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        File {
            module: (part(), part()),
            code: production(&fs::read_to_string(source().join(&path)).unwrap()),
            path,
        }
    };
    let files: Vec<_> = paths
        .into_iter()
        .filter(|path| !only_tests(path))
        .map(read)
        .collect();
    assert!(files.len() > 150, "only {} files", files.len());
    files
}

fn collect(folder: &Path, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(source()).unwrap();
            paths.push(below.to_str().unwrap().replace('\\', "/"));
        }
    }
    Ok(())
}

/// The file without its comments and its unit tests, which come last.
fn production(text: &str) -> String {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that the file uses: by their full path, by a path relative to its layer, or by an item that the layer
/// exports from them.
fn used(file: &File, exports: &BTreeMap<Module, String>) -> Vec<Module> {
    let own_layer = &file.module.0;
    let is_directly_below = file.path.matches('/').count() == 1;
    let relative = if is_directly_below {
        "super::"
    } else {
        "super::super::"
    };
    let absolute = file.code.split("crate::").skip(1).filter_map(|path| {
        let (layer, rest) = path.split_once("::")?;
        LAYERS.contains(&layer).then_some((layer, rest))
    });
    let relative = file.code.split(relative).skip(1);
    let relative = relative.map(|rest| (own_layer.as_str(), rest));
    let named = absolute.chain(relative).flat_map(|(layer, rest)| {
        first_names(rest).map(move |name| (layer.to_owned(), name.to_owned()))
    });
    let to_module = |(layer, name): Module| match exports.get(&(layer.clone(), name.clone())) {
        Some(module) => (layer, module.clone()),
        None => (layer, name),
    };
    named
        .map(to_module)
        .filter(|module| *module != file.module)
        .collect()
}

/// The first name of each path in `a::b`, or in `{a, b::{c, d}}`.
fn first_names(path: &str) -> impl Iterator<Item = &str> {
    let group = path
        .strip_prefix('{')
        .map_or("", |group| group.split("};").next().unwrap_or(group));
    let mut depth = 0;
    let items = group.split(move |letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    let alone = if group.is_empty() {
        words(path).next()
    } else {
        None
    };
    alone
        .into_iter()
        .chain(items.filter_map(|item| words(item).next()))
}

/// The items that layers export from their modules, each with its module.
fn exports() -> BTreeMap<Module, String> {
    let map = fs::read_to_string(source().join("lib.rs")).unwrap();
    let mut exports = BTreeMap::new();
    for layer in map.split("\npub mod ").skip(1) {
        let name = words(layer).next().unwrap_or_default();
        for exported in layer.split(" use ").skip(1) {
            let statement = exported.split(';').next().unwrap_or_default();
            let mut words = words(statement).map(ToOwned::to_owned);
            let module = words.next().unwrap_or_default();
            exports.extend(words.map(|item| ((name.to_owned(), item), module.clone())));
        }
    }
    assert!(exports.len() > 40, "only {} exports", exports.len());
    exports
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(move |letter| !is_part(letter))
        .filter(|word| !word.is_empty())
}
