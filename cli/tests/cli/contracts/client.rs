//! The binary as a process of its own, with a strict server as its organisation and a folder as its archive.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::archive::Archive;
use super::server::Strict;
use crate::world::{CommandOutput, files, run_command};

const BINARY: &str = env!("CARGO_BIN_EXE_genesys-archive");
pub(crate) const EXPORT: &str = "march";

pub(crate) struct Client {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Client {
    pub(crate) fn of(server: &Strict) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("signing-key.pem").display().to_string();
        let mut client = Self {
            folder,
            settings: server.settings(),
        };
        client.set("SIGNING_KEY_FILE", &key);
        client.set("GENESYS_API_URL", &server.url);
        client.set("GENESYS_LOGIN_URL", &server.url);
        client
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub(crate) fn archive(&self) -> Archive {
        Archive::of(self.out(), EXPORT)
    }

    /// The command `export` of `request`, which is given the id of the test's export.
    pub(crate) fn export_command(&self, request: &Value) -> Command {
        let mut request = request.clone();
        request["exportId"] = EXPORT.into();
        let path = self.folder.path().join("request.json");
        fs::write(&path, request.to_string()).unwrap();
        self.archive_command(&["export", "--request", &path.display().to_string()])
    }

    /// The command that continues the export: `resume`, or `export` again if no plan was stored.
    pub(crate) fn continue_command(&self, request: &Value) -> Command {
        if self.archive().has_plan() {
            self.archive_command(&["resume", EXPORT])
        } else {
            self.export_command(request)
        }
    }

    /// A command of the archive, with `--out`.
    fn archive_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.arg("--out").arg(self.out());
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .env_clear()
            .envs(self.settings.iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) async fn export(&self, request: &Value) -> CommandOutput {
        run_command(self.export_command(request)).await
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> CommandOutput {
        run_command(self.command(arguments)).await
    }

    /// Asserts that `verify` finds the export complete and undamaged.
    pub(crate) async fn assert_verifies(&self) {
        let out = self.out().display().to_string();
        let verified = self.run(&["verify", &out, EXPORT]).await;
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    }

    pub(crate) async fn check(&self) -> CommandOutput {
        run_command(self.archive_command(&["check"])).await
    }

    /// The ids of the complete export's records, sorted.
    pub(crate) fn archived_ids(&self) -> Vec<String> {
        self.archive().ids("id")
    }

    /// The objects of the archive. Locks and temporary files do not belong to it (docs/format.md).
    pub(crate) fn archive_files(&self) -> Vec<String> {
        let out = self.out();
        let paths = files(&out).into_iter();
        let names = paths.map(|path| path.strip_prefix(&out).unwrap().display().to_string());
        names
            .filter(|name| !name.starts_with(".tmp") && !name.starts_with(".locks"))
            .collect()
    }
}
