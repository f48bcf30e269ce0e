//! The result of fetching one conversation: separates what concerns it alone from what concerns all conversations.

use super::batches::TooMuch;
use crate::base::failure::error_chain;
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::{ApiError, InvalidSegment, UnavailableReason};
use crate::records::foreign::ForeignId;
use crate::records::page::AttachedFile;
use crate::records::transcript::{NoTranscript, Status, Transcript};
use crate::source::{SourceError, source_broken};

const TOO_LARGE: &str = "its messages are larger than the API or this program accepts";

/// The result of fetching one conversation.
pub(super) enum Fetch {
    /// Final: the conversation's record.
    Record(Result<Box<Texts>, NoTranscript>),
    /// The conversation is postponed: requested again after the others of the export.
    RetryLater(Box<Postponed>),
    /// The page ends before this conversation.
    StopPage(Stop),
}

/// The texts of a conversation, and the files that were sent with them.
pub(super) struct Texts {
    pub(super) transcript: Transcript,
    pub(super) files: Vec<AttachedFile>,
}

impl Texts {
    fn held_bytes(&self) -> u64 {
        let files = self.files.iter().map(|file| file.bytes.len() as u64);
        self.transcript.stored_bytes() + files.sum::<u64>()
    }
}

/// A postponed conversation, and the result to record if no retry helps.
pub(super) struct Postponed {
    pub(super) cause: Cause,
    pub(super) fallback: Result<Box<Texts>, NoTranscript>,
    pub(super) wait: Wait,
}

/// Why a conversation is postponed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The API fails on its requests.
    Failing,
    /// The API refuses it, with a status that does not say how long the refusal lasts.
    Refused,
    /// Its recording is being prepared.
    Preparing,
    /// Its texts are available, but a file is not.
    File,
}

/// Why a page ends before a conversation.
pub(super) enum Stop {
    /// The error concerns all conversations.
    Source(SourceError),
    /// The invocation's deadline expired meanwhile. The conversation may take more time than any invocation has.
    OutOfTime(Wait),
    /// The conversation is larger than its share of the memory. Never the result of the first one of a page.
    LargerThanShare,
}

impl Fetch {
    /// The meaning of an error for the conversation that was requested.
    pub(super) fn of(error: ApiError) -> Self {
        if let Some(final_result) = no_transcript(&error) {
            return final_result.into();
        }
        match (&error, error.unavailable_reason()) {
            (_, Some(UnavailableReason::NoTimeLeft)) => Stop::OutOfTime(unavailable(&error)).into(),
            // A 403 about the conversation itself is final.
            (
                ApiError::Refused {
                    status: 401 | 403 | 407,
                    ..
                },
                _,
            ) => Stop::Source(error.into()).into(),
            // A status that is not documented for this request. It may be transient, like a redirect to a maintenance
            // page.
            (ApiError::Refused { .. }, _) => Postponed::refused(&error).into(),
            (
                _,
                Some(
                    reason @ (UnavailableReason::NotJson { .. }
                    | UnavailableReason::Unexpected { .. }),
                ),
            ) if fails_alone(&error) => Postponed::malformed(&error, reason).into(),
            _ if fails_alone(&error) => Postponed::unavailable(unavailable(&error)).into(),
            _ => Stop::Source(error.into()).into(),
        }
    }

    /// Without time left, a missing response may be due to our own deadline.
    pub(super) fn within(self, has_time: bool) -> Self {
        match self {
            Self::RetryLater(postponed) if postponed.cause == Cause::Failing && !has_time => {
                Stop::OutOfTime(postponed.wait).into()
            }
            fetch => fetch,
        }
    }

    /// Whether the API gave an answer for the conversation, even if only that there is nothing.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Self::Record(Ok(_)) => true,
            // Nothing was looked up.
            Self::Record(Err(reason)) => reason.status != Status::Refused,
            Self::RetryLater(_) | Self::StopPage(_) => false,
        }
    }
}

impl From<Stop> for SourceError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Source(error) => error,
            Stop::OutOfTime(wait) => Self::NotReady(wait),
            Stop::LargerThanShare => source_broken("the first conversation of a page has no share"),
        }
    }
}

impl Postponed {
    /// The API failed on every request.
    pub(super) fn unavailable(wait: Wait) -> Self {
        let problem = format!(
            "the API did not respond in time for this conversation: {}",
            wait.detail
        );
        Self {
            cause: Cause::Failing,
            fallback: Err(NoTranscript::new(Status::Unavailable, problem)),
            wait,
        }
    }

