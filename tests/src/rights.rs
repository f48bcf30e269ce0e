//! The rights that the template grants on the objects of the archive, and the writes that its bucket policy refuses.
//!
//! IAM and S3 enforce both on AWS, no emulator does: here a store enforces them in every test of the pipeline.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use conversation_archive::runtime::config::FUNCTIONS;
use conversation_archive::storage::store::{ArchiveStore, Listing, Object, StoreError, Stored};
use saphyr::Yaml;

use crate::kinds::kind_of;
use crate::template::{Template, one_or_more, reference_target, text};

/// An action on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectAction {
    Get,
    Put,
    Delete,
}

/// The keys on which a function may perform an action; `*` stands for any characters.
#[derive(Clone, Debug)]
struct Grant {
    function: &'static str,
    action: ObjectAction,
    patterns: Vec<String>,
}

/// All rights on objects.
#[derive(Debug)]
pub struct Rights {
    grants: Vec<Grant>,
    /// The functions with each action on the signing key.
    key_uses: HashSet<(&'static str, String)>,
    /// The keys that a write without a condition may replace.
    replaceable: Vec<String>,
    /// The keys that may be deleted without naming a version.
    deletable: Vec<String>,
}

impl ObjectAction {
    pub const ALL: [Self; 3] = [Self::Get, Self::Put, Self::Delete];

    /// The name in IAM.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "s3:GetObject",
            Self::Put => "s3:PutObject",
            Self::Delete => "s3:DeleteObject",
        }
    }
}

impl Rights {
    /// The rights in the template, read once.
    pub fn of_template() -> &'static Self {
        static RIGHTS: OnceLock<Rights> = OnceLock::new();
        RIGHTS.get_or_init(|| Self::read(&Template::read()))
    }

    fn read(template: &Template) -> Self {
        let functions = || FUNCTIONS.iter().map(|function| function.function);
        Self {
            grants: functions()
                .flat_map(|function| grants(template, function))
                .collect(),
            key_uses: functions()
                .flat_map(|function| key_uses(template, function))
                .collect(),
            replaceable: exempt_keys(template, "CreateOnly"),
            deletable: exempt_keys(template, "DeleteOnlyMarkers"),
        }
    }

    /// Whether the role of the function may perform the action on the key.
    pub fn allow(&self, function: &str, action: ObjectAction, key: &str) -> bool {
        let concerns = |grant: &&Grant| grant.function == function && grant.action == action;
        let patterns = self.grants.iter().filter(concerns);
        patterns
            .flat_map(|grant| &grant.patterns)
            .any(|pattern| matches(pattern, key))
    }

    pub fn replaceable(&self) -> &[String] {
        &self.replaceable
    }

    pub fn deletable(&self) -> &[String] {
        &self.deletable
    }

    /// Whether the role of the function may use the signing key for this: `kms:Sign` or `kms:GetPublicKey`.
    pub fn allow_key_use(&self, function: &str, action: &str) -> bool {
        self.key_uses.contains(&(function, action.to_owned()))
    }

    /// Whether the bucket policy lets a write without `If-None-Match` pass.
    pub fn allow_replacement(&self, key: &str) -> bool {
        self.replaceable.iter().any(|pattern| matches(pattern, key))
    }

    /// Whether the bucket policy lets a deletion pass.
    pub fn allow_deletion(&self, key: &str) -> bool {
        self.deletable.iter().any(|pattern| matches(pattern, key))
    }
}

/// The patterns of keys in `!Split [" ", !Sub ["${Archive}open/* ${Archive}owed/*", …]]`; `None` for another resource.
pub fn key_patterns(resource: &Yaml<'static>) -> Option<Vec<String>> {
    let parts = tagged(resource, "Split")?;
    let pattern = tagged(parts.get(1)?, "Sub")?.first()?;
    let words = text(pattern).split_ascii_whitespace();
    let keys = words.map(|word| word.strip_prefix("${Archive}").map(ToOwned::to_owned));
    keys.collect()
}

/// The arguments of an intrinsic function with this name.
fn tagged<'a>(node: &'a Yaml<'static>, name: &str) -> Option<&'a Vec<Yaml<'static>>> {
    match node {
        Yaml::Tagged(tag, arguments) if tag.suffix == name => arguments.as_sequence(),
        _ => None,
    }
}

