//! The paths that the simulator serves.

use std::fmt;

use http::Method;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    Login,
    DetailsQuery,
    DetailsByIds,
    DetailsById,
    Availability,
    JobSubmit,
    JobStatus,
    JobResults,
    JobDelete,
    Retention,
    LimitDocs,
    /// The limits in force.
    Limits,
    LimitDefaults,
    ExportQuery,
    ExportResults,
    Queues,
    /// One queue, by its id.
    Queue,
    WrapUpCodes,
    ChannelCreate,
    ChannelList,
    ChannelCheck,
    SubscriptionAdd,
    SubscriptionReplace,
    SubscriptionList,
    SubscriptionRemove,
    AvailableTopics,
    /// The WebSocket of a channel.
    ChannelSocket,
    /// The WebSocket of a gateway's direct stream.
    DirectStream,
    MessageConversation,
    MessagesBulk,
    Recordings,
    RecordingMetadata,
    /// The URL of a call's transcript.
    TranscriptUrl,
    /// The URLs of a call's transcripts, one for each recording.
    TranscriptUrls,
    WebDetails,
    /// A gateway's query for the conversations of guest sessions.
    WebSessions,
    /// An attachment's download URL, which may redirect.
    Download,
    /// The attachment itself, served without a token.
    Media,
    /// A call's transcript at the host of files, which refuses a token.
    TranscriptFile,
    /// Unknown path: 404.
    Unknown,
    /// Known path, but not with this method: 405.
    WrongMethod,
}

impl Route {
    /// The name used in stats and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::DetailsQuery => "details-query",
            Self::DetailsByIds => "details-by-ids",
            Self::DetailsById => "details-by-id",
            Self::Availability => "availability",
            Self::JobSubmit => "job-submit",
            Self::JobStatus => "job-status",
            Self::JobResults => "job-results",
            Self::JobDelete => "job-delete",
            Self::Retention => "retention",
            Self::LimitDocs => "limit-docs",
            Self::Limits => "limits",
            Self::LimitDefaults => "limit-defaults",
            Self::ExportQuery => "export-query",
            Self::ExportResults => "export-results",
            Self::Queues => "queues",
            Self::Queue => "queue",
            Self::WrapUpCodes => "wrap-up-codes",
            Self::ChannelCreate => "channel-create",
            Self::ChannelList => "channel-list",
            Self::ChannelCheck => "channel-check",
            Self::SubscriptionAdd => "subscription-add",
            Self::SubscriptionReplace => "subscription-replace",
            Self::SubscriptionList => "subscription-list",
            Self::SubscriptionRemove => "subscription-remove",
            Self::AvailableTopics => "available-topics",
            Self::ChannelSocket => "channel-socket",
            Self::DirectStream => "direct-stream",
            Self::MessageConversation => "message-conversation",
            Self::MessagesBulk => "messages-bulk",
            Self::Recordings => "recordings",
            Self::RecordingMetadata => "recording-metadata",
            Self::TranscriptUrl => "transcript-url",
            Self::TranscriptUrls => "transcript-urls",
            Self::WebDetails => "web-details",
            Self::WebSessions => "web-sessions",
            Self::Download => "download",
            Self::Media => "media",
            Self::TranscriptFile => "transcript-file",
            Self::Unknown => "unknown",
            Self::WrongMethod => "wrong-method",
        }
    }

    /// Returns the route and the id in its path, empty if it has none.
    pub(crate) fn of(method: &Method, path: &str) -> (Self, String) {
        let (verbs, id) = verbs(path);
        let route = verbs.iter().find(|(verb, _)| method == verb);
        let missing = if verbs.is_empty() {
            Self::Unknown
        } else {
            Self::WrongMethod
        };
        (route.map_or(missing, |(_, route)| *route), id.to_owned())
    }
}

/// Returns the methods and routes of a path, and the id in it. An unknown path has none.
fn verbs(path: &str) -> (&'static [(Method, Route)], &str) {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        ["oauth", "token"] => (&[(Method::POST, Route::Login)], ""),
        ["api", "v2", "export", rest @ ..] => of_gateway(rest),
        ["api", "v2", "analytics", "dataretention", "settings"] => {
            (&[(Method::GET, Route::Retention)], "")
        }
        ["api", "v2", "analytics", "conversations", rest @ ..] => of_conversations(rest),
        ["api", "v2", "conversations", rest @ ..] => of_texts(rest),
        ["api", "v2", "downloads", id] => (&[(Method::GET, Route::Download)], id),
        ["media", id] => (&[(Method::GET, Route::Media)], id),
        ["transcriptsCache", id, _] => (&[(Method::GET, Route::TranscriptFile)], id),
        ["api", "v2", "speechandtextanalytics", rest @ ..] => of_speech(rest),
        ["api", "v2", "routing", "queues"] => (&[(Method::GET, Route::Queues)], ""),
        ["api", "v2", "routing", "queues", id] => (&[(Method::GET, Route::Queue)], id),
        ["api", "v2", "notifications", rest @ ..] => of_notifications(rest),
        ["channels", id] => (&[(Method::GET, Route::ChannelSocket)], id),
        ["api", "v2", "routing", "wrapupcodes"] => (&[(Method::GET, Route::WrapUpCodes)], ""),
        ["api", "v2", "organizations", "limits", rest @ ..] => of_limits(rest),
        _ => (&[], ""),
    }
}

