//! From a request to a plan: all rules that can be checked before anything is sent.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::json;

use super::rules::{
    check_bad_records, check_end, check_filters, check_from_export, check_include, check_max_gap,
    check_media, check_membership, check_names, check_records, check_retention, check_sessions,
    check_transcript_limits, page_size,
};
use super::{
    AppliedRedaction, ExportIdentity, ExportPlan, ExportRequest, Filters, FormatVersion,
    GatewayQuery, Interval, InvalidRequest, Membership, OffsetRange, Organisation, PlanLimits,
    RedactionPlan, Residency, Revisit, SessionConversations, Sha256, Slice, SliceRange, SourceKind,
    TranscriptPlan, day_slices, equal_slices, offset_ranges,
};
use crate::base::ids::{ExportId, is_uuid};
use crate::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use crate::export::request::HistoryForm;
use crate::records::page::Projection;
use crate::records::redaction::Mode;
use crate::records::transcript::Limits;

mod checks;

/// A request that passed all checks without the API. The plan also needs data that only the source has.
#[derive(Clone, Debug)]
pub struct Draft {
    pub export_id: ExportId,
    pub query_hash: Sha256,
    pub interval: Interval,
    pub page_size: u32,
    pub quota_mb: Option<u64>,
    pub webhook_url: Option<String>,
    /// With the redaction of the first export that it revisits.
    revisit: Option<(Revisit, Option<RedactionPlan>)>,
    key_version: Option<String>,
    archive_id: Option<Sha256>,
    organisation: Option<Organisation>,
    from_export: Option<ExportId>,
    history_form: Option<HistoryForm>,
    sessions: Option<SessionConversations>,
    request: ExportRequest,
}

impl Draft {
    /// Checks the request against the current time and the limits.
    pub fn check(
        mut request: ExportRequest,
        identity: ExportIdentity,
        now: Timestamp,
        limits: &PlanLimits,
    ) -> Result<Self, InvalidRequest> {
        normalize_ids(request.source, &mut request.filters);
        let ExportIdentity {
            export_id,
            query_hash,
            interval,
        } = identity;
        check_end(interval, now)?;
        check_filters(&request, interval, limits)?;
        check_membership(&request)?;
        check_names(&request)?;
        check_records(&request)?;
        check_sessions(&request, limits.transcripts.route)?;
        check_bad_records(&request)?;
        check_include(&request)?;
        check_max_gap(&request)?;
        check_transcript_limits(&request)?;
        check_media(&request)?;
        if let Some(redaction) = &request.redaction {
            redaction.check()?;
        }
        check_policy(&request, limits)?;
        let from_export = check_from_export(&request)?;
        let page_size = page_size(&request, limits)?;
        let quota_mb = request.quota_mb.or(limits.quota_mb);
        if quota_mb == Some(0) {
            return Err(InvalidRequest::new(
                "quotaMb",
                0,
                "at least 1 (megabytes of 10⁶ stored bytes)",
            ));
        }
        let webhook_url = request.webhook_url.clone();
        let is_history = request.source == SourceKind::HistoryGateway;
        let history_form = is_history.then_some(limits.history_form);
        let draft = Self {
            export_id,
            query_hash,
            interval,
            page_size,
            quota_mb,
            webhook_url,
            revisit: None,
            key_version: None,
            archive_id: None,
            organisation: None,
            from_export,
            history_form,
            sessions: None,
            request,
        };
        draft.check_retention(now, limits.retention_days)?;
        draft.check_slices(limits)?;
        Ok(draft)
    }

    /// Makes the draft a revisit of those exports. It uses the redaction of the first of them, because any other
    /// redaction would change every record.
    #[must_use]
    pub fn with_revisit(self, revisit: Revisit, redaction: Option<RedactionPlan>) -> Self {
        Self {
            revisit: Some((revisit, redaction)),
            ..self
        }
    }

    /// Sets the key version for hashing values.
    #[must_use]
    pub(crate) fn with_key_version(self, key_version: String) -> Self {
        Self {
            key_version: Some(key_version),
            ..self
        }
    }

