mod archives;
mod properties;

use serde_json::json;

use crate::json::Rejection;
use crate::rows::{Flattener, Given, RejectedLine, Tables};
use crate::samples::{SHA256, assert_rebuilt, canonical, flatten, line, load, object, rows};
use crate::schema::{Form, TableName};

const CONVERSATION: &str = r#"{
  "conversationId":"c-1","conversationStart":"2026-03-01T23:59:59.999Z","divisionIds":["d-1","d-2"],
  "originatingDirection":"inbound","mediaStatsMinConversationMos":4.5,"new":{"a":[1, 2]},
  "participants":[
    {"participantId":"p-1","purpose":"customer","attributes":{"colour":"red","size":"L"},"sessions":[]},
    {"participantId":"p-2","purpose":"agent","userId":"u-1","sessions":[
      {"sessionId":"s-1","mediaType":"voice","direction":"inbound","selectedAgentRank":1,
       "flow":{"flowId":"f-1","flowName":"Main","colour":"blue","outcomes":[{"flowOutcomeId":"o-1"}]},
       "metrics":[
         {"name":"tAlert","value":1200,"emitDate":"2026-03-01T00:00:05.000Z"},
         {"name":"tTalk","value":9000,"emitDate":"2026-03-01T00:00:20.000Z"}],
       "segments":[
         {"segmentType":"alert","segmentStart":"2026-03-01T00:00:00.000Z","queueId":"q-1","conference":false},
         {"segmentType":"interact","segmentStart":"2026-03-01T00:00:10.000Z","queueId":"q-2","subject":"x"}]}]}]}"#;

#[test]
fn each_object_of_a_conversation_is_a_row_of_its_table() {
    let (batches, report) = flatten(Form::Analytics, &[CONVERSATION]);
    let of = |table| rows(&batches, table);

    assert_eq!(
        of(TableName::Conversations),
        [
            json!({"conversation_start":"2026-03-01T23:59:59.999Z","division_ids":"[\"d-1\",\"d-2\"]",
            "originating_direction":"inbound","media_stats_min_conversation_mos":4.5,"participant_count":2,
            "extra":"{\"new\":{\"a\":[1, 2]}}"})
        ]
    );
    assert_eq!(
        of(TableName::Participants),
        [
            json!({"participant_ix":0,"participant_id":"p-1","purpose":"customer","attribute_count":2,"session_count":0}),
            json!({"participant_ix":1,"participant_id":"p-2","purpose":"agent","user_id":"u-1","session_count":1}),
        ]
    );
    assert_eq!(
        of(TableName::Attributes),
        [
            json!({"participant_ix":0,"attribute_ix":0,"purpose":"customer","name":"colour","value":"red"}),
            json!({"participant_ix":0,"attribute_ix":1,"purpose":"customer","name":"size","value":"L"}),
        ]
    );
    assert_eq!(
        of(TableName::Sessions),
        [
            json!({"participant_ix":1,"session_ix":0,"purpose":"agent","user_id":"u-1","session_id":"s-1",
            "media_type":"voice","direction":"inbound","selected_agent_rank":1,"flow_id":"f-1","flow_name":"Main",
            "segment_count":2,"metric_count":2,"flow_outcome_count":1,"extra":"{\"flow\":{\"colour\":\"blue\"}}"})
        ]
    );
    assert_eq!(
        of(TableName::FlowOutcomes),
        [
            json!({"participant_ix":1,"session_ix":0,"flow_outcome_ix":0,"flow_id":"f-1","flow_outcome_id":"o-1"})
        ]
    );
    assert_eq!(report.rows[&TableName::Segments], 2);
    assert_eq!((report.lines, report.misfits.len()), (1, 0));
}

