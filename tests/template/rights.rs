use saphyr::Yaml;

use end_to_end::template::{Template, one_or_more, text};

fn statements(template: &Template) -> Vec<&Yaml<'static>> {
    let roles = template.resources("AWS::IAM::Role").into_iter();
    roles
        .flat_map(|role| one_or_more(&template.properties(role)["Policies"]))
        .flat_map(|policy| one_or_more(&policy["PolicyDocument"]["Statement"]))
        .collect()
}

fn actions<'a>(statement: &'a Yaml<'static>) -> Vec<&'a str> {
    let actions = one_or_more(&statement["Action"]).into_iter();
    actions.map(text).collect()
}

/// The text of an ARN, its variables not filled in.
fn arn<'a>(resource: &'a Yaml<'static>) -> &'a str {
    match resource {
        Yaml::Tagged(_, inner) => arn(inner),
        Yaml::Sequence(pattern_and_values) => text(&pattern_and_values[0]),
        other => text(other),
    }
}

#[test]
fn no_role_may_do_everything_or_to_everything() {
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
fn nothing_but_the_markers_of_open_exports_may_be_deleted() {
    let template = Template::read();

    let deleting: Vec<_> = statements(&template)
        .into_iter()
        .filter(|statement| actions(statement).contains(&"s3:DeleteObject"))
        .map(|statement| arn(&statement["Resource"]))
        .collect();

    assert_eq!(deleting.len(), 3, "{deleting:?}");
    for resource in deleting {
        assert!(resource.ends_with("${Prefix}open/*"), "{resource}");
    }
}
