//! `verify`: recomputes an export from its objects, or what live capture stored.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use conversation_archive::archive::Archive;
use conversation_archive::archive::verify::{
    Anchors, Report as Verified, RequiredSignatures, SignatureReport, VerifyError,
    verify as verify_export,
};
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::signature::PublicKey;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::arguments::{StackArguments, VerifyArguments};
use crate::figures::{bytes, quantity};
use crate::place::Place;
use crate::problem::{Exit, Problem, full_message};
use crate::screen::{Report, Screen};
use crate::shell;
use crate::signing::SigningSettings;
use crate::stack::Stack;
use crate::style::style;
use crate::summary::repeated_text;

mod live;

pub(super) async fn verify(arguments: &VerifyArguments, screen: &Screen) -> Result<Exit, Problem> {
    if let Some(place) = &arguments.live {
        return live::verify(arguments, place.as_ref(), screen).await;
    }
    match &arguments.export_id {
        Some(id) => verify_one(arguments, id, screen).await,
        None => Err(Problem::refused(
            "name the export to verify, or write --live PLACE",
        )),
    }
}

async fn verify_one(
    arguments: &VerifyArguments,
    id: &ExportId,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let given_keys = read_keys(&arguments.public_key)?;
    let Subject {
        archive,
        place,
        resume,
        known_keys,
    } = match &arguments.archive {
        Some(place) => open_place(place, id).await?,
        None => open_stack(&arguments.stack, id).await?,
    };
    let anchors = Anchors {
        manifest_sha256: arguments.manifest_sha256,
        ..anchors(given_keys, known_keys)
    };
    if archive.plan(id).await.is_ok_and(|plan| plan.is_none()) {
        return Err(Problem::refused(format!(
            "there is no export {id} in {place}"
        )));
    }
    let open = archive.is_open(id).await.unwrap_or(false);
    let verified = verify_with_progress(&archive, id, &anchors, screen)
        .await
        .map_err(|problem| {
            if open {
                problem.with_hint(resume)
            } else {
                problem
            }
        })?;
    screen.print_result(&Report {
        text: text(&verified),
        json: json!({"status": "verified", "report": verified}),
    });
    Ok(Exit::Done)
}

/// An archive to verify.
struct Subject {
    archive: Archive,
    place: Place,
    /// The command that resumes an export that has not ended.
    resume: String,
    /// The keys that are trusted without being given.
    known_keys: Vec<PublicKey>,
}

async fn open_place(place: &Place, id: &ExportId) -> Result<Subject, Problem> {
    Ok(Subject {
        archive: place.archive().await?,
        place: place.clone(),
        resume: shell::resume_command(place, id),
        known_keys: SigningSettings::from_env()?.trusted_keys()?,
    })
}

async fn open_stack(arguments: &StackArguments, id: &ExportId) -> Result<Subject, Problem> {
    let stack = Stack::find(arguments).await?;
    Ok(Subject {
        archive: stack.archive().clone(),
        place: stack.place().clone(),
        resume: stack.resume_command(id),
        known_keys: stack.trusted_keys().await,
    })
}

/// Given keys must have signed everything. Without any, the known ones are used to check what they signed.
pub(super) fn anchors(given_keys: Vec<PublicKey>, known_keys: Vec<PublicKey>) -> Anchors {
    let (keys, required) = match given_keys[..] {
        [] => (known_keys, RequiredSignatures::None),
        _ => (given_keys, RequiredSignatures::All),
    };
    Anchors {
        keys,
        required,
        manifest_sha256: None,
    }
}

