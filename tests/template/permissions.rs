//! The rights of the roles: each function has exactly those that it needs on each kind of object, and no wildcards.

use std::collections::BTreeSet;

use conversation_archive::runtime::config::FUNCTIONS;
use conversation_archive::storage::store::bucket_policy::{
    DELETED as DELETED_KEYS, OVERWRITTEN as OVERWRITTEN_KEYS,
};
use saphyr::Yaml;

use end_to_end::kinds::samples;
use end_to_end::needs::{NEEDS, Need};
use end_to_end::rights::{ObjectAction, Rights, key_patterns};
use end_to_end::template::{Template, entries, one_or_more, references, text};

mod shared_bucket;

/// The kinds that docs/format.md marks as overwritten.
const OVERWRITTEN: [&str; 5] = ["Waiting", "Cancel", "Open", "Owed", "Resume"];

/// The kinds that are deleted: markers, and the test object of the command line.
const DELETED: [&str; 4] = ["Probe", "Open", "Owed", "Resume"];

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

#[test]
fn without_an_event_bus_a_stack_has_nothing_of_live_capture() {
    let template = Template::read();
    let condition = "HasLiveCapture";
    let resources = &template.root()["Resources"];
    let has_condition = |name: &str| {
        let found = resources[name].as_mapping_get("Condition");
        found.is_some_and(|found| text(found) == condition)
    };

    let of_live: BTreeSet<_> = entries(resources)
        .map(|(name, _)| name)
        .filter(|name| has_condition(name))
        .collect();
    // A reference to a resource that a stack may lack makes its deployment fail.
    let referring: Vec<_> = entries(resources)
        .filter(|(name, _)| !has_condition(name))
        .filter(|(_, resource)| {
            let names = references(resource);
            let mentions = names.iter().any(|name| of_live.contains(name.as_str()));
            mentions && !format!("{resource:?}").contains(condition)
        })
        .map(|(name, _)| name)
        .collect();

    assert!(of_live.contains("FetchEnded"));
    assert_eq!(referring, [""; 0]);
    assert_eq!(
        references(&template.root()["Conditions"][condition]),
        ["LiveEventBusName"]
    );
}
