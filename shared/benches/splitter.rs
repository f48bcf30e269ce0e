//! The splitter of the direct stream, in fragments of 64 bytes, compared with actson, a JSON parser that takes fragments,
//! too. A value of 4 MB shows whether the time is linear.
//!
//! ```text
//! cargo bench -p conversation-archive --bench splitter
//! ```

#![expect(clippy::expect_used, reason = "a bench may stop where it stands")]

use std::sync::LazyLock;

use actson::feeder::{JsonFeeder as _, PushJsonFeeder};
use actson::options::JsonParserOptionsBuilder;
use actson::{JsonEvent, JsonParser};
use conversation_archive::records::live::{Piece, Splitter};
use divan::Bencher;
use divan::counter::BytesCount;

/// The size of the fragments in which the text arrives.
const FRAGMENT_BYTES: usize = 64;

/// Events of a direct stream, about 1 MB.
static EVENTS: LazyLock<String> = LazyLock::new(|| {
    let event = |number: usize| {
        format!(
            r#"{{"conversationId":"0f8fad5b-d9cb-469f-a165-{number:012}","type":"transcript","data":{{"id":"{number}","participantId":"customer","text":"I ordered a lamp on Monday, and the parcel \"with care\" came without it. Can you help?","sequence":{number}}},"timestamp":"2026-03-02T11:58:30.123Z"}}"#
        )
    };
    let events: Vec<_> = (0..3_400).map(event).collect();
    events.join("\n")
});

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 40)]
fn events_by_splitter(bencher: Bencher<'_, '_>) {
    let fragments = fragments(&EVENTS);
    counted(bencher, &EVENTS).bench(|| split(&fragments));
}

#[divan::bench(sample_count = 40)]
fn events_by_actson(bencher: Bencher<'_, '_>) {
    let fragments = fragments(&EVENTS);
    counted(bencher, &EVENTS).bench(|| parse(&fragments));
}

/// One value of as many megabytes.
#[divan::bench(sample_count = 40, args = [1, 4])]
fn value_by_splitter(bencher: Bencher<'_, '_>, megabytes: usize) {
    let value = format!("[{}]", vec![EVENTS.replace('\n', ","); megabytes].join(","));
    let fragments = fragments(&value);
    counted(bencher, &value).bench(|| split(&fragments));
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, text: &str) -> Bencher<'a, 'b> {
    bencher.counter(BytesCount::of_str(text))
}

fn fragments(text: &str) -> Vec<&str> {
    let fragments = text.as_bytes().chunks(FRAGMENT_BYTES);
    let text = |fragment| str::from_utf8(fragment).expect("the texts are ASCII");
    fragments.map(text).collect()
}

/// The number of bytes in values.
fn split(fragments: &[&str]) -> usize {
    let mut splitter = Splitter::new(8 * 1024 * 1024);
    let mut bytes = 0;
    for fragment in fragments {
        splitter.push(fragment, |piece| match piece {
            Piece::Value(value) => bytes += value.len(),
            Piece::Unreadable(_) => unreachable!("all values are read"),
        });
    }
    bytes
}

/// The number of bytes in values.
fn parse(fragments: &[&str]) -> usize {
    let options = JsonParserOptionsBuilder::default().with_streaming(true);
    let mut parser = JsonParser::new_with_options(PushJsonFeeder::new(), options.build());
    let (mut bytes, mut depth, mut start) = (0, 0, 0);
    for fragment in fragments {
        assert_eq!(
            parser.feeder.push_bytes(fragment.as_bytes()),
            fragment.len()
        );
        loop {
            match parser.next_event().expect("all values are JSON") {
                Some(JsonEvent::StartObject | JsonEvent::StartArray) => {
                    if depth == 0 {
                        start = parser.parsed_bytes() - 1;
                    }
                    depth += 1;
                }
                Some(JsonEvent::EndObject | JsonEvent::EndArray) => {
                    depth -= 1;
                    if depth == 0 {
                        bytes += parser.parsed_bytes() - start;
                    }
                }
                Some(JsonEvent::NeedMoreInput) | None => break,
                Some(_) => {}
            }
        }
        assert!(!parser.feeder.has_input());
    }
    bytes
}