pub(super) fn read_keys(files: &[PathBuf]) -> Result<Vec<PublicKey>, Problem> {
    let read = |path: &PathBuf| {
        let unusable = |error: String| {
            Problem::refused(format!(
                "the public key {} cannot be used: {error}",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        PublicKey::from_text(&text).map_err(|error| unusable(error.to_string()))
    };
    files.iter().map(read).collect()
}

/// Verifies an export, with a progress bar.
pub(super) async fn verify_with_progress(
    archive: &Archive,
    id: &ExportId,
    anchors: &Anchors,
    screen: &Screen,
) -> Result<Verified, Problem> {
    let bar = screen
        .is_terminal
        .then(|| screen.add_bar(bar("verify", "pages")));
    let mut show = |progress: conversation_archive::archive::verify::Progress| {
        if let Some(bar) = &bar {
            bar.set_length(progress.total_pages);
            bar.set_position(progress.pages);
        }
    };
    let verified = verify_export(archive, id, anchors, &mut show).await;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    verified.map_err(|error| match error {
        VerifyError::Damage(damage) => {
            let json = json!({"status": "damaged", "exportId": id, "key": damage.key, "what": damage.what});
            Problem::failed(format!("export {id} is not intact: {damage}")).with_json(json)
        }
        error @ (VerifyError::Archive(_) | VerifyError::Scratch(_)) => Problem::failed(full_message(error)),
    })
}

/// The result for people.
pub(super) fn text(verified: &Verified) -> String {
    let mut text = format!(
        "{} {} is intact: {} on {}, {}, {}, each hash, count and id recomputed",
        style("✓").green().bold(),
        style(&verified.export_id).bold(),
        quantity(verified.records, "record", "records"),
        quantity(verified.pages, "page", "pages"),
        bytes(verified.stored_bytes),
        quantity(verified.events, "audit event", "audit events"),
    );
    if let Some(repeated) = repeated_text(verified.identical_lines, verified.ids_with_versions) {
        let _ = write!(text, "\n  with repeated records: {repeated}");
    }
    let _ = write!(text, "\n  redaction: {}", verified.redaction);
    let leftovers = verified.orphans.len() + verified.superseded.len();
    if leftovers > 0 {
        let objects = quantity(
            leftovers as u64,
            "object that is not part of the export",
            "objects that are not part of the export",
        );
        let _ = write!(
            text,
            "\n  also stored: {objects} (left by crashes and replaced runs)"
        );
    }
    let _ = write!(text, "\n  {}", signature_text(&verified.signatures));
    for warning in &verified.warnings {
        let _ = write!(text, "\n  warning: {warning}");
    }
    text
}

/// States what the signatures prove.
pub(super) fn signature_text(signatures: &SignatureReport) -> String {
    let mut parts = signature_parts(signatures);
    if signatures.unchecked + signatures.unsigned > 0 {
        parts.push("not proven: that only your exporter wrote the archive".to_owned());
    }
    format!("signatures: {}", parts.join("; "))
}

/// Counts documents by the state of their signature.
fn signature_parts(signatures: &SignatureReport) -> Vec<String> {
    let documents = |count| quantity(count, "document", "documents");
    let SignatureReport {
        valid,
        keys,
        unchecked,
        unsigned,
    } = signatures;
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    let mut parts = Vec::new();
    if *valid > 0 {
        parts.push(format!(
            "{} validly signed by {}",
            documents(*valid),
            keys.join(", ")
        ));
    }
    if *unchecked > 0 {
        let what = documents(*unchecked);
        parts.push(format!(
            "{what} signed with a key that is not known here; --public-key checks them"
        ));
    }
    if *unsigned > 0 {
        parts.push(format!("{} without a signature", documents(*unsigned)));
    }
    parts
}

/// A progress bar for checking `things`.
pub(super) fn bar(command: &str, things: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template =
        format!("{{spinner:.cyan}} {{bar:24.cyan/dim}} {command}: {{pos}} of {{len}} {things}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use conversation_archive::export::outcome::ExportStatus;
    use conversation_archive::export::plan::AppliedRedaction;

    use super::*;

    #[test]
    fn repeated_records_are_reported_only_if_there_are_any() {
        let mut verified = Verified {
            export_id: "march".parse().unwrap(),
            status: ExportStatus::Completed,
            attempt: 1,
            pages: 2,
            records: 5,
            identical_lines: 0,
            ids_with_versions: 0,
            record_bytes: 900,
            stored_bytes: 300,
            rejects: 0,
            events: 6,
            orphans: Vec::new(),
            superseded: Vec::new(),
            signatures: SignatureReport::default(),
            redaction: AppliedRedaction::Off,
            warnings: Vec::new(),
        };
        let once = text(&verified);
        (verified.identical_lines, verified.ids_with_versions) = (2, 1);

        let repeated = text(&verified);

        assert!(!once.contains("repeated"), "{once}");
        let line = repeated.lines().nth(1).unwrap();
        assert_eq!(
            line,
            "  with repeated records: 2 identical lines, 1 id with several versions"
        );
    }
}