#[test]
fn segments_and_metrics_repeat_what_is_above_them() {
    let (batches, _) = flatten(Form::Analytics, &[CONVERSATION]);

    assert_eq!(
        rows(&batches, TableName::Segments)[1],
        json!({"participant_ix":1,"session_ix":0,"segment_ix":1,"purpose":"agent","user_id":"u-1","media_type":"voice",
            "direction":"inbound","segment_type":"interact","segment_start":"2026-03-01T00:00:10Z","queue_id":"q-2",
            "subject":"x"})
    );
    assert_eq!(
        rows(&batches, TableName::Metrics),
        [
            json!({"participant_ix":1,"session_ix":0,"metric_ix":0,"purpose":"agent","user_id":"u-1",
                "media_type":"voice","queue_id":"q-1","name":"tAlert","value":1200,"emit_date":"2026-03-01T00:00:05Z"}),
            json!({"participant_ix":1,"session_ix":0,"metric_ix":1,"purpose":"agent","user_id":"u-1",
                "media_type":"voice","queue_id":"q-2","name":"tTalk","value":9000,"emit_date":"2026-03-01T00:00:20Z"}),
        ]
    );
}

#[test]
fn every_row_has_the_place_and_version_of_its_record() {
    let (batches, _) = flatten(Form::Analytics, &[CONVERSATION]);

    for (table, batch) in &batches {
        let row = object(&batch[0], 0, 0);
        let row = row.as_object().unwrap().iter().take(11);
        let common: serde_json::Map<_, _> =
            row.map(|(name, it)| (name.clone(), it.clone())).collect();

        assert_eq!(
            serde_json::Value::Object(common),
            json!({"conversation_id":"c-1","export_id":"nightly","slice":1,"page":2,"line":1,
                "version_at":"2026-03-09T12:00:00Z","interval_end":"2026-03-02T00:00:00Z",
                "planned_at":"2026-03-10T00:00:00Z","content_sha256":SHA256,"generation":0,"lake_version":1}),
            "{table}"
        );
    }
}

