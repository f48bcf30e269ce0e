//! Conversations: their generation, their content, and the fields that the organisation indexes for filters and
//! visibility.

use std::ops::Range;

use fastrand::Rng;
use serde_json::value::RawValue;

use super::conversation_builder::ConversationBuilder;
use super::directory::Directory;
use super::model::{Evaluation, Participant, Record, Segment, Session, Survey, UnexpectedFields};
use super::moment::{DAY, HOUR, Moment};
use super::outline::{Media, Outline, starting_at, starting_before};
use super::random::{one_in, pick, record_rng};
use super::{Conversation, Facet, email, message, voice};
use crate::settings::Settings;

/// Separates the generators of conversations from those of gateway records.
const KIND: u64 = 1;

pub(crate) fn generate(settings: &Settings, directory: &Directory) -> Vec<Conversation> {
    let interval = (
        Moment::from_timestamp(settings.interval.0),
        Moment::from_timestamp(settings.interval.1),
    );
    let inside = (0..settings.conversations).map(|number| {
        let mut rng = record_rng(settings.seed, KIND, number);
        let start = start_within(&mut rng, number, interval);
        let mut outline = starting_at(&mut rng, start);
        if let Some(media) = settings.other_media.of(number) {
            outline.media = media;
        }
        conversation(rng, directory, &outline)
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a count of records"
    )]
    let spilled = (settings.conversations as f64 * settings.spill.max(0.0)).ceil() as usize;
    let before = (0..spilled).map(|number| {
        let mut rng = record_rng(!settings.seed, KIND, number);
        let outline = starting_before(&mut rng, number, interval);
        conversation(rng, directory, &outline)
    });
    inside.chain(before).collect()
}

/// Anywhere in the interval, except that every fiftieth starts exactly at midnight and every fiftieth one millisecond
/// before.
pub(crate) fn start_within(rng: &mut Rng, number: usize, (from, to): (Moment, Moment)) -> Moment {
    let anywhere = from + rng.i64(0..(to.0 - from.0).max(1));
    let midnight = Moment(anywhere.0.div_euclid(DAY) * DAY);
    let edge = match number % 50 {
        0 => midnight,
        1 => midnight + (DAY - 1),
        _ => anywhere,
    };
    if from <= edge && edge < to {
        edge
    } else {
        anywhere
    }
}

fn conversation(mut rng: Rng, directory: &Directory, outline: &Outline) -> Conversation {
    let id = super::ids::uuid(&mut rng);
    let mut builder = ConversationBuilder::new(rng, directory);
    match outline.media {
        Media::Message(message_type) => message::write(&mut builder, outline, message_type),
        Media::Email => email::write(&mut builder, outline),
        Media::MessageAndVoice => {
            message::write(&mut builder, outline, "webmessaging");
            voice::add_call(&mut builder, outline);
        }
        Media::Voice | Media::VoiceWithCallback | Media::Undocumented => {
            voice::write(&mut builder, outline);
        }
    }
    Conversation::of(&record(&mut builder, id, outline))
}

impl Conversation {
    /// The record as the organisation keeps it, with the fields that filters and visibility need.
    pub(super) fn of(record: &Record) -> Self {
        let json = serde_json::to_string(record).unwrap_or_default();
        Self {
            id: record.conversation_id.clone(),
            start: record.conversation_start.timestamp(),
            end: record.conversation_end.map(Moment::timestamp),
            active: activity(&record.participants, record.conversation_end),
            direction: record.originating_direction,
            divisions: record.division_ids.clone(),
            facets: facets(&record.participants),
            attributes: attributes_in(&json, &record.participants),
            json,
        }
    }
}

fn record(builder: &mut ConversationBuilder<'_>, id: String, outline: &Outline) -> Record {
    let divisions = usize::from(builder.rng.u8(..10))
        .saturating_sub(5)
        .clamp(0, 3);
    let divisions = if divisions == 0 && !one_in(&mut builder.rng, 8) {
        1
    } else {
        divisions
    };
    let voice = !matches!(outline.media, Media::Message(_) | Media::Email);
    let first = unexpected_fields(&mut builder.rng, 25);
    Record {
        conversation_id: id,
        conversation_start: outline.start(),
        conversation_end: outline.end(),
        originating_direction: if one_in(&mut builder.rng, 12) {
            "outbound"
        } else {
            "inbound"
        },
        division_ids: builder
            .rng
            .choose_multiple(builder.directory.divisions.iter().cloned(), divisions),
        external_tag: one_in(&mut builder.rng, 15)
            .then(|| builder.directory.text(&mut builder.rng, builder.language)),
        media_stats_min_conversation_mos: voice
            .then(|| f64::from(builder.rng.u16(2000..4900)) / 1000.0),
        participants: std::mem::take(&mut builder.participants),
        evaluations: outline
            .end()
            .filter(|_| one_in(&mut builder.rng, 12))
            .map(|end| evaluation(builder, end))
            .into_iter()
            .collect(),
        surveys: outline
            .end()
            .filter(|_| one_in(&mut builder.rng, 14))
            .map(|end| survey(builder, end))
            .into_iter()
            .collect(),
        last: if first.is_empty() {
            unexpected_fields(&mut builder.rng, 9)
        } else {
            UnexpectedFields::new()
        },
        first,
    }
}

