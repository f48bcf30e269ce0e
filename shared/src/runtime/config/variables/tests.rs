use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::runtime::config::{
    ArchivePageConfig, AwaitReadyConfig, CompleteExportConfig, Config, ConfigError, Problem,
    RecordFailureConfig, SendWebhookConfig, StartExportConfig, SweepExportsConfig,
};

/// A value for every variable, as for a function on AWS.
const COMPLETE: [(&str, &str); 39] = [
    ("ALLOWED_REGIONS", "eu-central-1,eu-west-1"),
    ("ARCHIVE_BUCKET", "archive"),
    ("ARCHIVE_BYTES_PER_RECORD", "700"),
    ("ARCHIVE_KMS_KEY_ID", "alias/archive"),
    ("ARCHIVE_PREFIX", "genesys"),
    ("ARCHIVE_QUOTA_MB", "5000"),
    ("ARCHIVE_RETENTION_DAYS", "365"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_S3_FORCE_PATH_STYLE", "false"),
    (
        "COMPLETION_QUEUE_URL",
        "https://sqs.example/1/completion.fifo",
    ),
    ("COMPLIANCE_VERSION", "2"),
    ("DATA_CLASSIFICATION", "restricted"),
    ("DATA_LAKE_WEBHOOK_URL", "https://lake.example/hook"),
    ("GATEWAY_HISTORY_FORM", "continuation"),
    ("GATEWAY_PAGE_SIZE_MAX", "500"),
    ("GENESYS_BODY_LIMIT_MB", "32"),
    (
        "GENESYS_CREDENTIALS_SECRET_ARN",
        "arn:aws:secretsmanager:eu-central-1:1:secret:genesys",
    ),
    ("GENESYS_JOB_INTERVAL_MAX_DAYS", "7"),
    ("GENESYS_JOB_PAGE_SIZE_MAX", "500"),
    ("GENESYS_QUERY_INTERVAL_MAX_DAYS", "7"),
    ("GENESYS_QUERY_LAG_SECONDS", "300"),
    ("GENESYS_QUERY_PAGE_SIZE_MAX", "50"),
    ("GENESYS_REGION", "mypurecloud.de"),
    ("JOB_DEADLINE_HOURS", "6"),
    ("MAX_OPEN_SLICES", "4"),
    ("MAX_PAGES_PER_SLICE", "1000"),
    ("MAX_RUNS_PER_SLICE", "3"),
    ("MAX_SLICES", "31"),
    ("PAGE_QUEUE_URL", "https://sqs.example/1/pages.fifo"),
    ("RESPONSE_CACHE_SECONDS", "60"),
    ("RETENTION_DIRECTIVE", "seven years"),
    ("THROTTLED_DEADLINE_HOURS", "24"),
    (
        "TRANSCRIPT_TOPIC_ARN",
        "arn:aws:sns:eu-central-1:1:transcripts",
    ),
    ("UNAVAILABLE_DEADLINE_HOURS", "24"),
    ("WAITING_QUEUE_URL", "https://sqs.example/1/waiting"),
    ("WATERMARK_DEADLINE_HOURS", "36"),
    ("WEBHOOK_ALLOWED_HOSTS", "hooks.internal.example"),
    ("WEBHOOK_QUEUE_URL", "https://sqs.example/1/webhooks"),
    (
        "WEBHOOK_SIGNING_SECRET_ARN",
        "arn:aws:secretsmanager:eu-central-1:1:secret:signing",
    ),
];

/// Reads the settings of a function; returns the error, if any.
type Read = fn(&dyn Fn(&str) -> Option<String>) -> Option<ConfigError>;

fn read<C: Config>(lookup: &dyn Fn(&str) -> Option<String>) -> Option<ConfigError> {
    C::from_lookup(lookup).err()
}

fn configs() -> BTreeMap<&'static str, Read> {
    BTreeMap::from([
        ("start-export", read::<StartExportConfig> as Read),
        ("archive-page", read::<ArchivePageConfig>),
        ("await-ready", read::<AwaitReadyConfig>),
        ("complete-export", read::<CompleteExportConfig>),
        ("send-webhook", read::<SendWebhookConfig>),
        ("record-failure", read::<RecordFailureConfig>),
        ("sweep-exports", read::<SweepExportsConfig>),
    ])
}