#[test]
fn a_value_that_does_not_fit_is_null_counted_and_in_extra() {
    let text = r#"{"conversationId":"c-1","conversationStart":"1850-01-01T00:00:00.000Z","externalTag":7,
        "conversationEnd":null,"selfServed":"yes","participants":[{"sessions":[
        {"metrics":[{"name":"tTalk","value":92233720368547758070}],"flow":{"issuedCallback":1}}]}]}"#;

    let (batches, report) = flatten(Form::Analytics, &[text]);

    assert_eq!(
        rows(&batches, TableName::Conversations),
        [json!({"participant_count":1,
            "extra":r#"{"conversationStart":"1850-01-01T00:00:00.000Z","conversationEnd":null,"externalTag":7,"selfServed":"yes"}"#})]
    );
    let metric = &rows(&batches, TableName::Metrics)[0];
    assert_eq!(metric["extra"], r#"{"value":92233720368547758070}"#);
    let misfits: Vec<_> = report.misfits.into_iter().collect();
    assert_eq!(
        misfits,
        [
            ((TableName::Conversations, "conversationStart"), 1),
            ((TableName::Conversations, "externalTag"), 1),
            ((TableName::Conversations, "selfServed"), 1),
            ((TableName::Sessions, "flow.issuedCallback"), 1),
            ((TableName::Metrics, "value"), 1),
        ]
    );
    assert_rebuilt(Form::Analytics, &[text]);
}

#[test]
fn a_moment_or_number_in_another_spelling_fills_its_cell() {
    let text = r#"{"conversationId":"c-1","conversationStart":"2026-03-01T01:00:00+01:00",
        "mediaStatsMinConversationMos":4}"#;

    let (batches, report) = flatten(Form::Analytics, &[text]);

    assert_eq!(
        rows(&batches, TableName::Conversations),
        [
            json!({"conversation_start":"2026-03-01T00:00:00Z","media_stats_min_conversation_mos":4.0,
            "extra":r#"{"conversationStart":"2026-03-01T01:00:00+01:00","mediaStatsMinConversationMos":4}"#})
        ]
    );
    assert_eq!(report.misfits.len(), 0);
}

#[test]
fn of_repeated_members_the_last_one_counts() {
    let text = r#"{"conversationId":"no","conversationId":"c-1","externalTag":"a","externalTag":"b","x":1,"y":2,"x":3,
        "participants":[{"purpose":"acd"}],"participants":[{"purpose":"agent","attributes":{"k":"1","k":"2"},
        "attributes":{"k":"3","\u006b":"4"}}]}"#;

    let (batches, _) = flatten(Form::Analytics, &[text]);

    let conversation = &rows(&batches, TableName::Conversations)[0];
    assert_eq!(conversation["external_tag"], "b");
    assert_eq!(conversation["extra"], r#"{"y":2,"x":3}"#);
    assert_eq!(rows(&batches, TableName::Participants).len(), 1);
    assert_eq!(
        rows(&batches, TableName::Attributes),
        [json!({"participant_ix":0,"attribute_ix":0,"purpose":"agent","name":"k","value":"4"})]
    );
    assert_rebuilt(Form::Analytics, &[text]);
}

#[test]
fn elements_that_are_not_objects_keep_their_positions() {
    let text = r#"{"conversationId":"c-1","participants":[null,{"purpose":"agent"},[1],"x"]}"#;

    let report = assert_rebuilt(Form::Analytics, &[text]);

    assert_eq!(
        report.misfits[&(TableName::Conversations, "participants")],
        3
    );
    let (batches, _) = flatten(Form::Analytics, &[text]);
    assert_eq!(
        rows(&batches, TableName::Participants),
        [json!({"participant_ix":1,"purpose":"agent"})]
    );
    assert_eq!(
        rows(&batches, TableName::Conversations)[0]["extra"],
        r#"{"lake:elements":{"participants":{"0":null,"2":[1],"3":"x"}}}"#
    );
}

#[test]
fn half_a_character_is_replaced_in_the_cell_and_kept_in_extra() {
    let text = r#"{"conversationId":"c-1","externalTag":"a\ud83d","\udc00":1,"participants":[{"attributes":{"\ud83d":"v",
        "k":"\ud83d"}}]}"#;

    let (batches, _) = flatten(Form::Analytics, &[text]);

    let conversation = &rows(&batches, TableName::Conversations)[0];
    assert_eq!(conversation["external_tag"], "a\u{fffd}");
    assert_eq!(
        conversation["extra"],
        r#"{"\udc00":1,"externalTag":"a\ud83d"}"#
    );
    let participant = &rows(&batches, TableName::Participants)[0];
    assert_eq!(participant["attribute_count"], 2);
    assert_eq!(
        participant["extra"],
        r#"{"lake:elements":{"attributes":{"\ud83d":"v"}}}"#
    );
    assert_eq!(
        rows(&batches, TableName::Attributes)[0]["extra"],
        r#"{"value":"\ud83d"}"#
    );
    let records = crate::rows::rebuild(Form::Analytics, &batches).unwrap();
    let record = &records[&(1, 2, 1)];
    for part in [
        r#""\udc00":1"#,
        r#""a\ud83d""#,
        r#""\ud83d":"v""#,
        r#""k":"\ud83d""#,
    ] {
        assert!(record.contains(part), "{record}");
    }
}

#[test]
fn names_that_look_like_our_own_are_kept_apart() {
    let text = r#"{"conversationId":"c-1","lake:absent":["conversationId"],"lake:elements":1,"l\u0061ke:lake:x":2,
        "flow":{"a":1},"participants":[5]}"#;

    assert_rebuilt(Form::Analytics, &[text]);
}

