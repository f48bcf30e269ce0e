//! Entities of a history gateway, written as JSON text: a conversation of the export gateway, without its texts.

use fastrand::Rng;
use serde_json::{Value, json};

use super::directory::Directory;
use super::ids::uuid;
use super::languages::LANGUAGES;
use super::moment::Moment;
use super::random::{one_in, pick, record_rng};
use crate::settings::HistoryForm;

/// Separates the generators of entities from those of other records.
const KIND: u64 = 3;

/// The conversation that an entity describes.
pub(super) struct Described<'a> {
    /// The id by which the form's filters select it.
    pub(super) id: &'a str,
    pub(super) start: Moment,
    pub(super) end: Moment,
}

/// The entity as a gateway of this form serves it: an `interactionId` selects it in one form, an `id` in the other.
pub(super) fn text(
    described: &Described<'_>,
    form: HistoryForm,
    (seed, index): (u64, usize),
    directory: &Directory,
) -> String {
    let rng = &mut record_rng(seed, KIND, index);
    let other_id = uuid(rng);
    let (id, interaction_id) = match form {
        HistoryForm::PageToken => (other_id.as_str(), described.id),
        HistoryForm::Continuation => (described.id, other_id.as_str()),
    };
    let mut entity = json!({
        "id": id,
        "interactionId": interaction_id,
        "channelType": "webchat",
        "queueName": format!("Queue {}", rng.u8(1..9)),
        "wrapUpCode": if one_in(rng, 4) { Value::Null } else { json!(format!("code-{}", rng.u8(..5))) },
    });
    add_times(&mut entity, described, rng);
    if !one_in(rng, 5) {
        entity["attributes"] = attributes(rng, directory);
    }
    entity.to_string()
}

/// Some gateways have other names for the times and the participants.
fn add_times(entity: &mut Value, described: &Described<'_>, rng: &mut Rng) {
    let time = |moment: Moment| json!(format!("{:.3}", moment.timestamp()));
    let [start, end, participants] = if one_in(rng, 5) {
        ["startTime", "endTime", "participants"]
    } else {
        ["startTimestamp", "endTimestamp", "participantCount"]
    };
    entity[start] = time(described.start);
    match rng.u8(..10) {
        0 => {}
        1 => entity[end] = Value::Null,
        _ => entity[end] = time(described.end),
    }
    entity[participants] = json!(rng.u8(1..6));
}

fn attributes(rng: &mut Rng, directory: &Directory) -> Value {
    let language = pick(rng, &LANGUAGES);
    json!({
        "subject": directory.text(rng, language),
        "order": rng.u32(..),
    })
}
