//! Which conversations an export has, according to its plan.

use super::ExportPlan;
use crate::base::time::Interval;
use crate::export::request::Membership;

impl ExportPlan {
    /// Whether the export has the record of every conversation that started in the interval.
    pub fn covers_starts(&self, interval: Interval) -> bool {
        self.has_all_conversations_of(interval)
    }

    /// Whether the export has the record of every conversation that was active in the interval.
    pub fn covers_activity(&self, interval: Interval) -> bool {
        self.membership == Membership::Activity && self.has_all_conversations_of(interval)
    }

    /// Whether it has every conversation that its membership selects there.
    fn has_all_conversations_of(&self, interval: Interval) -> bool {
        let is_whole =
            self.interval.start() <= interval.start() && interval.end() <= self.interval.end();
        let has_records = self.from_export.is_none() && self.transcripts.is_none();
        is_whole
            && has_records
            && self.source.is_analytics()
            && self.filters.is_empty()
            && self.revisit.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, ExportIdentity, PlanLimits, Residency};
    use super::*;
    use crate::export::request::{ExportRequest, SourceKind};

    const MARCH_1: &str = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z";

    fn plan(fields: &str) -> ExportPlan {
        let now = "2026-03-05T00:00:00Z".parse().unwrap();
        let request = format!(r#"{{"interval":"{MARCH_1}"{fields}}}"#);
        let request = ExportRequest::parse(&request).unwrap();
        let limits = PlanLimits::default();
        let identity = ExportIdentity::of(&request, now).unwrap();
        let draft = Draft::check(request, identity, now, &limits).unwrap();
        let residency = Residency::decide(None, None, &[]).unwrap();
        draft.plan(None, residency, &limits, now, "r").unwrap()
    }

    /// Whether the plan covers the conversations that started, and those that were active, in the interval.
    fn covers(fields: &str, interval: &str) -> (bool, bool) {
        let (plan, interval) = (plan(fields), interval.parse().unwrap());
        (plan.covers_starts(interval), plan.covers_activity(interval))
    }

    #[test]
    fn an_export_of_all_conversations_covers_what_its_interval_contains() {
        let activity = r#","membership":"activity""#;
        let inside = "2026-03-01T10:00:00Z/2026-03-01T11:00:00Z";
        for outside in [
            "2026-02-28T23:59:59Z/2026-03-01T11:00:00Z",
            "2026-03-01T10:00:00Z/2026-03-02T00:00:01Z",
        ] {
            assert_eq!(covers(activity, outside), (false, false));
        }
        assert_eq!(covers("", MARCH_1), (true, false));
        assert_eq!(covers(activity, MARCH_1), (true, true));
        assert_eq!(covers(activity, inside), (true, true));
    }

    #[test]
    fn an_export_of_some_conversations_or_without_their_records_covers_none() {
        let changes: [fn(&mut ExportPlan); 3] = [
            |plan| plan.filters.queue_ids = vec!["q".to_owned()],
            |plan| plan.source = SourceKind::HistoryGateway,
            |plan| plan.from_export = "march".parse().ok(),
        ];
        for change in changes {
            let mut plan = plan("");
            change(&mut plan);

            assert!(!plan.covers_starts(MARCH_1.parse().unwrap()));
        }
    }
}
