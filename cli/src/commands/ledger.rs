//! `ledger`: checks that no export of an archive was deleted or replaced.

use conversation_archive::archive::Archive;
use conversation_archive::archive::verify::{LedgerReport, verify_ledger};
use conversation_archive::base::signature::PublicKey;
use serde_json::json;

use super::verify::{anchors, read_keys, signature_text};
use crate::arguments::LedgerArguments;
use crate::figures::quantity;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::signing::SigningSettings;
use crate::stack::Stack;
use crate::style::style;

pub(super) async fn ledger(arguments: &LedgerArguments, screen: &Screen) -> Result<Exit, Problem> {
    let given_keys = read_keys(&arguments.public_key)?;
    let at_least = arguments
        .at_least
        .unwrap_or(u64::from(!given_keys.is_empty()));
    let (archive, known_keys) = open(arguments).await?;
    let bar = screen
        .is_terminal
        .then(|| screen.add_bar(super::verify::bar("ledger", "entries")));
    let mut show = |entry, entries| {
        if let Some(bar) = &bar {
            bar.set_length(entries);
            bar.set_position(entry);
        }
    };
    let report = verify_ledger(&archive, &anchors(given_keys, known_keys), &mut show).await;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let report = report.map_err(anyhow::Error::from)?;
    if !report.damage.is_empty() {
        let damage: Vec<_> = report.damage.iter().map(ToString::to_string).collect();
        let message = format!("the ledger is not intact: {}", damage.join("; "));
        return Err(problem(&report, message));
    }
    if report.entries < at_least {
        let found = quantity(report.entries, "entry", "entries");
        let message = format!("the ledger has {found}, fewer than {at_least}");
        return Err(problem(&report, message));
    }
    screen.print_result(&Report {
        text: text(&report),
        json: json!({"status": "verified", "report": report}),
    });
    Ok(Exit::Done)
}

async fn open(arguments: &LedgerArguments) -> Result<(Archive, Vec<PublicKey>), Problem> {
    if let Some(place) = &arguments.archive {
        let known_keys = SigningSettings::from_env()?.trusted_keys()?;
        return Ok((place.archive().await?, known_keys));
    }
    let stack = Stack::find(&arguments.stack).await?;
    let known_keys = stack.trusted_keys().await;
    Ok((stack.archive().clone(), known_keys))
}

fn problem(report: &LedgerReport, message: String) -> Problem {
    let json = json!({"status": "damaged", "report": report});
    Problem::failed(message).with_json(json)
}

fn text(report: &LedgerReport) -> String {
    if report.entries == 0 {
        return "the archive has no ledger: no export has ended since ledgers are written"
            .to_owned();
    }
    format!(
        "{} the ledger is intact: {}, each outcome is stored as it was written\n  {}",
        style("✓").green().bold(),
        quantity(report.entries, "entry", "entries"),
        signature_text(&report.signatures),
    )
}
