use super::super::{Limits, Message};
use super::*;

fn part(via: Via, texts: &[&str]) -> Transcript {
    let mut transcript = Transcript::new(via, None);
    for text in texts {
        let author = Author {
            name: Some((*text).to_owned()),
            ..Author::default()
        };
        let participant = transcript.add_participant(author);
        transcript.messages.push(Message {
            id: (*text).to_owned(),
            participant_id: Some(participant),
            ..Message::empty()
        });
    }
    transcript
}

fn writers(whole: &Transcript) -> Vec<(&str, Option<&str>)> {
    let writers = whole.messages.iter().map(|it| {
        let id = it.participant_id.as_ref();
        let mut participants = whole.participants.iter();
        let writer = participants.find(|p| Some(&p.participant_id) == id);
        (&*it.id, writer.and_then(|p| p.name.as_deref()))
    });
    writers.collect()
}

fn at(text: &str) -> Timestamp {
    format!("2026-03-02T{text}Z").parse().unwrap()
}

fn with_times(via: Via, messages: &[(&str, Option<i64>, Option<&str>)]) -> Transcript {
    let mut transcript = Transcript::new(via, None);
    let messages = messages.iter().map(|(id, sequence, time)| Message {
        id: (*id).to_owned(),
        text: "x".repeat(10),
        sequence: *sequence,
        time: time.map(at),
        ..Message::empty()
    });
    transcript.messages.extend(messages);
    transcript
}

fn ids(transcript: &Transcript) -> Vec<&str> {
    transcript.messages.iter().map(|it| &*it.id).collect()
}

/// A chat whose numbers contradict its times, and a call during the chat.
fn chat_and_call() -> Vec<PartResult> {
    let chat = [
        ("chat 3", Some(3), Some("10:00:40")),
        ("chat 2", Some(2), Some("10:00:20")),
        ("chat 1", Some(1), None),
        ("chat 4", Some(4), Some("10:00:30")),
        ("chat 5", Some(5), None),
        ("chat 6", Some(6), Some("10:02:00")),
    ];
    let call = [
        ("call 3", None, None),
        ("call 2", None, Some("10:01:00")),
        ("call 1", None, Some("10:00:10")),
    ];
    vec![
        (Medium::Message, Ok(with_times(Via::WebDetails, &chat))),
        (Medium::Voice, Ok(with_times(Via::SpeechAnalytics, &call))),
    ]
}

fn gone() -> NoTranscript {
    NoTranscript::new(Status::Gone, "nothing was found")
}

#[test]
fn parts_keep_their_texts_and_each_writer_remains_one() {
    let results = vec![
        (Medium::Message, Ok(part(Via::Messages, &["Ann", "Bob"]))),
        (Medium::Voice, Ok(part(Via::SpeechAnalytics, &["Eve"]))),
    ];

    let whole = combine(results, None).unwrap();

    assert_eq!(
        writers(&whole),
        [
            ("Ann", Some("Ann")),
            ("Bob", Some("Bob")),
            ("Eve", Some("Eve"))
        ]
    );
    assert!(whole.parts.iter().all(|it| it.status == Status::Complete));
}

#[test]
fn writers_whose_assigned_ids_collide_keep_their_own_texts() {
    let results = vec![
        (Medium::Message, Ok(part(Via::Messages, &["A"]))),
        (Medium::Voice, Ok(part(Via::SpeechAnalytics, &["B", "C"]))),
        (Medium::Email, Ok(part(Via::Recordings, &["C", "D", "B"]))),
    ];

    let whole = combine(results, None).unwrap();

    let expected = ["A", "B", "C", "C", "D", "B"].map(|it| (it, Some(it)));
    assert_eq!(writers(&whole), expected);
    let names = whole.participants.iter().map(|it| it.name.as_deref());
    assert!(names.eq(["A", "B", "C", "D"].map(Some)));
}

#[test]
fn writers_without_a_name_are_not_taken_for_one() {
    let nameless = |via| {
        let mut transcript = Transcript::new(via, None);
        let participant = transcript.add_participant(Author::default());
        transcript.messages.push(Message {
            participant_id: Some(participant),
            ..Message::empty()
        });
        transcript
    };
    let results = vec![
        (Medium::Message, Ok(nameless(Via::Messages))),
        (Medium::Voice, Ok(nameless(Via::SpeechAnalytics))),
    ];

    let whole = combine(results, None).unwrap();

    assert_eq!(whole.participants.len(), 2);
    assert_ne!(
        whole.messages[0].participant_id,
        whole.messages[1].participant_id
    );
}

#[test]
fn each_of_50000_writers_of_two_parts_is_listed_once() {
    let names: Vec<_> = (0..50_000)
        .map(|number| format!("guest {number}"))
        .collect();
    let names: Vec<_> = names.iter().map(|it| &**it).collect();
    let results = vec![
        (Medium::Message, Ok(part(Via::WebDetails, &names))),
        (Medium::Email, Ok(part(Via::Recordings, &names))),
    ];

    let whole = combine(results, None).unwrap();

    assert_eq!(whole.participants.len(), names.len());
    assert_eq!(whole.messages.len(), 2 * names.len());
}