fn of_gateway<'a>(rest: &[&'a str]) -> (&'static [(Method, Route)], &'a str) {
    match rest {
        ["query"] => (&[(Method::POST, Route::ExportQuery)], ""),
        ["job", id, "results"] => (&[(Method::GET, Route::ExportResults)], id),
        _ => (&[], ""),
    }
}

fn of_conversations<'a>(rest: &[&'a str]) -> (&'static [(Method, Route)], &'a str) {
    match rest {
        ["details"] => (&[(Method::GET, Route::DetailsByIds)], ""),
        ["details", "query"] => (&[(Method::POST, Route::DetailsQuery)], ""),
        ["details", "stream"] => (&[(Method::GET, Route::DirectStream)], ""),
        ["web", "details", "query"] => (&[(Method::POST, Route::WebSessions)], ""),
        [id, "details"] => (&[(Method::GET, Route::DetailsById)], id),
        ["details", "jobs"] => (&[(Method::POST, Route::JobSubmit)], ""),
        ["details", "jobs", "availability"] => (&[(Method::GET, Route::Availability)], ""),
        ["details", "jobs", id] => (
            &[
                (Method::GET, Route::JobStatus),
                (Method::DELETE, Route::JobDelete),
            ],
            id,
        ),
        ["details", "jobs", id, "results"] => (&[(Method::GET, Route::JobResults)], id),
        _ => (&[], ""),
    }
}

fn of_notifications<'a>(rest: &[&'a str]) -> (&'static [(Method, Route)], &'a str) {
    match rest {
        ["availabletopics"] => (&[(Method::GET, Route::AvailableTopics)], ""),
        ["channels"] => (
            &[
                (Method::POST, Route::ChannelCreate),
                (Method::GET, Route::ChannelList),
            ],
            "",
        ),
        ["channels", id] => (&[(Method::HEAD, Route::ChannelCheck)], id),
        ["channels", id, "subscriptions"] => (
            &[
                (Method::POST, Route::SubscriptionAdd),
                (Method::PUT, Route::SubscriptionReplace),
                (Method::GET, Route::SubscriptionList),
                (Method::DELETE, Route::SubscriptionRemove),
            ],
            id,
        ),
        _ => (&[], ""),
    }
}

fn of_texts<'a>(rest: &[&'a str]) -> (&'static [(Method, Route)], &'a str) {
    match rest {
        ["messages", id] => (&[(Method::GET, Route::MessageConversation)], id),
        ["messages", id, "messages", "bulk"] => (&[(Method::POST, Route::MessagesBulk)], id),
        [id, "recordings"] => (&[(Method::GET, Route::Recordings)], id),
        [id, "recordingmetadata"] => (&[(Method::GET, Route::RecordingMetadata)], id),
        ["web", "details", id] => (&[(Method::GET, Route::WebDetails)], id),
        _ => (&[], ""),
    }
}

fn of_speech<'a>(rest: &[&'a str]) -> (&'static [(Method, Route)], &'a str) {
    match rest {
        ["conversations", id, "communications", _, "transcripturl"] => {
            (&[(Method::GET, Route::TranscriptUrl)], id)
        }
        ["conversations", id, "communications", _, "transcripturls"] => {
            (&[(Method::GET, Route::TranscriptUrls)], id)
        }
        _ => (&[], ""),
    }
}

fn of_limits<'a>(rest: &[&'a str]) -> (&'static [(Method, Route)], &'a str) {
    match rest {
        ["docs"] => (&[(Method::GET, Route::LimitDocs)], ""),
        ["namespaces", name] => (&[(Method::GET, Route::Limits)], name),
        ["namespaces", name, "defaults"] => (&[(Method::GET, Route::LimitDefaults)], name),
        _ => (&[], ""),
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_depends_on_path_and_method() {
        let jobs = "/api/v2/analytics/conversations/details/jobs";

        assert_eq!(
            Route::of(&Method::POST, jobs),
            (Route::JobSubmit, String::new())
        );
        assert_eq!(Route::of(&Method::GET, jobs).0, Route::WrongMethod);
        assert_eq!(
            Route::of(&Method::GET, &format!("{jobs}/availability")).0,
            Route::Availability
        );
        assert_eq!(
            Route::of(&Method::GET, &format!("{jobs}/x/results")),
            (Route::JobResults, "x".to_owned())
        );
        assert_eq!(
            Route::of(&Method::DELETE, &format!("{jobs}/x")),
            (Route::JobDelete, "x".to_owned())
        );
        assert_eq!(
            Route::of(&Method::GET, "/api/v2/analytics/conversations/x/details"),
            (Route::DetailsById, "x".to_owned())
        );
        assert_eq!(
            Route::of(&Method::GET, "/"),
            (Route::Unknown, String::new())
        );
    }
}