    /// The API answered every request with something other than the requested document.
    fn malformed(error: &ApiError, reason: &UnavailableReason) -> Self {
        let problem = match reason {
            UnavailableReason::NotJson { .. } => {
                format!("the API's response is not JSON: {}", error_chain(error))
            }
            _ => format!("the API {reason}"),
        };
        Self {
            cause: Cause::Failing,
            fallback: Err(NoTranscript::new(Status::Malformed, problem)),
            wait: unavailable(error),
        }
    }

    /// The host of a file failed on every request.
    pub(super) fn unavailable_file(wait: Wait) -> Self {
        let problem = format!("the transcript of the call was not served: {}", wait.detail);
        Self {
            cause: Cause::Failing,
            fallback: Err(NoTranscript::new(Status::Unavailable, problem)),
            wait,
        }
    }

    /// The host of a file refuses it, with a status that does not say how long the refusal lasts.
    pub(super) fn refused_file(problem: &str, wait: Wait) -> Self {
        Self {
            cause: Cause::Refused,
            fallback: Err(NoTranscript::new(Status::Unavailable, problem)),
            wait,
        }
    }

    /// The host of a file served something else.
    pub(super) fn malformed_file(problem: &str, wait: Wait) -> Self {
        Self {
            cause: Cause::Failing,
            fallback: Err(NoTranscript::new(Status::Malformed, problem)),
            wait,
        }
    }

    /// The text will be available later.
    pub(super) fn preparing(problem: &str, wait: Wait) -> Self {
        Self {
            cause: Cause::Preparing,
            fallback: Err(NoTranscript::new(Status::Preparing, problem)),
            wait,
        }
    }

    /// The same wait, with another result to record if no retry helps.
    pub(super) fn with_result(self, result: Result<Transcript, NoTranscript>) -> Self {
        let fallback = result.map(|transcript| {
            let files = Vec::new();
            Box::new(Texts { transcript, files })
        });
        Self { fallback, ..self }
    }

    fn refused(error: &ApiError) -> Self {
        Self {
            cause: Cause::Refused,
            fallback: Err(refused("the conversation", error)),
            wait: unavailable(error),
        }
    }

    /// Bytes of the texts and files that are held until the page ends.
    pub(super) fn held_bytes(&self) -> usize {
        let texts = self.fallback.as_ref().map_or(0, |texts| texts.held_bytes());
        usize::try_from(texts).unwrap_or(usize::MAX)
    }

    /// Whether the API failed at it or refused it, as opposed to still preparing it.
    pub(super) fn is_failing(&self) -> bool {
        matches!(self.cause, Cause::Failing | Cause::Refused)
    }
}

pub(super) fn unavailable(error: &ApiError) -> Wait {
    Wait {
        reason: WaitReason::Unavailable,
        hint: error.wait(),
        detail: error_chain(error),
    }
}

/// The permanent outcome that an error means for one conversation, if any.
fn no_transcript(error: &ApiError) -> Option<NoTranscript> {
    let no = |status, problem: &str| Some(NoTranscript::new(status, problem));
    match error {
        ApiError::Refused { status: 404, .. } => {
            no(Status::Gone, "no messages of the conversation were found")
        }
        ApiError::Refused { status: 410, .. } => no(
            Status::Gone,
            "the API no longer keeps the conversation: 410",
        ),
        ApiError::Refused { status: 400, .. } => Some(refused("the conversation", error)),
        ApiError::Refused {
            status: 403, code, ..
        } if !is_of_the_client(code.as_ref().map(ForeignId::as_str)) => no(
            Status::Forbidden,
            "the client may not read the conversation",
        ),
        ApiError::Refused { status: 451, .. } => no(
            Status::Forbidden,
            "the conversation may not be read for legal reasons: 451",
        ),
        ApiError::Refused { status: 413, .. } | ApiError::TooLarge { .. } => {
            no(Status::TooLarge, TOO_LARGE)
        }
        _ => None,
    }
}

/// The result to record when the API refuses something with 400, or with a status that is not documented for it.
/// Contains the status, but not the API's message.
fn refused(what: &str, error: &ApiError) -> NoTranscript {
    let status = error
        .status()
        .map_or_else(String::new, |status| status.to_string());
    NoTranscript::new(
        Status::Refused,
        format!("the API refuses {what} with the status {status}"),
    )
}

