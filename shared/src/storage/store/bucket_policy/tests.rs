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
    assert_eq!(missing(&gap.policy), [""; 0]);
}

#[test]
fn statements_for_a_prefix_concern_no_key_outside_it() {
    let policy = policy_gap(None, &BUCKET, "team/").unwrap().policy;

    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement.get("NotResource"), None, "{statement}");
        let resources = texts(&statement["Resource"]);
        assert!(!resources.is_empty(), "{statement}");
        for resource in resources {
            let below = resource.strip_prefix("arn:aws:s3:::archive/team/");
            assert!(below.is_some_and(|keys| !keys.is_empty()), "{resource}");
        }
    }
}

#[test]
fn a_prefix_stands_for_itself_in_a_pattern() {
    let policy = policy_gap(None, &BUCKET, "te*m?/$x/").unwrap().policy;

    assert_eq!(
        policy["Statement"][0]["Resource"],
        json!(["arn:aws:s3:::archive/te${*}m${?}/${$}x/*"])
    );
    assert!(policy_gap(Some(&policy), &BUCKET, "te*m?/$x/").is_none());
}

#[test]
fn statements_for_a_whole_bucket_concern_every_other_key() {
    let policy = policy_gap(None, &BUCKET, "").unwrap().policy;

    let statements = &policy["Statement"];
    assert_eq!(
        statements[0]["Resource"],
        json!(["arn:aws:s3:::archive", "arn:aws:s3:::archive/*"])
    );
    assert_eq!(
        statements[1]["NotResource"][0],
        "arn:aws:s3:::archive/exports/*/slices/*/waiting.json"
    );
    assert_eq!(
        statements[2]["NotResource"][3],
        "arn:aws:s3:::archive/checks/*"
    );
    assert!(policy_gap(Some(&policy), &BUCKET, "").is_none());
}

/// The policy that the template gives its own bucket, with `ArchivePrefix`.
#[test]
fn exemptions_below_the_prefix_alone_protect_it_too() {
    let mut policy = policy_gap(None, &BUCKET, "").unwrap().policy;
    for (statement, keys) in [(1, OVERWRITTEN.as_slice()), (2, DELETED.as_slice())] {
        let exempt = keys
            .iter()
            .map(|key| format!("arn:aws:s3:::archive/team/{key}"));
        policy["Statement"][statement]["NotResource"] = exempt.collect();
    }

    assert_eq!(missing(&policy), [""; 0]);
}

#[test]
fn exemptions_of_another_prefix_do_not_count() {
    let other = policy_gap(None, &BUCKET, "").unwrap().policy;

    assert_eq!(missing(&other), ["CreateOnly", "DeleteOnlyMarkers"]);
}

#[test]
fn statements_for_another_prefix_do_not_count() {
    let other = policy_gap(None, &BUCKET, "other/").unwrap().policy;

    let gap = policy_gap(Some(&other), &BUCKET, "team/").unwrap();

    assert_eq!(gap.missing.len(), 3);
    assert_eq!(gap.policy["Statement"].as_array().unwrap().len(), 6);
}

#[test]
fn a_wider_resource_covers_a_narrower_one() {
    for (wide, narrow, expected) in [
        ("b/*", "b/team/*", true),
        ("b/team/exports/*", "b/team/exports/*/page-*", true),
        ("b/*/exports/*", "b/team/exports/*/page-*", true),
        ("b/team/ledger/*", "b/team/ledger/*", true),
        ("b/team/page-*", "b/*", false),
        ("b/team/?", "b/team/*", false),
        ("b/team/exports/*/end.json", "b/team/exports/*", false),
        ("b/other/*", "b/team/*", false),
        ("b", "b/team/*", false),
    ] {
        assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
    }
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

fn push(list: &mut Value, text: &str) {
    list.as_array_mut().unwrap().push(json!(text));
}

/// The statements that are missing after each edit of the complete policy for the prefix.
fn missing_after(prefix: &str, edits: &[Edit]) -> Vec<&'static str> {
    let complete = policy_gap(None, &BUCKET, prefix).unwrap().policy;
    let missing_after = |edit: &Edit| {
        let mut policy = complete.clone();
        edit(&mut policy);
        policy_gap(Some(&policy), &BUCKET, prefix).map_or_else(Vec::new, |gap| gap.missing)
    };
    edits.iter().flat_map(missing_after).collect()
}

#[test]
fn a_weaker_statement_does_not_count() {
    let edits: [Edit; 4] = [
        |it| it["Statement"][0]["Resource"] = json!("arn:aws:s3:::archive/team/open/*"),
        |it| it["Statement"][1]["Effect"] = json!("Allow"),
        |it| it["Statement"][1]["Condition"]["StringLike"] = json!({"aws:userid": "a"}),
        |it| it["Statement"][2]["Action"] = json!("s3:DeleteObjectVersion"),
    ];
    let expected = ["OnlyByTls", "CreateOnly", "CreateOnly", "DeleteOnlyMarkers"];

    assert_eq!(missing_after("", &edits), expected);
    assert_eq!(missing_after("team/", &edits), expected);
}

#[test]
fn a_statement_for_one_principal_does_not_count() {
    let edits: [Edit; 2] = [
        |it| it["Statement"][1]["Principal"] = json!({"AWS": "1"}),
        |it| it["Statement"][2]["Principal"] = json!({"AWS": "1"}),
    ];
    let expected = ["CreateOnly", "DeleteOnlyMarkers"];

    assert_eq!(missing_after("", &edits), expected);
    assert_eq!(missing_after("team/", &edits), expected);
}

#[test]
fn a_further_exemption_does_not_count() {
    let edits: [Edit; 2] = [
        |it| {
            push(
                &mut it["Statement"][1]["NotResource"],
                "arn:aws:s3:::archive/*",
            );
        },
        |it| {
            push(
                &mut it["Statement"][2]["NotResource"],
                "arn:aws:s3:::archive/exports/*",
            );
        },
    ];

    assert_eq!(
        missing_after("", &edits),
        ["CreateOnly", "DeleteOnlyMarkers"]
    );
}

#[test]
fn a_statement_that_omits_a_kind_does_not_count() {
    let edits: [Edit; 3] = [
        |it| drop(it["Statement"][1]["Resource"].as_array_mut().unwrap().pop()),
        |it| it["Statement"][1]["Resource"][0] = json!("arn:aws:s3:::archive/team/open/*"),
        |it| drop(it["Statement"][2]["Resource"].as_array_mut().unwrap().pop()),
    ];

    assert_eq!(
        missing_after("team/", &edits),
        ["CreateOnly", "CreateOnly", "DeleteOnlyMarkers"]
    );
}

#[test]
fn the_arn_names_the_partition_of_the_region() {
    let arn = |region| Bucket { region, name: "b" }.arn();

    assert_eq!(arn("cn-north-1"), "arn:aws-cn:s3:::b");
    assert_eq!(arn("us-gov-west-1"), "arn:aws-us-gov:s3:::b");
    assert_eq!(arn("us-east-1"), "arn:aws:s3:::b");
}
