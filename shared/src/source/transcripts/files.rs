//! The bytes of attachments.

use url::Url;

use super::visit::{Missed, Stuck, Visit};
use crate::genesys::{ApiError, Call, Trouble};
use crate::hash::Sha256;
use crate::page::AttachedFile;
use crate::source::Setback;
use crate::transcript::{File, NotStored, Status, Transcript, Untold};

/// Of one conversation: they are in memory until the page is stored.
const CONVERSATION_BYTES: u64 = 32_000_000;

impl Visit<'_> {
    /// Fetches the attachments that the plan wants, and notes beside each what became of it.
    pub(super) async fn files(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<Vec<AttachedFile>, Missed> {
        let Some(limits) = &self.plan.attachments else {
            return Ok(Vec::new());
        };
        // Of what is cut nothing is fetched.
        transcript.keep_within(self.plan.limits);
        let (mut files, mut left) = (Vec::new(), CONVERSATION_BYTES);
        let messages = transcript.messages.iter_mut();
        for attachment in messages.flat_map(|message| &mut message.attachments) {
            let most = left.min(limits.max_attachment_bytes);
            let fetched = match limits.address(attachment) {
                Ok(address) => self.file(address, most).await?,
                Err(reason) => Err(reason),
            };
            attachment.file = Some(match fetched {
                Ok(bytes) => {
                    let stored_bytes = bytes.len() as u64;
                    left -= stored_bytes;
                    let sha256 = Sha256::of(&bytes);
                    files.push(AttachedFile { sha256, bytes });
                    File::Stored {
                        sha256,
                        stored_bytes,
                    }
                }
                Err(not_stored) => File::NotStored { not_stored },
            });
        }
        Ok(files)
    }

    async fn file(
        &mut self,
        address: &str,
        most: u64,
    ) -> Result<Result<Vec<u8>, NotStored>, Missed> {
        let url = Url::parse(address).ok();
        let Some(url) = url.filter(|url| self.client().may_fetch(url)) else {
            return Ok(Err(NotStored::Host));
        };
        let call = Call::fetch(url).at_most(most);
        match self.ask(&call, |bytes| Ok(bytes.to_vec())).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error) => match not_stored(&error, self.client().is_foreign(&call)) {
                Some(NotStored::Unavailable) if !self.is_last_try() => Err(postponed(error)),
                Some(reason) => Ok(Err(reason)),
                None => Err(Missed::Setback(error.into())),
            },
        }
    }
}

/// What is about this file; `None` for what is about the client or the moment.
fn not_stored(error: &ApiError, is_foreign: bool) -> Option<NotStored> {
    match error {
        ApiError::TooLarge { .. } => Some(NotStored::TooLarge),
        ApiError::Refused {
            status: 401 | 403, ..
        } => Some(NotStored::Forbidden),
        ApiError::Refused { .. } => Some(NotStored::Gone),
        ApiError::Unavailable { what, .. } => match what {
            Trouble::Status(_) | Trouble::Timeout | Trouble::CutOff => Some(NotStored::Unavailable),
            Trouble::Unreachable if is_foreign => Some(NotStored::Unavailable),
            _ => None,
        },
        ApiError::Throttled { .. } if is_foreign => Some(NotStored::Unavailable),
        ApiError::Throttled { .. } | ApiError::Login { .. } => None,
    }
}

/// With its conversation, which is asked for again behind all others.
fn postponed(error: ApiError) -> Missed {
    match Setback::from(error) {
        Setback::Wait(wait) => {
            let problem = format!("an attachment could not be had in time: {}", wait.detail);
            Missed::Stuck(Stuck {
                untold: Untold::new(Status::Unavailable, problem),
                wait,
            })
        }
        setback => Missed::Setback(setback),
    }
}
