//! The interface to Lambda: receives events, calls handlers, returns responses. It contains no rules of the archive.
//!
//! A message that cannot be read or handled fails alone: it is redelivered, and ends in the dead-letter queue.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::deadline::Deadline;
use crate::base::failure::error_chain;
use crate::export::request::InvalidRequest;
use crate::net::clock::Clock;
use crate::pipeline::invocation::Invocation;

mod batch;
mod clients;
mod dead_letters;
mod refreshed;
#[cfg(test)]
mod samples;
mod secret_webhook;
mod secrets;
mod whole_batch;

pub use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
pub use batch::MessageError;
pub use batch::{Disposition, each_message, each_record, receive_count};
pub use clients::Clients;
pub use clients::WiringError;
pub use dead_letters::{FailureEvent, dead_letter_queue};
pub use refreshed::Refreshed;
pub use secrets::{SecretCredentials, SecretFormError, SecretKey};
pub use whole_batch::whole_batch;

/// Time before the invocation's deadline to store the state of a waiting page and to send its message.
const MARGIN: Duration = Duration::from_secs(10);

/// Serves invocations until the process ends. A handler's error is the invocation's error.
pub async fn run<E, R>(
    handle: impl AsyncFn(E, Invocation) -> anyhow::Result<R>,
) -> anyhow::Result<()>
where
    E: DeserializeOwned,
    R: Serialize,
{
    let handle = &handle;
    let served = lambda_runtime::run(service_fn(move |event: LambdaEvent<E>| async move {
        let invocation = invocation(&event.context, &Clock::System);
        // Boxed, because the nested futures of a whole handler would form a type too deep for the compiler.
        let handled = Box::pin(handle(event.payload, invocation));
        // Lambda's runtime would return the text of a panic, which may quote a conversation.
        let handled = AssertUnwindSafe(handled).catch_unwind().await;
        let response = handled.unwrap_or_else(|_| Err(MessageError::Panicked.into()));
        response.map_err(|error| diagnostic(&error))
    }));
    served.await.map_err(anyhow::Error::from_boxed)
}

/// The request id and the deadline of an invocation.
pub fn invocation(context: &Context, clock: &Clock) -> Invocation {
    let announced = i64::try_from(context.deadline).ok();
    let announced = announced.and_then(|at| Timestamp::from_millisecond(at).ok());
    let deadline = announced.map_or(Deadline::NONE, |at| Deadline::from_runtime(at, clock.now()));
    Invocation {
        request_id: context.request_id.clone(),
        deadline: deadline.earlier_by(MARGIN),
    }
}

/// The error that Lambda returns to the caller. `Refused` means that a retry without a change is useless.
fn diagnostic(error: &anyhow::Error) -> Diagnostic {
    let kind = if error.is::<InvalidRequest>() {
        "Refused"
    } else {
        "Failed"
    };
    Diagnostic {
        error_type: kind.to_owned(),
        error_message: error_chain(error.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn invocation_with_deadline(deadline: &str) -> Invocation {
        let mut context = Context::default();
        context.request_id = "request-1".to_owned();
        let deadline: Timestamp = deadline.parse().unwrap();
        context.deadline = deadline.as_millisecond().try_into().unwrap();
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        invocation(&context, &clock)
    }

    #[test]
    fn the_deadline_leaves_ten_seconds_for_cleanup() {
        let invocation = invocation_with_deadline("2026-03-02T10:02:00Z");

        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        assert_eq!(invocation.request_id, "request-1");
        assert_eq!(
            invocation.deadline.remaining(now),
            Some(Duration::from_secs(110))
        );
    }

    #[test]
    fn a_deadline_in_the_past_is_ignored() {
        assert_eq!(
            invocation_with_deadline("1970-01-01T00:10:00Z").deadline,
            Deadline::NONE
        );
    }

    #[test]
    fn refusals_have_their_own_error_type_and_every_cause_is_named() {
        let refused = anyhow::Error::new(InvalidRequest::new("quotaMb", 0, "at least 1"));
        let failed = std::fs::read("/nowhere/at/all")
            .context("cannot read")
            .unwrap_err();

        assert_eq!(diagnostic(&refused).error_type, "Refused");
        assert_eq!(
            diagnostic(&refused).error_message,
            "`quotaMb` is 0: at least 1"
        );
        assert_eq!(diagnostic(&failed).error_type, "Failed");
        assert!(
            diagnostic(&failed)
                .error_message
                .starts_with("cannot read: No such file")
        );
    }
}