#[test]
fn absent_null_and_empty_are_different() {
    for text in [
        r#"{"conversationId":"c-1"}"#,
        r#"{"conversationId":null}"#,
        r#"{"conversationId":7}"#,
        "{}",
        r#"{"conversationId":"c-1","participants":null}"#,
        r#"{"conversationId":"c-1","participants":[]}"#,
        r#"{"conversationId":"c-1","participants":{}}"#,
        r#"{"conversationId":"c-1","participants":[{"attributes":{},"sessions":[{"flow":{}},{"flow":null},{"flow":3},{}]}]}"#,
        r#"{"conversationId":"c-1","participants":[{"attributes":[],"sessions":[{"flow":{"outcomes":[]}}]}]}"#,
        r#"{"conversationId":"c-1","participants":[{"sessions":[{"flow":{"outcomes":null,"flowId":null}}]}]}"#,
    ] {
        assert_rebuilt(Form::Analytics, &[text]);
    }
    for text in [
        r#"{"conversationId":"c-1","conversationStart":null,"via":null,"messages":[{}]}"#,
        r#"{"conversationId":"c-1","messages":[{"time":null,"speech":{}},{"speech":{"offsetMs":null}},{"speech":null}]}"#,
    ] {
        assert_rebuilt(Form::Transcript, &[text]);
    }
}

#[test]
fn a_phrase_of_a_call_has_columns_of_its_own() {
    let text = r#"{"conversationId":"c-1","conversationStart":null,"status":"complete","via":"speechAnalytics",
        "participants":[],"messages":[{"messageId":"l-1-1","time":"2026-03-01T00:00:01.5Z","direction":null,
        "originatingEntity":null,"participantId":null,"purpose":"agent","type":"Phrase","text":"Hello","language":"eng",
        "fingerprint":"00","speech":{"communicationId":"l-1","offsetMs":1500,"durationMs":null,"confidence":0.93}}],
        "events":[],"languages":{"eng":1},"redactions":{},"missing":0}"#;

    let report = assert_rebuilt(Form::Transcript, &[text]);

    let (batches, _) = flatten(Form::Transcript, &[text]);
    assert_eq!(
        rows(&batches, TableName::Messages),
        [
            json!({"message_ix":0,"message_id":"l-1-1","time":"2026-03-01T00:00:01.5Z","purpose":"agent","type":"Phrase",
            "text":"Hello","language":"eng","fingerprint":"00","speech_communication_id":"l-1","speech_offset_ms":1500,
            "speech_confidence":0.93})
        ]
    );
    assert_eq!(report.misfits.len(), 0);
}

#[test]
fn a_normalized_record_has_its_times_as_moments() {
    let text = r#"{"recordId":"c-1","interactionId":"c-1","channelType":"WEBCHAT","startTime":1772460190112,"endTime":null,
        "durationMs":null,"participantCount":4,"queueId":null,"queueName":null,"wrapUpCode":null,"wrapUpName":null,
        "attributes":{"a":"b"},"normalizedAt":1772463600000}"#;

    assert_rebuilt(Form::Normalized, &[text]);

    let (batches, _) = flatten(Form::Normalized, &[text]);
    assert_eq!(
        rows(&batches, TableName::Interactions),
        [
            json!({"form":"normalized","record_id":"c-1","interaction_id":"c-1","channel_type":"WEBCHAT",
            "start_time":"2026-03-02T14:03:10.112Z","participant_count":4,"attributes":"{\"a\":\"b\"}",
            "normalized_at":"2026-03-02T15:00:00Z"})
        ]
    );
}

#[test]
fn a_gateway_id_may_be_a_number() {
    let text = r#"{"id":4711,"startTime":"2026-03-01T00:00:00.000Z"}"#;

    let report = assert_rebuilt(Form::Gateway, &[text]);

    let (batches, _) = flatten(Form::Gateway, &[text]);
    assert_eq!(rows(&batches, TableName::Interactions)[0]["id"], "4711");
    assert_eq!(report.misfits.len(), 0);
}

