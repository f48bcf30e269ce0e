//! The media of one conversation: which of them it has, and the texts of each, combined in one transcript.

use super::bodies::Emails;
use super::conversation::{ConversationRequests, recording_wait};
use super::fetch::{Cause, Fetch, Postponed};
use crate::genesys::wire::ConversationSessions;
use crate::genesys::{ApiError, ApiPath, Call};
use crate::records::medium::Medium;
use crate::records::page::medium_of;
use crate::records::transcript::{NoTranscript, PartResult, Status, Transcript, combine};

const NO_RECORDINGS: &str =
    "the client may not read recordings (recording:recording:view), which hold the e-mails";

impl ConversationRequests<'_> {
    /// The texts of all media of the plan that the conversation has.
    pub(super) async fn media(&mut self) -> Result<Transcript, Fetch> {
        let sessions = self.sessions().await?;
        let plan = self.plan;
        let start = sessions.as_ref().and_then(|it| it.conversation_start);
        let mut results: Vec<PartResult> = Vec::new();
        let mut postponed = None;
        for medium in plan.media.iter().copied() {
            if sessions.as_ref().is_some_and(|it| !has_medium(it, medium)) {
                continue;
            }
            if !self.has_room_for(0) || is_any_left_out(&results) {
                // The other media could only make it larger.
                return Ok(self.too_large(combine(results, start)?)?);
            }
            let read = match medium {
                Medium::Message => self.messages_of_route().await,
                Medium::Voice => self.calls(sessions.as_ref()).await,
                Medium::Email => self.emails().await,
            };
            let result = match read {
                Ok(transcript) => Ok(transcript),
                Err(Fetch::Record(result)) => result.map(|texts| texts.transcript),
                Err(Fetch::RetryLater(later)) => {
                    let Postponed {
                        cause,
                        fallback,
                        wait,
                    } = *later;
                    postponed.get_or_insert((cause, wait));
                    fallback.map(|texts| texts.transcript)
                }
                Err(Fetch::StopPage(stop)) => return Err(stop.into()),
            };
            self.held_bytes += result.as_ref().map_or(0, Transcript::stored_bytes);
            results.push((medium, result));
        }
        let result = if results.is_empty() {
            Err(none_of_these(&plan.media))
        } else {
            combine(results, start)
        };
        match postponed {
            None => Ok(result?),
            Some((cause, wait)) => Err(Postponed {
                cause,
                fallback: result.map(|transcript| self.without_files(transcript)),
                wait,
            }
            .into()),
        }
    }

    /// The participants and sessions of the conversation; `None` if the API does not know it or denies it, so that
    /// every medium is tried.
    async fn sessions(&mut self) -> Result<Option<ConversationSessions>, Fetch> {
        let id = self.id;
        let path = ApiPath::from("/api/v2/analytics/conversations").segment(id)?;
        let call = Call::get(path.then("/details")).with_reply_limit(self.allowance.bytes());
        let read = self.read(&call, |document| ConversationSessions::read(document, id));
        match read.await {
            Ok(sessions) => Ok(Some(sessions)),
            Err(error) => match self.result_of(error) {
                Fetch::Record(_) => Ok(None),
                fetch => Err(fetch),
            },
        }
    }

    /// The e-mails of the conversation, from its recordings.
    async fn emails(&mut self) -> Result<Transcript, Fetch> {
        let id = self.id;
        let read = self.prepared_recordings(|document| Emails::of(document, id));
        match read.await? {
            Ok(Some(emails)) => Ok(emails.finish()?),
            Ok(None) => {
                let problem = "the recording of the e-mails was not ready in time";
                Err(Postponed::preparing(problem, recording_wait()).into())
            }
            Err(error) => Err(self.no_emails(error)),
        }
    }

    fn no_emails(&mut self, error: ApiError) -> Fetch {
        match error.status() {
            Some(403) if !error.is_about_access() => {
                self.warnings.insert(NO_RECORDINGS);
                NoTranscript::new(Status::Forbidden, NO_RECORDINGS).into()
            }
            Some(404) => {
                NoTranscript::new(Status::Gone, "no recording of the e-mails was found").into()
            }
            _ => match self.result_of(error) {
                Fetch::RetryLater(postponed) if postponed.cause == Cause::Refused => {
                    let problem = "the API refuses the recordings of the e-mails";
                    Postponed::refused_file(problem, postponed.wait).into()
                }
                fetch => fetch,
            },
        }
    }
}

/// Whether the texts of a medium were left out because they are larger than any that are kept.
fn is_any_left_out(results: &[PartResult]) -> bool {
    let mut read = results
        .iter()
        .filter_map(|(_, result)| result.as_ref().ok());
    read.any(|transcript| transcript.cut.is_beyond_archive_limit())
}

/// Whether the conversation has a session of the medium, or no session that says so.
fn has_medium(sessions: &ConversationSessions, medium: Medium) -> bool {
    let mut listed = sessions.participants.iter().flat_map(|it| &it.sessions);
    let mut has_sessions = false;
    let has = listed.any(|session| {
        has_sessions = true;
        match session.media_type.as_deref() {
            Some(media_type) => medium_of(media_type) == Some(medium),
            None => true,
        }
    });
    has || !has_sessions
}

fn none_of_these(media: &[Medium]) -> NoTranscript {
    let media: Vec<_> = media.iter().map(|medium| medium.as_str()).collect();
    let problem = format!(
        "the conversation has no session of the media {}",
        media.join(", ")
    );
    NoTranscript::new(Status::NotRecorded, problem)
}
