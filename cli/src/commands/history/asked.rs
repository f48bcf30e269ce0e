//! Converts the command line to a request, under the rules of every request.

use std::time::Duration;

use conversation_archive::base::time::Interval;
use conversation_archive::export::request::{ExportRequest, RequestedInterval};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::arguments::{Format, HistoryArguments, HistorySource, Records, word};
use crate::problem::Problem;
use crate::text::{ids, read};

pub(super) fn request(
    arguments: &HistoryArguments,
    format: Format,
    now: Timestamp,
    lag: Duration,
) -> Result<ExportRequest, Problem> {
    let known = now - jiff::SignedDuration::try_from(lag).unwrap_or_default();
    let mut request = json!({
        "source": word(&arguments.source),
        "scheduledTime": now.to_string(),
        "filters": filters(arguments)?,
        "records": records(arguments, format),
        "lookupNames": arguments.names,
    });
    if arguments.unredacted {
        request["redaction"] = json!({"enabled": false});
    }
    if let Some(interval) = interval(arguments, now, known)? {
        request["interval"] = json!(interval);
    } else if request["filters"] == json!({}) {
        let problem = Problem::refused("neither ids nor a time is given");
        return Err(problem.with_hint("give ids, --last PT2H or --interval 2026-03-01/2026-03-02"));
    }
    Ok(ExportRequest::parse(&request.to_string())?)
}

/// The requested interval. For the details query it ends at `known`: the command does not wait for data that is not
/// available yet.
fn interval(
    arguments: &HistoryArguments,
    now: Timestamp,
    known: Timestamp,
) -> Result<Option<Interval>, Problem> {
    let asked = match (&arguments.interval, &arguments.last) {
        (Some(interval), _) => *interval,
        (None, Some(last)) => {
            let relative = json!({"last": last}).to_string();
            let relative: RequestedInterval = serde_json::from_str(&relative)
                .map_err(|error| Problem::refused(format!("--last: {error}")))?;
            relative.resolve(now)?
        }
        (None, None) => return Ok(None),
    };
    let end = match arguments.source {
        HistorySource::AnalyticsQuery => asked.end().min(known),
        HistorySource::HistoryGateway => asked.end(),
    };
    let interval = Interval::new(asked.start(), end).map_err(|_| {
        Problem::refused(format!("no data of {asked} is available yet"))
            .with_hint("the details query is used up to GENESYS_QUERY_LAG_SECONDS (120) before now")
    })?;
    Ok(Some(interval))
}

fn records(arguments: &HistoryArguments, format: Format) -> String {
    match format {
        Format::Ndjson => word(&arguments.records),
        Format::Table | Format::Csv => word(&Records::Normalized),
    }
}

fn filters(arguments: &HistoryArguments) -> Result<Value, Problem> {
    let mut given = arguments.conversation_ids.join("\n");
    if let Some(path) = &arguments.ids {
        let text = read("ids", path)?;
        if ids(&text).is_empty() {
            // Without ids the query would match all conversations.
            let message = format!("the ids {} contain no id", path.display());
            return Err(Problem::refused(message).with_hint("write one id per line"));
        }
        given = format!("{given}\n{text}");
    }
    let directions = arguments.direction.iter().map(word);
    let lists = [
        ("conversationIds", ids(&given)),
        ("participantIds", arguments.participant.clone()),
        ("mediaTypes", arguments.media.clone()),
        ("messageTypes", arguments.message_type.clone()),
        ("queueIds", arguments.queue.clone()),
        ("directions", directions.collect()),
    ];
    let mut filters = json!({});
    for (name, list) in lists {
        if !list.is_empty() {
            filters[name] = json!(list);
        }
    }
    if let Some(category) = &arguments.category {
        filters["category"] = json!(word(category));
    }
    Ok(filters)
}
