//! Downloads attachments.

use url::Url;

use super::conversation::ConversationRequests;
use super::fetch::{Cause, Fetch, Postponed, Stop, Texts, fails_alone};
use crate::base::hash::Sha256;
use crate::export::waiting::Wait;
use crate::genesys::{ApiError, Call, FileKind, UnavailableReason};
use crate::records::page::AttachedFile;
use crate::records::transcript::{AttachmentLimits, File, NotStored, Transcript};
use crate::source::SourceError;

/// Limit per conversation: the files are held in memory until the page is stored.
const CONVERSATION_BYTES: u64 = 32_000_000;

/// A file, or why it was not fetched. `Later` means that the host may serve it on a retry.
enum FileFetch {
    Bytes(Vec<u8>),
    NotStored(NotStored),
    Later(Wait),
}

impl ConversationRequests<'_> {
    /// Fetches the attachments that the plan includes, and records the result with each attachment.
    pub(super) async fn with_files(
        &mut self,
        mut transcript: Transcript,
    ) -> Result<Box<Texts>, Fetch> {
        let Some(limits) = &self.plan.attachments else {
            let files = Vec::new();
            return Ok(Box::new(Texts { transcript, files }));
        };
        // Attachments of messages that are cut are not fetched.
        transcript.apply_limits(self.plan.limits);
        let (mut files, mut left, mut later) = (Vec::new(), CONVERSATION_BYTES, None);
        let messages = transcript.messages.iter_mut();
        for attachment in messages.flat_map(|message| &mut message.attachments) {
            let fetched = match (limits.url_to_fetch(attachment), &later) {
                (Err(reason), _) => FileFetch::NotStored(reason),
                // After one transient failure the other files are not requested now.
                (Ok(_), Some(_)) => FileFetch::NotStored(NotStored::Unavailable),
                (Ok(address), None) => self.file(address, limits, left).await?,
            };
            attachment.file = Some(match fetched {
                FileFetch::Bytes(bytes) => {
                    let stored_bytes = bytes.len() as u64;
                    left -= stored_bytes;
                    let sha256 = Sha256::of(&bytes);
                    files.push(AttachedFile { sha256, bytes });
                    File::Stored {
                        sha256,
                        stored_bytes,
                    }
                }
                FileFetch::NotStored(not_stored) => File::NotStored { not_stored },
                FileFetch::Later(wait) => {
                    later = Some(wait);
                    let not_stored = NotStored::Unavailable;
                    File::NotStored { not_stored }
                }
            });
        }
        let texts = Box::new(Texts { transcript, files });
        match later {
            None => Ok(texts),
            Some(wait) => Err(Postponed {
                cause: Cause::File,
                fallback: Ok(texts),
                wait,
            }
            .into()),
        }
    }

    /// Returns the transcript without requesting any file.
    pub(super) fn without_files(&self, mut transcript: Transcript) -> Box<Texts> {
        if let Some(limits) = &self.plan.attachments {
            let messages = transcript.messages.iter_mut();
            for attachment in messages.flat_map(|message| &mut message.attachments) {
                let address = limits.url_to_fetch(attachment).err();
                let not_stored = address.unwrap_or(NotStored::Unavailable);
                attachment.file = Some(File::NotStored { not_stored });
            }
        }
        let files = Vec::new();
        Box::new(Texts { transcript, files })
    }

    async fn file(
        &mut self,
        address: &str,
        limits: &AttachmentLimits,
        left: u64,
    ) -> Result<FileFetch, Stop> {
        let url = Url::parse(address).ok();
        let Some(url) = url.filter(|url| self.client().may_fetch(FileKind::Attachment, url)) else {
            return Ok(FileFetch::NotStored(NotStored::Host));
        };
        let call = Call::fetch(url).with_reply_limit(left.min(limits.max_attachment_bytes));
        let reply = self
            .client()
            .call(&call, self.deadline, |bytes| Ok(bytes.to_vec()));
        match reply.await {
            Ok(reply) => {
                self.cost.add(&reply, 0);
                let is_taken = limits.accepts_response(reply.content_type.as_deref());
                Ok(if is_taken {
                    FileFetch::Bytes(reply.value)
                } else {
                    FileFetch::NotStored(NotStored::ContentType)
                })
            }
            Err(error) => self.not_fetched(error, &call),
        }
    }

    /// Separates errors about this file from errors about the client or transient ones.
    fn not_fetched(&self, error: ApiError, call: &Call) -> Result<FileFetch, Stop> {
        if let Some(reason) = not_stored(&error) {
            return Ok(FileFetch::NotStored(reason));
        }
        // If a host cannot be reached, only its files are affected.
        let is_of_host = fails_alone(&error)
            || matches!(
                error.unavailable_reason(),
                Some(UnavailableReason::Unreachable | UnavailableReason::UnknownAuthority)
            )
            || matches!(error, ApiError::Throttled { .. }) && self.client().is_foreign(call);
        let is_late = matches!(
            error.unavailable_reason(),
            Some(UnavailableReason::NoTimeLeft)
        );
        match SourceError::from(error) {
            SourceError::NotReady(wait) if is_of_host && self.has_time() => {
                Ok(FileFetch::Later(wait))
            }
            SourceError::NotReady(wait) if is_of_host || is_late => Err(Stop::OutOfTime(wait)),
            error => Err(Stop::Source(error)),
        }
    }
}

fn not_stored(error: &ApiError) -> Option<NotStored> {
    match error {
        ApiError::TooLarge { .. } => Some(NotStored::TooLarge),
        ApiError::ForbiddenAddress { .. } => Some(NotStored::Host),
        ApiError::Refused { status, .. } => Some(match status {
            // A redirect that we do not follow.
            300..=399 => NotStored::Host,
            401 | 403 => NotStored::Forbidden,
            _ => NotStored::Gone,
        }),
        ApiError::Broken { .. } => Some(NotStored::ContentType),
        ApiError::Unavailable { .. } | ApiError::Throttled { .. } | ApiError::Login { .. } => None,
    }
}
