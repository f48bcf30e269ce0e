use std::collections::BTreeSet;

use conversation_archive::pipeline::metrics::{ALL, DIMENSION, NAMESPACE};
use saphyr::Yaml;
use serde_json::Value;

use end_to_end::template::{Template, text};

/// Name and dimensions of a metric on the dashboard or in an alarm.
type MetricReference = (String, Vec<String>);

const OPERATIONS: &str = include_str!("../../docs/operations.md");

fn our_dimensions(stack: &str) -> Vec<String> {
    vec![DIMENSION.to_owned(), stack.to_owned()]
}

fn known_metrics() -> BTreeSet<String> {
    ALL.iter().map(|metric| metric.name.to_owned()).collect()
}

#[test]
fn the_dashboard_shows_exactly_the_metrics_that_functions_write() {
    let template = Template::read();
    let metrics_on_dashboard = dashboard_metrics(&template);

    let stacks: BTreeSet<_> = metrics_on_dashboard
        .iter()
        .map(|(_, dimensions)| dimensions)
        .collect();
    let names: BTreeSet<_> = metrics_on_dashboard
        .iter()
        .map(|(name, _)| name.clone())
        .collect();

    assert_eq!(
        stacks,
        BTreeSet::from([&our_dimensions("${AWS::StackName}")])
    );
    assert_eq!(names, known_metrics());
}

#[test]
fn every_alarm_watches_a_metric_that_the_functions_write() {
    let template = Template::read();
    let mut watched = BTreeSet::new();
    for alarm in template.resources("AWS::CloudWatch::Alarm") {
        let alarm = template.properties(alarm);
        if text(&alarm["Namespace"]) == NAMESPACE {
            watched.insert(text(&alarm["MetricName"]).to_owned());
            let dimension = &alarm["Dimensions"][0];
            let dimension =
                [&dimension["Name"], &dimension["Value"]].map(|node| text(node).to_owned());
            assert_eq!(dimension.to_vec(), our_dimensions("AWS::StackName"));
        }
    }

    let expected = [
        "ConversationsClaimed",
        "ConversationsLeft",
        "ExportsCompleted",
        "ExportsFailed",
        "ExportsWithGaps",
        "GivenUp",
        "LiveFramesQuarantined",
        "LiveGapsOpen",
        "LiveLag",
        "LookupsRefused",
        "StartsOverdue",
        "ThrottledTime",
        "WebhookFailures",
        "WebhooksOverdue",
    ];
    assert_eq!(watched, expected.map(str::to_owned).into());
    assert!(watched.is_subset(&known_metrics()));
}

#[test]
fn one_export_with_gaps_raises_the_alarm_and_none_does_not() {
    let template = Template::read();
    let alarm = template.properties("ExportsHaveGaps");

    let words = [
        "MetricName",
        "Statistic",
        "ComparisonOperator",
        "TreatMissingData",
    ]
    .map(|property| text(&alarm[property]).to_owned());
    let numbers = ["EvaluationPeriods", "Threshold"].map(|property| alarm[property].as_integer());

    let expected = [
        "ExportsWithGaps",
        "Sum",
        "GreaterThanThreshold",
        "notBreaching",
    ];
    assert_eq!(words, expected);
    assert_eq!(numbers, [Some(1), Some(0)]);
}

/// A single late event is no lag, one that cannot be read is a loss, and silence is an alarm.
#[test]
fn live_capture_raises_an_alarm_if_it_lags_loses_or_does_nothing() {
    let template = Template::read();
    let alarm = |name: &str| {
        let alarm = template.properties(name);
        let words = [
            "MetricName",
            "Statistic",
            "ComparisonOperator",
            "TreatMissingData",
        ];
        (
            words.map(|property| text(&alarm[property]).to_owned()),
            ["Period", "Threshold"].map(|property| alarm[property].as_integer()),
        )
    };
    let expected =
        |words: [&str; 4], numbers: [i64; 2]| (words.map(str::to_owned), numbers.map(Some));

    let above = "GreaterThanThreshold";
    assert_eq!(
        alarm("LiveEventsAreLate"),
        expected(
            ["LiveLag", "Minimum", above, "notBreaching"],
            [300, 900_000]
        )
    );
    assert_eq!(
        alarm("LiveFramesAreQuarantined"),
        expected(
            ["LiveFramesQuarantined", "Sum", above, "notBreaching"],
            [3600, 0]
        )
    );
    assert_eq!(
        alarm("NoLiveExportStarted"),
        expected(
            [
                "ConversationsClaimed",
                "Sum",
                "LessThanThreshold",
                "breaching"
            ],
            [3600, 1]
        )
    );
}

#[test]
fn operations_explains_every_alarm_and_every_metric() {
    let template = Template::read();
    let metrics = known_metrics().into_iter();
    let alarms = template.resources("AWS::CloudWatch::Alarm").into_iter();

    let in_table = |name: &String| {
        let quoted = format!("`{name}`");
        let mut rows = OPERATIONS
            .lines()
            .filter_map(|line| line.strip_prefix("| `"));
        rows.any(|row| {
            format!("`{row}")
                .split(" | ")
                .next()
                .is_some_and(|it| it.contains(&quoted))
        })
    };

    let missing: Vec<_> = metrics
        .chain(alarms.map(str::to_owned))
        .filter(|name| !in_table(name))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_alarm_has_an_action_and_a_description() {
    let template = Template::read();

    for name in template.resources("AWS::CloudWatch::Alarm") {
        let alarm = template.properties(name);
        assert_eq!(text(&alarm["AlarmActions"][0]), "Alarms", "{name}");
        assert!(text(&alarm["AlarmDescription"]).len() > 20, "{name}");
        assert!(
            !matches!(alarm["TreatMissingData"], Yaml::BadValue),
            "{name}"
        );
    }
}

/// Returns our metrics on the dashboard.
fn dashboard_metrics(template: &Template) -> Vec<MetricReference> {
    let body = text(&template.properties("Dashboard")["DashboardBody"]);
    let body: Value = serde_json::from_str(body).expect("the dashboard is JSON");
    let widgets = body["widgets"].as_array().expect("widgets");
    let lists = widgets
        .iter()
        .map(|widget| widget["properties"]["metrics"].as_array().expect("metrics"));
    lists
        .flatten()
        .map(|metric| {
            let words = metric.as_array().expect("a metric").iter();
            words
                .map(|word| word.as_str().expect("a word").to_owned())
                .collect()
        })
        .filter(|words: &Vec<String>| words[0] == NAMESPACE)
        .map(|words| (words[1].clone(), words[2..].to_vec()))
        .collect()
}
