//! Whether the archive takes objects as an export writes them: create-only, read back, deleted.

use conversation_archive::objects::Name;
use conversation_archive::store::{ArchiveStore, Encryption, Object, S3Store, StoreError, Stored};

use super::Finding;
use crate::place::Opened;
use crate::problem::{Problem, chain};

const CHECK: &str = "archive";

/// What went wrong with a store that can be opened.
enum Trouble {
    Store(StoreError),
    /// It did what it must not.
    Broken(&'static str),
}

/// Whether the place takes objects, and for a bucket how it encrypts them.
pub(super) async fn target(place: Option<Result<Opened, Problem>>) -> Vec<Finding> {
    let opened = match place {
        None => {
            let what = "no archive was named";
            return vec![Finding::skipped(CHECK, what).fix("name one with --out")];
        }
        Some(opened) => opened.and_then(Opened::for_writing),
    };
    match opened {
        Err(problem) => vec![closed(problem)],
        Ok(Opened::Bucket { store, .. }) => {
            vec![tried(&store).await, encryption(&store).await]
        }
        Ok(folder) => vec![tried(&*folder.store()).await],
    }
}

fn closed(problem: Problem) -> Finding {
    let fix = "give --out a folder that you may write to, or s3://bucket[/prefix]";
    Finding::failed(CHECK, problem.message).fix(problem.hint.unwrap_or_else(|| fix.to_owned()))
}

/// Which key it is, where one could expect another.
async fn encryption(store: &S3Store) -> Finding {
    match encrypted(store).await {
        Err(error) => Finding::skipped("encryption", chain(error)),
        Ok(Encryption {
            algorithm: None, ..
        }) => Finding::found("encryption", "the store does not tell how it encrypts"),
        Ok(Encryption {
            algorithm: Some(algorithm),
            kms_key,
        }) => {
            let key = kms_key.map_or_else(String::new, |key| format!(" with {key}"));
            Finding::ok(
                "encryption",
                format!("objects are encrypted by {algorithm}{key}"),
            )
        }
    }
}

async fn encrypted(store: &S3Store) -> Result<Encryption, StoreError> {
    let object = probe_object(&new_id());
    let key = object.key.clone();
    store.create(object).await?;
    let told = store.encryption(&key).await;
    store.delete(&key).await?;
    told
}

/// The probe, told as a finding.
async fn tried(store: &dyn ArchiveStore) -> Finding {
    match probe(store, &new_id()).await {
        Ok(()) => Finding::ok(
            CHECK,
            format!(
                "{} takes objects, refuses to overwrite them, and gives them back",
                store.uri("")
            ),
        ),
        Err(Trouble::Broken(what)) => Finding::failed(CHECK, format!("{}: {what}", store.uri("")))
            .fix("exports rely on conditional writes; use a store that has them"),
        Err(Trouble::Store(error)) => {
            let fix = right(&error);
            Finding::failed(CHECK, chain(error)).fix(fix)
        }
    }
}

async fn probe(store: &dyn ArchiveStore, id: &str) -> Result<(), Trouble> {
    let object = probe_object(id);
    let key = object.key.clone();
    if store.create(object.clone()).await? != Stored::Created {
        return Err(Trouble::Broken("says that a new object was there before"));
    }
    let tried = try_it(store, object).await;
    // Even when something is amiss: nothing is left behind.
    store.delete(&key).await?;
    tried?;
    match store.get(&key).await? {
        None => Ok(()),
        Some(_) => Err(Trouble::Broken("keeps an object that was deleted")),
    }
}

fn new_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn probe_object(id: &str) -> Object {
    Name::Probe(id).object(format!("{{\"check\":\"{id}\"}}\n"))
}

async fn try_it(store: &dyn ArchiveStore, object: Object) -> Result<(), Trouble> {
    let (key, body) = (object.key.clone(), object.body.clone());
    if store.create(object).await? != Stored::AlreadyThere {
        return Err(Trouble::Broken("overwrites an object that must stay"));
    }
    if store.get(&key).await? != Some(body) {
        return Err(Trouble::Broken("gives back other bytes than were written"));
    }
    Ok(())
}

/// What a refused step needs, in a bucket and in a folder.
fn right(error: &StoreError) -> String {
    let (StoreError::Transient { action, .. } | StoreError::Permanent { action, .. }) = error;
    let needed = match *action {
        "read" => "s3:GetObject and s3:ListBucket",
        "delete" => "s3:DeleteObject",
        _ => "s3:PutObject, and kms:GenerateDataKey for a key of your own",
    };
    format!(
        "the step `{action}` needs the right to it: in a bucket {needed}, in a folder that you may write there"
    )
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bytes::Bytes;
    use conversation_archive::store::Listing;

    use super::*;

    /// A store that overwrites, as one without conditional writes does.
    #[derive(Debug, Default)]
    struct Careless(Mutex<BTreeMap<String, Bytes>>);

    #[async_trait]
    impl ArchiveStore for Careless {
        async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
            Ok(self.0.lock().unwrap().get(key).cloned())
        }

        async fn create(&self, object: Object) -> Result<Stored, StoreError> {
            self.replace(object).await.map(|()| Stored::Created)
        }

        async fn replace(&self, object: Object) -> Result<(), StoreError> {
            self.0.lock().unwrap().insert(object.key, object.body);
            Ok(())
        }

        async fn delete(&self, key: &str) -> Result<(), StoreError> {
            self.0.lock().unwrap().remove(key);
            Ok(())
        }

        async fn list(&self, _: &str, _: Option<&str>) -> Result<Listing, StoreError> {
            Ok(Listing::default())
        }

        fn uri(&self, key: &str) -> String {
            format!("careless/{key}")
        }
    }

    #[tokio::test]
    async fn a_store_without_conditional_writes_fails_and_keeps_nothing() {
        let store = Careless::default();

        let outcome = probe(&store, "7").await;

        assert!(matches!(
            outcome,
            Err(Trouble::Broken("overwrites an object that must stay"))
        ));
        assert!(store.0.lock().unwrap().is_empty());
    }
}
