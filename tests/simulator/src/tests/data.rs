//! The generated conversations, without a server.

use super::*;
use std::sync::LazyLock;

use crate::Truth;
use crate::data::Dataset;

pub(super) fn truth_of(settings: &Settings) -> Truth {
    Dataset::generate(settings).truth(settings.faults.malformed_every)
}

/// Enough for every rare case to occur; generated once, because tests only read it.
pub(super) static MANY: LazyLock<Truth> = LazyLock::new(|| {
    truth_of(&Settings {
        conversations: 1500,
        gateway_records: 1500,
        spill: 0.1,
        ..small_settings()
    })
});

#[test]
fn one_seed_gives_one_organisation() {
    let (one, same) = (truth_of(&small_settings()), truth_of(&small_settings()));
    let other = truth_of(&Settings {
        seed: 2,
        ..small_settings()
    });

    let bytes = |truth: &Truth| {
        truth
            .conversations
            .iter()
            .map(|it| it.json.clone())
            .collect::<Vec<_>>()
    };

    assert_eq!(bytes(&one), bytes(&same));
    assert_ne!(bytes(&one), bytes(&other));
}

#[test]
fn exactly_the_set_number_of_conversations_start_in_the_interval() {
    let (from, to) = small_settings().interval;

    let truth = &MANY.conversations;

    let (inside, before): (Vec<_>, Vec<_>) = truth
        .iter()
        .partition(|it| from <= it.start && it.start < to);
    assert_eq!((inside.len(), before.len()), (1500, 150));
    let reaches_in = |it: &&crate::TruthConversation| {
        it.start < from
            && it
                .active
                .iter()
                .any(|(_, end)| end.is_none_or(|end| end >= from))
    };
    assert!(before.iter().all(reaches_in));
}

#[test]
fn activity_starts_with_the_conversation_and_does_not_overlap() {
    for conversation in &MANY.conversations {
        assert_eq!(
            conversation.active[0].0, conversation.start,
            "{}",
            conversation.id
        );
        let in_order = conversation
            .active
            .windows(2)
            .all(|pair| pair[0].1.is_some_and(|end| end < pair[1].0));
        assert!(in_order, "{}: {:?}", conversation.id, conversation.active);
        let is_open = conversation.active.last().unwrap().1.is_none();
        assert_eq!(is_open, conversation.end.is_none(), "{}", conversation.id);
    }
}

#[test]
fn no_segment_ends_before_it_starts() {
    for conversation in &MANY.conversations {
        let record: Value = serde_json::from_str(&conversation.json).unwrap();
        let sessions = record["participants"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it["sessions"].as_array().unwrap());
        for segment in sessions.flat_map(|it| it["segments"].as_array().unwrap()) {
            let end = segment["segmentEnd"].as_str().unwrap_or("9999");
            assert!(
                segment["segmentStart"].as_str().unwrap() <= end,
                "{segment}"
            );
        }
    }
}

#[test]
fn each_record_agrees_with_the_truth() {
    for conversation in &MANY.conversations {
        let record: Value = serde_json::from_str(&conversation.json).unwrap();
        assert_eq!(record["conversationId"], conversation.id.as_str());
        assert_eq!(
            record["conversationStart"],
            format!("{:.3}", conversation.start)
        );
        assert_eq!(
            record.get("conversationEnd").is_some(),
            conversation.end.is_some()
        );
    }
}

#[test]
fn every_kind_of_conversation_occurs() {
    let truth = &MANY.conversations;

    let marks = [
        "\"tAbandon\"",
        "\"tNotResponding\"",
        "\"evaluations\"",
        "\"surveys\"",
        "\"PureCloud Callback\"",
        "\"mediaEndpointStats\"",
        "\"hologram\"",
        "\"teleported\"",
        "\"carrierpigeon\"",
        "\"webmessaging\"",
        "\"hold\"",
        "\"selfServed\":null",
        "\"futureScore\":12345678901234567890.123",
        "\"destinationConversationId\"",
        "\"wrapUpNote\"",
        "\"subject\"",
    ];
    for mark in marks {
        assert!(truth.iter().any(|it| it.json.contains(mark)), "{mark}");
    }
    assert!(truth.iter().any(|it| it.end.is_none()));
    assert!(truth.iter().any(|it| !it.json.contains("\"divisionIds\"")));
    assert!(truth.iter().any(|it| {
        it.end
            .is_some_and(|end| it.active.last().unwrap().1.unwrap() > end)
    }));
    assert!(truth.iter().any(|it| it.active.len() > 1));
}

#[test]
fn some_conversations_start_at_midnight_and_some_just_before() {
    let starts: Vec<_> = MANY.conversations.iter().map(|it| it.start).collect();

    assert!(starts.contains(&time("2026-03-02T00:00:00Z")));
    assert!(starts.contains(&time("2026-03-01T23:59:59.999Z")));
    assert!(starts.contains(&time("2026-03-01T00:00:00Z")));
    assert!(starts.contains(&time("2026-03-02T23:59:59.999Z")));
}

#[test]
fn records_are_some_kilobytes_with_a_long_tail() {
    let mut sizes: Vec<_> = MANY.conversations.iter().map(|it| it.json.len()).collect();

    sizes.sort_unstable();
    let mean = sizes.iter().sum::<usize>() / sizes.len();

    assert!((6000..8000).contains(&mean), "{mean}");
    assert!(
        (50_000..250_000).contains(sizes.last().unwrap()),
        "{sizes:?}"
    );
}
