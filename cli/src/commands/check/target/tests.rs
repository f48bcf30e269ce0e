use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::Listing;
use tokio::sync::watch;

use super::*;

/// How a store deviates from a correct one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// It ignores conditional writes.
    Overwrites,
    /// The first write arrives, its answer is lost, and the SDK's retry gets 412.
    LosesTheFirstAnswer,
    /// Writes and deletes are applied, but answered with an error.
    AnswersErrors,
    /// Ctrl-C arrives as soon as the object exists.
    IsInterrupted,
}

#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    objects: Mutex<BTreeMap<String, Bytes>>,
    interrupt: watch::Sender<bool>,
}

fn unanswered(action: &'static str, key: &str) -> StoreError {
    StoreError::Permanent {
        action,
        key: key.to_owned(),
        source: "no answer".into(),
    }
}

#[async_trait]
impl ArchiveStore for Flawed {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let key = object.key.clone();
        let mut objects = self.objects.lock().unwrap();
        let is_there = objects.contains_key(&key);
        if !is_there || self.flaw == Flaw::Overwrites {
            objects.insert(object.key, object.body);
        }
        match self.flaw {
            Flaw::AnswersErrors => Err(unanswered("create", &key)),
            Flaw::LosesTheFirstAnswer => Ok(Stored::AlreadyThere),
            Flaw::IsInterrupted => {
                self.interrupt.send_replace(true);
                Ok(Stored::Created)
            }
            Flaw::Overwrites => Ok(Stored::Created),
        }
    }

    async fn replace(&self, _: Object) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects.lock().unwrap().remove(key);
        if self.flaw == Flaw::AnswersErrors {
            return Err(unanswered("delete", key));
        }
        Ok(())
    }

    async fn list(&self, _: &str, _: Option<&str>) -> Result<Listing, StoreError> {
        Ok(Listing::default())
    }

    fn uri(&self, key: &str) -> String {
        format!("flawed/{key}")
    }
}

/// The result of a probe. Every test requires that the probe leaves no object.
async fn probed(flaw: Flaw) -> Probe {
    let (interrupt, signal) = watch::channel(false);
    let store = Flawed {
        flaw,
        objects: Mutex::default(),
        interrupt,
    };
    let probe = probe(&store, None, "7", &Interrupt::after(signal)).await;
    assert!(store.objects.lock().unwrap().is_empty(), "{flaw:?}");
    probe
}

#[tokio::test]
async fn a_store_without_conditional_writes_fails_and_is_left_empty() {
    let probe = probed(Flaw::Overwrites).await;

    assert!(matches!(
        probe.tried,
        Ok(Err(Trouble::Broken(
            "the store overwrites an existing object"
        )))
    ));
}

#[tokio::test]
async fn a_write_whose_response_is_lost_does_not_fail_the_probe() {
    let probe = probed(Flaw::LosesTheFirstAnswer).await;

    assert!(matches!(probe.tried, Ok(Ok(()))), "{:?}", probe.tried);
}

#[tokio::test]
async fn a_failed_write_is_deleted_and_its_error_is_reported() {
    let probe = probed(Flaw::AnswersErrors).await;

    let Ok(Err(Trouble::Store(error))) = probe.tried else {
        panic!("{:?}", probe.tried)
    };
    assert_eq!(chain(error), "cannot create checks/7.json: no answer");
    assert!(probe.left.is_some());
}

#[tokio::test]
async fn an_interrupted_probe_leaves_no_object() {
    let probe = probed(Flaw::IsInterrupted).await;

    assert!(matches!(probe.tried, Err(Interrupted)));
    assert!(probe.left.is_none());
}