#[test]
fn messages_of_several_parts_are_ordered_by_time() {
    let mut whole = combine(chat_and_call(), None).unwrap();

    whole.apply_limits(Limits::NONE);

    let expected = [
        "call 1", "chat 1", "chat 2", "chat 3", "chat 4", "chat 5", "call 2", "chat 6", "call 3",
    ];
    assert_eq!(ids(&whole), expected);
}

#[test]
fn limits_cut_the_oldest_messages_of_all_parts_by_time() {
    let kept = |limits: Limits| {
        let mut whole = combine(chat_and_call(), None).unwrap();
        // A second cut, as after the files of a transcript, changes nothing.
        whole.apply_limits(limits);
        whole.apply_limits(limits);
        let kept = ids(&whole).join(", ");
        (kept, whole.cut.messages)
    };
    let newest = ("chat 5, call 2, chat 6, call 3".to_owned(), 5);

    let by_number = kept(Limits {
        context_window: Some(4),
        ..Limits::NONE
    });
    let by_size = kept(Limits {
        max_transcript_bytes: 49,
        context_window: None,
    });

    assert_eq!(by_number, newest);
    assert_eq!(by_size, newest);
}

#[test]
fn a_part_that_was_cut_before_leaves_newer_messages_of_others() {
    let limits = Limits {
        context_window: Some(2),
        ..Limits::NONE
    };
    let cut = [
        ("1", None, Some("10:00:00")),
        ("2", None, Some("10:01:00")),
        ("3", None, Some("10:02:00")),
    ];
    let mut cut = with_times(Via::Messages, &cut);
    cut.apply_limits(limits);
    let other = [
        ("old", None, Some("09:00:00")),
        ("new", None, Some("10:03:00")),
    ];
    let results = vec![
        (Medium::Message, Ok(cut)),
        (Medium::Voice, Ok(with_times(Via::SpeechAnalytics, &other))),
    ];

    let mut whole = combine(results, None).unwrap();
    whole.apply_limits(limits);

    assert_eq!(ids(&whole), ["3", "new"]);
    assert_eq!(whole.cut.messages, 3);
}

#[test]
fn the_start_of_the_conversation_precedes_those_of_its_parts() {
    let results = || {
        let mut voice = part(Via::SpeechAnalytics, &["Eve"]);
        voice.start = Some(at("10:00:00"));
        vec![
            (Medium::Message, Ok(part(Via::Messages, &["Ann"]))),
            (Medium::Voice, Ok(voice)),
        ]
    };
    let start = |conversation_start| combine(results(), conversation_start).unwrap().start;

    assert_eq!(start(Some(at("10:30:00"))), Some(at("10:30:00")));
    assert_eq!(start(None), Some(at("10:00:00")));
}

#[test]
fn a_part_that_was_not_read_is_a_problem_of_the_whole() {
    let results = vec![
        (Medium::Message, Ok(part(Via::Messages, &["Ann"]))),
        (Medium::Voice, Err(gone())),
    ];

    let whole = combine(results, None).unwrap();

    assert_eq!(whole.problems, ["voice: nothing was found"]);
    assert_eq!(whole.parts[1].status, Status::Gone);
    assert_eq!(whole.parts[0].via, Some(Via::Messages));
}

#[test]
fn if_no_part_was_read_the_status_that_excludes_a_text_least_counts() {
    let results = vec![
        (Medium::Message, Err(gone())),
        (
            Medium::Voice,
            Err(NoTranscript::new(Status::Forbidden, "the client may not")),
        ),
    ];

    let none = combine(results, None).unwrap_err();

    assert_eq!(none.status, Status::Forbidden);
    assert_eq!(
        none.problem,
        "message: nothing was found; voice: the client may not"
    );
    let only = combine(vec![(Medium::Voice, Err(gone()))], None).unwrap_err();
    assert_eq!(only, gone());
}

fn unrecorded() -> NoTranscript {
    NoTranscript::new(Status::NotRecorded, "no leg was recorded")
}

#[test]
fn a_part_that_was_never_recorded_is_listed_but_no_problem() {
    let results = vec![
        (Medium::Message, Ok(part(Via::Messages, &["Ann"]))),
        (Medium::Voice, Err(unrecorded())),
    ];

    let whole = combine(results, None).unwrap();

    assert_eq!(status_and_problem(&whole), (Status::Complete, None));
    assert_eq!(whole.parts[1].status, Status::NotRecorded);
    let none = vec![
        (Medium::Message, Err(gone())),
        (Medium::Voice, Err(unrecorded())),
    ];
    assert_eq!(combine(none, None).unwrap_err().status, Status::Gone);
}
