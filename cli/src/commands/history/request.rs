//! Converts the command line to a request, under the rules of every request.

use std::time::Duration;

use conversation_archive::base::time::{Interval, earlier};
use conversation_archive::export::request::{ExportRequest, RequestedInterval};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::arguments::{Format, HistoryArguments, HistorySource, Records, value_name};
use crate::problem::Problem;
use crate::text::{parse_ids, read_text};

pub(super) fn build(
    arguments: &HistoryArguments,
    format: Format,
    now: Timestamp,
    lag: Duration,
) -> Result<ExportRequest, Problem> {
    let available_until = earlier(now, lag);
    let mut request = json!({
        "source": value_name(&arguments.source),
        "scheduledTime": now.to_string(),
        "filters": filters(arguments)?,
        "records": records(arguments, format),
        "lookupNames": arguments.names,
    });
    if arguments.unredacted {
        request["redaction"] = json!({"enabled": false});
    }
    if let Some(interval) = interval(arguments, now, available_until)? {
        request["interval"] = json!(interval);
    } else if request["filters"] == json!({}) {
        let problem = Problem::refused("neither ids nor a time is given");
        return Err(problem.with_hint("give ids, --last PT2H or --interval 2026-03-01/2026-03-02"));
    }
    Ok(ExportRequest::parse(&request.to_string())?)
}

/// The requested interval. For the details query it ends at `available_until`: the command does not wait for data that
/// is not available yet.
fn interval(
    arguments: &HistoryArguments,
    now: Timestamp,
    available_until: Timestamp,
) -> Result<Option<Interval>, Problem> {
    let requested = match (&arguments.interval, &arguments.last) {
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
        HistorySource::AnalyticsQuery => requested.end().min(available_until),
        HistorySource::HistoryGateway => requested.end(),
    };
    let interval = Interval::new(requested.start(), end).map_err(|_| {
        Problem::refused(format!("no data of {requested} is available yet"))
            .with_hint("the details query is used up to GENESYS_QUERY_LAG_SECONDS (120) before now")
    })?;
    Ok(Some(interval))
}

fn records(arguments: &HistoryArguments, format: Format) -> String {
    match format {
        Format::Ndjson => value_name(&arguments.records),
        Format::Table | Format::Csv => value_name(&Records::Normalized),
    }
}

fn filters(arguments: &HistoryArguments) -> Result<Value, Problem> {
    let mut given = arguments.conversation_ids.join("\n");
    if let Some(path) = &arguments.ids {
        let text = read_text("ids", path)?;
        if parse_ids(&text).is_empty() {
            // Without ids the query would match all conversations.
            let message = format!("the ids {} contain no id", path.display());
            return Err(Problem::refused(message).with_hint(
                "write one id per line, or omit --ids to print the conversations of all ids",
            ));
        }
        given = format!("{given}\n{text}");
    }
    let directions = arguments.direction.iter().map(value_name);
    let lists = [
        ("conversationIds", parse_ids(&given)),
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
        filters["category"] = json!(value_name(category));
    }
    Ok(filters)
}