#[test]
fn a_manifest_is_a_row_without_its_pages() {
    let text = r#"{"formatVersion":1,"exportId":"nightly","status":"completed","attempt":1,"source":"analytics-job",
        "interval":"a/b","totals":{"pages":4,"archived":13},"startedAt":"2026-03-10T00:00:00Z",
        "endedAt":"2026-03-10T01:23:26Z","event":{},"content":{"counts":{},"slices":[{}],"repeated":{"distinctIds":1}},
        "later":5,"seal":"00"}"#;
    let mut flattener = Flattener::new(Form::Manifest, load());
    let mut tables = Tables::default();
    let mut manifest = line(text, None, 0);
    manifest.given = &[("records", Given::Text("standard"))];

    flattener.add(&manifest, &mut tables).unwrap();

    let batch = tables.take(TableName::Exports).unwrap().unwrap();
    assert_eq!(
        object(&batch, 0, 11),
        json!({"records":"standard","source":"analytics-job","status":"completed","attempt":1,
            "started_at":"2026-03-10T00:00:00Z","ended_at":"2026-03-10T01:23:26Z","pages":4,"archived":13,
            "repeated":"{\"distinctIds\":1}","extra":"{\"later\":5}"})
    );
}

#[test]
fn a_frame_is_a_row_with_its_topic() {
    let text = r#"{"identity":"ab","topicName":"v2.x","version":"2","eventTime":"2026-03-01T00:00:00.000Z",
        "conversationId":"c-1","eventBody":{"a":1}}"#;
    let mut flattener = Flattener::new(Form::Frame, load());
    let mut tables = Tables::default();
    let mut frame = line(text, Some("c-1"), 1);
    frame.given = &[("topic", Given::Text("other"))];

    flattener.add(&frame, &mut tables).unwrap();

    let batch = tables.take(TableName::Events).unwrap().unwrap();
    assert_eq!(
        object(&batch, 0, 11),
        json!({"identity":"ab","topic":"other","topic_name":"v2.x","version":"2","event_time":"2026-03-01T00:00:00Z",
            "event_body":"{\"a\":1}"})
    );
    assert_rebuilt(Form::Frame, &[text, r#"{"identity":"b","eventBody":null}"#]);
}

#[test]
fn a_line_that_is_not_a_record_is_counted_by_page_and_line() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(128), "]".repeat(128));
    let lines = ["{}", "[]", "{\"a\":", &deep, "", "{\"a\":1}{}"];

    let (batches, report) = flatten(Form::Analytics, &lines);

    let rejected = |line, reason| RejectedLine {
        page: 2,
        line,
        reason,
    };
    assert_eq!(
        report.rejected,
        [
            rejected(2, Rejection::NotAnObject),
            rejected(3, Rejection::NotJson),
            rejected(4, Rejection::TooDeep),
            rejected(5, Rejection::NotJson),
            rejected(6, Rejection::NotJson),
        ]
    );
    assert_eq!(rows(&batches, TableName::Conversations).len(), 1);
}

#[test]
fn ten_thousand_participants_are_ten_thousand_rows() {
    let participant =
        r#"{"purpose":"agent","sessions":[{"mediaType":"voice","segments":[{"queueId":"q"}]}]}"#;
    let participants = vec![participant; 10_000].join(",");
    let text = format!(r#"{{"conversationId":"c-1","participants":[{participants}]}}"#);

    let report = assert_rebuilt(Form::Analytics, &[text]);

    assert_eq!(report.rows[&TableName::Segments], 10_000);
}

#[test]
fn a_long_text_is_not_repeated_in_the_rows_below() {
    let long = "x".repeat(1025);
    let text = format!(
        r#"{{"conversationId":"c-1","participants":[{{"purpose":"{long}","userId":"u","sessions":[{{}}]}}]}}"#
    );

    let (batches, _) = flatten(Form::Analytics, &[&text]);

    assert_eq!(
        rows(&batches, TableName::Sessions),
        [json!({"participant_ix":0,"session_ix":0,"user_id":"u"})]
    );
    assert_rebuilt(Form::Analytics, &[&text]);
}

#[test]
fn different_records_have_different_canonical_forms() {
    assert_eq!(
        canonical(r#"{"b":1,"a":"\u0061","b":2}"#),
        r#"{"a":"a","b":2}"#
    );
    assert_ne!(canonical(r#"{"a":1.0}"#), canonical(r#"{"a":1}"#));
}
