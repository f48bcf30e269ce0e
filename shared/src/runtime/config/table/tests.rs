use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::export::plan::PlanLimits;
use crate::runtime::config::{
    ArchiveEventsConfig, ArchivePageConfig, AwaitReadyConfig, CompleteExportConfig, Config,
    ConfigError, FetchEndedConfig, LiveSettings, PageSettings, Problem, RecordFailureConfig,
    SendWebhookConfig, Settings, StartExportConfig, SweepExportsConfig,
};
use crate::source::SourceSettings;

/// A value for every variable, as for a function on AWS.
const COMPLETE: [(&str, &str); 36] = [
    ("ALLOWED_REGIONS", "eu-central-1,eu-west-1"),
    ("ARCHIVE_BUCKET", "archive"),
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
    ("ENDED_QUEUE_URL", "https://sqs.example/1/ended"),
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
    ("LIVE_API_SHARE", "10"),
    ("LIVE_GAP_DELAY_SECONDS", "600"),
    ("LIVE_SETTLE_SECONDS", "300"),
    ("MAX_OPEN_SLICES", "4"),
    ("PAGE_QUEUE_URL", "https://sqs.example/1/pages.fifo"),
    ("RETENTION_DIRECTIVE", "seven years"),
    (
        "SIGNING_KEY_ARN",
        "arn:aws:kms:eu-central-1:123456789012:key/1",
    ),
    (
        "TRANSCRIPT_TOPIC_ARN",
        "arn:aws:sns:eu-central-1:1:transcripts",
    ),
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
        ("archive-events", read::<ArchiveEventsConfig>),
        ("fetch-ended", read::<FetchEndedConfig>),
    ])
}

#[test]
fn every_function_reads_exactly_its_variables() {
    let configs = configs();
    assert_eq!(configs.len(), FUNCTIONS.len());

    for function in FUNCTIONS {
        let looked_up = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            looked_up.borrow_mut().insert(name.to_owned());
            let found = COMPLETE.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };

        let error = configs[function.function](&lookup);

        let listed: BTreeSet<_> = function.settings().map(|v| v.name.to_owned()).collect();
        assert_eq!(error, None, "{}", function.function);
        assert_eq!(looked_up.into_inner(), listed, "{}", function.function);
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
        let needed = |setting: &&Setting| {
            // A missing ARN of a secret is reported as the alternative to the setting that it replaces.
            let is_alternative =
                matches!(setting.kind, RequiredUnless(_)) && setting.name.ends_with("_ARN");
            setting.is_required() && !is_alternative
        };
        let needed: BTreeSet<_> = function.settings().filter(needed).map(|v| v.name).collect();
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
    SIGNING_KEY_ARN is not set
    COMPLETION_QUEUE_URL is not set
    WEBHOOK_QUEUE_URL is not set
    MAX_OPEN_SLICES is `x`: a whole number from 1 to 100
    ");
}

