//! The calls of one conversation: for each leg (communication), the URL of its transcript and the file at that URL.
//!
//! Speech and text analytics transcribes recorded legs. A leg that is not recorded has no transcript, and its 404 is not
//! a gap. If no leg is recorded, there is no text to archive.

use std::collections::{BTreeMap, HashSet};

use super::allowance::Allowance;
use super::bodies::{Calls, recording_metadata};
use super::conversation::ConversationRequests;
use super::fetch::{Fetch, Postponed, Stop, unavailable};
use crate::base::decode::DecodeError;
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::wire::{CommunicationTranscript, ConversationSessions, TranscriptUrl};
use crate::genesys::{ApiError, ApiPath, Call, FileKind, UnavailableReason};
use crate::records::medium::Medium;
use crate::records::page::medium_of;
use crate::records::transcript::{
    self, NoTranscript, RecordingMetadata, Status, Transcript, parse_document,
};

/// Limit of one transcript, for the first conversation of a page; the others have their share. Most of a transcript is
/// the time of each word, which is not kept.
const TRANSCRIPT_LIMIT_BYTES: u64 = 40_000_000;

/// A URL expires after ten minutes; requesting a new one helps once.
const DOWNLOADS: u32 = 2;

const NO_TRANSCRIPT: &str = "no transcript of the call was found";
const NOT_RECORDED: &str = "no leg of the call was recorded";
const PREPARING: &str = "the transcript of the call was not ready in time";
const FORBIDDEN_HOST: &str =
    "the transcript of the call is at a host that TRANSCRIPT_HOSTS does not list";
const NO_PERMISSION: &str = "the client may not read transcripts of calls: they need recording:recording:view and speechAndTextAnalytics:data:view";
const NO_LICENCE: &str =
    "the organisation has no licence for speech and text analytics, or has not switched it on";

/// A leg of a call.
#[derive(Debug, PartialEq, Eq)]
struct Communication {
    id: String,
    /// Whether a recording of it is known, so that a transcript is to be expected.
    is_recorded: bool,
}

/// The legs without a transcript, by reason.
#[derive(Default)]
struct MissingLegs {
    reasons: BTreeMap<String, (Status, u32)>,
    /// Legs without a recording, and without a transcript.
    unrecorded: u32,
    /// The first leg that may have a transcript later.
    postponed: Option<Box<Postponed>>,
}

