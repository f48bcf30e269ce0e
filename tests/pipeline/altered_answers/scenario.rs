//! The export and the organisation of a seed: one of the sources in one of its forms.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::base::time::Interval;
use conversation_archive::records::transcript::TranscriptRoute;
use end_to_end::world::{DAYS, World, organisation};
use fastrand::Rng;
use genesys_simulator::{HistoryForm, Route, Settings, UnavailableTexts};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Job,
    QueryByTime,
    QueryByIds,
    ExportGateway,
    HistoryByPageToken,
    HistoryByContinuation,
    Messages,
    /// Recordings of conversations whose messages are not found.
    Recordings,
    WebDetails,
}

pub(super) const SOURCES: [Source; 9] = [
    Source::Job,
    Source::QueryByTime,
    Source::QueryByIds,
    Source::ExportGateway,
    Source::HistoryByPageToken,
    Source::HistoryByContinuation,
    Source::Messages,
    Source::Recordings,
    Source::WebDetails,
];

/// Optional features of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feature {
    /// Names are looked up.
    Names,
    Redaction,
    /// Attachments are exported, too.
    Files,
    /// The conversations come from an earlier export.
    BaseExport,
    /// A new process handles the resume.
    NewProcess,
}

#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) source: Source,
    pub(super) records: &'static str,
    features: BTreeSet<Feature>,
    page_size: u32,
    slices: u32,
    open_slices: usize,
    settings: Settings,
}

