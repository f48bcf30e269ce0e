//! The policy that the bucket of an archive should have, and what an existing policy lacks of it. The template gives its
//! own bucket the statements for a whole bucket.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Keys, relative to the archive, that are written without a condition: those that docs/format.md marks as overwritten.
pub const OVERWRITTEN: [&str; 5] = [
    "exports/*/slices/*/waiting.json",
    "exports/*/cancel.json",
    "open/*",
    "owed/*",
    "resumes/*",
];

/// Keys, relative to the archive, that are deleted: markers, and the test object of the command line.
pub const DELETED: [&str; 4] = ["open/*", "owed/*", "resumes/*", "checks/*"];

/// Keys, relative to the archive, that are written once: every key that is not in [`OVERWRITTEN`].
pub const CREATED_ONCE: [&str; 16] = [
    "exports/*/request.json",
    "exports/*/attempt-*.json",
    "exports/*/slices/*/run.json",
    "exports/*/slices/*/page-*",
    "exports/*/slices/*/end.json",
    "exports/*/failures/*",
    "exports/*/failed-*.json",
    "exports/*/comparison-*",
    "exports/*/cancelled.json",
    "exports/*/manifest.json",
    "ledger/*",
    "audit/*",
    "dead-letters/*",
    "live/*",
    "checks/*",
    "ended/*",
];

/// Keys, relative to the archive, that are never deleted: every key that is not in [`DELETED`].
pub const KEPT: [&str; 6] = [
    "exports/*",
    "ledger/*",
    "audit/*",
    "dead-letters/*",
    "live/*",
    "ended/*",
];

/// The statements that an archive needs and the policy lacks, and a policy that has them all.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyGap {
    /// The names (`Sid`) of the missing statements.
    pub missing: Vec<&'static str>,
    /// The existing statements and the missing ones, to be pasted.
    pub policy: Value,
}

/// Compares a bucket's policy with the one that an archive needs; `None` if nothing is missing. `prefix` is empty or
/// ends with a slash. With a prefix, other applications may use the bucket: the statements concern only keys below it.
pub fn policy_gap(
    existing: Option<&Value>,
    bucket: &Bucket<'_>,
    prefix: &str,
) -> Option<PolicyGap> {
    let existing = existing.map_or_else(Vec::new, statements_of);
    let is_missing = |rule: &Rule| !existing.iter().any(|found| enforces(found, rule));
    let missing: Vec<_> = rules(bucket, prefix)
        .into_iter()
        .filter(is_missing)
        .collect();
    let added = missing.iter().map(|rule| rule.statement(prefix));
    let statements: Vec<_> = existing.iter().cloned().chain(added).collect();
    (!missing.is_empty()).then(|| PolicyGap {
        missing: missing.iter().map(|rule| rule.name).collect(),
        policy: json!({"Version": "2012-10-17", "Statement": statements}),
    })
}

/// A bucket by its partition and name.
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'a> {
    pub region: &'a str,
    pub name: &'a str,
}

impl Bucket<'_> {
    fn arn(&self) -> String {
        let partition = match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:s3:::{}", self.name)
    }
}

/// Something that no principal may do in an archive.
#[derive(Debug)]
struct Rule {
    /// The `Sid` of its statement.
    name: &'static str,
    action: &'static str,
    /// The ARNs of the archive that the rule protects.
    protected: Vec<String>,
    /// The ARNs that a statement for the whole bucket exempts; `None` if the rule has no exemption.
    exempt: Option<Vec<String>>,
    condition: Option<Value>,
}

impl Rule {
    /// The statement that enforces the rule. In a whole bucket it exempts keys, so that it covers unknown ones, too. One
    /// statement cannot have both `Resource` and `NotResource`; below a prefix it therefore lists the protected keys.
    fn statement(&self, prefix: &str) -> Value {
        let (element, resources) = match &self.exempt {
            Some(exempt) if prefix.is_empty() => ("NotResource", exempt),
            _ => ("Resource", &self.protected),
        };
        let mut statement = json!({
            "Sid": self.name, "Effect": "Deny", "Principal": "*", "Action": self.action, element: resources,
        });
        if let Some(condition) = &self.condition {
            statement["Condition"] = condition.clone();
        }
        statement
    }
}

/// A write without `If-None-Match` is refused, except of overwritten objects; the parts of a multipart upload pass,
/// because its completion is checked.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
fn rules(bucket: &Bucket<'_>, prefix: &str) -> [Rule; 3] {
    let arn = bucket.arn();
    let literal = literal(prefix);
    let below = |keys: &[&str]| -> Vec<String> {
        keys.iter()
            .map(|key| format!("{arn}/{literal}{key}"))
            .collect()
    };
    // Requests for the bucket itself, such as to list it, concern the archive alone only without a prefix.
    let whole_bucket = prefix.is_empty().then(|| arn.clone());
    [
        Rule {
            name: "OnlyByTls",
            action: "s3:*",
            protected: whole_bucket.into_iter().chain(below(&["*"])).collect(),
            exempt: None,
            condition: Some(json!({"Bool": {"aws:SecureTransport": "false"}})),
        },
        Rule {
            name: "CreateOnly",
            action: "s3:PutObject",
            protected: below(&CREATED_ONCE),
            exempt: Some(below(&OVERWRITTEN)),
            condition: Some(json!({
                "Null": {"s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            })),
        },
        Rule {
            name: "DeleteOnlyMarkers",
            action: "s3:DeleteObject",
            protected: below(&KEPT),
            exempt: Some(below(&DELETED)),
            condition: None,
        },
    ]
}

/// The pattern that only this text matches: a policy has variables for the three characters with a meaning.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
fn literal(text: &str) -> String {
    let escaped = |character| match character {
        '*' | '?' | '$' => format!("${{{character}}}"),
        other => String::from(other),
    };
    text.chars().map(escaped).collect()
}

fn statements_of(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(several) => several.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Whether a statement enforces at least the rule, whatever its name.
fn enforces(found: &Value, rule: &Rule) -> bool {
    let is_anyone = found["Principal"] == "*" || found["Principal"]["AWS"] == "*";
    let actions = texts(&found["Action"]);
    found["Effect"] == "Deny"
        && is_anyone
        && (actions.contains(rule.action) || actions.contains("s3:*"))
        && (lists_protected(found, rule) || exempts_no_more(found, rule))
        && found.get("Condition") == rule.condition.as_ref()
}

/// Whether the statement's `Resource` covers everything that the rule protects.
fn lists_protected(found: &Value, rule: &Rule) -> bool {
    let resources = texts(&found["Resource"]);
    let is_covered = |protected: &String| resources.iter().any(|found| covers(found, protected));
    rule.protected.iter().all(is_covered)
}

/// Whether the statement has a `NotResource` that exempts nothing else than the rule does.
fn exempts_no_more(found: &Value, rule: &Rule) -> bool {
    let (Some(found), Some(exempt)) = (found.get("NotResource"), &rule.exempt) else {
        return false;
    };
    let exempt = exempt.iter().map(String::as_str).collect();
    texts(found).is_subset(&exempt)
}

/// Whether every text that the second pattern matches is matched by the first one, in which `*` stands for any
/// characters. `?` is compared as a character, so a pattern with it covers less here than in S3.
fn covers(wide: &str, narrow: &str) -> bool {
    let Some((start, rest)) = wide.split_once('*') else {
        return wide == narrow;
    };
    let Some(mut tail) = narrow.strip_prefix(start) else {
        return false;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some((_, after)) = tail.split_once(part) else {
            return false;
        };
        tail = after;
    }
    tail.ends_with(end)
}

/// A text or a list of texts.
fn texts(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
