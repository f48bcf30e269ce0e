//! The rights of the roles: each function has exactly those that it needs on each kind of object, and no wildcards.

use std::collections::BTreeSet;

use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::{ExportId, RunId};
use conversation_archive::export::objects::{AuditPart, ComparisonPart, ObjectKey};
use conversation_archive::runtime::config::FUNCTIONS;
use conversation_archive::storage::store::bucket_policy::{
    DELETED as DELETED_KEYS, OVERWRITTEN as OVERWRITTEN_KEYS,
};
use saphyr::Yaml;

use end_to_end::rights::{ObjectAction, Rights, key_patterns};
use end_to_end::template::{Template, one_or_more, text};

/// A function, what it does with objects, and the kinds of objects that it needs that for.
type Need = (&'static str, ObjectAction, &'static [&'static str]);

/// The least rights on objects. The tests of the pipeline run every handler with the rights of the template, so a kind
/// that is missing here fails there.
const NEEDS: [Need; 18] = [
    (
        "start-export",
        ObjectAction::Get,
        &[
            "Request",
            "Attempt",
            "Run",
            "Waiting",
            "End",
            "Record",
            "Cancel",
            "Cancelled",
            "Failed",
            "Manifest",
            "Open",
            "Owed",
            "Resume",
            "Delivery",
        ],
    ),
    (
        "start-export",
        ObjectAction::Put,
        &[
            "Request",
            "Attempt",
            "Cancel",
            "Open",
            "Owed",
            "Resume",
            "AuditSlice",
            "AuditOutcome",
        ],
    ),
    (
        "start-export",
        ObjectAction::Delete,
        &["Open", "Owed", "Resume"],
    ),
    // The only function that reads texts: those of the export whose transcripts it fetches.
    (
        "archive-page",
        ObjectAction::Get,
        &[
            "Request",
            "Attempt",
            "Run",
            "Waiting",
            "Page",
            "Index",
            "Record",
            "File",
            "End",
            "Cancel",
            "Cancelled",
            "Failed",
            "Manifest",
            "Open",
            "Resume",
        ],
    ),
    (
        "archive-page",
        ObjectAction::Put,
        &[
            "Request", "Attempt", "Run", "Waiting", "Page", "Index", "Record", "File", "End",
            "Reject", "Open",
        ],
    ),
    ("archive-page", ObjectAction::Delete, &["Resume"]),
    ("await-ready", ObjectAction::Get, &["End", "Waiting"]),
    (
        "complete-export",
        ObjectAction::Get,
        &[
            "Request",
            "Attempt",
            "Run",
            "End",
            "Index",
            "Record",
            "Cancel",
            "Cancelled",
            "Failed",
            "Manifest",
            "Portion",
            "Tally",
            "Lines",
            "Open",
            "Owed",
        ],
    ),
    (
        "complete-export",
        ObjectAction::Put,
        &[
            "Cancelled",
            "Failed",
            "Manifest",
            "Portion",
            "Tally",
            "Lines",
            "Open",
            "Owed",
            "Resume",
            "AuditSlice",
            "AuditOutcome",
        ],
    ),
    ("complete-export", ObjectAction::Delete, &["Open"]),
    (
        "send-webhook",
        ObjectAction::Get,
        &[
            "Request",
            "Cancelled",
            "Failed",
            "Manifest",
            "Owed",
            "Delivery",
        ],
    ),
    ("send-webhook", ObjectAction::Put, &["Delivery"]),
    ("send-webhook", ObjectAction::Delete, &["Owed"]),
    (
        "record-failure",
        ObjectAction::Get,
        &[
            "Request",
            "Attempt",
            "Run",
            "End",
            "Record",
            "DeadLetter",
            "UnassignedDeadLetter",
            "Open",
        ],
    ),
    (
        "record-failure",
        ObjectAction::Put,
        &["End", "DeadLetter", "UnassignedDeadLetter", "Open"],
    ),
    (
        "sweep-exports",
        ObjectAction::Get,
        &[
            "Request",
            "Attempt",
            "Run",
            "Waiting",
            "End",
            "Record",
            "Cancel",
            "Cancelled",
            "Failed",
            "Manifest",
            "Open",
            "Owed",
            "Resume",
            "Delivery",
        ],
    ),
    (
        "sweep-exports",
        ObjectAction::Put,
        &[
            "Attempt",
            "End",
            "Cancelled",
            "Failed",
            "Open",
            "Owed",
            "Resume",
            "AuditSlice",
            "AuditOutcome",
        ],
    ),
    (
        "sweep-exports",
        ObjectAction::Delete,
        &["Open", "Owed", "Resume"],
    ),
];

/// The kinds that docs/format.md marks as overwritten.
const OVERWRITTEN: [&str; 5] = ["Waiting", "Cancel", "Open", "Owed", "Resume"];

/// The kinds that are deleted: markers, and the test object of the command line.
const DELETED: [&str; 4] = ["Probe", "Open", "Owed", "Resume"];

/// An object of each kind, with ids that contain the names of other kinds.
fn samples() -> Vec<(&'static str, String)> {
    let id: ExportId = "open-audit-slice-1".parse().expect("an id");
    let run = RunId {
        export_id: id.clone(),
        slice: 1,
        run: 2,
    };
    let page = run.page(3);
    let digest = Sha256::of("body");
    let day = "2026-03-01".parse().expect("a day");
    let lines = ComparisonPart::Lines {
        portion: 1,
        bucket: 2,
        sha256: digest,
    };
    let keys = [
        ObjectKey::Request(&id),
        ObjectKey::Attempt(&id, 1),
        ObjectKey::Run(&run),
        ObjectKey::Waiting(&run),
        ObjectKey::Page(&page, digest),
        ObjectKey::Index(&page, digest),
        ObjectKey::Record(&page),
        ObjectKey::File(&page, digest),
        ObjectKey::End(&run),
        ObjectKey::Reject(&page, 4, digest),
        ObjectKey::DeadLetter(&id, digest),
        ObjectKey::UnassignedDeadLetter(digest),
        ObjectKey::Failed(&id, 1),
        ObjectKey::Cancelled(&id),
        ObjectKey::Comparison(&id, 1, ComparisonPart::Portion(1)),
        ObjectKey::Comparison(&id, 1, ComparisonPart::Tally { buckets: 1 }),
        ObjectKey::Comparison(&id, 1, lines),
        ObjectKey::Manifest(&id),
        ObjectKey::Cancel(&id),
        ObjectKey::Probe("0f8f"),
        ObjectKey::Open(&id),
        ObjectKey::Owed(&id, 1),
        ObjectKey::Resume(&id, 1),
        ObjectKey::Audit(day, &id, 1, AuditPart::Slice(1)),
        ObjectKey::Audit(day, &id, 1, AuditPart::Outcome),
        ObjectKey::Audit(day, &id, 1, AuditPart::Delivery(1)),
    ];
    keys.iter().map(|key| (kind(key), key.key())).collect()
}

/// The name of the kind. A new kind does not compile until it is named here.
fn kind(key: &ObjectKey<'_>) -> &'static str {
    match key {
        ObjectKey::Request(..) => "Request",
        ObjectKey::Attempt(..) => "Attempt",
        ObjectKey::Run(..) => "Run",
        ObjectKey::Waiting(..) => "Waiting",
        ObjectKey::Page(..) => "Page",
        ObjectKey::Index(..) => "Index",
        ObjectKey::Record(..) => "Record",
        ObjectKey::File(..) => "File",
        ObjectKey::End(..) => "End",
        ObjectKey::Reject(..) => "Reject",
        ObjectKey::DeadLetter(..) => "DeadLetter",
        ObjectKey::UnassignedDeadLetter(..) => "UnassignedDeadLetter",
        ObjectKey::Failed(..) => "Failed",
        ObjectKey::Cancelled(..) => "Cancelled",
        ObjectKey::Comparison(.., ComparisonPart::Portion(_)) => "Portion",
        ObjectKey::Comparison(.., ComparisonPart::Tally { .. }) => "Tally",
        ObjectKey::Comparison(.., ComparisonPart::Lines { .. }) => "Lines",
        ObjectKey::Manifest(..) => "Manifest",
        ObjectKey::Cancel(..) => "Cancel",
        ObjectKey::Probe(..) => "Probe",
        ObjectKey::Open(..) => "Open",
        ObjectKey::Owed(..) => "Owed",
        ObjectKey::Resume(..) => "Resume",
        ObjectKey::Audit(.., AuditPart::Slice(_)) => "AuditSlice",
        ObjectKey::Audit(.., AuditPart::Outcome) => "AuditOutcome",
        ObjectKey::Audit(.., AuditPart::Delivery(_)) => "Delivery",
    }
}

/// The kinds of objects for whose key the condition holds.
fn kinds_with(condition: impl Fn(&str) -> bool) -> BTreeSet<&'static str> {
    let samples = samples().into_iter();
    samples
        .filter(|(_, key)| condition(key))
        .map(|(kind, _)| kind)
        .collect()
}

fn statements(template: &Template) -> Vec<&Yaml<'static>> {
    let roles = template.resources("AWS::IAM::Role").into_iter();
    roles.flat_map(|role| template.statements(role)).collect()
}

fn actions<'a>(statement: &'a Yaml<'static>) -> Vec<&'a str> {
    let actions = one_or_more(&statement["Action"]).into_iter();
    actions.map(text).collect()
}

/// The text of an ARN, with its variables unresolved.
fn arn<'a>(resource: &'a Yaml<'static>) -> &'a str {
    match resource {
        Yaml::Tagged(_, inner) => arn(inner),
        Yaml::Sequence(pattern_and_values) => text(&pattern_and_values[0]),
        other => text(other),
    }
}

#[test]
fn each_function_has_the_least_rights_on_objects() {
    let rights = Rights::of_template();
    for function in FUNCTIONS {
        let function = function.function;
        for action in ObjectAction::ALL {
            let granted = kinds_with(|key| rights.allow(function, action, key));

            let of_this = |need: &&Need| need.0 == function && need.1 == action;
            let needed = NEEDS.iter().filter(of_this).flat_map(|need| need.2);
            let needed: BTreeSet<_> = needed.copied().collect();
            assert_eq!(granted, needed, "{function} {}", action.name());
        }
    }
}

#[test]
fn the_bucket_policy_exempts_exactly_what_is_overwritten_or_deleted() {
    let rights = Rights::of_template();

    let replaced = kinds_with(|key| rights.allow_replacement(key));
    let deleted = kinds_with(|key| rights.allow_deletion(key));

    assert_eq!(replaced, OVERWRITTEN.into());
    assert_eq!(deleted, DELETED.into());
}

#[test]
fn an_existing_bucket_is_checked_for_the_same_policy() {
    let rights = Rights::of_template();

    assert_eq!(rights.replaceable(), OVERWRITTEN_KEYS);
    assert_eq!(rights.deletable(), DELETED_KEYS);
}

#[test]
fn no_role_has_a_wildcard_action_or_resource() {
    let template = Template::read();

    for statement in statements(&template) {
        let actions = actions(statement);
        assert!(
            actions
                .iter()
                .all(|action| !action.is_empty() && !action.contains('*')),
            "{actions:?}"
        );
        for resource in one_or_more(&statement["Resource"]) {
            assert_ne!(arn(resource), "*", "{actions:?}");
        }
    }
}

#[test]
fn rights_on_objects_name_their_prefixes() {
    let template = Template::read();
    let on_objects = |statement: &&Yaml<'static>| {
        let is_on_objects = |action: &&str| action.ends_with("Object");
        actions(statement).iter().any(is_on_objects)
    };

    for statement in statements(&template).into_iter().filter(on_objects) {
        let patterns = key_patterns(&statement["Resource"]).expect("patterns of keys");
        for pattern in patterns {
            let (folder, name) = pattern.split_once('/').expect("a folder");
            assert!(!folder.contains('*') && !name.is_empty(), "{pattern}");
        }
    }
}

#[test]
fn only_archive_page_may_publish_and_only_to_the_given_topic() {
    let template = Template::read();

    let roles = template.resources("AWS::IAM::Role").into_iter();
    let publishing: Vec<_> = roles
        .flat_map(|role| {
            template
                .statements(role)
                .into_iter()
                .map(move |it| (role, it))
        })
        .filter(|(_, statement)| actions(statement).contains(&"sns:Publish"))
        .map(|(role, statement)| (role, text(&statement["Resource"])))
        .collect();

    assert_eq!(publishing, [("ArchivePageRole", "TranscriptTopicArn")]);
}
