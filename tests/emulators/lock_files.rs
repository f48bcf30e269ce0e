//! What is installed for the tests is the same wherever it comes from: lock files name hashes, and no place.

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
fn no_lock_file_names_a_place() {
    for (file, text) in LOCK_FILES {
        assert_eq!(places(text), [""; 0], "{file}");
    }
}

#[test]
fn whatever_a_tool_may_write_of_its_machine_is_a_place() {
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
        assert_eq!(places(line), [line]);
    }
}

/// The lines that name a machine's folder or a registry.
fn places(text: &str) -> Vec<&str> {
    text.lines().filter(|line| names_a_place(line)).collect()
}

fn names_a_place(line: &str) -> bool {
    // A comment may name the options that keep places out.
    let options = ["--find-links", "--index-url", "--extra-index-url"];
    options.iter().any(|option| line.starts_with(option))
        || line.contains("\"resolved\"")
        || line.contains("file:")
        || words(line).any(is_absolute)
}

/// Quotes and what a value begins with do not belong to it.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "\"'=,".contains(c))
}

fn is_absolute(word: &str) -> bool {
    word.starts_with('/') && word.len() > 1 || word.contains(":\\")
}
