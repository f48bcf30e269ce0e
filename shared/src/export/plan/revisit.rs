//! Revisits: export an interval again, for the conversations that have changed since.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ExportIdentity, ExportRequest, InvalidRequest};
use crate::base::ids::ExportId;
use crate::export::request::{Period, RequestedInterval};
use crate::records::page::Projection;

/// Limit on the exports that one invocation starts.
const MAX_REVISITS: usize = 8;

/// The exports that a revisit builds on: it stores only conversations that differ from their versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revisit {
    /// Time after the first export.
    pub after: Period,
    /// The first export of the interval, then the earlier revisits.
    pub exports: Vec<ExportId>,
}

/// The revisits that are due together with the export of `scheduled_time`, each with its identity.
pub fn due_revisits(
    request: &ExportRequest,
    scheduled_time: Timestamp,
) -> Result<Vec<(ExportIdentity, Revisit)>, InvalidRequest> {
    check(request)?;
    let mut periods = request.revisit.clone();
    periods.sort_unstable();
    periods.dedup();
    let mut due = Vec::new();
    for (index, after) in periods.iter().enumerate() {
        let refusal = || {
            InvalidRequest::new(
                "revisit",
                after.short(),
                "it goes back beyond the earliest supported time",
            )
        };
        let earlier_time = after.before(scheduled_time).ok_or_else(refusal)?;
        let first = ExportIdentity::of(request, earlier_time)?;
        let id_for = |period: &Period| revisit_id(&first.export_id, *period);
        let earlier = periods[..index].iter().map(id_for);
        let exports = [Ok(first.export_id.clone())].into_iter().chain(earlier);
        let revisit = Revisit {
            after: *after,
            exports: exports.collect::<Result<_, _>>()?,
        };
        let identity = ExportIdentity {
            export_id: id_for(after)?,
            ..first
        };
        due.push((identity, revisit));
    }
    Ok(due)
}

fn revisit_id(first: &ExportId, after: Period) -> Result<ExportId, InvalidRequest> {
    let id = format!("{first}-after-{}", after.short());
    let refusal = |_| {
        InvalidRequest::new(
            "revisit",
            &id,
            "the export id would be longer than 64 characters",
        )
    };
    id.parse().map_err(refusal)
}

fn check(request: &ExportRequest) -> Result<(), InvalidRequest> {
    let count = request.revisit.len();
    let rule = if count == 0 {
        return Ok(());
    } else if count > MAX_REVISITS {
        format!("at most {MAX_REVISITS} periods are allowed")
    } else if !matches!(request.interval, Some(RequestedInterval::Relative(_))) {
        "only a relative interval can be revisited, such as {\"last\": \"P1D\"}".to_owned()
    } else if request.export_id.is_some() {
        "omit exportId: each scheduled time has its own id".to_owned()
    } else if request.records == Projection::Normalized {
        "normalized records contain the time of their creation, so each would count as changed"
            .to_owned()
    } else if !request.filters.conversation_ids.is_empty() {
        "omit filters.conversationIds: unchanged conversations would count as not found".to_owned()
    } else {
        return Ok(());
    };
    let periods: Vec<_> = request
        .revisit
        .iter()
        .map(|period| period.short())
        .collect();
    Err(InvalidRequest::new("revisit", periods.join(", "), rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(more: &str) -> Result<Vec<(ExportIdentity, Revisit)>, InvalidRequest> {
        let request = format!(r#"{{"interval":{{"last":"P1D"}}{more}}}"#);
        let request = ExportRequest::parse(&request).unwrap();
        due_revisits(&request, "2026-03-10T04:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_revisit_reads_its_interval_and_compares_earlier_exports() {
        let due = due(r#","revisit":["P3D","P1D"]"#).unwrap();

        let lines: Vec<_> = due
            .iter()
            .map(|(identity, revisit)| {
                let ids = revisit.exports.iter().map(ToString::to_string);
                format!(
                    "{} {}: {}",
                    identity.export_id,
                    identity.interval,
                    ids.collect::<Vec<_>>().join(" ")
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        analytics-job-20260308-d733ceb68f42-after-24h 2026-03-08T04:00:00.000Z/2026-03-09T04:00:00.000Z: analytics-job-20260308-d733ceb68f42
        analytics-job-20260306-5488900de807-after-72h 2026-03-06T04:00:00.000Z/2026-03-07T04:00:00.000Z: analytics-job-20260306-5488900de807 analytics-job-20260306-5488900de807-after-24h
        ");
    }

    #[test]
    fn a_revisit_names_the_first_export_by_the_id_of_its_schedule() {
        let plain = ExportRequest::parse(r#"{"interval":{"last":"P1D"}}"#).unwrap();
        let earlier_time =
            ExportIdentity::of(&plain, "2026-03-09T04:00:00Z".parse().unwrap()).unwrap();

        let due = due(r#","revisit":["P1D"]"#).unwrap();

        assert_eq!(due[0].1.exports, [earlier_time.export_id]);
    }

    #[test]
    fn requests_that_cannot_be_revisited_are_refused() {
        let refused = [
            r#","revisit":["P1D"],"exportId":"x""#,
            r#","revisit":["P1D"],"records":"normalized""#,
            r#","revisit":["P1D"],"filters":{"conversationIds":["00000000-0000-4000-8000-000000000001"]}"#,
            r#","revisit":["P1D","P2D","P3D","P4D","P5D","P6D","P7D","P8D","P9D"]"#,
        ]
        .map(|more| due(more).unwrap_err().to_string());

        insta::assert_snapshot!(refused.join("\n"), @r"
        `revisit` is 24h: omit exportId: each scheduled time has its own id
        `revisit` is 24h: normalized records contain the time of their creation, so each would count as changed
        `revisit` is 24h: omit filters.conversationIds: unchanged conversations would count as not found
        `revisit` is 24h, 48h, 72h, 96h, 120h, 144h, 168h, 192h, 216h: at most 8 periods are allowed
        ");
        assert!(due("").unwrap().is_empty());
    }
}
