//! Test dependencies are the same wherever they come from: lock files contain hashes, and no paths or registries.

const LOCK_FILES: [(&str, &str); 6] = [
    (
        "emulators/requirements.txt",
        include_str!("requirements.txt"),
    ),
    (
        "infra/requirements.txt",
        include_str!("../../infra/requirements.txt"),
    ),
    (
        "infra/checkov/requirements.txt",
        include_str!("../../infra/checkov/requirements.txt"),
    ),
    (
        "infra/local/requirements.txt",
        include_str!("../../infra/local/requirements.txt"),
    ),
    (
        "sdk/python/requirements.txt",
        include_str!("../sdk/python/requirements.txt"),
    ),
    (
        "sdk/javascript/package-lock.json",
        include_str!("../sdk/javascript/package-lock.json"),
    ),
];

#[test]
fn no_lock_file_names_a_local_path_or_package_index() {
    for (file, text) in LOCK_FILES {
        assert_eq!(forbidden_lines(text), [""; 0], "{file}");
    }
}

#[test]
fn local_paths_and_package_indexes_are_detected() {
    for line in [
        "--find-links /some/wheels",
        "--index-url https://packages.example/simple",
        "--extra-index-url https://packages.example/simple",
        "package @ file:///home/somebody/package.whl",
        "    # via -r /home/somebody/requirements.in",
        r#"      "resolved": "../package.tgz","#,
        r#"      "resolved": "https://packages.example/package.tgz","#,
        r"package @ C:\packages\package.whl",
    ] {
        assert_eq!(forbidden_lines(line), [line]);
    }
}

/// Returns the lines that contain a local path or a registry.
fn forbidden_lines(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| names_path_or_registry(line))
        .collect()
}

fn names_path_or_registry(line: &str) -> bool {
    // Options may appear in comments, for example those that keep paths and registries out.
    let options = ["--find-links", "--index-url", "--extra-index-url"];
    options.iter().any(|option| line.starts_with(option))
        || line.contains("\"resolved\"")
        || line.contains("file:")
        || words(line).any(is_absolute)
}

/// Splits at quotes and at characters that precede a value.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "\"'=,".contains(c))
}

fn is_absolute(word: &str) -> bool {
    word.starts_with('/') && word.len() > 1 || word.contains(":\\")
}
