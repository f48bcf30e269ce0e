//! The promise: whatever the damage, verify reports the damaged object first; for an intact export it reports nothing.

use std::sync::Arc;

use super::*;

mod edits;
mod examples;
mod export;
mod forged;
mod live;
mod matrix;
mod repeated;
mod reports;
mod store;

use store::{MemoryStore, Objects};

async fn verified(objects: Objects, id: &str) -> Result<Report, VerifyError> {
    let archive = Archive::new(Arc::new(MemoryStore::of(objects)));
    verify(
        &archive,
        &id.parse().unwrap(),
        &Anchors::default(),
        &mut |_| {},
    )
    .await
}

fn damage(result: Result<Report, VerifyError>) -> Damage {
    match result {
        Err(VerifyError::Damage(damage)) => damage,
        other => panic!("expected damage, got {other:?}"),
    }
}