    /// Sets the digest of archive and organisation.
    #[must_use]
    pub fn with_archive_id(self, archive_id: Sha256) -> Self {
        Self {
            archive_id: Some(archive_id),
            ..self
        }
    }

    /// Sets the organisation and the client.
    #[must_use]
    pub fn with_organisation(self, organisation: Organisation) -> Self {
        Self {
            organisation: Some(organisation),
            ..self
        }
    }

    /// The guest sessions whose conversations must be looked up before the plan is made.
    pub fn session_ids(&self) -> &[String] {
        &self.request.filters.session_ids
    }

    /// Sets the conversations of the sessions.
    #[must_use]
    pub fn with_sessions(self, sessions: SessionConversations) -> Self {
        Self {
            sessions: Some(sessions),
            ..self
        }
    }

    /// Whether a key for hashing is needed. A revisit uses the key of the export that it revisits.
    pub(crate) fn needs_key(&self) -> bool {
        let requested = self.request.redaction.as_ref();
        let hashes = requested.is_some_and(|it| it.enabled && it.mode == Mode::Hash);
        hashes && self.revisit.is_none()
    }

    pub fn from_export(&self) -> Option<&ExportId> {
        self.from_export.as_ref()
    }

    pub fn source(&self) -> SourceKind {
        self.request.source
    }

    pub fn filters(&self) -> &Filters {
        &self.request.filters
    }

    pub fn include_media(&self) -> bool {
        self.request.include_media
    }

    /// The interval, unless the request is for conversations of any time.
    pub fn requested_interval(&self) -> Option<Interval> {
        (!self.request.is_lookup()).then_some(self.interval)
    }

    /// The form of the history gateway, if that is the source.
    pub fn history_form(&self) -> Option<HistoryForm> {
        self.history_form
    }

    /// Whether the organisation's retention is relevant to this request.
    pub fn depends_on_retention(&self) -> bool {
        let is_by_id = self.request.is_lookup() || self.request.is_by_session();
        self.request.source.is_analytics() && !is_by_id
    }

    /// Checks the interval against the retention, if that is known.
    pub fn check_retention(&self, now: Timestamp, days: Option<u32>) -> Result<(), InvalidRequest> {
        match days {
            Some(days) if !self.request.is_lookup() => check_retention(self.interval, now, days),
            _ => Ok(()),
        }
    }

    /// Makes the plan, with the gateway's query if the source has one.
    pub fn plan(
        self,
        query: Option<GatewayQuery>,
        residency: Residency,
        limits: &PlanLimits,
        now: Timestamp,
        request_id: &str,
    ) -> Result<ExportPlan, InvalidRequest> {
        self.check_quota(query.as_ref(), limits)?;
        let ranges = self.ranges(query.as_ref());
        let slices: Vec<_> = (1..)
            .zip(ranges)
            .map(|(number, range)| Slice { number, range })
            .collect();
        let redaction = self.redaction(limits);
        let applied = AppliedRedaction::of(redaction.as_ref());
        let start_event = self.start_event(slices.len(), &applied, limits, now, request_id);
        let Self {
            export_id,
            query_hash,
            interval,
            page_size,
            quota_mb,
            webhook_url,
            revisit,
            archive_id,
            organisation,
            from_export,
            history_form,
            sessions,
            request,
            ..
        } = self;
        let revisit = revisit.map(|(revisit, _)| revisit);
        let transcripts = transcript_plan(&request, limits);
        let records = projection(&request);
        let max_gap_percent = Some(request.max_gap_percent());
        let mut plan = ExportPlan {
            format_version: FormatVersion,
            export_id,
            archive_id,
            query_hash,
            source: request.source,
            interval,
            membership: request.membership,
            interval_enforced: !request.source.is_analytics(),
            filters: request.filters,
            records,
            lookup_names: request.lookup_names,
            redaction,
            from_export,
            history_form,
            transcripts,
            page_size,
            include_media: request.include_media,
            on_bad_record: request.on_bad_record,
            max_gap_percent,
            quota_mb,
            webhook_url,
            revisit,
            // Slices are numbered from 1.
            slice_count: slices.last().map_or(0, |slice| slice.number),
            slices,
            sessions,
            query,
            residency,
            organisation,
            planned_at: now,
            start_event,
        };
        plan.seal_start();
        Ok(plan)
    }

