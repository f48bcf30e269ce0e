use std::collections::BTreeSet;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::storage::store::conformance::STORE_PROMISES;

fn folder() -> (TempDir, FolderStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    (folder, store)
}

fn object(key: &str) -> Object {
    let body = Bytes::copy_from_slice(key.as_bytes());
    Object {
        key: key.into(),
        body,
        content_type: "text/plain",
        content_encoding: None,
    }
}

/// The names of the folder's entries, in order.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_keeps_every_promise_of_a_store() {
    for promise in STORE_PROMISES {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();

        let result = promise.run(&store).await;

        assert!(result.is_ok(), "{result:?}");
        let temporary = names(&folder.path().join(".tmp"));
        assert_eq!(temporary, [""; 0], "nothing temporary is left");
    }
}

#[tokio::test]
async fn a_synced_folder_creates_replaces_and_deletes_too() {
    let (_folder, store) = folder();

    let outcomes = [
        store.create(object("a/b/c")).await.unwrap(),
        store.create(object("a/b/c")).await.unwrap(),
    ];
    store.replace(object("a/b/c")).await.unwrap();
    store.delete("a/b/c").await.unwrap();

    assert_eq!(outcomes, [Stored::Created, Stored::AlreadyExists]);
    assert_eq!(store.get("a/b/c").await.unwrap(), None);
}

#[tokio::test]
async fn objects_persist_when_the_folder_is_reopened() {
    let (folder, store) = folder();
    store.create(object("a/b")).await.unwrap();
    drop(store);

    let again = FolderStore::open(folder.path()).unwrap();

    assert_eq!(
        again.create(object("a/b")).await.unwrap(),
        Stored::AlreadyExists
    );
}

#[tokio::test]
async fn keys_outside_the_folder_are_refused_by_every_operation() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::write(&outside, "keep me").unwrap();
    let store = FolderStore::open(&folder.path().join("archive")).unwrap();

    for key in [
        "",
        "/",
        "/etc/passwd",
        "../outside",
        "a/../../outside",
        "a//b",
        "a/",
        "./a",
        ".tmp/x",
        ".locks/x",
        "a/\0",
    ] {
        let outcomes = [
            store.get(key).await.err(),
            store.create(object(key)).await.err(),
            store.replace(object(key)).await.err(),
            store.delete(key).await.err(),
        ];

        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.as_ref().is_some_and(|e| !e.is_transient())),
            "{key}: {outcomes:?}"
        );
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "keep me");
}

#[tokio::test]
async fn prefixes_outside_the_folder_list_nothing() {
    let (_folder, store) = folder();
    store.create(object("a/b")).await.unwrap();
    drop(store.lock("export").unwrap());

    for prefix in [
        "../", "a/../", "/", "//", "./", ".", ".tmp/", ".locks/", ".locks/e", "a//",
    ] {
        let listing = store.list(prefix, None).await.unwrap();

        assert_eq!(listing.objects, [], "{prefix}");
    }
}

#[tokio::test]
async fn locks_and_temporary_files_are_not_listed() {
    let (folder, store) = folder();
    let _lock = store.lock("export").unwrap();
    fs::write(folder.path().join(".tmp/half"), "half").unwrap();
    store.create(object("a")).await.unwrap();

    let listing = store.list("", None).await.unwrap();

    let keys: Vec<String> = listing
        .objects
        .into_iter()
        .map(|object| object.key)
        .collect();
    assert_eq!(keys, ["a"]);
}

#[tokio::test]
async fn a_key_cannot_be_both_an_object_and_a_folder() {
    let (_folder, store) = folder();
    store.create(object("file")).await.unwrap();
    store.create(object("folder/child")).await.unwrap();

    let below_a_file = store.create(object("file/child")).await;
    let over_a_folder = store.create(object("folder")).await;

    assert!(
        matches!(below_a_file, Err(StoreError::Permanent { .. })),
        "{below_a_file:?}"
    );
    assert!(
        matches!(over_a_folder, Err(StoreError::Permanent { .. })),
        "{over_a_folder:?}"
    );
    assert_eq!(store.get("file/child").await.unwrap(), None);
    store.delete("folder").await.unwrap();
    assert!(store.get("folder/child").await.unwrap().is_some());
}

#[tokio::test]
async fn a_deleted_subfolder_is_created_again() {
    let (folder, store) = folder();
    store.create(object("a/b/1")).await.unwrap();
    fs::remove_dir_all(folder.path().join("a")).unwrap();

    let outcome = store.create(object("a/b/1")).await.unwrap();

    assert_eq!(outcome, Stored::Created);
}

#[test]
fn old_temporary_files_are_removed_and_recent_ones_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join(".tmp");
    fs::create_dir(&temporary).unwrap();
    let ages = [
        ("object-old.part", 3_700),
        ("object-young.part", 3_500),
        ("notes.txt", 3_700),
        (".tmpAbC123", 3_700),
    ];
    for (name, age_secs) in ages {
        let file = File::create(temporary.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age_secs))
            .unwrap();
    }

    FolderStore::open(folder.path()).unwrap();

    let left = [".tmpAbC123", "notes.txt", "object-young.part"];
    assert_eq!(names(&temporary), left, "files of others stay");
}

