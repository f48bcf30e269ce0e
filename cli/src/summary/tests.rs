use conversation_archive::archive::losses::ReplacedRun;
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::hash::Sha256;
use conversation_archive::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use conversation_archive::export::outcome::{
    Content, ExportStatus, IdVersions, RepeatedRecords, SliceContent,
};
use conversation_archive::export::plan::{
    Draft, ExportIdentity, PlanLimits, Residency, SliceRange,
};
use conversation_archive::export::request::{ExportRequest, HistoryForm};
use conversation_archive::export::totals::Totals;
use conversation_archive::records::page::Counts;
use conversation_archive::records::redaction::Tally;
use insta::assert_snapshot;

use super::*;
use crate::webhook::Owed;

const INTERVAL: &str = "2026-03-01T00:00:00Z/2026-03-03T00:00:00Z";

fn plan(more: &str) -> ExportPlan {
    plan_with(more, &PlanLimits::default())
}

/// A plan of a history gateway with this form.
fn history_plan(more: &str, history_form: HistoryForm) -> ExportPlan {
    let more =
        format!(r#","source":"history-gateway","filters":{{"conversationIds":["a"]}}{more}"#);
    let limits = PlanLimits {
        history_form,
        ..PlanLimits::default()
    };
    plan_with(&more, &limits)
}

fn plan_with(more: &str, limits: &PlanLimits) -> ExportPlan {
    let now = "2026-03-10T00:00:00Z".parse().unwrap();
    let json = format!(r#"{{"exportId":"march","interval":"{INTERVAL}"{more}}}"#);
    let request = ExportRequest::parse(&json).unwrap();
    let identity = ExportIdentity::of(&request, now).unwrap();
    let draft = Draft::check(request, identity, now, limits).unwrap();
    let residency = Residency::decide(None, None, &[]).unwrap();
    draft.plan(None, residency, limits, now, "request").unwrap()
}

fn manifest(plan: &ExportPlan) -> Manifest {
    let counts = Counts {
        received: 5_120,
        archived: 5_000,
        left_out: 117,
        unchanged: 0,
        rejected: 3,
    };
    let event = AuditEvent::new(NewAuditEvent {
        export_id: &plan.export_id,
        query_hash: plan.query_hash,
        request_id: "request",
        timestamp: plan.planned_at,
        action: Action::CompleteExport,
        event_type: EventType::Outcome,
        subject: "attempt 1".to_owned(),
        details: json!({}),
    });
    let slice = |slice| SliceContent {
        slice,
        range: SliceRange::Interval(plan.interval),
        counts: Counts::default(),
        pages: Vec::new(),
    };
    Manifest {
        outcome: Outcome {
            format_version: FormatVersion,
            export_id: plan.export_id.clone(),
            status: ExportStatus::CompletedWithRejects,
            attempt: 1,
            source: plan.source,
            interval: plan.interval,
            query_id: None,
            totals: Totals {
                counts,
                record_bytes: 35_000_000,
                ..Totals::default()
            },
            residency: plan.residency.clone(),
            redaction: Some(plan.applied_redaction()),
            started_at: plan.planned_at,
            ended_at: plan.planned_at,
            failures: Vec::new(),
            audit_heads: vec![Sha256::of("head")],
            metrics: None,
            gaps: None,
            effort: None,
            event: event.chained_after(None),
        },
        content: Content {
            counts,
            stored_bytes: 5_000_000,
            redactions: Tally::default(),
            statuses: Tally::default(),
            repeated: None,
            slices: vec![slice(1), slice(2)],
        },
        missing_ids: Vec::new(),
        warnings: Vec::new(),
    }
}

fn text(plan: &ExportPlan, effort: Effort, webhook: Option<&Webhook>) -> String {
    let root = Place::Folder("/data/my archive".into());
    text_in(&root, plan, effort, webhook)
}

fn text_in(root: &Place, plan: &ExportPlan, effort: Effort, webhook: Option<&Webhook>) -> String {
    let summary = Summary {
        plan,
        manifest: &manifest(plan),
        losses: &Losses::default(),
        root,
        effort,
        webhook,
    };
    console::strip_ansi_codes(&summary.report().text).into_owned()
}

#[test]
fn the_summary_shows_counts_place_sizes_and_survived_faults() {
    let effort = Effort {
        records: 5_000,
        elapsed: Duration::from_millis(12_300),
        stats: StatsSnapshot {
            requests: 120,
            retries: 9,
            throttled: 3,
            throttled_time: Duration::from_millis(2_100),
            logins: 4,
            bytes_in: 40_000_000,
        },
        crashes: 2,
        clients: 3,
        retried: 0,
    };

    assert_snapshot!(text(&plan(r#","webhookUrl":"https://lake.example/hook""#), effort, Some(&Webhook::Delivered)), @r#"
✓ march is complete, with quarantined records

  archived   5,000 conversations in 2 slices and 0 pages
  interval   2026-03-01T00:00:00.000Z/2026-03-03T00:00:00.000Z
  location   /data/my archive/exports/march
  size       5.00 MB compressed, 35.00 MB uncompressed (1:7)
  duration   12 s, 406 records/s
  survived   3 responses with 429 (2.1 s waited), 9 retried requests, 1 further login, 2 crashes
  left out   117 records that the API returned for another interval
  redacted   0 values (standard, label, all kinds)
  rejected   3 records quarantined in failures/: unreadable, or without an id or start
  webhook    delivered, signed
  view       (cd /data/my\ archive && jq -r '.content.slices[].pages[].objects.page.key // empty' exports/march/manifest.json | xargs gzip -dc) | jq .
             (cd /data/my\ archive && duckdb -c "SET VARIABLE pages = (SELECT content->>'\$.content.slices[*].pages[*].objects.page.key' FROM read_text('exports/march/manifest.json')); SELECT json->>'conversationId' AS id, json->>'conversationStart' AS started FROM read_ndjson_objects(getvariable('pages'), ignore_errors=true) LIMIT 10")
"#);
}

#[test]
fn repeated_records_are_shown_and_identical_lines_count_once() {
    let plan = plan("");
    let mut manifest = manifest(&plan);
    manifest.content.repeated = Some(RepeatedRecords {
        identical_lines: 3,
        distinct_ids: 4_995,
        ids_with_versions: 1,
        versions: vec![IdVersions {
            id: "c1".to_owned(),
            versions: 3,
        }],
    });
    let stored = ArchiveSummary {
        plan: &plan,
        manifest: &manifest,
        losses: &Losses::default(),
        root: &Place::Folder("/data".into()),
    };

    let text = stored.text(&stored.rows());

    let text = console::strip_ansi_codes(&text);
    let shown_lines = text.lines().filter(|line| {
        ["complete", "archived", "versions"]
            .iter()
            .any(|word| line.contains(word))
    });
    assert_snapshot!(shown_lines.collect::<Vec<_>>().join("\n"), @r"
    ✓ march is complete, with quarantined records, with repeated records: 3 identical lines, 1 id with several versions
      archived   4,995 conversations in 2 slices and 0 pages
      versions   c1 (3)
    ");
    assert_eq!(stored.json()["repeated"]["identicalLines"], 3);
}

#[test]
fn a_summary_without_repeated_records_does_not_mention_them() {
    let plan = plan("");
    let manifest = manifest(&plan);
    let stored = ArchiveSummary {
        plan: &plan,
        manifest: &manifest,
        losses: &Losses::default(),
        root: &Place::Folder("/data".into()),
    };

    assert!(!stored.text(&stored.rows()).contains("repeated"));
    assert!(stored.json().get("repeated").is_none());
}

#[test]
fn the_shown_commands_name_the_fields_of_the_projection() {
    let gateway = r#","source":"export-gateway""#;
    let requests = [
        (
            r#","records":"minimal""#,
            "json->>'id' AS id, json->>'startTime'",
        ),
        (
            r#","records":"normalized""#,
            "json->>'recordId' AS id, json->>'startTime'",
        ),
        (
            r#","records":"full""#,
            "json->>'conversationId' AS id, json->>'conversationStart'",
        ),
        (gateway, "json->>'id' AS id, json->>'startTime'"),
    ];

    for (request, fields) in requests {
        let text = text(&plan(request), Effort::default(), None);

        assert!(text.contains(fields), "{request}: {text}");
    }
}

#[test]
fn the_shown_commands_name_the_fields_of_each_form_of_entity() {
    let plans = [
        (
            history_plan("", HistoryForm::PageToken),
            "COALESCE(json->>'interactionId', json->>'id', json->>'conversationId') AS id, COALESCE(json->>'startTimestamp', json->>'startTime', json->>'conversationStart')",
        ),
        (
            history_plan("", HistoryForm::Continuation),
            "COALESCE(json->>'id', json->>'interactionId', json->>'conversationId') AS id, COALESCE(json->>'startTimestamp', json->>'startTime', json->>'conversationStart')",
        ),
        (
            history_plan(r#","records":"minimal""#, HistoryForm::PageToken),
            "json->>'id' AS id, json->>'startTime'",
        ),
        (
            history_plan(r#","records":"normalized""#, HistoryForm::Continuation),
            "json->>'recordId' AS id, json->>'startTime'",
        ),
    ];

    for (plan, fields) in plans {
        let text = text(&plan, Effort::default(), None);

        assert!(text.contains(fields), "{fields}: {text}");
    }
}

#[test]
fn an_owed_webhook_is_shown_with_the_command_that_sends_it() {
    let owed = Webhook::Owed(Owed {
        reason: "308, redirects are not followed; set the final URL".to_owned(),
        option: " --webhook-url URL",
    });
    let plan = plan(r#","webhookUrl":"https://lake.example/hook""#);

    let text = text(&plan, Effort::default(), Some(&owed));

    let webhook = text.lines().find(|line| line.contains("webhook")).unwrap();
    assert_snapshot!(webhook, @r#"  webhook    owed: 308, redirects are not followed; set the final URL. Send it again with: genesys-archive resume --out /data/my\ archive march --webhook-url URL"#);
}

#[test]
fn the_shown_command_for_a_bucket_reads_the_manifest() {
    let root = Place::parse("s3://bucket/team".into()).unwrap();
    let plan = plan("");

    let text = text_in(&root, &plan, Effort::default(), None);

    assert!(
        text.contains("location   s3://bucket/team/exports/"),
        "{text}"
    );
    let command = "aws s3 cp s3://bucket/team/exports/march/manifest.json - | jq -r '.content.slices[].pages[].objects.page.key // empty' | xargs -I{} aws s3 cp s3://bucket/team/{} - | gzip -dc | jq .";
    assert!(text.contains(command), "{text}");
}

/// The text for an export whose source returned `received` records, all of which were left out.
fn empty_export_text(plan: &ExportPlan, received: u64) -> String {
    let counts = Counts {
        received,
        left_out: received,
        ..Counts::default()
    };
    let mut manifest = manifest(plan);
    manifest.content.counts = counts;
    let summary = Summary {
        plan,
        manifest: &manifest,
        losses: &Losses::default(),
        root: &Place::Folder("/data".into()),
        effort: Effort::default(),
        webhook: None,
    };
    console::strip_ansi_codes(&summary.report().text).into_owned()
}

fn row<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let has_label = |line: &&str| line.trim_start().starts_with(label);
    text.lines().find(has_label).map(str::trim_start)
}

#[test]
fn the_summary_of_an_empty_export_shows_interval_and_filters() {
    let filtered =
        plan(r#","filters":{"mediaTypes":["voice"],"directions":["inbound","outbound"]}"#);
    let active = plan(r#","membership":"activity""#);
    let gateway = plan(
        r#","source":"export-gateway","filters":{"conversationIdRange":{"min":"a","max":"b"}}"#,
    );

    let empty = [&filtered, &active, &gateway].map(|plan| {
        row(&empty_export_text(plan, 0), "empty")
            .unwrap()
            .to_owned()
    });

    assert_snapshot!(empty.join("\n"), @"
    empty      no conversation started in 2026-03-01T00:00:00.000Z/2026-03-03T00:00:00.000Z with mediaTypes voice; directions inbound, outbound; or the client's role lacks their divisions
    empty      no conversation was active in 2026-03-01T00:00:00.000Z/2026-03-03T00:00:00.000Z, and no filter was given; or the client's role lacks their divisions
    empty      the gateway has no record in 2026-03-01T00:00:00.000Z/2026-03-03T00:00:00.000Z with conversationIdRange a..b
    ");
    for text in [
        empty_export_text(&filtered, 0),
        empty_export_text(&filtered, 7),
    ] {
        assert!(!text.contains("already archived"), "{text}");
        assert_eq!(row(&text, "view"), None, "there is nothing to view");
    }
    assert_eq!(
        row(&empty_export_text(&filtered, 7), "empty"),
        None,
        "something came"
    );
}

#[test]
fn a_lost_and_replaced_job_is_named_with_its_reason() {
    let run = |slice, reason: &str| ReplacedRun {
        slice,
        run: 1,
        reason: reason.to_owned(),
    };
    let losses = Losses {
        number: 3,
        runs: vec![
            run(1, "job 7 expired"),
            run(2, "job 8 expired"),
            run(3, "job 7 expired"),
        ],
    };
    let plan = plan("");
    let summary = Summary {
        plan: &plan,
        manifest: &manifest(&plan),
        losses: &losses,
        root: &Place::Folder("/data".into()),
        effort: Effort::default(),
        webhook: None,
    };

    let Report { text, json } = summary.report();

    let text = console::strip_ansi_codes(&text);
    let rows = [row(&text, "survived").unwrap(), row(&text, "lost").unwrap()];
    assert_snapshot!(rows.join("\n"), @"
    survived   3 jobs lost and replaced
    lost       3 jobs, replaced by new ones: job 7 expired, job 8 expired
    ");
    assert_eq!(
        json["replaced"][1],
        json!({"slice": 2, "run": 1, "reason": "job 8 expired"})
    );
}
