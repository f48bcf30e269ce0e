//! Promises: what every implementation of a seam keeps, as checks with names.
//!
//! Each runs by itself on a subject of its own, so that an implementation's known gaps can be listed by name and
//! everything else still be asked of it.

use anyhow::Context as _;
use futures::future::BoxFuture;

/// One promise, and the check that sees it kept or broken.
#[derive(Debug)]
pub struct Promise<S: ?Sized + 'static> {
    pub name: &'static str,
    pub check: for<'a> fn(&'a S) -> BoxFuture<'a, anyhow::Result<()>>,
}

impl<S: ?Sized> Promise<S> {
    /// Fails, with the promise's name and what was seen, when `subject` breaks it.
    pub async fn ask(&self, subject: &S) -> anyhow::Result<()> {
        (self.check)(subject).await.context(self.name)
    }
}

/// Makes a table of promises out of the checks, which give them their names.
#[macro_export]
macro_rules! promises {
    ($($check:ident),* $(,)?) => {
        &[$($crate::conformance::Promise {
            name: stringify!($check),
            check: |subject| Box::pin($check(subject)),
        }),*]
    };
}
