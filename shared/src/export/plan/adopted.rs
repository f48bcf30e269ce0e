//! Comparison of an existing plan with what its request means today.
//!
//! A repeated request continues the existing plan. If settings have changed in between, or another program wrote the plan,
//! the export would not be what the caller requests now.

use super::draft::{normalize_ids, projection, resolve_redaction, transcript_plan};
use super::{ExportPlan, PlanLimits, RedactionPlan, TranscriptPlan};
use crate::export::request::{ExportRequest, HistoryForm};

impl ExportPlan {
    /// The fields that differ from those of a new plan of this request, which holds the default webhook URL if the caller
    /// named none. `revisited` is the first export that the plan revisits, whose redaction it uses.
    pub fn differing_fields(
        &self,
        request: &ExportRequest,
        limits: &PlanLimits,
        revisited: Option<&Self>,
    ) -> Vec<&'static str> {
        let mut filters = request.filters.clone();
        normalize_ids(request.source, &mut filters);
        let redaction = match revisited {
            Some(first) => first.redaction.clone(),
            None => resolve_redaction(request, limits, None),
        };
        let comparisons = [
            ("source", self.source == request.source),
            ("membership", self.membership == request.membership),
            ("filters", self.filters == filters),
            ("historyForm", self.has_history_form(limits.history_form)),
            ("records", self.records == projection(request)),
            ("lookupNames", self.lookup_names == request.lookup_names),
            (
                "redaction",
                is_same_redaction(self.redaction.as_ref(), redaction.as_ref()),
            ),
            ("includeMedia", self.include_media == request.include_media),
            ("onBadRecord", self.on_bad_record == request.on_bad_record),
            ("transcripts", self.has_transcripts_of(request, limits)),
            ("maxGapPercent", self.has_max_gap_of(request)),
            ("webhookUrl", self.webhook_url == request.webhook_url),
        ];
        let differing = comparisons.into_iter().filter(|(_, is_same)| !is_same);
        differing.map(|(field, _)| field).collect()
    }

    /// Whether the plan is in this form of the history gateway, or in none.
    fn has_history_form(&self, form: HistoryForm) -> bool {
        self.history_form.is_none_or(|planned| planned == form)
    }
}

impl ExportPlan {
    /// Whether transcripts are read from the same route, with the same attachments and the same number of messages. The
    /// limit in bytes is part of the request; an earlier version had a fixed one.
    fn has_transcripts_of(&self, request: &ExportRequest, limits: &PlanLimits) -> bool {
        let settings =
            |plan: TranscriptPlan| (plan.route, plan.attachments, plan.limits.context_window);
        let resolved = transcript_plan(request, limits);
        self.transcripts.clone().map(settings) == resolved.map(settings)
    }

    /// Whether the plan allows the same share of gaps. Plans of earlier versions do not state one.
    fn has_max_gap_of(&self, request: &ExportRequest) -> bool {
        let planned = self.max_gap_percent;
        planned.is_none_or(|planned| planned == request.max_gap_percent())
    }
}

/// Whether the same values are replaced in the same way. A plan keeps the version of the key that was the newest when it
/// was made.
fn is_same_redaction(planned: Option<&RedactionPlan>, resolved: Option<&RedactionPlan>) -> bool {
    let without_version = |redaction: &RedactionPlan| RedactionPlan {
        key_version: None,
        ..redaction.clone()
    };
    planned.map(without_version) == resolved.map(without_version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::plan::{Draft, ExportIdentity, RedactionSettings, Residency};

    const REQUEST: &str = r#"{"exportId":"march","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","webhookUrl":"https://lake.example/hook"}"#;

    fn request(json: &str) -> ExportRequest {
        ExportRequest::parse(json).unwrap()
    }

    fn plan(json: &str, limits: &PlanLimits) -> ExportPlan {
        let now = "2026-03-10T00:00:00Z".parse().unwrap();
        let identity = ExportIdentity::of(&request(json), now).unwrap();
        let draft = Draft::check(request(json), identity, now, limits).unwrap();
        let residency = Residency::decide(None, None, &[]).unwrap();
        draft.plan(None, residency, limits, now, "start").unwrap()
    }

    #[test]
    fn a_plan_does_not_differ_from_its_own_request() {
        let limits = PlanLimits::default();
        let uppercase = r#"{"source":"analytics-query","filters":{"conversationIds":["0F8FAD5B-D9CB-469F-A165-70867728950E"]}}"#;
        for json in [REQUEST, uppercase] {
            let plan = plan(json, &limits);

            let fields = plan.differing_fields(&request(json), &limits, None);

            assert!(fields.is_empty(), "{fields:?}");
        }
    }

    #[test]
    fn a_plan_with_other_commands_is_named_by_its_fields() {
        let limits = PlanLimits::default();
        let mut planted = plan(REQUEST, &limits);
        planted.redaction = None;
        planted.webhook_url = Some("https://elsewhere.example".to_owned());
        planted.records = crate::records::page::Projection::Full;
        planted.filters.queue_ids = vec!["q".to_owned()];

        let fields = planted.differing_fields(&request(REQUEST), &limits, None);

        assert_eq!(fields, ["filters", "records", "redaction", "webhookUrl"]);
    }

    #[test]
    fn changed_settings_are_named_and_a_new_version_of_the_key_is_not() {
        let limits = PlanLimits::default();
        let mut planned = plan(REQUEST, &limits);
        planned.redaction.as_mut().unwrap().key_version = Some("7".to_owned());
        let regions = RedactionSettings {
            regions: vec!["DE".to_owned()],
            ..RedactionSettings::default()
        };
        let changed = PlanLimits {
            redaction: regions,
            ..PlanLimits::default()
        };

        let same = planned.differing_fields(&request(REQUEST), &limits, None);
        let fields = planned.differing_fields(&request(REQUEST), &changed, None);

        assert!(same.is_empty(), "{same:?}");
        assert_eq!(fields, ["redaction"]);
    }

    #[test]
    fn a_revisit_uses_the_redaction_of_the_first_export() {
        let limits = PlanLimits::default();
        let mut first = plan(REQUEST, &limits);
        first.redaction = None;
        let revisit = first.clone();

        let fields = revisit.differing_fields(&request(REQUEST), &limits, Some(&first));

        assert!(fields.is_empty(), "{fields:?}");
    }
}
