//! Parsers of the API's bodies: one per route, each to a [`Transcript`](crate::records::transcript::Transcript).

mod messages;
mod recordings;
mod web_details;

pub(super) use messages::Messages;
pub(super) use recordings::Recordings;
pub(super) use web_details::web_details;
