//! Permissions and divisions of the client's role: a missing permission is a 403 that names it; conversations of a
//! missing division are silently omitted.

use std::ops::Range;

use jiff::Timestamp;

use super::Organisation;
use super::response::ApiError;
use crate::route::Route;

/// The permissions that the published documentation names for each route; any one of them is enough.
fn required_permissions(route: Route) -> &'static [&'static str] {
    const DETAILS: &str = "analytics:conversationDetail:view";
    const OWN_DETAILS: &str = "analytics:agentConversationDetail:view";
    match route {
        Route::DetailsQuery
        | Route::DetailsByIds
        | Route::DetailsById
        | Route::JobSubmit
        | Route::JobStatus
        | Route::JobResults
        | Route::JobDelete => &[DETAILS, OWN_DETAILS],
        Route::Availability => &[DETAILS],
        Route::Retention => &["analytics:dataRetention:view"],
        Route::MessageConversation | Route::MessagesBulk => &[
            "conversation:message:view",
            "conversation:webmessaging:view",
        ],
        Route::Recordings => &["recording:recording:view"],
        Route::RecordingMetadata | Route::TranscriptUrls => {
            &["recording:recording:view", "recording:recordingSegment:view"]
        }
        Route::Queues | Route::Queue => &["routing:queue:view"],
        Route::WrapUpCodes => &["routing:wrapupCode:view"],
        Route::Login
        | Route::LimitDocs
        | Route::Limits
        | Route::LimitDefaults
        | Route::ExportQuery
        | Route::ExportResults
        | Route::WebDetails
        | Route::WebSessions
        | Route::Download
        | Route::Media
        | Route::TranscriptFile
        // Each topic has a permission of its own.
        | Route::ChannelCreate
        | Route::ChannelList
        | Route::ChannelCheck
        | Route::SubscriptionAdd
        | Route::SubscriptionReplace
        | Route::SubscriptionList
        | Route::SubscriptionRemove
        | Route::AvailableTopics
        | Route::ChannelSocket
        | Route::DirectStream
        // Needs all of several permissions, not any.
        | Route::TranscriptUrl
        | Route::Unknown
        | Route::WrongMethod => &[],
    }
}

/// The published documentation requires all of them.
const TRANSCRIPT_URL: [&str; 2] = [
    "recording:recording:view",
    "speechAndTextAnalytics:data:view",
];

impl Organisation {
    pub(crate) fn check_permission(&self, route: Route) -> Result<(), ApiError> {
        if route == Route::TranscriptUrl {
            return self.check_all_permissions(&TRANSCRIPT_URL);
        }
        let required_permissions = required_permissions(route);
        let held = |it: &&str| self.settings.permissions.iter().any(|held| held == it);
        if required_permissions.is_empty() || required_permissions.iter().any(held) {
            return Ok(());
        }
        let message = format!(
            "Unable to perform the requested action. You must have at least one of the following permissions assigned: [{}]",
            required_permissions.join(", ")
        );
        Err(ApiError::new(403, "missing.any.permissions", &message))
    }

    fn check_all_permissions(&self, required: &[&str]) -> Result<(), ApiError> {
        let held = |it: &&&str| self.settings.permissions.iter().any(|held| held == **it);
        let missing: Vec<&str> = required.iter().filter(|it| !held(it)).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "Unable to perform the requested action. You are missing the following permission(s): {}",
            missing.join(", ")
        );
        Err(ApiError::new(403, "missing.permissions", &message))
    }

    /// The indexes of the conversations that started in this half-open interval and are in a division that the client
    /// has.
    pub(crate) fn visible(&self, started: Range<Timestamp>) -> impl Iterator<Item = usize> {
        let held = self.settings.divisions_held;
        self.data
            .started(started)
            .filter(move |index| self.data.is_visible(*index, held))
    }
}
