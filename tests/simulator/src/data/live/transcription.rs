//! Utterances of a call, and the end of its transcription.

use serde_json::{Value, json};

use super::play::Play;
use super::script::Step;
use super::{FrameKind, LivePhrase, NewFrame};
use crate::data::moment::Moment;
use crate::data::speech::ORGANISATION;

pub(super) fn frame(play: &Play, step: Step, at: Moment) -> Option<NewFrame> {
    if !play.cast.is_voice() {
        return None;
    }
    let last = play.texts.phrases.last()?;
    let mut body = match step {
        Step::Say => json!({ "transcripts": [utterance(last, play)] }),
        Step::CustomerEnd => json!({ "transcripts": [] }),
        _ => return None,
    };
    let start = play.record.record().conversation_start;
    let status = if step == Step::Say {
        "SESSION_ONGOING"
    } else {
        "SESSION_ENDED"
    };
    body["eventTime"] = json!(at);
    body["organizationId"] = json!(ORGANISATION);
    body["conversationId"] = json!(play.id());
    body["communicationId"] = json!(last.session);
    body["sessionStartTimeMs"] = json!(start.0);
    body["transcriptionStartTimeMs"] = json!(start.0);
    body["status"] = json!({ "offsetMs": at.0 - start.0, "status": status });
    let topic = format!("v2.conversations.{}.transcription", play.id());
    Some(play.frame(FrameKind::Transcription, topic, body.to_string()))
}

fn utterance(phrase: &LivePhrase, play: &Play) -> Value {
    let offset = phrase.time.0 - play.record.record().conversation_start.0;
    let spoken = phrase.text.to_lowercase();
    json!({
        "utteranceId": phrase.utterance,
        "isFinal": true,
        "channel": if phrase.is_customer { "EXTERNAL" } else { "INTERNAL" },
        "alternatives": [{
            "confidence": phrase.confidence, "offsetMs": offset, "durationMs": phrase.duration,
            "transcript": spoken, "words": words(&spoken, phrase, offset),
            "decoratedTranscript": phrase.text, "decoratedWords": words(&phrase.text, phrase, offset),
        }],
        "engineProvider": "GENESYS", "engineId": "r2d2", "engineName": "GENESYS", "dialect": play.cast.queue.language.code,
        "agentAssistEnabled": false, "voiceTranscriptionEnabled": true,
    })
}

fn words(text: &str, phrase: &LivePhrase, offset: i64) -> Value {
    let words = text.split_whitespace().map(|word| {
        json!({
            "confidence": phrase.confidence, "startTimeMs": phrase.time.0, "offsetMs": offset, "durationMs": 200, "word": word,
        })
    });
    words.collect()
}
