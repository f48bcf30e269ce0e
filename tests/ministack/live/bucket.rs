//! The archive's bucket, read with the SDK.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::deployment::Deployment;

const READS_AT_ONCE: usize = 8;

pub(super) struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
}

impl Bucket {
    pub(super) async fn of(deployment: &Deployment) -> Self {
        Self {
            client: deployment.clients().await.s3(),
            name: deployment.bucket().to_owned(),
        }
    }

    /// The keys with this prefix, and when each object was stored.
    pub(super) async fn list(&self, prefix: &str) -> BTreeMap<String, Timestamp> {
        let list = self.client.list_objects_v2();
        let list = list.bucket(&self.name).prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut keys = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for object in page.expect("a listing").contents.unwrap_or_default() {
                let stored = object.last_modified.expect("a time");
                let stored = Timestamp::from_millisecond(stored.to_millis().expect("a time"));
                keys.insert(object.key.expect("a key"), stored.expect("a time"));
            }
        }
        keys
    }

    pub(super) async fn read(&self, key: &str) -> Bytes {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let object = get.send().await.expect("an object");
        object.body.collect().await.expect("a body").into_bytes()
    }

    /// All objects with this prefix.
    pub(super) async fn read_all(&self, prefix: &str) -> BTreeMap<String, Bytes> {
        let keys = self.list(prefix).await.into_keys();
        let read = |key: String| async move {
            let body = self.read(&key).await;
            Ok::<_, std::convert::Infallible>((key, body))
        };
        let objects = stream::iter(keys.map(read)).buffer_unordered(READS_AT_ONCE);
        let Ok(objects) = objects.try_collect().await;
        objects
    }
}
