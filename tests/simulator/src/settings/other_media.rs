//! Conversations of media that the default mix does not have.

use crate::data::outline::Media;

/// For each kind, the `n` of "one in `n` conversations of the interval". Zero means none.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtherMedia {
    /// Conversations of e-mails.
    pub email: usize,
    /// Message conversations with a call.
    pub message_and_voice: usize,
}

impl OtherMedia {
    /// The medium that replaces that of the conversation with this number.
    pub(crate) fn of(self, number: usize) -> Option<Media> {
        let hit = |every: usize, shift: usize| every > 0 && number % every == shift % every;
        match number {
            _ if hit(self.email, 0) => Some(Media::Email),
            _ if hit(self.message_and_voice, 1) => Some(Media::MessageAndVoice),
            _ => None,
        }
    }
}
