//! Compares the AWS calls of the functions with the permissions of their roles, because the emulator enforces none.

use std::collections::{BTreeMap, BTreeSet};

use conversation_archive::runtime::config::{FUNCTIONS, FunctionSettings};
use end_to_end::rights::{ObjectAction, Rights, key_patterns};
use end_to_end::template::{Template, one_or_more, reference_target, text};
use saphyr::Yaml;
use serde_json::Value;

use crate::deployment::Deployment;

/// An action and a resource of the template; for objects, `Objects`, or the key if no right covers it.
type Permission = (String, String);

/// Permissions without a call by our code that every role needs, or every role of a function with such a source.
const IMPLIED: [(&str, &str, &str); 9] = [
    (
        "kms:Decrypt",
        "ArchiveKey",
        "S3 reads what is encrypted with it",
    ),
    ("kms:GenerateDataKey", "ArchiveKey", "S3 encrypts with it"),
    (
        "s3:ListBucket",
        "Bucket",
        "without it, S3 returns 403 where an object is missing",
    ),
    (
        "logs:CreateLogStream",
        "Logs",
        "Lambda keeps what is printed",
    ),
    ("logs:PutLogEvents", "Logs", "Lambda keeps what is printed"),
    ("sqs:ReceiveMessage", "Source", "the event source mapping"),
    ("sqs:DeleteMessage", "Source", "the event source mapping"),
    (
        "sqs:GetQueueAttributes",
        "Source",
        "the event source mapping",
    ),
    (
        "sqs:SendMessage",
        "FailedStarts",
        "Lambda keeps invocations that failed",
    ),
];

/// Steps of the pipeline that these scenarios do not reach; the tests in memory do. Rights on objects are not listed:
/// `tests/template/permissions.rs` compares them with the least.
const RARE: [(&str, &str, &str, &str); 16] = [
    (
        "record-failure",
        "kms:Sign",
        "SigningKey",
        "a scheduled request that start-export could not accept",
    ),
    (
        "start-export",
        "secretsmanager:GetSecretValue",
        "ProxyAddress",
        "a stack with a proxy",
    ),
    (
        "archive-page",
        "secretsmanager:GetSecretValue",
        "ProxyAddress",
        "a stack with a proxy",
    ),
    (
        "fetch-ended",
        "secretsmanager:GetSecretValue",
        "ProxyAddress",
        "a stack with a proxy",
    ),
    (
        "fetch-ended",
        "sqs:ChangeMessageVisibility",
        "EndedQueue",
        "a message that could not be handled",
    ),
    (
        "await-ready",
        "sqs:ChangeMessageVisibility",
        "WaitingQueue",
        "a message that could not be handled",
    ),
    (
        "complete-export",
        "sqs:ChangeMessageVisibility",
        "CompletionQueue",
        "a message that could not be handled",
    ),
    (
        "complete-export",
        "sqs:SendMessage",
        "CompletionQueue",
        "an export that takes several invocations to conclude",
    ),
    (
        "start-export",
        "sqs:SendMessage",
        "CompletionQueue",
        "cancel and resume of an export all of whose slices have ended",
    ),
    (
        "start-export",
        "sqs:SendMessage",
        "WebhooksQueue",
        "resume pays what an outcome still owes",
    ),
    (
        "await-ready",
        "sqs:SendMessage",
        "WaitingQueue",
        "a wait longer than a message may be delayed",
    ),
    (
        "sweep-exports",
        "kms:Sign",
        "SigningKey",
        "an export in which nothing has moved for an hour",
    ),
    (
        "sweep-exports",
        "sqs:GetQueueAttributes",
        "PagesQueue",
        "an export in which nothing has moved for an hour",
    ),
    (
        "sweep-exports",
        "sqs:SendMessage",
        "PagesQueue",
        "an export in which nothing has moved for an hour",
    ),
    (
        "sweep-exports",
        "sqs:SendMessage",
        "CompletionQueue",
        "an export in which nothing has moved for an hour",
    ),
    (
        "sweep-exports",
        "sqs:SendMessage",
        "WebhooksQueue",
        "an export in which nothing has moved for an hour",
    ),
];

