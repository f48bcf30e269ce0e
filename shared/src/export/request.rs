//! The request: the payload of start-export, parsed strictly and checked before anything is sent.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::hash::Sha256;
use crate::records::medium::Medium;
use crate::records::page::Projection;

mod given_filters;
mod history_form;
mod interval;
mod invalid;
mod redaction;

pub use history_form::HistoryForm;
pub use history_form::UnknownForm;
pub use interval::{Period, RelativeInterval, RequestedInterval, scheduled_time};
pub use invalid::InvalidRequest;
pub use redaction::RequestedRedaction;

/// An export request as received. Unknown fields are refused. The default is that of a request without any field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_id: Option<String>,
    #[serde(default)]
    pub source: SourceKind,
    /// Required, except for a lookup of conversations by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<RequestedInterval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_time: Option<String>,
    #[serde(default)]
    pub membership: Membership,
    #[serde(default, skip_serializing_if = "Filters::is_empty")]
    pub filters: Filters,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    #[serde(default)]
    pub include_media: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<u32>,
    #[serde(default)]
    pub records: Projection,
    /// For normalized records: look up the names of queues and wrap-up codes where a record has only their ids.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lookup_names: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction: Option<RequestedRedaction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_mb: Option<u64>,
    #[serde(default)]
    pub on_bad_record: OnBadRecord,
    /// The largest share of what is asked for that may be missing, in percent, before the export counts as one with
    /// gaps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gap_percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// For transcripts: the export whose conversations are fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_export: Option<String>,
    /// For transcripts: the media whose texts are read; messages if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<Medium>>,
    /// For transcripts: number of the last messages of each conversation to keep; the setting if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// For transcripts: bytes of the texts of each conversation to keep, the newest; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_transcript_bytes: Option<u64>,
    /// Data to export in addition, as companion exports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// Periods after each scheduled time at which its interval is exported again, for changed conversations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisit: Vec<Period>,
}

/// Some conversations never have a text, and an alarm for each of them would soon be ignored.
const DEFAULT_MAX_GAP_PERCENT: u8 = 10;

/// The source of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The asynchronous conversation details job, the bulk route of the public API.
    #[default]
    AnalyticsJob,
    /// The conversation details query, for recent conversations and for small selections.
    AnalyticsQuery,
    /// An organisation's own export gateway.
    ExportGateway,
    /// An organisation's own history gateway.
    HistoryGateway,
    /// The messages of conversations that are known by id.
    Transcripts,
}

impl SourceKind {
    pub const ALL: [Self; 5] = [
        Self::AnalyticsJob,
        Self::AnalyticsQuery,
        Self::ExportGateway,
        Self::HistoryGateway,
        Self::Transcripts,
    ];

    /// Whether the source is an endpoint of the public API.
    pub fn is_analytics(self) -> bool {
        match self {
            Self::AnalyticsJob | Self::AnalyticsQuery | Self::Transcripts => true,
            Self::ExportGateway | Self::HistoryGateway => false,
        }
    }
}

impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AnalyticsJob => "analytics-job",
            Self::AnalyticsQuery => "analytics-query",
            Self::ExportGateway => "export-gateway",
            Self::HistoryGateway => "history-gateway",
            Self::Transcripts => "transcripts",
        })
    }
}

impl std::fmt::Display for Category {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Conversation => "conversation",
            Self::Wrapup => "wrapup",
            Self::Disposition => "disposition",
            Self::Routing => "routing",
        })
    }
}

/// Data that can be exported in addition, for the conversations of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Include {
    Transcripts,
}

/// Rule for which of the returned conversations belong to the export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Membership {
    /// Those that started in the interval; slices and consecutive exports do not overlap.
    #[default]
    Start,
    /// All that were active in it; consecutive exports may hold several versions of a conversation.
    Activity,
}

/// Handling of a record that lacks its id or its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBadRecord {
    /// Ends the run with an error that names the position of the record.
    Fail,
    /// Stores the record under `failures/`, counts it and continues.
    #[default]
    Quarantine,
}

/// Restrictions in addition to the interval. An absent one restricts nothing; an empty list in a request is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Filters {
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub conversation_ids: Vec<String>,
    /// For web details of a gateway: guest sessions whose conversations are exported.
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub session_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id_range: Option<IdRange>,
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub participant_ids: Vec<String>,
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<String>,
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub message_types: Vec<String>,
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub queue_ids: Vec<String>,
    /// `inbound` or `outbound`: how the conversation began.
    #[serde(deserialize_with = "non_empty", skip_serializing_if = "Vec::is_empty")]
    pub directions: Vec<String>,
    /// For a history gateway of the form `continuation`: its `view`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
}

/// Reads a list of a filter. Refuses an empty one: it is likely the result of a query that found nothing, and would
/// otherwise select everything.
fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values = Vec::deserialize(deserializer)?;
    if values.is_empty() {
        return Err(D::Error::custom(
            "an empty list selects nothing; omit the field to select everything",
        ));
    }
    Ok(values)
}