#[test]
fn every_function_reads_exactly_its_variables() {
    let configs = configs();
    assert_eq!(configs.len(), FUNCTIONS.len());

    for function in FUNCTIONS {
        let asked = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            let found = COMPLETE.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };

        let error = configs[function.function](&lookup);

        let listed: BTreeSet<_> = function.variables().map(|v| v.name.to_owned()).collect();
        assert_eq!(error, None, "{}", function.function);
        assert_eq!(asked.into_inner(), listed, "{}", function.function);
    }
}

#[test]
fn a_function_without_settings_reports_each_required_variable() {
    for function in FUNCTIONS {
        let error = configs()[function.function](&|_| None).unwrap();

        let missing: BTreeSet<_> = error
            .problems()
            .iter()
            .map(|problem| match problem {
                Problem::Missing(name) | Problem::NeitherSet { name, .. } => *name,
                other => panic!("{}: {other}", function.function),
            })
            .collect();
        let needed = |variable: &&Variable| {
            // A missing ARN is not reported by its own name, but as the alternative to the variable that it replaces.
            variable.need != Need::Optional && !variable.name.ends_with("_ARN")
        };
        let needed: BTreeSet<_> = function
            .variables()
            .filter(needed)
            .map(|v| v.name)
            .collect();
        assert_eq!(missing, needed, "{}", function.function);
    }
}

#[test]
fn all_problems_are_reported_at_once_one_per_line() {
    let lookup = |name: &str| match name {
        "MAX_OPEN_SLICES" => Some("x".to_owned()),
        "PAGE_QUEUE_URL" => Some("https://sqs.example/1/pages.fifo".to_owned()),
        _ => None,
    };

    let error = CompleteExportConfig::from_lookup(lookup).unwrap_err();

    insta::assert_snapshot!(error, @r"
    ARCHIVE_BUCKET is not set
    COMPLETION_QUEUE_URL is not set
    WEBHOOK_QUEUE_URL is not set
    MAX_OPEN_SLICES is `x`: a whole number from 1 to 100
    ");
}

#[test]
fn the_configuration_holds_the_values_of_the_variables() {
    let lookup = |name: &str| {
        let found = COMPLETE.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };

    let start = StartExportConfig::from_lookup(lookup).unwrap();
    let page = ArchivePageConfig::from_lookup(lookup).unwrap();

    let limits = &start.planning.limits;
    assert_eq!(
        (limits.slices_max, limits.quota_mb, limits.retention_days),
        (31, Some(5000), Some(365))
    );
    assert_eq!(limits.governance.data_classification, "restricted");
    assert_eq!(
        start.planning.regions.genesys.as_deref(),
        Some("eu-central-1")
    );
    assert_eq!((start.max_open_slices, start.planning.emulated), (4, false));
    assert_eq!(
        (page.page.max_pages_per_slice, page.page.max_runs_per_slice),
        (1000, 3)
    );
    assert_eq!(page.genesys.client.body_limit_bytes, 32_000_000);
}

#[test]
fn each_variable_has_a_description_without_a_final_period() {
    for variable in FUNCTIONS.iter().flat_map(FunctionVariables::variables) {
        assert!(
            variable.meaning.len() > 10 && !variable.meaning.ends_with('.'),
            "{}",
            variable.name
        );
    }
}

#[test]
fn the_readme_of_a_function_lists_its_variables() {
    for function in FUNCTIONS {
        let path = format!(
            "{}/../functions/{}/README.md",
            env!("CARGO_MANIFEST_DIR"),
            function.function
        );
        let readme = std::fs::read_to_string(&path).unwrap();

        let listed: Vec<_> = readme.lines().filter(|l| l.starts_with("| `")).collect();

        let expected: Vec<_> = function.variables().map(line).collect();
        assert_eq!(listed, expected, "{path}");
    }
}

/// A variable's line in a README.
fn line(variable: &Variable) -> String {
    let need = match variable.need {
        Need::Needed => "needed",
        Need::Alternative => "one of them",
        Need::Optional => "",
    };
    format!("| `{}` | {need} | {} |", variable.name, variable.meaning)
}
