//! The policy that `check` prints for a bucket which other applications use as well.

use conversation_archive::storage::store::bucket_policy::{Bucket, policy_gap};
use end_to_end::rights::matches;
use serde_json::Value;

use super::{DELETED, OVERWRITTEN, kinds_with};

/// Keys of other applications, some of which look like ours or begin with the same letters.
const UNRELATED: [&str; 5] = [
    "invoices/2026/1.pdf",
    "exports/march/request.json",
    "open/march",
    "teams/exports/march/manifest.json",
    "other/team/exports/march/manifest.json",
];

fn statements() -> Vec<Value> {
    let bucket = Bucket {
        region: "eu-central-1",
        name: "shared",
    };
    let gap = policy_gap(None, &bucket, "team/").expect("a bucket without a policy");
    let statements = gap.policy["Statement"].as_array();
    statements.expect("statements").clone()
}

/// The names of the statements that concern a key of the bucket.
fn concerning<'a>(statements: &'a [Value], key: &str) -> Vec<&'a str> {
    let arn = format!("arn:aws:s3:::shared/{key}");
    let any_matches = |list: &Value| {
        let mut patterns = list.as_array().expect("a list").iter();
        patterns.any(|pattern| matches(pattern.as_str().expect("a pattern"), &arn))
    };
    let concerns = |statement: &&Value| match statement.get("NotResource") {
        Some(exempt) => !any_matches(exempt),
        None => any_matches(&statement["Resource"]),
    };
    let found = statements.iter().filter(concerns);
    found.filter_map(|it| it["Sid"].as_str()).collect()
}

#[test]
fn the_policy_of_a_shared_bucket_concerns_no_other_application() {
    let statements = statements();

    for key in UNRELATED {
        assert_eq!(concerning(&statements, key), [""; 0], "{key}");
    }
}

#[test]
fn the_policy_of_a_shared_bucket_protects_every_kind_of_object() {
    let statements = statements();
    let lacks = |sid: &str, key: &str| {
        let names = concerning(&statements, &format!("team/{key}"));
        !names.contains(&sid)
    };

    assert_eq!(kinds_with(|key| lacks("OnlyByTls", key)), [].into());
    assert_eq!(
        kinds_with(|key| lacks("CreateOnly", key)),
        OVERWRITTEN.into()
    );
    assert_eq!(
        kinds_with(|key| lacks("DeleteOnlyMarkers", key)),
        DELETED.into()
    );
}