impl ConversationRequests<'_> {
    /// The calls of the conversation. Without `sessions`, its recordings name the legs.
    pub(super) async fn calls(
        &mut self,
        sessions: Option<&ConversationSessions>,
    ) -> Result<Transcript, Fetch> {
        let mut calls = Calls::new(sessions);
        let recordings = self.recordings_of_calls(&mut calls).await?;
        let communications = communications(sessions, &recordings);
        let mut missing = MissingLegs::default();
        let mut read = 0;
        for communication in &communications {
            match self.communication(&communication.id).await {
                Ok(document) => {
                    calls.add(&communication.id, document);
                    calls.apply_limits(self.plan.limits);
                    if !self.has_room_for(calls.stored_bytes()) {
                        // The other legs could only make it larger.
                        return Ok(self.too_large(calls.finish(recordings))?);
                    }
                    read += 1;
                }
                Err(Fetch::StopPage(stop)) => return Err(stop.into()),
                Err(fetch) => {
                    if missing.add(fetch, communication.is_recorded) {
                        break;
                    }
                }
            }
        }
        missing.finish(calls, recordings, read, communications.len())
    }

    /// The recordings of the conversation. They are an addition: without them, the calls are archived.
    async fn recordings_of_calls(
        &mut self,
        calls: &mut Calls<'_>,
    ) -> Result<Vec<RecordingMetadata>, Fetch> {
        let id = self.id;
        let path = ApiPath::from("/api/v2/conversations").segment(id)?;
        let call =
            Call::get(path.then("/recordingmetadata")).with_reply_limit(self.allowance.bytes());
        let read = self.read(&call, |document| recording_metadata(document, id));
        let error = match read.await {
            Ok(recordings) => return Ok(recordings),
            Err(error) => error,
        };
        if error.status() == Some(403) {
            return Ok(Vec::new());
        }
        match self.result_of(error) {
            Fetch::Record(_) => {}
            Fetch::RetryLater(_) => {
                calls.note("the metadata of the recordings was not returned".to_owned());
            }
            Fetch::StopPage(stop) => return Err(stop.into()),
        }
        Ok(Vec::new())
    }

    /// The transcript of a leg.
    async fn communication(&mut self, id: &str) -> Result<CommunicationTranscript, Fetch> {
        let mut refused = None;
        for _ in 0..DOWNLOADS {
            let address = self.transcript_url(id).await?;
            match self.transcript_file(address, id).await? {
                Ok(document) => return Ok(document),
                Err(error) => refused = Some(error),
            }
        }
        let wait = refused.as_ref().map_or_else(preparing, unavailable);
        let problem = "the host of the transcript of the call refuses it with the status 403";
        Err(Postponed::refused_file(problem, wait).into())
    }

    async fn transcript_url(&mut self, communication: &str) -> Result<TranscriptUrl, Fetch> {
        let path = ApiPath::from("/api/v2/speechandtextanalytics/conversations")
            .segment(self.id)?
            .then("/communications")
            .segment(communication)?
            .then("/transcripturl");
        let call = Call::get(path)
            .expect_statuses(&[200, 202])
            .with_reply_limit(self.allowance.bytes());
        match self.ask_with_status(&call, url_if_ready).await {
            // A 202 means not ready, whatever its body contains.
            Ok((Some(url), 200)) => Ok(url),
            Ok(_) => Err(Postponed::preparing(PREPARING, preparing()).into()),
            Err(error) => Err(self.no_url(error)),
        }
    }

    /// The meaning of an error in place of a transcript's URL.
    fn no_url(&mut self, error: ApiError) -> Fetch {
        match error.status() {
            Some(402 | 403) if error.is_about_licence() => {
                self.warnings.insert(NO_LICENCE);
                NoTranscript::new(Status::NotLicensed, NO_LICENCE).into()
            }
            Some(403) if error.lacks_permission() && !error.is_about_access() => {
                self.warnings.insert(NO_PERMISSION);
                NoTranscript::new(Status::Forbidden, NO_PERMISSION).into()
            }
            Some(403) => {
                let problem = "the client may not read the transcript of the call";
                NoTranscript::new(Status::Forbidden, problem).into()
            }
            Some(404 | 410) => NoTranscript::new(Status::Gone, NO_TRANSCRIPT).into(),
            _ => self.result_of(error),
        }
    }

    /// Downloads a transcript. The inner error is a refusal that a new URL may resolve.
    async fn transcript_file(
        &mut self,
        TranscriptUrl { url }: TranscriptUrl,
        communication: &str,
    ) -> Result<Result<CommunicationTranscript, ApiError>, Fetch> {
        if !self.client().may_fetch(FileKind::Transcript, &url) {
            return Err(self.forbidden_host());
        }
        let conversation = self.id;
        let limit = match self.allowance {
            Allowance::First => TRANSCRIPT_LIMIT_BYTES,
            Allowance::Other => self.allowance.bytes(),
        };
        let call = Call::fetch_transcript(url).with_reply_limit(limit);
        let read = self.ask(&call, |body| {
            CommunicationTranscript::read(&parse_document(body)?, conversation, communication)
        });
        match read.await {
            Ok(document) => Ok(Ok(document)),
            Err(error) if error.status() == Some(403) => Ok(Err(error)),
            Err(error) => Err(self.no_file(error)),
        }
    }

    /// The meaning of an error in place of a transcript.
    fn no_file(&mut self, error: ApiError) -> Fetch {
        let no = |status, problem: &str| NoTranscript::new(status, problem).into();
        match &error {
            ApiError::TooLarge { .. } if self.allowance == Allowance::Other => {
                Stop::LargerThanShare.into()
            }
            ApiError::TooLarge { .. } => no(
                Status::TooLarge,
                "the transcript of the call is larger than this program accepts",
            ),
            // A redirect that the rules for hosts do not allow is not followed.
            ApiError::ForbiddenAddress { .. }
            | ApiError::Refused {
                status: 300..=399, ..
            } => self.forbidden_host(),
            ApiError::Refused {
                status: 404 | 410, ..
            } => no(Status::Gone, NO_TRANSCRIPT),
            ApiError::Refused { status, .. } => {
                let problem = format!(
                    "the host of the transcript of the call refuses it with the status {status}"
                );
                Postponed::refused_file(&problem, unavailable(&error)).into()
            }
            _ => match error.unavailable_reason() {
                Some(UnavailableReason::NoTimeLeft) => self.result_of(error),
                Some(
                    reason @ (UnavailableReason::NotJson { .. }
                    | UnavailableReason::Unexpected { .. }),
                ) => {
                    let problem =
                        format!("the transcript of the call is malformed: the host {reason}");
                    Postponed::malformed_file(&problem, unavailable(&error)).into()
                }
                // If the host cannot be reached or is throttling, only its files are affected.
                _ => {
                    let fetch: Fetch = Postponed::unavailable_file(unavailable(&error)).into();
                    fetch.within(self.has_time())
                }
            },
        }
    }

    fn forbidden_host(&mut self) -> Fetch {
        self.warnings.insert(FORBIDDEN_HOST);
        NoTranscript::new(Status::Unavailable, FORBIDDEN_HOST).into()
    }
}

