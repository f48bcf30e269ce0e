use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::storage::store::Listing;
use tokio::sync::watch;

use super::*;

/// How a store deviates from a correct one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreDefect {
    /// It ignores conditional writes.
    Overwrites,
    /// The first write arrives, its response is lost, and the SDK's retry gets 412.
    LosesFirstResponse,
    /// Writes and deletes are applied, but return an error.
    ReturnsErrors,
    /// Ctrl-C arrives as soon as the object exists.
    IsInterrupted,
}

#[derive(Debug)]
struct DefectiveStore {
    defect: StoreDefect,
    objects: Mutex<BTreeMap<String, Bytes>>,
    interrupt: watch::Sender<bool>,
}

fn no_response(action: &'static str, key: &str) -> StoreError {
    StoreError::Permanent {
        action,
        key: key.to_owned(),
        source: "no answer".into(),
    }
}

#[async_trait]
impl ArchiveStore for DefectiveStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let key = object.key.clone();
        let mut objects = self.objects.lock().unwrap();
        let is_there = objects.contains_key(&key);
        if !is_there || self.defect == StoreDefect::Overwrites {
            objects.insert(object.key, object.body);
        }
        match self.defect {
            StoreDefect::ReturnsErrors => Err(no_response("create", &key)),
            StoreDefect::LosesFirstResponse => Ok(Stored::AlreadyExists),
            StoreDefect::IsInterrupted => {
                self.interrupt.send_replace(true);
                Ok(Stored::Created)
            }
            StoreDefect::Overwrites => Ok(Stored::Created),
        }
    }

    async fn replace(&self, _: Object) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects.lock().unwrap().remove(key);
        if self.defect == StoreDefect::ReturnsErrors {
            return Err(no_response("delete", key));
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
async fn run_probe(defect: StoreDefect) -> Probe {
    let (interrupt, signal) = watch::channel(false);
    let store = DefectiveStore {
        defect,
        objects: Mutex::default(),
        interrupt,
    };
    let probe = probe(&store, None, "7", &Interrupt::after(signal)).await;
    assert!(store.objects.lock().unwrap().is_empty(), "{defect:?}");
    probe
}

#[tokio::test]
async fn a_store_without_conditional_writes_fails_and_is_left_empty() {
    let probe = run_probe(StoreDefect::Overwrites).await;

    assert!(matches!(
        probe.result,
        Err(ProbeError::Broken(
            "the store overwrites an existing object"
        ))
    ));
}

#[tokio::test]
async fn a_write_whose_response_is_lost_does_not_fail_the_probe() {
    let probe = run_probe(StoreDefect::LosesFirstResponse).await;

    assert!(probe.result.is_ok(), "{:?}", probe.result);
}

#[tokio::test]
async fn a_failed_write_is_deleted_and_its_error_is_reported() {
    let probe = run_probe(StoreDefect::ReturnsErrors).await;

    let Err(ProbeError::Store(error)) = probe.result else {
        panic!("{:?}", probe.result)
    };
    assert_eq!(
        full_message(error),
        "cannot create checks/7.json: no answer"
    );
    assert!(probe.delete_error.is_some());
}

#[tokio::test]
async fn an_interrupted_probe_leaves_no_object() {
    let probe = run_probe(StoreDefect::IsInterrupted).await;

    assert!(matches!(probe.result, Err(ProbeError::Interrupted)));
    assert!(probe.delete_error.is_none());
}
