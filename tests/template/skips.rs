//! The findings of checkov that are skipped: each has a reason, and the reasons that a template can show hold.

use conversation_archive::runtime::config::FUNCTIONS;
use end_to_end::template::{Template, text};
use saphyr::Yaml;

const SKIPS: &str = include_str!("../../infra/checkov/skips.yaml");

#[test]
fn every_skipped_finding_has_its_reason_above_it() {
    let lines: Vec<_> = SKIPS.lines().map(str::trim).collect();
    let skips: Vec<_> = lines
        .windows(2)
        .filter(|pair| pair[1].starts_with("- "))
        .collect();

    assert!(!skips.is_empty());
    for pair in skips {
        let is_reason = pair[0].starts_with("# ") && pair[0].ends_with('.');
        assert!(is_reason, "{} has no reason", pair[1]);
    }
}

#[test]
fn sqs_encrypts_every_queue_by_itself() {
    let template = Template::read();

    for queue in template.resources("AWS::SQS::Queue") {
        let encrypted = template
            .properties(queue)
            .as_mapping_get("SqsManagedSseEnabled");
        assert_eq!(encrypted.and_then(Yaml::as_bool), Some(true), "{queue}");
    }
}

#[test]
fn seven_functions_are_invoked_by_queues_and_start_export_keeps_failures() {
    let template = Template::read();
    let by_queue = |package: &&str| {
        !template
            .event_sources(template.function(package))
            .is_empty()
    };

    let packages = FUNCTIONS.map(|function| function.function);
    let packages: Vec<_> = packages.into_iter().filter(by_queue).collect();

    let expected = [
        "archive-page",
        "await-ready",
        "complete-export",
        "send-webhook",
        "record-failure",
        "archive-events",
        "fetch-ended",
    ];
    assert_eq!(packages, expected);
    let start = &template.properties("StartExport")["EventInvokeConfig"];
    let on_failure = &start["DestinationConfig"]["OnFailure"]["Destination"];
    assert_eq!(text(on_failure), "FailedStarts.Arn");
}

#[test]
fn what_archived_data_needs_outlives_the_stack() {
    let template = Template::read();

    for resource in [
        "ArchiveBucket",
        "ArchiveBucketPolicy",
        "ArchiveKey",
        "SigningKey",
        "RedactionHashing",
    ] {
        let declared = &template.root()["Resources"][resource];
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(text(&declared[policy]), "Retain", "{resource}");
        }
    }
}