    /// A revisit keeps the redaction of the export that it revisits.
    fn redaction(&self, limits: &PlanLimits) -> Option<RedactionPlan> {
        match &self.revisit {
            Some((_, redaction)) => redaction.clone(),
            None => resolve_redaction(&self.request, limits, self.key_version.clone()),
        }
    }

    /// The start event without the plan's digest; not yet in the chain.
    fn start_event(
        &self,
        slices: usize,
        redaction: &AppliedRedaction,
        limits: &PlanLimits,
        now: Timestamp,
        request_id: &str,
    ) -> AuditEvent {
        let mut event = AuditEvent::new(NewAuditEvent {
            export_id: &self.export_id,
            query_hash: self.query_hash,
            request_id,
            timestamp: now,
            action: Action::StartExport,
            event_type: EventType::Start,
            subject: "start".to_owned(),
            details: json!({
                "source": self.request.source,
                "interval": self.interval,
                "slices": slices,
                "redaction": redaction,
            }),
        });
        event.governance = Some(limits.governance.clone());
        event
    }

    fn ranges(&self, query: Option<&GatewayQuery>) -> Vec<SliceRange> {
        match self.request.source {
            SourceKind::ExportGateway => {
                let total = query.map_or(0, |query| query.total_records);
                let pages = total.div_ceil(self.page_size.into()).max(1);
                let requested = self.request.slices.unwrap_or(1);
                // At most one slice per page.
                let count = u32::try_from(pages).map_or(requested, |pages| requested.min(pages));
                offset_ranges(total, self.page_size, count)
            }
            SourceKind::HistoryGateway if !self.request.is_lookup() => {
                vec![SliceRange::Interval(self.interval)]
            }
            SourceKind::AnalyticsQuery if !self.request.is_lookup() => self.interval_ranges(),
            SourceKind::AnalyticsJob => self.interval_ranges(),
            SourceKind::AnalyticsQuery | SourceKind::HistoryGateway | SourceKind::Transcripts => {
                let requested = &self.request.filters.conversation_ids;
                let found = self.sessions.as_ref().map(|it| &it.conversation_ids);
                let ids = found.unwrap_or(requested).len() as u64;
                vec![SliceRange::Offsets(OffsetRange {
                    start: 0,
                    // The number of conversations in an earlier export is known only after it is complete.
                    end: self.from_export.is_none().then_some(ids),
                })]
            }
        }
    }

    fn interval_ranges(&self) -> Vec<SliceRange> {
        let intervals = self.intervals().into_iter();
        intervals.map(SliceRange::Interval).collect()
    }

    fn intervals(&self) -> Vec<Interval> {
        match (self.request.membership, self.request.slices) {
            // A conversation that is active in two slices would be stored twice.
            (Membership::Activity, _) => vec![self.interval],
            (Membership::Start, None) => day_slices(self.interval),
            (Membership::Start, Some(count)) => equal_slices(self.interval, count),
        }
    }
}

/// Removes duplicates, and lower-cases UUIDs of conversations, as the API writes them. A gateway may write ids otherwise,
/// and only gateways know sessions.
pub(super) fn normalize_ids(source: SourceKind, filters: &mut Filters) {
    if source.is_analytics() {
        let ids = filters.conversation_ids.iter_mut();
        for id in ids.filter(|id| is_uuid(id)) {
            id.make_ascii_lowercase();
        }
    }
    remove_duplicates(&mut filters.conversation_ids);
    remove_duplicates(&mut filters.session_ids);
}

fn remove_duplicates(ids: &mut Vec<String>) {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
}

pub(super) fn resolve_redaction(
    request: &ExportRequest,
    limits: &PlanLimits,
    key_version: Option<String>,
) -> Option<RedactionPlan> {
    RedactionPlan::resolve(request.redaction.as_ref(), &limits.redaction, key_version)
}

/// Refuses a request that redacts less than the owner demands.
fn check_policy(request: &ExportRequest, limits: &PlanLimits) -> Result<(), InvalidRequest> {
    let redaction = resolve_redaction(request, limits, None);
    let checked = limits.required_redaction.check(redaction.as_ref());
    checked.map_err(|below| below.of_request())
}