/// The view of the conversations that a history gateway returns: a value of `view` in its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    #[default]
    Conversation,
    Wrapup,
    Disposition,
    Routing,
}

/// Ids from `min` to `max`, inclusive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdRange {
    pub min: String,
    pub max: String,
}

impl Filters {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the filters are conversation ids and nothing else.
    pub(crate) fn are_only_ids(&self) -> bool {
        let others = Self {
            conversation_ids: Vec::new(),
            ..self.clone()
        };
        !self.conversation_ids.is_empty() && others.is_empty()
    }
}

impl ExportRequest {
    /// Parses a request; the error names the field and the accepted values.
    pub fn parse(json: &str) -> Result<Self, InvalidRequest> {
        InvalidRequest::parse(json)
    }

    /// Whether it is a lookup of conversations by id, listed or from an earlier export, independent of their time.
    pub fn is_lookup(&self) -> bool {
        let from_export = self.from_export.is_some() && self.filters.is_empty();
        let by_id = match self.source {
            SourceKind::AnalyticsQuery | SourceKind::Transcripts => {
                self.filters.are_only_ids() || from_export
            }
            SourceKind::HistoryGateway => !self.filters.conversation_ids.is_empty(),
            SourceKind::AnalyticsJob | SourceKind::ExportGateway => false,
        };
        by_id && self.interval.is_none()
    }

    /// The requested or default limit on the share that may be missing, in percent.
    pub fn max_gap_percent(&self) -> u8 {
        self.max_gap_percent.unwrap_or(DEFAULT_MAX_GAP_PERCENT)
    }

    /// Whether it requests the conversations of guest sessions, which a gateway looks up in the interval.
    pub(crate) fn is_by_session(&self) -> bool {
        self.source == SourceKind::Transcripts && !self.filters.session_ids.is_empty()
    }

    /// The media whose texts are read, each once and in a fixed order.
    pub fn media(&self) -> Vec<Medium> {
        let named = self.media.as_deref().unwrap_or(Medium::DEFAULT);
        let media: BTreeSet<_> = named.iter().copied().collect();
        media.into_iter().collect()
    }