#[cfg(unix)]
#[tokio::test]
async fn symbolic_links_do_not_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;

    let (elsewhere, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = File::create(elsewhere.path().join("object-theirs.part")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_hours(2))
        .unwrap();
    symlink(elsewhere.path(), root.path().join(".tmp")).unwrap();

    let refused = FolderStore::open(root.path()).unwrap_err();

    let reason = std::error::Error::source(&refused).unwrap().to_string();
    assert!(reason.contains(".tmp is a symbolic link"), "{reason}");
    assert_eq!(names(elsewhere.path()), ["object-theirs.part"]);
    let (folder, store) = folder();
    symlink(elsewhere.path(), folder.path().join("exports")).unwrap();
    fs::create_dir(folder.path().join(".locks")).unwrap();
    let target = elsewhere.path().join("object-theirs.part");
    symlink(target, folder.path().join(".locks/march")).unwrap();
    assert!(
        store
            .create(object("exports/a/request.json"))
            .await
            .is_err()
    );
    assert!(store.lock("march").is_err());
    assert_eq!(names(elsewhere.path()), ["object-theirs.part"]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_use_a_new_folder() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("new/archive");
    let store = FolderStore::open(&root).unwrap();
    store
        .create(object("exports/a/request.json"))
        .await
        .unwrap();
    let _lock = store.lock("a").unwrap();

    for folder in ["", ".tmp", ".locks", "exports", "exports/a"] {
        let mode = fs::metadata(root.join(folder)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o700, "{folder}");
    }
}

#[test]
fn a_path_that_is_not_a_folder_is_refused_with_the_reason() {
    let file = tempfile::NamedTempFile::new().unwrap();

    let error = FolderStore::open(file.path()).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!("cannot write to the folder {}", file.path().display())
    );
    let reason = std::error::Error::source(&error).unwrap().to_string();
    insta::assert_snapshot!(reason, @"Not a directory (os error 20)");
}

#[test]
fn an_export_has_one_lock_at_a_time_and_others_are_unaffected() {
    let (_folder, store) = folder();
    let held = store.lock("one").unwrap();

    let refused = store.lock("one").unwrap_err();
    let other = store.lock("two");

    insta::assert_snapshot!(refused, @"another process is working on export one: wait until it ends, or stop it, and try again");
    assert!(other.is_ok());
    drop(held);
    assert!(store.lock("one").is_ok());
}

#[test]
fn a_lock_cannot_be_taken_outside_its_folder() {
    let (folder, store) = folder();

    let refused = store.lock("../stray");

    assert!(
        matches!(refused, Err(FolderError::NotLockable { .. })),
        "{refused:?}"
    );
    assert!(!folder.path().join("stray").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_an_object() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = folder();

    store.create(object("a")).await.unwrap();

    let mode = fs::metadata(folder.path().join("a"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_uri_is_the_absolute_path_of_the_file() {
    let (folder, store) = folder();
    store.create(object("a/b")).await.unwrap();

    let uri = store.uri("a/b");

    assert_eq!(Path::new(&uri), folder.path().join("a/b"));
    assert!(Path::new(&uri).is_absolute());
}

/// Keys of few letters around the slash, so that files, folders and prefixes often coincide. Omits keys that would
/// require another key to be a folder.
fn keys() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[ab0-]{1,2}(/[ab0.-]?[ab-]){0,2}", 0..25).prop_map(|keys| {
        let is_folder = |key: &String| {
            keys.iter()
                .any(|other| other.starts_with(&format!("{key}/")))
        };
        keys.iter().filter(|key| !is_folder(key)).cloned().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_folder_lists_as_a_sorted_set_of_keys_would(
        keys in keys(), prefix in "[ab0/-]{0,3}", after in "[ab0/-]{0,4}", limit in 1_usize..6,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for key in &keys {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }

        let listing = listing::list(folder.path(), &prefix, &after, limit).unwrap();

        let wanted: Vec<&String> = keys.iter().filter(|key| key.starts_with(&prefix) && **key > after).collect();
        let listed: Vec<&String> = listing.objects.iter().map(|object| &object.key).collect();
        prop_assert_eq!(&listed[..], &wanted[..wanted.len().min(limit)]);
        prop_assert_eq!(listing.truncated, wanted.len() > limit);
    }
}

#[tokio::test]
async fn a_folder_opened_for_reading_is_not_modified() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "body").unwrap();

    let store = FolderStore::open_for_reading(folder.path()).unwrap();

    assert_eq!(store.get("key").await.unwrap(), Some(Bytes::from("body")));
    assert_eq!(names(folder.path()), ["key"]);
}

#[tokio::test]
async fn an_object_over_the_size_limit_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open_without_sync(folder.path()).unwrap();
    let size = usize::try_from(crate::storage::store::MAX_OBJECT_BYTES).unwrap() + 1;
    let object = || Object {
        key: "large".into(),
        body: vec![0; size].into(),
        content_type: "application/json",
        content_encoding: None,
    };

    let errors = [
        store.create(object()).await.unwrap_err(),
        store.replace(object()).await.unwrap_err(),
    ];

    let messages = errors.map(|error| format!("{:#}", anyhow::Error::from(error)));
    insta::assert_snapshot!(messages.join("\n"), @"
    cannot create large: the object has 268435457 bytes, more than 268435456
    cannot replace large: the object has 268435457 bytes, more than 268435456
    ");
    assert_eq!(store.get("large").await.unwrap(), None);
}
