//! The export and the organisation of a seed: one of the sources in one of its forms.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::base::time::Interval;
use conversation_archive::export::request::HistoryForm as Form;
use conversation_archive::records::transcript::TranscriptRoute;
use conversation_archive::source::SourceSettings;
use end_to_end::world::{DAYS, World, organisation};
use fastrand::Rng;
use genesys_simulator::{HistoryForm, Route, Settings, Untold};

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
pub(super) enum Extra {
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
pub(super) struct Story {
    pub(super) source: Source,
    pub(super) records: &'static str,
    extras: BTreeSet<Extra>,
    page_size: u32,
    slices: u32,
    open_slices: usize,
    settings: Settings,
}

impl Story {
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
        let extras = extras(source, records, rng);
        let conversations = match source.is_transcripts() {
            _ if extras.contains(&Extra::BaseExport) => rng.usize(8..16),
            true => rng.usize(10..25),
            false => rng.usize(10..45),
        };
        Self {
            source,
            records,
            extras,
            page_size: rng.u32(3..10),
            slices: rng.u32(1..=3),
            open_slices: rng.usize(1..=3),
            settings: settings(seed, source, conversations, rng),
        }
    }

    pub(super) fn has(&self, extra: Extra) -> bool {
        self.extras.contains(&extra)
    }

    /// Creates the world, including the base export if there is one.
    pub(super) async fn world(&self) -> World {
        let mut world = World::with_slices(self.settings.clone(), self.open_slices).await;
        if self.source == Source::HistoryByContinuation {
            world = world.reading_by(SourceSettings {
                history_form: Form::Continuation,
                ..SourceSettings::default()
            });
        }
        self.set_up(&mut world);
        if self.has(Extra::BaseExport) {
            let base = world.request("analytics-job", r#","exportId":"base","slices":1"#);
            world.export(&base).await;
        }
        world
    }

    /// Replaces the process by a new one with the same settings.
    pub(super) fn restart(&self, world: &mut World) {
        world.restart();
        self.set_up(world);
    }

    fn set_up(&self, world: &mut World) {
        if self.source == Source::WebDetails {
            world.process.start.limits.transcripts.route = TranscriptRoute::WebDetails;
        }
    }

    pub(super) fn request(&self, world: &World) -> String {
        let page_size = self.page_size;
        let mut more = format!(r#","pageSize":{page_size},"exportId":"odd""#);
        if !self.has(Extra::Redaction) {
            more += r#","redaction":{"enabled":false}"#;
        }
        if self.has(Extra::Files) {
            more += r#","includeMedia":true"#;
        }
        if self.has(Extra::BaseExport) {
            return format!(r#"{{"source":"transcripts","fromExport":"base"{more}}}"#);
        }
        if self.source.is_transcripts() {
            let ids: Vec<String> = self.expected(world).into_iter().collect();
            return world.transcripts_request(&ids, &more);
        }
        more.extend([r#","records":""#, self.records, "\""]);
        if self.has(Extra::Names) {
            more += r#","lookupNames":true"#;
        }
        let slices = format!(r#","slices":{}"#, self.slices);
        match self.source {
            Source::Job => world.request("analytics-job", &(more + &slices)),
            Source::QueryByTime => world.request("analytics-query", &(more + &slices)),
            Source::ExportGateway => world.request("export-gateway", &(more + &slices)),
            Source::QueryByIds => {
                let ids = serde_json::json!(self.expected(world));
                format!(
                    r#"{{"source":"analytics-query","filters":{{"conversationIds":{ids}}}{more}}}"#
                )
            }
            _ => world.request("history-gateway", &more),
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
                let written = world.written().into_iter().filter(has_text);
                if self.has(Extra::BaseExport) {
                    let started: BTreeSet<_> = in_days().collect();
                    return written.filter(|id| started.contains(id)).collect();
                }
                written.take(WRITTEN).collect()
            }
            _ => truth.gateway.into_iter().map(|it| it.id).collect(),
        }
    }
}

/// Maximum number of conversations in a transcripts export.
const WRITTEN: usize = 7;

fn extras(source: Source, records: &str, rng: &mut Rng) -> BTreeSet<Extra> {
    let reads_messages = matches!(source, Source::Messages | Source::Recordings);
    let has_names = records == "normalized" && source.is_analytics();
    let drawn = [
        (Extra::Names, has_names && rng.bool()),
        (Extra::Redaction, rng.u8(..4) == 0),
        (Extra::Files, reads_messages && rng.u8(..3) == 0),
        (Extra::BaseExport, reads_messages && rng.u8(..5) == 0),
        (Extra::NewProcess, rng.bool()),
    ];
    let drawn = drawn.into_iter().filter(|(_, is_drawn)| *is_drawn);
    drawn.map(|(extra, _)| extra).collect()
}

fn settings(seed: u64, source: Source, conversations: usize, rng: &mut Rng) -> Settings {
    let history = match source {
        Source::HistoryByPageToken => Some(HistoryForm::PageToken),
        Source::HistoryByContinuation => Some(HistoryForm::Continuation),
        _ => None,
    };
    let recorded_only = match source {
        Source::Recordings => rng.usize(1..3),
        _ => 0,
    };
    Settings {
        history,
        spill: *rng.choice(&[0.1, 0.1, 0.6]).unwrap_or(&0.1),
        // If the response to a submission is lost, the client cannot delete the job.
        concurrent_jobs: 10_000,
        job_ready_after: Duration::from_secs(rng.u64(0..60)),
        untold: Untold {
            recorded_only,
            preparing: rng.u32(..2),
            ..Untold::default()
        },
        ..organisation(seed, conversations)
    }
}

impl Source {
    pub(super) fn is_transcripts(self) -> bool {
        matches!(self, Self::Messages | Self::Recordings | Self::WebDetails)
    }

    pub(super) fn is_analytics(self) -> bool {
        matches!(self, Self::Job | Self::QueryByTime | Self::QueryByIds)
    }

    /// Name of the id field in its records.
    pub(super) fn id_field(self) -> &'static str {
        match self {
            Self::ExportGateway | Self::HistoryByPageToken | Self::HistoryByContinuation => "id",
            _ => "conversationId",
        }
    }

    pub(super) fn start_field(self) -> &'static str {
        match self.id_field() {
            "id" => "startTime",
            _ => "conversationStart",
        }
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
impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (source, records, extras) = (self.source, self.records, &self.extras);
        let (conversations, page_size) = (self.settings.conversations, self.page_size);
        let (slices, open) = (self.slices, self.open_slices);
        write!(
            f,
            "{source:?}, {records} {extras:?}, {conversations} by {page_size}, {slices} slices ({open} open)"
        )
    }
}
