//! Conformance promises: named checks that every implementation of a trait must pass.
//!
//! Each check runs separately on a fresh subject, so that an implementation's known gaps can be listed by name while
//! all other checks still run.

use anyhow::Context as _;
use futures::future::BoxFuture;

/// One promise and its check.
#[derive(Debug)]
pub struct Promise<S: ?Sized + 'static> {
    pub name: &'static str,
    pub check: for<'a> fn(&'a S) -> BoxFuture<'a, anyhow::Result<()>>,
}

impl<S: ?Sized> Promise<S> {
    /// Runs the check. If `subject` breaks the promise, the error has the promise's name and the observation.
    pub async fn run(&self, subject: &S) -> anyhow::Result<()> {
        (self.check)(subject).await.context(self.name)
    }
}

/// Makes a table of promises from check functions; each is named after its function.
#[macro_export]
macro_rules! promises {
    ($($check:ident),* $(,)?) => {
        &[$($crate::storage::conformance::Promise {
            name: stringify!($check),
            check: |subject| Box::pin($check(subject)),
        }),*]
    };
}