fn grants(template: &Template, function: &'static str) -> Vec<Grant> {
    let properties = template.properties(template.function(function));
    let statements = template.statements(reference_target(&properties["Role"]));
    let pairs = statements.into_iter().flat_map(|statement| {
        let patterns = key_patterns(&statement["Resource"]).unwrap_or_default();
        let actions = one_or_more(&statement["Action"]).into_iter();
        actions.map(move |action| (text(action), patterns.clone()))
    });
    pairs
        .filter_map(|(name, patterns)| {
            let action = ObjectAction::ALL.into_iter().find(|it| it.name() == name)?;
            Some(Grant {
                function,
                action,
                patterns,
            })
        })
        .collect()
}

/// The actions on the signing key that the role of the function permits.
fn key_uses(
    template: &Template,
    function: &'static str,
) -> impl Iterator<Item = (&'static str, String)> {
    let properties = template.properties(template.function(function));
    let statements = template.statements(reference_target(&properties["Role"]));
    let on_key = statements
        .into_iter()
        .filter(|statement| format!("{:?}", statement["Resource"]).contains("SigningKey"));
    let actions: Vec<String> = on_key
        .flat_map(|statement| one_or_more(&statement["Action"]))
        .map(|action| text(action).to_owned())
        .collect();
    actions.into_iter().map(move |action| (function, action))
}

/// The keys that a statement of the bucket policy exempts.
fn exempt_keys(template: &Template, sid: &str) -> Vec<String> {
    let policy = &template.properties("ArchiveBucketPolicy")["PolicyDocument"];
    let statements = one_or_more(&policy["Statement"]);
    let statement = statements
        .into_iter()
        .find(|statement| text(&statement["Sid"]) == sid);
    let statement = statement.unwrap_or_else(|| panic!("the bucket policy has no {sid}"));
    key_patterns(&statement["NotResource"]).expect("patterns of keys")
}

/// Whether the key matches, as IAM compares: `*` matches any characters, a slash included.
pub fn matches(pattern: &str, key: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == key;
    };
    let Some(tail) = key.strip_prefix(start) else {
        return false;
    };
    (0..=tail.len()).any(|skipped| tail.get(skipped..).is_some_and(|tail| matches(rest, tail)))
}

/// The accesses of functions to objects.
#[derive(Debug, Default)]
pub struct AccessLog(Mutex<BTreeSet<Access>>);

/// A function, an action and the key of an object.
type Access = (&'static str, ObjectAction, String);

impl AccessLog {
    fn record(&self, access: Access) {
        let mut accesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accesses.insert(access);
    }

    /// Each function, action and kind of object that was accessed.
    pub fn used(&self) -> BTreeSet<(&'static str, ObjectAction, &'static str)> {
        let accesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = accesses.iter();
        used.map(|(function, action, key)| (*function, *action, kind_of(key)))
            .collect()
    }
}

/// A store that only performs what the template grants to a function.
#[derive(Debug)]
pub struct RightsStore {
    pub store: Arc<dyn ArchiveStore>,
    /// The name of the function's package.
    pub function: &'static str,
    pub accesses: Arc<AccessLog>,
}

impl RightsStore {
    fn check(&self, action: ObjectAction, key: &str) {
        let access = (self.function, action, key.to_owned());
        self.accesses.record(access);
        assert!(
            Rights::of_template().allow(self.function, action, key),
            "{} has no right to {} on {key}",
            self.function,
            action.name()
        );
    }
}

#[async_trait]
impl ArchiveStore for RightsStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.check(ObjectAction::Get, key);
        self.store.get(key).await
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        self.check(ObjectAction::Put, &object.key);
        self.store.create(object).await
    }

    async fn replace(&self, object: Object) -> Result<(), StoreError> {
        self.check(ObjectAction::Put, &object.key);
        let allowed = Rights::of_template().allow_replacement(&object.key);
        assert!(
            allowed,
            "the bucket policy refuses to replace {}",
            object.key
        );
        self.store.replace(object).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.check(ObjectAction::Delete, key);
        let allowed = Rights::of_template().allow_deletion(key);
        assert!(allowed, "the bucket policy refuses to delete {key}");
        self.store.delete(key).await
    }

    /// Every function may list the bucket: without that, S3 responds with 403 to a read of a missing object.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.store.list(prefix, after).await
    }

    fn uri(&self, key: &str) -> String {
        self.store.uri(key)
    }
}
