//! Parsers of the API's bodies: one per route, each to a [`Transcript`](crate::records::transcript::Transcript).

mod email;
mod html;
mod messages;
mod recording_metadata;
mod recordings;
mod voice;
mod web_details;

pub(super) use email::Emails;
pub(super) use messages::Messages;
pub(super) use recording_metadata::recording_metadata;
pub(super) use recordings::Recordings;
pub(super) use voice::Calls;
pub(super) use web_details::web_details;
