//! The policy that the bucket of an archive should have, and what an existing policy lacks of it. The template gives its
//! own bucket the same statements.

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

/// The statements that an archive needs and the policy lacks, and a policy that has them all.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyGap {
    /// The names (`Sid`) of the missing statements.
    pub missing: Vec<&'static str>,
    /// The existing statements and the missing ones, to be pasted.
    pub policy: Value,
}

/// Compares a bucket's policy with the one that an archive needs; `None` if nothing is missing. `prefix` is empty or
/// ends with a slash.
pub fn policy_gap(
    existing: Option<&Value>,
    bucket: &Bucket<'_>,
    prefix: &str,
) -> Option<PolicyGap> {
    let existing = existing.map_or_else(Vec::new, statements_of);
    let is_missing =
        |(_, required): &(&str, Value)| !existing.iter().any(|found| enforces(found, required));
    let missing: Vec<_> = required(bucket, prefix)
        .into_iter()
        .filter(is_missing)
        .collect();
    let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
    let statements: Vec<_> = existing
        .iter()
        .cloned()
        .chain(missing.into_iter().map(|(_, statement)| statement))
        .collect();
    (!names.is_empty()).then(|| PolicyGap {
        missing: names,
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

/// The statements by name. A write without `If-None-Match` is refused, except of overwritten objects; the parts of a
/// multipart upload pass, because its completion is checked.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
fn required(bucket: &Bucket<'_>, prefix: &str) -> [(&'static str, Value); 3] {
    let arn = bucket.arn();
    let below = |keys: &[&str]| -> Vec<String> {
        keys.iter()
            .map(|key| format!("{arn}/{prefix}{key}"))
            .collect()
    };
    [
        (
            "OnlyByTls",
            json!({
                "Sid": "OnlyByTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": [arn, format!("{arn}/*")],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }),
        ),
        (
            "CreateOnly",
            json!({
                "Sid": "CreateOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
                "NotResource": below(&OVERWRITTEN),
                "Condition": {
                    "Null": {"s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            }),
        ),
        (
            "DeleteOnlyMarkers",
            json!({
                "Sid": "DeleteOnlyMarkers", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject",
                "NotResource": below(&DELETED),
            }),
        ),
    ]
}

fn statements_of(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(several) => several.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Whether a statement enforces at least what the required one does, whatever its name.
fn enforces(found: &Value, required: &Value) -> bool {
    let is_anyone = found["Principal"] == "*" || found["Principal"]["AWS"] == "*";
    let action = texts(&required["Action"]);
    let actions = texts(&found["Action"]);
    let covers_action = actions.is_superset(&action) || actions.contains("s3:*");
    let exempts_no_more = match &required["NotResource"] {
        Value::Null => texts(&found["Resource"]).is_superset(&texts(&required["Resource"])),
        exempt => {
            found.get("NotResource").is_some()
                && texts(&found["NotResource"]).is_subset(&texts(exempt))
        }
    };
    found["Effect"] == "Deny"
        && is_anyone
        && covers_action
        && exempts_no_more
        && found["Condition"] == required["Condition"]
}

/// A text or a list of texts.
fn texts(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Bucket<'static> = Bucket {
        region: "eu-central-1",
        name: "archive",
    };

    fn missing(policy: &Value) -> Vec<&'static str> {
        policy_gap(Some(policy), &BUCKET, "team/").map_or_else(Vec::new, |gap| gap.missing)
    }

    #[test]
    fn a_bucket_without_a_policy_gets_all_statements_to_paste() {
        let gap = policy_gap(None, &BUCKET, "team/").unwrap();

        assert_eq!(
            gap.missing,
            ["OnlyByTls", "CreateOnly", "DeleteOnlyMarkers"]
        );
        let create_only = &gap.policy["Statement"][1];
        assert_eq!(
            create_only["NotResource"][0],
            "arn:aws:s3:::archive/team/exports/*/slices/*/waiting.json"
        );
        assert_eq!(missing(&gap.policy), [""; 0]);
    }

    #[test]
    fn existing_statements_are_kept_and_only_missing_ones_are_added() {
        let own = json!({"Sid": "Readers", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::archive/*"});
        let tls = json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::archive/*", "arn:aws:s3:::archive"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
        let policy = json!({"Statement": [own, tls]});

        let gap = policy_gap(Some(&policy), &BUCKET, "").unwrap();

        assert_eq!(gap.missing, ["CreateOnly", "DeleteOnlyMarkers"]);
        assert_eq!(gap.policy["Statement"][0]["Sid"], "Readers");
        assert_eq!(gap.policy["Statement"].as_array().unwrap().len(), 4);
    }

    type Edit = fn(&mut Value);

    #[test]
    fn a_weaker_statement_does_not_count() {
        let complete = policy_gap(None, &BUCKET, "team/").unwrap().policy;
        let edits: [(Edit, &str); 6] = [
            (
                |it| it["Statement"][1]["Effect"] = json!("Allow"),
                "CreateOnly",
            ),
            (
                |it| it["Statement"][1]["Principal"] = json!({"AWS": "1"}),
                "CreateOnly",
            ),
            (
                |it| it["Statement"][1]["NotResource"][5] = json!("arn:aws:s3:::archive/*"),
                "CreateOnly",
            ),
            (
                |it| it["Statement"][1]["Condition"]["StringLike"] = json!({"aws:userid": "a"}),
                "CreateOnly",
            ),
            (
                |it| it["Statement"][2]["Action"] = json!("s3:DeleteObjectVersion"),
                "DeleteOnlyMarkers",
            ),
            (
                |it| it["Statement"][0]["Resource"] = json!("arn:aws:s3:::archive/*"),
                "OnlyByTls",
            ),
        ];

        for (edit, expected) in edits {
            let mut policy = complete.clone();
            if let Some(list) = policy["Statement"][1]["NotResource"].as_array_mut() {
                list.push(list[0].clone());
            }
            edit(&mut policy);
            assert_eq!(missing(&policy), [expected]);
        }
    }

    #[test]
    fn the_arn_names_the_partition_of_the_region() {
        let arn = |region| Bucket { region, name: "b" }.arn();

        assert_eq!(arn("cn-north-1"), "arn:aws-cn:s3:::b");
        assert_eq!(arn("us-gov-west-1"), "arn:aws-us-gov:s3:::b");
        assert_eq!(arn("us-east-1"), "arn:aws:s3:::b");
    }
}
