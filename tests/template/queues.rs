use std::time::Duration;

use conversation_archive::storage::queue::{
    ARCHIVE_PAGE_TIMEOUT, AWAIT_READY_TIMEOUT, COMPLETE_EXPORT_TIMEOUT, DEAD_LETTER_RETENTION,
    ENDED_BATCH_WINDOW, FETCH_ENDED_PROCESSES, FETCH_ENDED_TIMEOUT, Queue, SEND_WEBHOOK_TIMEOUT,
};
use saphyr::Yaml;

use end_to_end::template::{Template, reference_target, seconds, text};

/// Returns the template's queue with this name and suffix.
fn queue<'a>(template: &'a Template, queue: Queue, suffix: &str) -> (&'a str, &'a Yaml<'static>) {
    let fifo = if queue.settings().fifo { ".fifo" } else { "" };
    let name = format!("${{AWS::StackName}}-{}{suffix}{fifo}", queue.name());
    let named = |resource: &&str| text(&template.properties(resource)["QueueName"]) == name;
    let found = template
        .resources("AWS::SQS::Queue")
        .into_iter()
        .find(named);
    let resource = found.unwrap_or_else(|| panic!("no queue is called {name}"));
    (resource, template.properties(resource))
}

fn is_fifo(properties: &Yaml<'static>) -> bool {
    properties
        .as_mapping_get("FifoQueue")
        .and_then(Yaml::as_bool)
        == Some(true)
}

fn consumer(queue: Queue) -> (&'static str, Duration) {
    match queue {
        Queue::Pages => ("archive-page", ARCHIVE_PAGE_TIMEOUT),
        Queue::Waiting => ("await-ready", AWAIT_READY_TIMEOUT),
        Queue::Completion => ("complete-export", COMPLETE_EXPORT_TIMEOUT),
        Queue::Webhooks => ("send-webhook", SEND_WEBHOOK_TIMEOUT),
        Queue::Ended => ("fetch-ended", FETCH_ENDED_TIMEOUT),
    }
}

#[test]
fn the_settings_of_each_queue_match_the_code() {
    let template = Template::read();
    for kind in Queue::ALL {
        let settings = kind.settings();
        let (_, properties) = queue(&template, kind, "");

        assert_eq!(is_fifo(properties), settings.fifo, "{kind:?}");
        assert_eq!(
            seconds(&properties["VisibilityTimeout"]),
            settings.visibility_timeout.as_secs(),
            "{kind:?}"
        );
        assert_eq!(
            seconds(&properties["MessageRetentionPeriod"]),
            settings.retention.as_secs(),
            "{kind:?}"
        );
        assert_eq!(
            properties["RedrivePolicy"]["maxReceiveCount"].as_integer(),
            Some(settings.max_receive_count.into()),
            "{kind:?}"
        );
    }
}

#[test]
fn dead_letters_go_to_a_queue_that_record_failure_reads() {
    let template = Template::read();
    let recorder = template.event_sources(template.function("record-failure"));
    for kind in Queue::ALL {
        let (_, properties) = queue(&template, kind, "");
        let (dead_letter_queue, dead_letter_properties) = queue(&template, kind, "-dead-letters");

        assert_eq!(
            reference_target(&properties["RedrivePolicy"]["deadLetterTargetArn"]),
            dead_letter_queue
        );
        assert_eq!(
            is_fifo(dead_letter_properties),
            kind.settings().fifo,
            "{kind:?}"
        );
        assert_eq!(
            seconds(&dead_letter_properties["MessageRetentionPeriod"]),
            DEAD_LETTER_RETENTION.as_secs()
        );
        assert!(
            recorder
                .iter()
                .any(|(source, _)| *source == dead_letter_queue),
            "{kind:?}"
        );
    }
}

#[test]
fn the_batch_size_and_timeout_of_each_consumer_match_the_code() {
    let template = Template::read();
    for kind in Queue::ALL {
        let (package, timeout) = consumer(kind);
        let function = template.function(package);
        let sources = template.event_sources(function);

        let [(source, event)] = sources[..] else {
            panic!("{package} reads {} queues", sources.len());
        };
        assert_eq!(source, queue(&template, kind, "").0);
        assert_eq!(
            event["BatchSize"].as_integer(),
            Some(kind.settings().batch_size.into()),
            "{package}"
        );
        assert_eq!(
            seconds(&template.properties(function)["Timeout"]),
            timeout.as_secs()
        );
    }
}

#[test]
fn fetch_ended_has_the_batch_window_and_concurrency_of_the_code() {
    let template = Template::read();
    let sources = template.event_sources(template.function("fetch-ended"));
    let (_, event) = sources[0];

    let window = seconds(&event["MaximumBatchingWindowInSeconds"]);
    let concurrency = event["ScalingConfig"]["MaximumConcurrency"].as_integer();

    assert_eq!(window, ENDED_BATCH_WINDOW.as_secs());
    assert_eq!(concurrency, Some(FETCH_ENDED_PROCESSES.into()));
}

#[test]
fn item_failures_are_reported_and_visibility_lasts_six_timeouts() {
    let template = Template::read();
    for function in template.functions() {
        let timeout = seconds(&template.properties(function)["Timeout"]);
        for (source, event) in template.event_sources(function) {
            let responses = event["FunctionResponseTypes"]
                .as_sequence()
                .expect("a list");
            assert_eq!(text(&responses[0]), "ReportBatchItemFailures", "{function}");
            let visibility = seconds(&template.properties(source)["VisibilityTimeout"]);
            assert!(visibility >= 6 * timeout, "{function} and {source}");
        }
    }
}