/// Whether a bulk request may be too large for the API, or its response for our own limit.
pub(super) fn too_much(error: &ApiError) -> Option<TooMuch> {
    match error {
        ApiError::Refused {
            status: 400 | 413 | 422,
            ..
        } => Some(TooMuch::ForApi),
        ApiError::TooLarge { .. } => Some(TooMuch::ForUs),
        _ => None,
    }
}

/// Whether a single message may cause the API's failure or its damaged response. Smaller batches then return the other
/// messages.
pub(super) fn is_poisoned(error: &ApiError) -> bool {
    matches!(
        error.unavailable_reason(),
        Some(
            UnavailableReason::Status(500)
                | UnavailableReason::NotJson { .. }
                | UnavailableReason::Unexpected { .. }
        )
    ) && !error.is_login_error()
}

/// The result to record when every message is refused even alone.
pub(super) fn all_refused(error: &ApiError) -> NoTranscript {
    match error {
        ApiError::Refused { status: 413, .. } | ApiError::TooLarge { .. } => {
            NoTranscript::new(Status::TooLarge, TOO_LARGE)
        }
        _ => refused("messages", error),
    }
}

/// The problem to record for a message that is refused even alone.
pub(super) fn refused_alone(error: &ApiError) -> String {
    match error {
        ApiError::TooLarge { .. } => "a message is larger than this program accepts".to_owned(),
        _ => refused("messages", error).problem,
    }
}

/// The result to record for an id that would lead the request to another path.
pub(super) fn invalid_id() -> NoTranscript {
    NoTranscript::new(
        Status::Refused,
        "a conversation id of this form cannot be requested",
    )
}

/// Whether the API may fail on this request and on no other.
pub(super) fn fails_alone(error: &ApiError) -> bool {
    // A failed login affects all conversations.
    !error.is_login_error()
        && matches!(
            error.unavailable_reason(),
            Some(
                UnavailableReason::Status(_)
                    | UnavailableReason::Timeout
                    | UnavailableReason::CutOff
                    | UnavailableReason::NotJson { .. }
                    | UnavailableReason::Unexpected { .. }
            )
        )
}

/// Whether a 403 is about the client: a permission missing from its role affects all conversations. A missing division
/// affects only that conversation.
fn is_of_the_client(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("missing.permissions" | "missing.any.permissions")
    )
}

impl From<Postponed> for Fetch {
    fn from(postponed: Postponed) -> Self {
        Self::RetryLater(Box::new(postponed))
    }
}

impl From<Stop> for Fetch {
    fn from(stop: Stop) -> Self {
        Self::StopPage(stop)
    }
}

impl From<InvalidSegment> for Fetch {
    fn from(_: InvalidSegment) -> Self {
        invalid_id().into()
    }
}