impl MissingLegs {
    /// Records why a leg has no transcript. Returns whether the other legs have none for the same reason.
    fn add(&mut self, fetch: Fetch, is_recorded: bool) -> bool {
        let reason = match fetch {
            Fetch::Record(Err(reason)) => reason,
            Fetch::RetryLater(postponed) => {
                let Err(reason) = &postponed.fallback else {
                    return false;
                };
                let reason = reason.clone();
                self.postponed.get_or_insert(postponed);
                reason
            }
            Fetch::Record(Ok(_)) | Fetch::StopPage(_) => return false,
        };
        if reason.status == Status::Gone && !is_recorded {
            self.unrecorded += 1;
            return false;
        }
        let is_of_all = [NO_PERMISSION, NO_LICENCE].contains(&&*reason.problem);
        let (_, count) = self
            .reasons
            .entry(reason.problem)
            .or_insert((reason.status, 0));
        *count += 1;
        is_of_all
    }

    /// The result of all legs, of which `read` have a transcript.
    fn finish(
        self,
        mut calls: Calls<'_>,
        recordings: Vec<RecordingMetadata>,
        read: usize,
        legs: usize,
    ) -> Result<Transcript, Fetch> {
        let Self {
            reasons,
            unrecorded,
            postponed,
        } = self;
        let result = if read > 0 {
            for (problem, (_, count)) in reasons {
                calls.note(format!("{count} of {legs} legs: {problem}"));
            }
            Ok(calls.finish(recordings))
        } else {
            Err(nothing_read(reasons, unrecorded))
        };
        match (postponed, result) {
            (None, result) => Ok(result?),
            (Some(postponed), result) => Err(postponed.with_result(result).into()),
        }
    }
}

/// Why no leg has a transcript. The legs without any other reason were not recorded.
fn nothing_read(reasons: BTreeMap<String, (Status, u32)>, unrecorded: u32) -> NoTranscript {
    let reasons = reasons.into_iter();
    let reasons = reasons.map(|(problem, (status, _))| NoTranscript::new(status, problem));
    let none = || match unrecorded {
        0 => NoTranscript::new(Status::Gone, "no leg of a call is known"),
        _ => NoTranscript::new(Status::NotRecorded, NOT_RECORDED),
    };
    reasons
        .max_by_key(|reason| transcript::likelihood_of_text(reason.status))
        .unwrap_or_else(none)
}

/// The URL, unless the transcript is not ready.
fn url_if_ready(body: &[u8]) -> Result<Option<TranscriptUrl>, DecodeError> {
    if body.is_empty() {
        return Ok(None);
    }
    TranscriptUrl::read(&parse_document(body)?)
}

fn preparing() -> Wait {
    Wait {
        reason: WaitReason::Unavailable,
        hint: None,
        detail: "the transcript of a call is being prepared".to_owned(),
    }
}