pub(super) fn projection(request: &ExportRequest) -> Projection {
    match request.source {
        SourceKind::Transcripts => Projection::Transcript,
        SourceKind::AnalyticsJob
        | SourceKind::AnalyticsQuery
        | SourceKind::ExportGateway
        | SourceKind::HistoryGateway => request.records,
    }
}

pub(super) fn transcript_plan(
    request: &ExportRequest,
    limits: &PlanLimits,
) -> Option<TranscriptPlan> {
    let by_default = &limits.transcripts;
    (request.source == SourceKind::Transcripts).then(|| TranscriptPlan {
        attachments: request.include_media.then(|| limits.attachments.clone()),
        media: request.media(),
        limits: Limits {
            context_window: request.context_window.or(by_default.limits.context_window),
            max_transcript_bytes: request
                .max_transcript_bytes
                .unwrap_or(by_default.limits.max_transcript_bytes),
        },
        ..by_default.clone()
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const DAY: &str = r#""interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z""#;

    fn check(json: &str) -> Result<Draft, InvalidRequest> {
        let now = "2026-03-10T00:00:00Z".parse().unwrap();
        let limits = PlanLimits {
            retention_days: Some(365),
            ..PlanLimits::default()
        };
        let request = ExportRequest::parse(json)?;
        let identity = ExportIdentity::of(&request, now)?;
        Draft::check(request, identity, now, &limits)
    }

    fn refused(json: &str) -> String {
        check(json).unwrap_err().to_string()
    }

    #[test]
    fn session_ids_are_sent_as_written_and_each_once() {
        let upper = "5E551011-0000-4000-8000-00000000000A".to_owned();
        let lower = upper.to_ascii_lowercase();
        let mut filters = Filters {
            conversation_ids: vec![upper.clone(), lower.clone()],
            session_ids: vec![upper.clone(), lower.clone(), upper.clone()],
            ..Filters::default()
        };

        normalize_ids(SourceKind::Transcripts, &mut filters);

        assert_eq!(filters.conversation_ids, std::slice::from_ref(&lower));
        assert_eq!(filters.session_ids, [upper, lower]);
    }

    #[test]
    fn a_refusal_names_the_field_the_value_and_the_rule() {
        let refusals = [
            format!(r#"{{{DAY},"pageSize":5000}}"#),
            format!(r#"{{{DAY},"pageSize":0}}"#),
            format!(r#"{{{DAY},"exportId":"../etc"}}"#),
            format!(r#"{{{DAY},"quotaMb":0}}"#),
            format!(r#"{{{DAY},"slices":0}}"#),
            format!(r#"{{{DAY},"slices":2,"membership":"activity"}}"#),
            format!(r#"{{{DAY},"filters":{{"conversationIdRange":{{"min":"a","max":"b"}}}}}}"#),
            format!(r#"{{{DAY},"source":"export-gateway","filters":{{"mediaTypes":["voice"]}}}}"#),
            r#"{"interval":"2026-03-01T00:00:00Z/2026-03-12T00:00:00Z"}"#.to_owned(),
            r#"{"interval":"2025-03-01T00:00:00Z/2025-03-02T00:00:00Z"}"#.to_owned(),
            r#"{"interval":"2025-12-01T00:00:00Z/2026-02-01T00:00:00Z","slices":1}"#.to_owned(),
            r#"{"interval":"2026-03-02T00:00:00Z/2026-03-01T00:00:00Z"}"#.to_owned(),
            "{}".to_owned(),
            r#"{"source":"analytics-query"}"#.to_owned(),
            format!(r#"{{{DAY},"source":"analytics-query","membership":"activity"}}"#),
            format!(r#"{{{DAY},"source":"analytics-query","pageSize":101}}"#),
            format!(r#"{{{DAY},"filters":{{"conversationIds":["42"]}}}}"#),
            format!(r#"{{{DAY},"filters":{{"directions":["sideways"]}}}}"#),
            format!(r#"{{{DAY},"lookupNames":true}}"#),
            r#"{"source":"analytics-query","interval":"2026-02-01T00:00:00Z/2026-02-09T00:00:00Z","slices":1}"#.to_owned(),
        ];

        let messages: Vec<_> = refusals.iter().map(|json| refused(json)).collect();

        assert_snapshot!(messages.join("\n"), @r#"
        `pageSize` is 5000: analytics-job supports 1 to 1000 (GENESYS_JOB_PAGE_SIZE_MAX)
        `pageSize` is 0: analytics-job supports 1 to 1000 (GENESYS_JOB_PAGE_SIZE_MAX)
        `exportId` is ../etc: 1 to 64 letters, digits, `-` or `_`
        `quotaMb` is 0: at least 1 (megabytes of 10⁶ stored bytes)
        `slices` is 0: 1 to 366
        `slices` is 2: membership `activity` allows only one slice
        `filters.conversationIdRange` is a..b: the source analytics-job supports only the filters conversationIds, participantIds, mediaTypes, messageTypes, queueIds, directions
        `filters.mediaTypes` is voice: the source export-gateway supports only the filters conversationIdRange
        `interval` is 2026-03-01T00:00:00.000Z/2026-03-12T00:00:00.000Z: the end is more than 24 hours in the future; the latest end is currently 2026-03-11T00:00:00.000Z
        `interval` is 2025-03-01T00:00:00.000Z/2025-03-02T00:00:00.000Z: conversations are kept for 365 days; the earliest start is currently 2025-03-10T00:00:00.000Z
        `interval` is 2025-12-01T00:00:00.000Z/2026-02-01T00:00:00.000Z: a job covers at most 31 days (GENESYS_JOB_INTERVAL_MAX_DAYS); use more slices
        the request cannot be parsed: `interval`: `2026-03-02T00:00:00Z/2026-03-01T00:00:00Z` ends at or before its start; the earlier timestamp comes first at line 1 column 56
        `interval` is missing: expected "start/end" or {"last": "P1D"}; only analytics-query and transcripts with filters.conversationIds and no other filter, and history-gateway with filters.conversationIds, need no interval
        `interval` is missing: expected "start/end" or {"last": "P1D"}; only analytics-query and transcripts with filters.conversationIds and no other filter, and history-gateway with filters.conversationIds, need no interval
        `membership` is activity: the source analytics-query reads in windows and supports only `start`; analytics-job supports both
        `pageSize` is 101: analytics-query supports 1 to 100 (GENESYS_QUERY_PAGE_SIZE_MAX)
        `filters.conversationIds[0]` is 42: expected an id of 36 characters, such as 0f8fad5b-d9cb-469f-a165-70867728950e
        `filters.directions[0]` is sideways: inbound or outbound
        `lookupNames` is true: names are looked up only for `normalized` records of analytics sources
        `interval` is 2026-02-01T00:00:00.000Z/2026-02-09T00:00:00.000Z: a query covers at most 7 days (GENESYS_QUERY_INTERVAL_MAX_DAYS); use more slices
        "#);
    }

    #[test]
    fn the_derived_id_depends_on_the_request_alone() {
        let first = check(&format!("{{{DAY}}}")).unwrap();
        let again = check(&format!("{{{DAY}}}")).unwrap();
        let other = check(&format!(r#"{{{DAY},"pageSize":10}}"#)).unwrap();

        assert_eq!(first.export_id, again.export_id);
        assert_ne!(first.export_id, other.export_id);
        assert!(
            first
                .export_id
                .as_str()
                .starts_with("analytics-job-20260301-")
        );
    }

    #[test]
    fn a_quota_below_the_estimate_is_refused() {
        let draft = check(&format!(
            r#"{{{DAY},"source":"export-gateway","quotaMb":1}}"#
        ))
        .unwrap();
        let query = GatewayQuery {
            query_id: "q".to_owned(),
            total_records: 2_000,
        };

        let refusal = draft
            .check_quota(Some(&query), &PlanLimits::default())
            .unwrap_err();

        assert_snapshot!(refusal, @"`quotaMb` is 1: 2000 records at about 700 bytes each need about 2 MB");
    }
}
