//! `start --backfill`: exports a history, one month at a time. The id of each export follows from its month, so that
//! the same command finds the finished months when it is repeated.

use conversation_archive::base::time::Interval;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::payload;
use crate::arguments::StartArguments;
use crate::commands::follow::follow;
use crate::figures::quantity;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::stack::Stack;

/// Prefix of the export ids, unless the request has an id.
const PREFIX: &str = "backfill";

pub(super) async fn backfill(
    arguments: &StartArguments,
    history: Interval,
    request: Option<&str>,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let template = template(request)?;
    let months = months(history);
    // All requests are checked before the first export is started.
    let payloads: Vec<Value> = months
        .iter()
        .map(|month| payload(&month_request(&template, *month).to_string()))
        .collect::<Result<_, _>>()?;
    let stack = Stack::find(&arguments.stack).await?;
    stack.require_conditional_writes().await?;
    let all = payloads.len();
    let mut with_gaps = 0;
    for (number, (payload, month)) in payloads.iter().zip(&months).enumerate() {
        screen.print_line(&format!("month {} of {all}: {month}", number + 1));
        let with_repeat_hint = |problem: Problem| match problem.hint {
            Some(_) => problem,
            None => problem.with_hint("run the same command again to continue with this month"),
        };
        let started = stack.invoke(payload).await.map_err(with_repeat_hint)?;
        let exit = follow(&stack, &started, arguments.gaps, screen).await?;
        with_gaps += u64::from(exit != Exit::Done);
    }
    screen.print_line(&format!(
        "{} complete: {history}",
        quantity(all as u64, "month is", "months are")
    ));
    if with_gaps == 0 {
        return Ok(Exit::Done);
    }
    let with_gaps = quantity(with_gaps, "month has", "months have");
    screen.print_line(&format!("{with_gaps} gaps, named above"));
    Ok(Exit::Failed)
}

/// Parses a request that has no interval.
fn template(request: Option<&str>) -> Result<Value, Problem> {
    let Some(text) = request else {
        return Ok(json!({}));
    };
    let template: Value = serde_json::from_str(text)
        .map_err(|error| Problem::refused(format!("the request is not JSON: {error}")))?;
    match template.as_object() {
        None => Err(Problem::refused("the request is not a JSON object")),
        Some(fields) if fields.contains_key("interval") => Err(Problem::refused(
            "the request has an `interval`, which --backfill sets",
        )
        .with_hint("remove `interval` from the request")),
        Some(_) => Ok(template),
    }
}

fn month_request(template: &Value, month: Interval) -> Value {
    let mut request = template.clone();
    let prefix = request["exportId"].as_str().unwrap_or(PREFIX).to_owned();
    request["exportId"] = json!(format!("{prefix}-{}", month_name(month)));
    request["interval"] = json!(month.to_string());
    request
}

/// `2026-03` for a whole month, otherwise its first and last moment.
fn month_name(month: Interval) -> String {
    let compact = |moment: Timestamp| {
        let moment = Offset::UTC.to_datetime(moment);
        if moment.time() == jiff::civil::Time::midnight() {
            moment.strftime("%Y%m%d").to_string()
        } else {
            moment.strftime("%Y%m%dT%H%M%S").to_string()
        }
    };
    let first = first_of(month.start());
    if start_of(first) == month.start() && start_of(next_month(first)) == month.end() {
        first.strftime("%Y-%m").to_string()
    } else {
        format!("{}-{}", compact(month.start()), compact(month.end()))
    }
}

/// Splits the history where months begin in UTC.
fn months(history: Interval) -> Vec<Interval> {
    let mut months = Vec::new();
    let mut start = history.start();
    while start < history.end() {
        let end = start_of(next_month(first_of(start))).min(history.end());
        months.extend(Interval::new(start, end));
        start = end;
    }
    months
}

fn first_of(moment: Timestamp) -> Date {
    Offset::UTC.to_datetime(moment).date().first_of_month()
}

/// The first day of the next month, or the last possible date if there is none.
fn next_month(first: Date) -> Date {
    first.checked_add(1.month()).unwrap_or(Date::MAX)
}

fn start_of(day: Date) -> Timestamp {
    let midnight = day.at(0, 0, 0, 0);
    Offset::UTC.to_timestamp(midnight).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Interval {
        text.parse().unwrap()
    }

    #[test]
    fn a_backfill_is_split_at_the_start_of_each_month() {
        let history = interval("2025-11-15T06:00:00Z/2026-02-10T00:00:00Z");

        let months: Vec<_> = months(history)
            .into_iter()
            .map(|month| (month_name(month), month.to_string()))
            .collect();

        let expected = [
            (
                "20251115T060000-20251201",
                "2025-11-15T06:00:00.000Z/2025-12-01T00:00:00.000Z",
            ),
            (
                "2025-12",
                "2025-12-01T00:00:00.000Z/2026-01-01T00:00:00.000Z",
            ),
            (
                "2026-01",
                "2026-01-01T00:00:00.000Z/2026-02-01T00:00:00.000Z",
            ),
            (
                "20260201-20260210",
                "2026-02-01T00:00:00.000Z/2026-02-10T00:00:00.000Z",
            ),
        ];
        let expected = expected.map(|(name, month)| (name.to_owned(), month.to_owned()));
        assert_eq!(months, expected);
    }

    #[test]
    fn the_request_of_a_month_is_the_template_with_its_own_id() {
        let template = template(Some(r#"{"exportId": "voice", "pageSize": 100}"#)).unwrap();

        let request = month_request(
            &template,
            interval("2026-03-01T00:00:00Z/2026-04-01T00:00:00Z"),
        );

        assert_eq!(
            request,
            json!({
                "exportId": "voice-2026-03", "pageSize": 100,
                "interval": "2026-03-01T00:00:00.000Z/2026-04-01T00:00:00.000Z",
            })
        );
    }

    #[test]
    fn a_template_with_an_interval_is_refused() {
        let problem = template(Some(r#"{"interval": {"last": "P1D"}}"#)).unwrap_err();

        assert_eq!(problem.exit, Exit::Refused);
        assert!(problem.message.contains("`interval`"));
    }
}