    /// The hash that identifies equal requests: covers all fields except the id and those of companion exports, with
    /// the interval made absolute.
    pub fn fingerprint(&self, interval: crate::base::time::Interval) -> Sha256 {
        let are_transcripts = self.source == SourceKind::Transcripts;
        let normalized = Self {
            export_id: None,
            scheduled_time: None,
            revisit: Vec::new(),
            include: Vec::new(),
            media: Some(self.media()).filter(|media| are_transcripts && media != Medium::DEFAULT),
            context_window: self.context_window.filter(|_| are_transcripts),
            max_transcript_bytes: self.max_transcript_bytes.filter(|_| are_transcripts),
            // The conversations of an export do not depend on the time of the request.
            interval: self
                .from_export
                .is_none()
                .then_some(RequestedInterval::Absolute(interval)),
            ..self.clone()
        };
        Sha256::of_sorted_json(&normalized, None)
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn refused(json: &str) -> String {
        ExportRequest::parse(json).unwrap_err().to_string()
    }

    fn redaction(json: &str) -> Result<RequestedRedaction, InvalidRequest> {
        let json = format!(
            r#"{{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","redaction":{json}}}"#
        );
        ExportRequest::parse(&json).map(|request| request.redaction.unwrap())
    }

    #[test]
    fn redaction_is_enabled_unless_the_request_disables_it() {
        assert_eq!(redaction("{}").unwrap(), RequestedRedaction::default());
        assert!(redaction("{}").unwrap().enabled);
        assert!(!redaction(r#"{"enabled":false}"#).unwrap().enabled);
    }

    #[test]
    fn invalid_redaction_is_refused_with_the_accepted_values() {
        let refused = [
            r#"{"profile":"paranoid"}"#,
            r#"{"mode":"encrypt"}"#,
            r#"{"kinds":["name"]}"#,
            r#"{"level":1}"#,
        ]
        .map(|json| redaction(json).unwrap_err().to_string());

        assert_snapshot!(refused.join("\n"), @r"
        the request cannot be parsed: `redaction.profile`: unknown variant `paranoid`, expected `standard` or `strict` at line 1 column 89
        the request cannot be parsed: `redaction.mode`: unknown variant `encrypt`, expected one of `label`, `hash`, `mask` at line 1 column 85
        the request cannot be parsed: `redaction.kinds[0]`: unknown variant `name`, expected one of `email`, `phone`, `card`, `iban`, `ssn`, `passport`, `taxId`, `ip`, `url`, `birthDate` at line 1 column 84
        the request cannot be parsed: `redaction.level`: unknown field `level`, expected one of `enabled`, `profile`, `mode`, `kinds` at line 1 column 76
        ");
    }

    #[test]
    fn the_default_is_a_request_without_fields() {
        assert_eq!(
            ExportRequest::parse("{}").unwrap(),
            ExportRequest::default()
        );
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_known_ones() {
        assert_snapshot!(
            refused(r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","pagesize":5}"#),
            @"the request cannot be parsed: `pagesize`: unknown field `pagesize`, expected one of `exportId`, `source`, `interval`, `scheduledTime`, `membership`, `filters`, `pageSize`, `includeMedia`, `slices`, `records`, `lookupNames`, `redaction`, `quotaMb`, `onBadRecord`, `maxGapPercent`, `webhookUrl`, `fromExport`, `media`, `contextWindow`, `maxTranscriptBytes`, `include`, `revisit` at line 1 column 66"
        );
    }

    #[test]
    fn an_invalid_value_is_reported_with_its_field() {
        assert_snapshot!(
            refused(r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","source":"carrier-pigeon"}"#),
            @"the request cannot be parsed: `source`: unknown variant `carrier-pigeon`, expected one of `analytics-job`, `analytics-query`, `export-gateway`, `history-gateway`, `transcripts` at line 1 column 81"
        );
        assert_snapshot!(
            refused(r#"{"interval":{"last":"soon"}}"#),
            @r#"the request cannot be parsed: `interval`: expected "start/end" or {"last": "P1D"}: soon is not an ISO-8601 duration longer than zero, such as P1D or PT6H at line 1 column 28"#
        );
        assert_snapshot!(
            refused(r#"{"interval":{"last":"P1D"},"filters":{"queueIds":"all"}}"#),
            @r#"the request cannot be parsed: `filters.queueIds`: invalid type: string "all", expected a sequence at line 1 column 54"#
        );
    }

    #[test]
    fn an_empty_list_of_a_filter_is_refused_with_its_meaning() {
        for name in [
            "conversationIds",
            "participantIds",
            "mediaTypes",
            "messageTypes",
            "queueIds",
            "directions",
        ] {
            let message = refused(&format!(r#"{{"filters":{{"{name}":[]}}}}"#));

            let expected = format!(
                "the request cannot be parsed: `filters.{name}`: an empty list selects nothing; omit the field to select everything"
            );
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn an_unstorable_value_is_reported_with_its_field() {
        let fields = [
            (r#""exportId":"\ud800""#, "exportId"),
            (r#""webhookUrl":"https://a.example/\udc00""#, "webhookUrl"),
            (r#""fromExport":"\ud800\u0041""#, "fromExport"),
            (r#""scheduledTime":"\ud800""#, "scheduledTime"),
            (r#""interval":"\ud800""#, "interval"),
            (r#""interval":{"last":"\ud800"}"#, "interval.last"),
            (
                r#""filters":{"mediaTypes":["voice","\ud800"]}"#,
                "filters.mediaTypes[1]",
            ),
            (
                r#""filters":{"conversationIdRange":{"min":"\ud800","max":"b"}}"#,
                "filters.conversationIdRange.min",
            ),
            (r#""quotaMb":1E+400"#, "quotaMb"),
            (r#""quotaMb":-0"#, "quotaMb"),
            (r#""pageSize":99999999999999999999"#, "pageSize"),
            (r#""revisit":["\ud800"]"#, "revisit[0]"),
        ];

        for (field, path) in fields {
            let message = refused(&format!("{{{field}}}"));

            let detail = message.strip_prefix("the request cannot be parsed: ");
            assert!(
                detail.is_some_and(|it| it.starts_with(&format!("`{path}`: "))),
                "{message}"
            );
        }
    }

    #[test]
    fn the_fingerprint_ignores_the_id_but_not_the_page_size() {
        let interval = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z".parse().unwrap();
        let request = |rest: &str| {
            ExportRequest::parse(&format!(r#"{{"interval":"{interval}"{rest}}}"#))
                .unwrap()
                .fingerprint(interval)
        };

        assert_eq!(request(""), request(r#","exportId":"x""#));
        assert_eq!(request(""), request(r#","source":"analytics-job""#));
        assert_ne!(request(""), request(r#","pageSize":10"#));
    }

    #[test]
    fn limits_of_a_companion_do_not_change_the_fingerprint_of_its_export() {
        let interval = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z".parse().unwrap();
        let of = |json: &str| ExportRequest::parse(json).unwrap().fingerprint(interval);
        let job = |rest: &str| of(&format!(r#"{{"interval":"{interval}"{rest}}}"#));
        let texts = |rest: &str| {
            of(&format!(
                r#"{{"source":"transcripts","fromExport":"x"{rest}}}"#
            ))
        };
        let limit = r#","contextWindow":5"#;

        assert_eq!(
            job(""),
            job(&format!(r#","include":["transcripts"]{limit}"#))
        );
        assert_ne!(texts(""), texts(limit));
    }
}
