//! A stack that replaces another one can use what the other one retained, so that it continues its exports.

use std::collections::BTreeMap;

use end_to_end::template::{Template, entries, one_or_more, references, text};
use saphyr::Yaml;

const OPERATIONS: &str = include_str!("../../docs/operations.md");
const README: &str = include_str!("../../infra/README.md");

/// Returns the parameter that replaces each retained resource. The bucket's policy goes with the bucket.
fn parameter_by_resource(template: &Template) -> BTreeMap<&str, String> {
    entries(&template.root()["Resources"])
        .filter(|(name, resource)| {
            let policy = resource.as_mapping_get("DeletionPolicy");
            policy.is_some_and(|policy| text(policy) == "Retain") && *name != "ArchiveBucketPolicy"
        })
        .map(|(name, resource)| {
            let condition = resource.as_mapping_get("Condition");
            let condition = condition.unwrap_or_else(|| panic!("every stack creates {name}"));
            let parameters = references(&template.root()["Conditions"][text(condition)]);
            (name, parameters.concat())
        })
        .collect()
}

/// Returns the values of all variables, and the resources of all statements of roles.
fn used_by_functions(template: &Template) -> Vec<&Yaml<'static>> {
    let roles = template.resources("AWS::IAM::Role").into_iter();
    let statements = roles.flat_map(|role| template.statements(role));
    let resources = statements.flat_map(|statement| one_or_more(&statement["Resource"]));
    let variables = template.variables().map(|(_, value)| value);
    variables.chain(resources).collect()
}

#[test]
fn each_retained_resource_can_be_passed_to_another_stack() {
    let template = Template::read();

    let expected = [
        ("ArchiveBucket", "ExistingBucketName"),
        ("ArchiveKey", "ExistingKmsKeyArn"),
        ("RedactionHashing", "ExistingRedactionKeySecretArn"),
        ("SigningKey", "ExistingSigningKeyArn"),
    ];
    let expected = expected.map(|(resource, parameter)| (resource, parameter.to_owned()));
    assert_eq!(parameter_by_resource(&template), expected.into());
}

#[test]
fn functions_use_a_retained_resource_or_the_one_that_is_passed() {
    let template = Template::read();

    for (resource, parameter) in parameter_by_resource(&template) {
        let uses = used_by_functions(&template).into_iter().map(references);
        let uses = uses.filter(|names| names.iter().any(|name| name == resource));
        let mut count = 0;
        for names in uses {
            assert!(names.contains(&parameter), "{resource}: {names:?}");
            count += 1;
        }
        assert!(count > 1, "{resource} is not used");
    }
}

#[test]
fn both_pages_on_replacing_a_stack_name_every_parameter() {
    let template = Template::read();

    for parameter in parameter_by_resource(&template).values() {
        let quoted = format!("`{parameter}`");
        for (page, text) in [
            ("docs/operations.md", OPERATIONS),
            ("infra/README.md", README),
        ] {
            assert!(text.contains(&quoted), "{page} lacks {parameter}");
        }
    }
}
