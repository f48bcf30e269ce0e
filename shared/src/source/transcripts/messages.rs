//! The messages of one conversation: those that the conversation lists, requested in bulk.

use serde_json::json;

use super::batches::{Batches, TooMuch};
use super::bodies::Messages;
use super::missed::{HeldUp, Missed, Verdict, all_refused, is_poisoned, refused_alone, too_much};
use super::visit::{REPLY_LIMIT_BYTES, Visit};
use crate::genesys::wire::TextMessageListing;
use crate::genesys::{ApiError, Call};
use crate::records::transcript::{Status, Transcript, Untold};

/// State of the requests for one conversation's messages.
struct Requested<'v, 'a> {
    visit: &'v mut Visit<'a>,
    path: String,
    messages: Messages,
    /// Why messages are missing, from the first time that some were.
    refusal: Option<Untold>,
    /// Whether the API denies this client the remaining messages.
    is_forbidden: bool,
    /// Batch size for requesting again the messages that responses omitted.
    size_again: Option<usize>,
    /// The first error of the API on a single message.
    failed: Option<ApiError>,
}

impl Visit<'_> {
    pub(super) async fn messages(&mut self) -> Result<Transcript, Missed> {
        let id = self.id;
        let path = format!("/api/v2/conversations/messages/{id}");
        let call = Call::get(&path).at_most(REPLY_LIMIT_BYTES);
        let read = self
            .read(&call, |document| Messages::of(document, id))
            .await;
        let messages = read.map_err(|error| self.missed(error))?;
        self.announced.clone_from(&messages.ids);
        let mut requested = Requested {
            visit: self,
            path,
            messages,
            refusal: None,
            is_forbidden: false,
            size_again: None,
            failed: None,
        };
        match requested.request().await {
            Ok(()) => Ok(requested.transcript()?),
            Err(missed) => Err(requested.salvaged(missed)),
        }
    }
}

impl Requested<'_, '_> {
    /// Requests all messages, then once more those that the responses omitted.
    async fn request(&mut self) -> Result<(), Missed> {
        let limit = self.visit.bulk_limit().get();
        let mut batches = Batches::of(self.messages.ids.clone(), limit);
        self.request_batches(&mut batches).await?;
        self.visit.bulk_limit().learn(&batches);
        let refused = batches.into_refused();
        let mut missing = self.messages.again();
        missing.retain(|id| !refused.contains(id));
        let size = self.size_again.map_or(limit, |size| size.min(limit));
        self.request_batches(&mut Batches::of(missing, size))
            .await?;
        match self.failed.take() {
            Some(error) => Err(self.visit.missed_by(Verdict::Failed(error))),
            None => Ok(()),
        }
    }

    async fn request_batches(&mut self, batches: &mut Batches) -> Result<(), Missed> {
        while !self.is_forbidden
            && let Some(ids) = batches.next()
        {
            match self.listing(&ids).await {
                Ok(listing) => {
                    batches.accepted(ids.len());
                    let came = self.messages.add(listing, self.visit.plan.limits);
                    self.note_answer(ids.len(), came);
                }
                Err(error) => self.refused(error, ids, batches)?,
            }
        }
        Ok(())
    }

    async fn listing(&mut self, ids: &[String]) -> Result<TextMessageListing, ApiError> {
        let call = Call::post(format!("{}/messages/bulk", self.path))
            .query("useNormalizedMessage", "true")
            .json(&json!(ids))
            .at_most(REPLY_LIMIT_BYTES);
        self.visit.read(&call, TextMessageListing::read).await
    }

    fn note_answer(&mut self, asked: usize, came: usize) {
        if came < asked {
            let size = Batches::again(asked, came);
            self.size_again = Some(self.size_again.map_or(size, |known| known.min(size)));
        }
    }

    /// Continues with a smaller batch or with the next one, unless the error concerns more than this batch.
    fn refused(
        &mut self,
        error: ApiError,
        ids: Vec<String>,
        batches: &mut Batches,
    ) -> Result<(), Missed> {
        if let Some(why) = too_much(&error) {
            if ids.len() == 1 {
                self.messages.note(&refused_alone(&error));
                self.refusal.get_or_insert(all_refused(&error));
            }
            batches.refused(ids, why);
            return Ok(());
        }
        if is_poisoned(&error) {
            if ids.len() == 1 {
                self.failed.get_or_insert(error);
            }
            batches.refused(ids, TooMuch::ForUs);
            return Ok(());
        }
        match Verdict::of(error) {
            Verdict::Final(untold) => {
                self.is_forbidden = untold.status == Status::Forbidden;
                if self.is_forbidden {
                    self.messages.note(&untold.problem);
                }
                self.refusal.get_or_insert(untold);
                self.note_answer(ids.len(), 0);
                Ok(())
            }
            verdict => Err(self.visit.missed_by(verdict)),
        }
    }

    /// The transcript of the messages received, or why there are none.
    fn transcript(self) -> Result<Transcript, Untold> {
        let is_any = self.messages.is_any();
        let transcript = self.messages.finish();
        if is_any || transcript.missing == 0 {
            return Ok(transcript);
        }
        let none = || Untold::new(Status::Gone, "none of its messages can be found any more");
        Err(self.refusal.unwrap_or_else(none))
    }

    /// Keeps the messages received so far as the fallback, in case the rest never becomes available.
    fn salvaged(mut self, missed: Missed) -> Missed {
        let Missed::HeldUp(HeldUp::Alone(mut stuck)) = missed else {
            return missed;
        };
        if let Err(untold) = &stuck.instead
            && self.messages.is_any()
        {
            self.messages.note(&untold.problem);
            stuck.instead = Ok(self.visit.without_files(self.messages.finish()));
        }
        HeldUp::Alone(stuck).into()
    }
}