/// An evaluation days after the end, which is why a conversation has to be read again.
fn evaluation(builder: &mut ConversationBuilder<'_>, end: Moment) -> Evaluation {
    Evaluation {
        evaluation_id: builder.id(),
        evaluator_id: pick(&mut builder.rng, &builder.directory.agents).id.clone(),
        form_name: builder.language.queue,
        evaluation_status: pick::<&str>(&mut builder.rng, &["Finished", "InProgress", "Rehearsed"]),
        event_time: end + builder.rng.i64(HOUR..4 * DAY),
        o_total_score: builder.rng.i64(0..=100),
    }
}

fn survey(builder: &mut ConversationBuilder<'_>, end: Moment) -> Survey {
    Survey {
        survey_id: builder.id(),
        survey_status: "Finished",
        event_time: end + builder.rng.i64(HOUR..3 * DAY),
        survey_promoter_score: builder.rng.i64(0..=10),
    }
}

/// One in `n` conversations has such a field.
fn unexpected_fields(rng: &mut Rng, n: u32) -> UnexpectedFields {
    const POSSIBLE: [(&str, &str); 6] = [
        ("associatedConversationId", "null"),
        ("conferenceStart", "null"),
        ("futureScore", "12345678901234567890.123"),
        ("futureLimit", "1E+2"),
        (
            "futureTree",
            "{ \"b\" : [1, 2.50, null, {}], \"a\" : \"\\u00e9\\ud83d\\ude00\" }",
        ),
        ("selfServed", "null"),
    ];
    let (name, json) = *pick(rng, &POSSIBLE);
    let value = RawValue::from_string(json.to_owned())
        .ok()
        .filter(|_| one_in(rng, n));
    value.map(|value| (name, value)).into_iter().collect()
}

/// Finds the attributes by their JSON text; unescaped quotes cannot occur inside another value. A comma follows each,
/// because `sessions` comes next.
fn attributes_in(json: &str, participants: &[Participant]) -> Vec<Range<usize>> {
    let mut from = 0;
    participants
        .iter()
        .filter(|it| !it.attributes.is_empty())
        .filter_map(|it| {
            let value = serde_json::to_string(&it.attributes).ok()?;
            let field = format!("\"attributes\":{value},");
            let start = from + json[from..].find(&field)?;
            from = start + field.len();
            Some(start..from)
        })
        .collect()
}

/// The time ranges in which at least one segment runs. A segment without an end lasts until its conversation ends.
fn activity(
    participants: &[Participant],
    conversation_end: Option<Moment>,
) -> Vec<(jiff::Timestamp, Option<jiff::Timestamp>)> {
    let end_of = |it: &Segment| it.segment_end.or(conversation_end);
    let mut segments: Vec<_> = sessions(participants)
        .flat_map(|(_, it)| &it.segments)
        .map(|it| (it.segment_start, end_of(it)))
        .collect();
    segments.sort_unstable_by_key(|(start, _)| *start);
    let mut active_periods: Vec<(Moment, Option<Moment>)> = Vec::new();
    for (start, end) in segments {
        match active_periods.last_mut() {
            Some((_, last)) if last.is_none_or(|last| start <= last) => {
                *last = last.and_then(|last| end.map(|end| last.max(end)));
            }
            _ => active_periods.push((start, end)),
        }
    }
    active_periods
        .into_iter()
        .map(|(start, end)| (start.timestamp(), end.map(Moment::timestamp)))
        .collect()
}

fn facets(participants: &[Participant]) -> Vec<Facet> {
    let mut facets = Vec::new();
    for (participant, session) in sessions(participants) {
        for segment in &session.segments {
            let facet = Facet {
                media_type: session.media_type,
                message_type: session.message_type,
                purpose: participant.purpose,
                queue: segment.queue_id.clone(),
                user: participant.user_id.clone(),
            };
            if !facets.contains(&facet) {
                facets.push(facet);
            }
        }
    }
    facets
}

fn sessions(participants: &[Participant]) -> impl Iterator<Item = (&Participant, &Session)> {
    participants.iter().flat_map(|participant| {
        participant
            .sessions
            .iter()
            .map(move |session| (participant, session))
    })
}
