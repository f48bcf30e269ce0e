//! Phrases of a live call.

use crate::data::moment::Moment;

#[derive(Clone, Debug)]
pub(crate) struct LivePhrase {
    pub(crate) utterance: String,
    pub(crate) time: Moment,
    pub(crate) text: String,
    /// The session in which it is said.
    pub(crate) session: String,
    pub(crate) duration: i64,
    pub(crate) confidence: f64,
    pub(crate) is_customer: bool,
}