pub(crate) async fn check(deployment: &Deployment) {
    let template = Template::read();
    let mut wrong = Vec::new();
    for FunctionSettings { function, .. } in FUNCTIONS {
        let called = called_permissions(deployment, &template, function).await;
        let allowed = allowed_permissions(&template, function);
        let implied = implied_permissions(&template, function, &allowed);
        let rare: BTreeSet<Permission> = RARE
            .iter()
            .filter(|(name, ..)| *name == function)
            .map(|(_, action, resource, _)| ((*action).to_owned(), (*resource).to_owned()))
            .collect();

        let is_on_objects = |(_, on): &&Permission| on == "Objects";
        let on_objects: BTreeSet<_> = allowed.iter().filter(is_on_objects).cloned().collect();
        let needed: BTreeSet<Permission> = &(&(&called | &implied) | &rare) | &on_objects;
        for (what, permissions) in [
            ("called and not allowed", &called - &allowed),
            ("allowed and not called", &allowed - &needed),
            ("called and listed as rare", &rare & &called),
        ] {
            let messages = permissions
                .into_iter()
                .map(|(action, on)| format!("{function} {action} on {on}: {what}"));
            wrong.extend(messages);
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Returns the rights that the function used, according to its log.
async fn called_permissions(
    deployment: &Deployment,
    template: &Template,
    function: &str,
) -> BTreeSet<Permission> {
    let lines = deployment.aws(&["logs", &Deployment::name(function)]).await;
    let lines = lines.as_array().expect("lines");
    let calls = lines.iter().filter(|line| line["message"] == "aws call");
    let calls: BTreeSet<_> = calls
        .map(|call| permission(deployment, template, function, call))
        .collect();
    assert!(!calls.is_empty(), "{function} calls nothing");
    calls
}

/// Returns the right that a call needs.
fn permission(
    deployment: &Deployment,
    template: &Template,
    function: &str,
    call: &Value,
) -> Permission {
    let text_of = |field: &str| call[field].as_str().expect("a text");
    let (operation, resource) = (text_of("operation"), text_of("resource"));
    let queue = || {
        template.named_queue(
            resource.rsplit('/').next().unwrap_or_default(),
            &Deployment::name(""),
        )
    };
    let (action, resource) = match (text_of("service"), operation) {
        ("S3", "ListObjectsV2") => ("s3:ListBucket".to_owned(), "Bucket".to_owned()),
        ("S3", _) => (
            format!("s3:{operation}"),
            object(deployment, function, operation, resource),
        ),
        ("SQS", _) => (format!("sqs:{operation}"), queue()),
        ("Secrets Manager", _) => (
            format!("secretsmanager:{operation}"),
            secret(template, resource),
        ),
        ("KMS", _) => (format!("kms:{operation}"), "SigningKey".to_owned()),
        // The batch call has no permission of its own.
        ("SNS", "PublishBatch") => ("sns:Publish".to_owned(), "TranscriptTopicArn".to_owned()),
        (service, _) => panic!("{service} is called"),
    };
    (action, resource)
}

/// `Objects` if the function has the right to this call on this key, otherwise the key.
fn object(deployment: &Deployment, function: &str, operation: &str, uri: &str) -> String {
    let (_, key) = uri
        .split_once(&format!("/{}/", deployment.bucket()))
        .expect("a key");
    // As the key of a folder of a day or an hour is encoded in a URI.
    let key = &key.replace("%3D", "=");
    let name = format!("s3:{operation}");
    let mut actions = ObjectAction::ALL.into_iter();
    let action = actions.find(|action| action.name() == name);
    let action = action.unwrap_or_else(|| panic!("{name} is not an action on objects"));
    if Rights::of_template().allow(function, action, key) {
        "Objects".to_owned()
    } else {
        key.to_owned()
    }
}

fn secret(template: &Template, arn: &str) -> String {
    let secrets = template.resources("AWS::SecretsManager::Secret");
    let secret = secrets
        .into_iter()
        .find(|secret| arn.contains(&format!("-{secret}-")));
    secret.expect("a secret of the template").to_owned()
}

fn allowed_permissions(template: &Template, function: &str) -> BTreeSet<Permission> {
    let function = template.properties(template.function(function));
    let statements = template.statements(reference_target(&function["Role"]));
    statements
        .into_iter()
        .flat_map(statement_permissions)
        .collect()
}

fn statement_permissions(statement: &Yaml<'static>) -> Vec<Permission> {
    let resources: Vec<_> = one_or_more(&statement["Resource"])
        .into_iter()
        .map(resource)
        .collect();
    let actions = one_or_more(&statement["Action"]);
    let pairs = actions.iter().flat_map(|action| {
        let action = text(action).to_owned();
        resources
            .iter()
            .map(move |resource| (action.clone(), resource.clone()))
    });
    pairs.collect()
}

/// Returns the resource of `!GetAtt` or `!Ref`, that of `!If`, or a path in the bucket.
fn resource(node: &Yaml<'static>) -> String {
    if key_patterns(node).is_some() {
        return "Objects".to_owned();
    }
    let node = match node {
        Yaml::Tagged(_, inner) => inner.as_ref(),
        plain => plain,
    };
    let first = node.as_sequence().and_then(|parts| parts.first());
    match first.map(text) {
        None => reference_target(node).to_owned(),
        Some("MakesKey") => "ArchiveKey".to_owned(),
        Some("MakesSigningKey") => "SigningKey".to_owned(),
        Some("MakesRedactionKey") => "RedactionHashing".to_owned(),
        Some("HasLiveCapture") => reference_target(&node[1]).to_owned(),
        Some(address) if address.ends_with("${Bucket}") => "Bucket".to_owned(),
        Some(other) => panic!("{other} is no resource that the functions use"),
    }
}

/// Returns the implied rights with the names of this function's own resources.
fn implied_permissions(
    template: &Template,
    function: &str,
    allowed: &BTreeSet<Permission>,
) -> BTreeSet<Permission> {
    let logical_name = template.function(function);
    let sources: Vec<_> = template
        .event_sources(logical_name)
        .into_iter()
        .map(|(queue, _)| queue)
        .collect();
    let permissions_of = |(action, resource, _): &(&str, &str, &str)| -> Vec<Permission> {
        let resources = match *resource {
            "Logs" => vec![format!("{logical_name}Logs")],
            "Source" => sources.iter().map(|queue| (*queue).to_owned()).collect(),
            other => vec![other.to_owned()],
        };
        resources
            .into_iter()
            .map(|resource| ((*action).to_owned(), resource))
            .collect()
    };
    let implied: BTreeSet<Permission> = IMPLIED.iter().flat_map(permissions_of).collect();
    let missing: BTreeMap<_, _> = implied
        .iter()
        .filter(|permission| permission.1 != "FailedStarts" && !allowed.contains(*permission))
        .map(|(action, resource)| (action, resource))
        .collect();
    assert!(
        missing.is_empty(),
        "the role of {function} lacks {missing:?}"
    );
    implied
}