impl From<NoTranscript> for Fetch {
    fn from(reason: NoTranscript) -> Self {
        Self::Record(Err(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesys::{LoginRefusal, RefusalReason};
    use crate::records::foreign::{ForeignText, Secrets};

    const LOGIN: &str = crate::genesys::LOGIN_ROUTE;

    fn not_json() -> UnavailableReason {
        UnavailableReason::NotJson {
            status: 200,
            content_type: None,
            line: 1,
            column: 1,
        }
    }

    fn refusal(status: u16, code: Option<&str>) -> ApiError {
        let none = Secrets::default();
        ApiError::Refused {
            route: "/api/v2/conversations/messages/c".to_owned(),
            status,
            code: code.and_then(|code| ForeignId::new(code, &none)),
            reason: Some(RefusalReason::Message(ForeignText::new("not found", &none))),
            context_id: ForeignId::new("x-1", &none),
        }
    }

    /// The result for the conversation, with its fallback.
    fn outcome(error: ApiError) -> String {
        let reason = |result: Result<Box<Texts>, NoTranscript>| {
            let reason = result.err().expect("no texts");
            format!("{}: {}", reason.status.as_str(), reason.problem)
        };
        match Fetch::of(error) {
            Fetch::Record(result) => reason(result),
            Fetch::RetryLater(postponed) => {
                format!("{:?}, then {}", postponed.cause, reason(postponed.fallback))
            }
            Fetch::StopPage(Stop::Source(_)) => "all".to_owned(),
            Fetch::StopPage(Stop::OutOfTime(_)) => "out of time".to_owned(),
            Fetch::StopPage(Stop::LargerThanShare) => "larger than its share".to_owned(),
        }
    }

    #[test]
    fn a_status_about_one_conversation_becomes_its_record() {
        let statuses = [
            301, 302, 307, 308, 400, 402, 403, 404, 405, 406, 410, 411, 413, 415, 418, 422, 426,
            428, 431, 451,
        ];

        let outcomes =
            statuses.map(|status| format!("{status} {}", outcome(refusal(status, None))));

        insta::assert_snapshot!(outcomes.join("\n"), @"
        301 Refused, then refused: the API refuses the conversation with the status 301
        302 Refused, then refused: the API refuses the conversation with the status 302
        307 Refused, then refused: the API refuses the conversation with the status 307
        308 Refused, then refused: the API refuses the conversation with the status 308
        400 refused: the API refuses the conversation with the status 400
        402 Refused, then refused: the API refuses the conversation with the status 402
        403 forbidden: the client may not read the conversation
        404 gone: no messages of the conversation were found
        405 Refused, then refused: the API refuses the conversation with the status 405
        406 Refused, then refused: the API refuses the conversation with the status 406
        410 gone: the API no longer keeps the conversation: 410
        411 Refused, then refused: the API refuses the conversation with the status 411
        413 tooLarge: its messages are larger than the API or this program accepts
        415 Refused, then refused: the API refuses the conversation with the status 415
        418 Refused, then refused: the API refuses the conversation with the status 418
        422 Refused, then refused: the API refuses the conversation with the status 422
        426 Refused, then refused: the API refuses the conversation with the status 426
        428 Refused, then refused: the API refuses the conversation with the status 428
        431 Refused, then refused: the API refuses the conversation with the status 431
        451 forbidden: the conversation may not be read for legal reasons: 451
        ");
    }

    #[test]
    fn errors_about_the_client_concern_all_conversations() {
        let login = ApiError::Login {
            host: "login.example".to_owned(),
            reason: LoginRefusal::InvalidClient {
                reason: None,
                check: Vec::new(),
            },
            status: Some(401),
            source: None,
        };
        let throttled = ApiError::Throttled {
            route: String::new(),
            retry_after: None,
            context_id: None,
        };
        let errors = [
            refusal(401, None),
            refusal(407, None),
            refusal(403, Some("missing.permissions")),
            refusal(403, Some("missing.any.permissions")),
            login,
            throttled,
            ApiError::unavailable("/", UnavailableReason::Unreachable),
            ApiError::unavailable(LOGIN, UnavailableReason::Status(503)),
            ApiError::unavailable(LOGIN, UnavailableReason::Timeout),
            ApiError::unavailable(LOGIN, not_json()),
        ];
        for error in errors {
            let shown = format!("{error:?}");
            assert_eq!(outcome(error), "all", "{shown}");
        }
    }

    #[test]
    fn our_own_deadline_is_not_blamed_on_a_conversation() {
        let error = ApiError::unavailable("/", UnavailableReason::NoTimeLeft);

        assert_eq!(outcome(error), "out of time");
    }

    #[test]
    fn a_failing_conversation_is_retried_and_then_unavailable() {
        for what in [
            UnavailableReason::Status(409),
            UnavailableReason::Status(500),
            UnavailableReason::Status(529),
            UnavailableReason::Timeout,
            UnavailableReason::CutOff,
        ] {
            let outcome = outcome(ApiError::unavailable("/", what));
            assert!(
                outcome.starts_with("Failing, then unavailable: "),
                "{outcome}"
            );
        }
    }

    #[test]
    fn these_statuses_mean_that_a_batch_is_too_large() {
        let too_large = ApiError::TooLarge {
            route: String::new(),
            limit: 1,
        };

        for status in [400, 413, 422] {
            assert_eq!(too_much(&refusal(status, None)), Some(TooMuch::ForApi));
        }
        for status in [302, 403, 404, 409, 410, 415, 451] {
            assert_eq!(too_much(&refusal(status, None)), None, "{status}");
        }
        assert_eq!(too_much(&too_large), Some(TooMuch::ForUs));
        assert_eq!(all_refused(&too_large).status, Status::TooLarge);
        assert_eq!(all_refused(&refusal(413, None)).status, Status::TooLarge);
        assert_eq!(all_refused(&refusal(400, None)).status, Status::Refused);
    }
}
