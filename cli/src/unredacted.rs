//! The audit line of a command that prints texts without redaction and archives nothing. It is stored before the first
//! text is read; a command whose line cannot be stored reads nothing.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use conversation_archive::export::plan::ExportPlan;
use conversation_archive::runtime::config::{environment, table};
use conversation_archive::storage::private_folder;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::settings::Settings;

/// The default file, in the folder for the state of programs.
/// <https://specifications.freedesktop.org/basedir-spec/latest/>
const DEFAULT_FILE: &str = "genesys-archive/unredacted.ndjson";

/// Stores the audit line of `command`, which will read the conversations of the plan.
pub(crate) fn record(
    settings: &Settings,
    plan: &ExportPlan,
    command: &str,
    now: Timestamp,
) -> Result<(), Problem> {
    let Some(path) = settings.audit_file.clone().or_else(default_file) else {
        return Err(unwritable("no folder for it is known"));
    };
    let line = line(settings, plan, command, now);
    append(&path, &line).map_err(|error| unwritable(&format!("{}: {error}", path.display())))
}

fn unwritable(reason: &str) -> Problem {
    let message =
        format!("texts are not read without redaction: the audit line cannot be written: {reason}");
    let name = table::UNREDACTED_AUDIT_FILE.name;
    Problem::refused(message).with_hint(format!("set {name} to a file that you may write to"))
}

/// Which user requested which conversations of which organisation, and when. Holds ids and no text.
fn line(settings: &Settings, plan: &ExportPlan, command: &str, now: Timestamp) -> Value {
    let user = environment("USER").or_else(|| environment("LOGNAME"));
    json!({
        "timestamp": now,
        "action": "read_unredacted",
        "command": command,
        "user": user,
        "apiHost": settings.client.endpoints.api_host(),
        "clientId": settings.credentials.id,
        "source": plan.source,
        "interval": plan.interval,
        "filters": plan.filters,
    })
}

fn default_file() -> Option<PathBuf> {
    let of_home = || Some(PathBuf::from(environment("HOME")?).join(".local/state"));
    let state = environment("XDG_STATE_HOME").map(PathBuf::from);
    let folder = state.filter(|path| path.is_absolute()).or_else(of_home);
    folder.map(|folder| folder.join(DEFAULT_FILE))
}

/// Appends the line. A new file is readable by its owner only, and survives a power failure.
fn append(path: &Path, line: &Value) -> io::Result<()> {
    let folder = private_folder::of_file(path);
    private_folder::create_all(folder)?;
    let is_new = !path.try_exists()?;
    let mut file = private_file().append(true).create(true).open(path)?;
    // One write, so that lines of two processes do not mix.
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    if is_new {
        private_folder::sync(folder)?;
    }
    Ok(())
}

fn private_file() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are for Unix"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