/// The problems that a function reports if one variable has another value than in [`COMPLETE`], and the number of times
/// that it reads the variable.
fn problems_with(function: &str, changed: (&str, &str)) -> (Vec<String>, usize) {
    let reads = RefCell::new(0);
    let lookup = |name: &str| {
        if name == changed.0 {
            *reads.borrow_mut() += 1;
            return Some(changed.1.to_owned());
        }
        let found = COMPLETE.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let error = configs()[function](&lookup);
    let problems = error.iter().flat_map(ConfigError::problems);
    (problems.map(ToString::to_string).collect(), reads.take())
}

#[test]
fn no_function_starts_with_an_endpoint_that_refuses_every_call() {
    for function in FUNCTIONS {
        let changed = ("AWS_ENDPOINT_URL", "http://minio.example");
        let (problems, _) = problems_with(function.function, changed);

        assert_eq!(
            problems,
            [
                "AWS_ENDPOINT_URL is `http://minio.example`: an https URL; plain http is allowed only for this machine"
            ],
            "{}",
            function.function
        );
    }
}

#[test]
fn the_required_redaction_is_read_once() {
    for function in [
        "start-export",
        "archive-page",
        "archive-events",
        "fetch-ended",
        "sweep-exports",
    ] {
        let (problems, reads) = problems_with(function, ("REDACTION_REQUIRED", "some"));

        assert_eq!((problems.len(), reads), (1, 1), "{function}: {problems:?}");
    }
}

#[test]
fn the_configuration_holds_the_values_of_the_variables() {
    let lookup = |name: &str| {
        let found = COMPLETE.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };

    let start = StartExportConfig::from_lookup(lookup).unwrap();
    let page = ArchivePageConfig::from_lookup(lookup).unwrap();
    let ended = FetchEndedConfig::from_lookup(lookup).unwrap();

    let limits = &start.planning.limits;
    assert_eq!(
        (limits.quota_mb, limits.retention_days),
        (Some(5000), Some(365))
    );
    assert_eq!(limits.governance.data_classification, "restricted");
    assert_eq!(
        start.planning.regions.genesys.as_deref(),
        Some("eu-central-1")
    );
    assert_eq!((start.max_open_slices, start.planning.emulated), (4, false));
    assert_eq!(page.page.wait_limits.watermark, Duration::from_hours(36));
    assert_eq!(page.genesys.client.body_limit_bytes, 32_000_000);
    let live = LiveSettings {
        settle: Duration::from_mins(5),
        api_share_percent: 10,
    };
    assert_eq!((ended.live, ended.ids_per_request), (live, 50));
}

#[test]
fn each_variable_has_a_description_without_a_final_period() {
    let functions: Vec<_> = FUNCTIONS.to_vec();
    for variable in functions.iter().flat_map(FunctionSettings::settings) {
        assert!(
            variable.meaning.len() > 10 && !variable.meaning.ends_with('.'),
            "{}",
            variable.name
        );
    }
}

#[test]
fn without_settings_the_documented_defaults_apply() {
    let settings = Settings::new(&|_| None);
    let (plan, source) = (PlanLimits::default(), SourceSettings::default());

    let limits = settings.limits(None);

    assert_eq!(format!("{limits:?}"), format!("{plan:?}"));
    assert_eq!(settings.source_settings(), source);
    assert_eq!(settings.live(), LiveSettings::default());
    assert_eq!(
        settings.page_settings(limits.required_redaction),
        PageSettings::default()
    );
}

#[test]
fn every_setting_is_read_by_a_program() {
    let readers: Vec<_> = FUNCTIONS.into_iter().chain([COMMAND_LINE]).collect();
    let read: BTreeSet<_> = readers
        .iter()
        .flat_map(FunctionSettings::settings)
        .map(|setting| setting.name)
        .collect();

    assert_eq!(read, ALL.iter().map(|setting| setting.name).collect());
}

#[test]
fn the_documentation_lists_every_setting_as_it_is_in_the_table() {
    let expected = ALL.iter().map(|setting| {
        let reads = |program: &FunctionSettings| program.settings().any(|it| it == *setting);
        let command_line = if reads(&COMMAND_LINE) { "c" } else { "" };
        let functions = if FUNCTIONS.into_iter().any(|program| reads(&program)) {
            "f"
        } else {
            ""
        };
        let readers = [command_line, functions].join(" ");
        format!("| `{}` | {} | {setting} |", setting.name, readers.trim())
    });

    assert_eq!(rows("docs/settings.md"), expected.collect::<Vec<_>>());
}

#[test]
fn the_readme_of_a_function_lists_its_settings() {
    for function in FUNCTIONS {
        let path = format!("functions/{}/README.md", function.function);

        let expected = function.settings();
        let expected = expected.map(|setting| format!("| `{}` | {setting} |", setting.name));
        assert_eq!(rows(&path), expected.collect::<Vec<_>>(), "{path}");
    }
}

/// The lines of a document that describe a setting of the table.
fn rows(path: &str) -> Vec<String> {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(path).unwrap();
    let is_row = |line: &&str| {
        let name = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split('`').next());
        name.is_some_and(|name| ALL.iter().any(|setting| setting.name == name))
    };
    let rows = document.lines().filter(is_row);
    rows.map(ToOwned::to_owned).collect()
}
