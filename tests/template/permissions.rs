use saphyr::Yaml;

use end_to_end::template::{Template, one_or_more, text};

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
fn roles_may_delete_only_markers() {
    let template = Template::read();

    let deleting: Vec<_> = statements(&template)
        .into_iter()
        .filter(|statement| actions(statement).contains(&"s3:DeleteObject"))
        .map(|statement| arn(&statement["Resource"]))
        .collect();

    for (markers, roles) in [("open", 3), ("owed", 3), ("resumes", 3)] {
        let is_marker = |resource: &&&str| resource.ends_with(&format!("${{Prefix}}{markers}/*"));
        assert_eq!(
            deleting.iter().filter(is_marker).count(),
            roles,
            "{deleting:?}"
        );
    }
    assert_eq!(deleting.len(), 9, "{deleting:?}");
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