impl Scenario {
    pub(super) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed ^ 0x0005_7047);
        // Sources rotate, so that any range of consecutive seeds contains all of them.
        let source = SOURCES[usize::try_from(seed).unwrap_or_default() % SOURCES.len()];
        let records = match source {
            Source::Messages | Source::Recordings | Source::WebDetails => "transcript",
            _ => *rng
                .choice(&["full", "full", "standard", "minimal", "normalized"])
                .unwrap_or(&"full"),
        };
        let features = features(source, records, rng);
        let conversations = match source.is_transcripts() {
            _ if features.contains(&Feature::BaseExport) => rng.usize(8..16),
            true => rng.usize(10..25),
            false => rng.usize(10..45),
        };
        Self {
            source,
            records,
            features,
            page_size: rng.u32(3..10),
            slices: rng.u32(1..=3),
            open_slices: rng.usize(1..=3),
            settings: settings(seed, source, conversations, rng),
        }
    }

    pub(super) fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Creates the world, including the base export if there is one.
    pub(super) async fn world(&self) -> World {
        let mut world = World::with_slices(self.settings.clone(), self.open_slices).await;
        if let Some(form) = self.source.history_form() {
            world = world.with_history_form(form);
        }
        self.configure(&mut world);
        if self.has(Feature::BaseExport) {
            let base = world.request("analytics-job", r#","exportId":"base","slices":1"#);
            world.export(&base).await;
        }
        world
    }

    /// Replaces the process by a new one with the same settings.
    pub(super) fn restart(&self, world: &mut World) {
        world.restart();
        self.configure(world);
    }

    fn configure(&self, world: &mut World) {
        if self.source == Source::WebDetails {
            world.process.start.limits.transcripts.route = TranscriptRoute::WebDetails;
        }
    }

    pub(super) fn request(&self, world: &World) -> String {
        let page_size = self.page_size;
        let mut more_fields = format!(r#","pageSize":{page_size},"exportId":"odd""#);
        if !self.has(Feature::Redaction) {
            more_fields += r#","redaction":{"enabled":false}"#;
        }
        if self.has(Feature::Files) {
            more_fields += r#","includeMedia":true"#;
        }
        if self.has(Feature::BaseExport) {
            return format!(r#"{{"source":"transcripts","fromExport":"base"{more_fields}}}"#);
        }
        if self.source.is_transcripts() {
            let ids: Vec<String> = self.expected(world).into_iter().collect();
            return world.transcripts_request(&ids, &more_fields);
        }
        more_fields.extend([r#","records":""#, self.records, "\""]);
        if self.has(Feature::Names) {
            more_fields += r#","lookupNames":true"#;
        }
        let slices = format!(r#","slices":{}"#, self.slices);
        match self.source {
            Source::Job => world.request("analytics-job", &(more_fields + &slices)),
            Source::QueryByTime => world.request("analytics-query", &(more_fields + &slices)),
            Source::ExportGateway => world.request("export-gateway", &(more_fields + &slices)),
            Source::QueryByIds => {
                let ids = serde_json::json!(self.expected(world));
                format!(
                    r#"{{"source":"analytics-query","filters":{{"conversationIds":{ids}}}{more_fields}}}"#
                )
            }
            Source::HistoryByContinuation => {
                world.history_request(HistoryForm::Continuation, &more_fields)
            }
            _ => world.history_request(HistoryForm::PageToken, &more_fields),
        }
    }

    /// Returns the ids that a complete export of this story must account for.
    pub(super) fn expected(&self, world: &World) -> BTreeSet<String> {
        let days: Interval = DAYS.parse().expect("an interval");
        let truth = world.simulator.truth();
        let conversations = || truth.conversations.iter();
        let in_days = || {
            let conversations = conversations().filter(|it| days.contains(it.start));
            conversations.map(|it| it.id.clone())
        };
        match self.source {
            Source::Job | Source::QueryByTime => in_days().collect(),
            Source::QueryByIds => conversations().map(|it| it.id.clone()).collect(),
            Source::Messages | Source::Recordings | Source::WebDetails => {
                let has_text = |id: &String| {
                    let messages = world.simulator.messages(id).unwrap_or_default();
                    messages.iter().any(|message| !message.text.is_empty())
                };
                let message_conversations =
                    world.message_conversations().into_iter().filter(has_text);
                if self.has(Feature::BaseExport) {
                    let started: BTreeSet<_> = in_days().collect();
                    return message_conversations
                        .filter(|id| started.contains(id))
                        .collect();
                }
                message_conversations.take(MAX_TRANSCRIPTS).collect()
            }
            _ => truth.gateway.into_iter().map(|it| it.id).collect(),
        }
    }
}

/// Maximum number of conversations in a transcripts export.
const MAX_TRANSCRIPTS: usize = 7;

fn features(source: Source, records: &str, rng: &mut Rng) -> BTreeSet<Feature> {
    let reads_messages = matches!(source, Source::Messages | Source::Recordings);
    let has_names = records == "normalized" && source.is_analytics();
    let drawn = [
        (Feature::Names, has_names && rng.bool()),
        (Feature::Redaction, rng.u8(..4) == 0),
        (Feature::Files, reads_messages && rng.u8(..3) == 0),
        (Feature::BaseExport, reads_messages && rng.u8(..5) == 0),
        (Feature::NewProcess, rng.bool()),
    ];
    let drawn = drawn.into_iter().filter(|(_, is_drawn)| *is_drawn);
    drawn.map(|(feature, _)| feature).collect()
}

fn settings(seed: u64, source: Source, conversations: usize, rng: &mut Rng) -> Settings {
    let recorded_only = match source {
        Source::Recordings => rng.usize(1..3),
        _ => 0,
    };
    Settings {
        history: source.history_form(),
        spill: *rng.choice(&[0.1, 0.1, 0.6]).unwrap_or(&0.1),
        // If the response to a submission is lost, the client cannot delete the job.
        concurrent_jobs: 10_000,
        job_ready_after: Duration::from_secs(rng.u64(0..60)),
        unavailable_texts: UnavailableTexts {
            recorded_only,
            preparing: rng.u32(..2),
            ..UnavailableTexts::default()
        },
        ..organisation(seed, conversations)
    }
}

impl Source {
    pub(super) fn is_transcripts(self) -> bool {
        matches!(self, Self::Messages | Self::Recordings | Self::WebDetails)
    }

    fn history_form(self) -> Option<HistoryForm> {
        match self {
            Self::HistoryByPageToken => Some(HistoryForm::PageToken),
            Self::HistoryByContinuation => Some(HistoryForm::Continuation),
            _ => None,
        }
    }

    pub(super) fn is_analytics(self) -> bool {
        matches!(self, Self::Job | Self::QueryByTime | Self::QueryByIds)
    }

    /// Names of the fields that may hold the id of its records, in the order of precedence.
    pub(super) fn id_fields(self) -> &'static [&'static str] {
        match self {
            Self::ExportGateway => &["id"],
            Self::HistoryByPageToken => &["interactionId", "id"],
            Self::HistoryByContinuation => &["id", "interactionId"],
            _ => &["conversationId"],
        }
    }

    pub(super) fn start_fields(self) -> &'static [&'static str] {
        match self {
            Self::ExportGateway => &["startTime"],
            Self::HistoryByPageToken | Self::HistoryByContinuation => {
                &["startTimestamp", "startTime"]
            }
            _ => &["conversationStart"],
        }
    }

    /// Whether its records are those of the simulator's gateway.
    pub(super) fn is_gateway(self) -> bool {
        matches!(
            self,
            Self::ExportGateway | Self::HistoryByPageToken | Self::HistoryByContinuation
        )
    }

    /// The routes that its exports use, except the login.
    pub(super) fn routes(self) -> &'static [Route] {
        match self {
            Self::Job => &[
                Route::JobResults,
                Route::JobStatus,
                Route::JobSubmit,
                Route::Availability,
                Route::JobDelete,
                Route::Retention,
            ],
            Self::QueryByTime => &[Route::DetailsQuery, Route::DetailsQuery, Route::Retention],
            Self::QueryByIds => &[
                Route::DetailsByIds,
                Route::DetailsByIds,
                Route::DetailsQuery,
            ],
            Self::ExportGateway => &[Route::ExportResults, Route::ExportQuery],
            Self::HistoryByPageToken | Self::HistoryByContinuation => &[Route::DetailsQuery],
            Self::Messages => &[Route::MessageConversation, Route::MessagesBulk],
            Self::Recordings => &[
                Route::Recordings,
                Route::MessageConversation,
                Route::MessagesBulk,
            ],
            Self::WebDetails => &[Route::WebDetails],
        }
    }
}

/// Omits the settings, which are long.
impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (source, records, features) = (self.source, self.records, &self.features);
        let (conversations, page_size) = (self.settings.conversations, self.page_size);
        let (slices, open) = (self.slices, self.open_slices);
        write!(
            f,
            "{source:?}, {records} {features:?}, {conversations} by {page_size}, {slices} slices ({open} open)"
        )
    }
}
