//! The variables of the process, and those of a `.env` file in the current directory, which the command line reads as
//! other tools do. A variable of the process takes precedence, even an empty one.
//!
//! The file is looked up through [`Environment::get`] and never copied into the environment of the process, where threads
//! and child processes would see it. Variables that only libraries read can therefore not be set in it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::{cell::Cell, fs};

use conversation_archive::runtime::config;
use conversation_archive::storage::aws::{AccessKey, SdkVariables};

/// The file, in the current directory only: a file in a parent directory would apply unnoticed.
const FILE: &str = ".env";

/// The variables of the process and of the file.
pub(crate) struct Environment {
    file: BTreeMap<String, String>,
}

/// Why the file cannot be used. No message quotes a value: it may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DotEnvError {
    #[error("cannot read .env: {0}")]
    Unreadable(String),
    #[error(
        "line {0} of .env cannot be parsed: write NAME=value, and a value with spaces, quotes, # or $ in single quotes"
    )]
    Malformed(usize),
    #[error("line {line} of .env sets {name} a second time; remove one of them")]
    Repeated { line: usize, name: String },
    #[error(
        "line {line} of .env: {name} has no effect in a file; set it in the environment of the process"
    )]
    NotFromFile { line: usize, name: String },
}

/// Variables that libraries read from the environment of the process, besides those of AWS. Ignoring them in the file would send requests
/// another way, or to another account, than its author intended.
const READ_BY_LIBRARIES: [&str; 6] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Variables of AWS that [`Environment::get`] and [`Environment::sdk_variables`] provide.
const OF_AWS: [&str; 9] = [
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_S3_FORCE_PATH_STYLE",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
];

impl Environment {
    /// Reads the file, if there is one.
    pub(crate) fn read() -> Result<Self, DotEnvError> {
        let text = match fs::read_to_string(Path::new(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(DotEnvError::Unreadable(error.to_string())),
        };
        Ok(Self {
            file: parse(&text)?,
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        config::environment(name).or_else(|| self.file.get(name).cloned())
    }

    /// The variables of the file that the AWS SDK would read from the environment of the process.
    pub(crate) fn sdk_variables(&self) -> SdkVariables {
        let of_file = |name: &str| {
            let is_set = config::environment(name).is_some();
            let value = self.file.get(name).filter(|value| !value.is_empty());
            value.filter(|_| !is_set).cloned()
        };
        let access_key = of_file("AWS_ACCESS_KEY_ID").zip(of_file("AWS_SECRET_ACCESS_KEY"));
        SdkVariables {
            region: of_file("AWS_REGION"),
            endpoint_url: of_file("AWS_ENDPOINT_URL"),
            profile: of_file("AWS_PROFILE"),
            access_key: access_key.map(|(id, secret)| AccessKey {
                id,
                secret: secret.into(),
                session_token: of_file("AWS_SESSION_TOKEN").map(Into::into),
            }),
            request_checksums: of_file("AWS_REQUEST_CHECKSUM_CALCULATION"),
            response_checksums: of_file("AWS_RESPONSE_CHECKSUM_VALIDATION"),
        }
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, String>, DotEnvError> {
    let lines = Lines::new(text.trim_start_matches('\u{feff}'));
    let mut variables = BTreeMap::new();
    for parsed in dotenvy::Iter::new(&lines) {
        let line = lines.read.get();
        let (name, value) = match parsed {
            Ok(variable) => variable,
            // The error quotes the line.
            Err(dotenvy::Error::LineParse(part, _)) => {
                let rest = part.lines().count().saturating_sub(1);
                return Err(DotEnvError::Malformed(line.saturating_sub(rest)));
            }
            Err(_) => return Err(DotEnvError::Malformed(line)),
        };
        if !is_from_file(&name) {
            return Err(DotEnvError::NotFromFile { line, name });
        }
        if variables.insert(name.clone(), value).is_some() {
            return Err(DotEnvError::Repeated { line, name });
        }
    }
    Ok(variables)
}

fn is_from_file(name: &str) -> bool {
    let is_of_libraries = READ_BY_LIBRARIES
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    !is_of_libraries && (!name.starts_with("AWS_") || OF_AWS.contains(&name))
}

/// Hands out one line per read, and counts them: the parser reports no line numbers.
struct Lines<'a> {
    rest: Cell<&'a [u8]>,
    read: Cell<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: Cell::new(text.as_bytes()),
            read: Cell::new(0),
        }
    }
}

impl Read for &Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.rest.get();
        let line_end = rest.iter().position(|byte| *byte == b'\n');
        let line = line_end.map_or(rest.len(), |end| end + 1);
        let length = line.min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.rest.set(&rest[length..]);
        // A line that does not fit ends in a later read.
        self.read
            .set(self.read.get() + usize::from(length > 0 && length == line));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read_as_other_tools_read_it() {
        let variables = parse(
            "\u{feff}# comment\n\nGENESYS_REGION=euc1\r\nexport GENESYS_CLIENT_ID = \"a b\" # why\nGENESYS_CLIENT_SECRET='p#$x'\n",
        );

        let expected = [
            ("GENESYS_REGION", "euc1"),
            ("GENESYS_CLIENT_ID", "a b"),
            ("GENESYS_CLIENT_SECRET", "p#$x"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables, Ok(BTreeMap::from(expected)));
    }

    #[test]
    fn a_malformed_line_is_named_and_not_quoted() {
        for (text, line) in [
            ("# c\n\nA=1\nhunter2\n", 4),
            ("A=1\nB=hunter2 x\nC=3\n", 2),
            ("A=1\nB='hunter2\nC=3\n", 2),
            ("A='1\n2'\nB=hunter2 x", 3),
        ] {
            let message = refusal(text);

            assert!(
                message.starts_with(&format!("line {line} of .env cannot")),
                "{message}"
            );
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_variable_that_would_not_take_effect_is_refused() {
        assert_eq!(
            refusal("A=1\nhttps_proxy=http://proxy.example\n"),
            "line 2 of .env: https_proxy has no effect in a file; set it in the environment of the process"
        );
        assert!(refusal("AWS_CA_BUNDLE=/etc/ca.pem").contains("AWS_CA_BUNDLE has no effect"));
        assert!(parse("AWS_PROFILE=archive").is_ok());
    }

    #[test]
    fn a_variable_that_is_set_twice_is_refused() {
        assert_eq!(
            refusal("A=1\nB=2\nA=3"),
            "line 3 of .env sets A a second time; remove one of them"
        );
    }
}