/// The legs of the conversation's calls, each once: its voice sessions, and the recorded legs that it does not list.
fn communications(
    sessions: Option<&ConversationSessions>,
    recordings: &[RecordingMetadata],
) -> Vec<Communication> {
    let recorded: Vec<&String> = recordings
        .iter()
        .filter(|it| it.media.as_deref().is_none_or(|media| media == "audio"))
        .filter_map(|it| it.communication_id.as_ref())
        .collect();
    let participants = sessions.map_or(&[][..], |it| &it.participants);
    let listed = participants.iter().flat_map(|it| &it.sessions);
    let voice =
        listed.filter(|it| it.media_type.as_deref().and_then(medium_of) == Some(Medium::Voice));
    let voice = voice.filter_map(|it| Some((it.session_id.as_ref()?, it.recording)));
    let mut seen = HashSet::new();
    let all = voice.chain(recorded.iter().map(|id| (*id, true)));
    all.filter(|(id, _)| seen.insert((*id).clone()))
        .map(|(id, has_recording)| Communication {
            id: id.clone(),
            is_recorded: has_recording || recorded.contains(&id),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;

    fn recording(session: Option<&str>, media: &str) -> RecordingMetadata {
        RecordingMetadata {
            id: "r".to_owned(),
            media: Some(media.to_owned()),
            communication_id: session.map(ToOwned::to_owned),
            start_time: None,
            end_time: None,
            file_state: None,
            archive_key: None,
        }
    }

    fn sessions() -> ConversationSessions {
        let session = |id: &str, media: &str, recording: bool| json!({"sessionId": id, "mediaType": media, "recording": recording});
        let document = json!({"conversationId": "c", "participants": [
            {"purpose": "customer", "sessions": [session("s1", "voice", true), session("s2", "callback", false)]},
            {"purpose": "acd", "sessions": [session("s3", "voice", false), session("s3", "voice", false)]},
            {"purpose": "agent", "sessions": [session("s4", "voice", false), session("m", "message", false), {"mediaType": "voice"}]},
        ]});
        let document = RawValue::from_string(document.to_string()).unwrap();
        ConversationSessions::read(&document, "c").unwrap()
    }

    fn legs(communications: &[Communication]) -> Vec<(&str, bool)> {
        let legs = communications.iter();
        legs.map(|it| (&*it.id, it.is_recorded)).collect()
    }

    #[test]
    fn the_legs_are_the_voice_sessions_and_other_recorded_legs() {
        let recordings = [
            recording(Some("s4"), "audio"),
            recording(Some("s5"), "audio"),
            recording(Some("m"), "message"),
            recording(None, "audio"),
        ];

        let with_details = communications(Some(&sessions()), &recordings);
        let without = communications(None, &recordings);

        assert_eq!(
            legs(&with_details),
            [
                ("s1", true),
                ("s2", false),
                ("s3", false),
                ("s4", true),
                ("s5", true)
            ]
        );
        assert_eq!(legs(&without), [("s4", true), ("s5", true)]);
    }

    fn gone() -> Fetch {
        NoTranscript::new(Status::Gone, NO_TRANSCRIPT).into()
    }

    #[test]
    fn a_missing_transcript_is_a_gap_only_for_a_recorded_leg() {
        let problems = |is_recorded| {
            let mut missing = MissingLegs::default();
            missing.add(gone(), is_recorded);
            let transcript = missing.finish(Calls::new(None), Vec::new(), 1, 2);
            transcript.map(|it| it.problems).unwrap_or_default()
        };

        assert!(problems(false).is_empty());
        assert_eq!(
            problems(true),
            ["1 of 2 legs: no transcript of the call was found"]
        );
    }

    /// The status of a call whose legs have no transcript; each leg is recorded or not.
    fn status_of(legs: &[bool]) -> Status {
        let mut missing = MissingLegs::default();
        for is_recorded in legs {
            missing.add(gone(), *is_recorded);
        }
        match missing.finish(Calls::new(None), Vec::new(), 0, legs.len()) {
            Err(Fetch::Record(Err(reason))) => reason.status,
            _ => panic!("a reason"),
        }
    }

    #[test]
    fn a_call_is_gone_only_if_one_of_its_legs_was_recorded() {
        assert_eq!(status_of(&[false, false]), Status::NotRecorded);
        assert_eq!(status_of(&[false, true]), Status::Gone);
        assert_eq!(status_of(&[]), Status::Gone);
    }

    #[test]
    fn without_any_transcript_the_reason_that_excludes_a_text_least_counts() {
        let mut missing = MissingLegs::default();
        missing.add(gone(), true);
        missing.add(
            NoTranscript::new(Status::TooLarge, "too large").into(),
            true,
        );

        let Err(Fetch::Record(Err(reason))) = missing.finish(Calls::new(None), Vec::new(), 0, 2)
        else {
            panic!("a reason");
        };

        assert_eq!(reason.status, Status::TooLarge);
    }
}
