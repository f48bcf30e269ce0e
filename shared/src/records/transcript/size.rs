//! Estimate of the size of a transcript, which bounds the memory that it takes while it is read.

use super::{
    Attachment, EmailHeader, Message, Participant, RecordingMetadata, Speech, Transcript,
    Unreadable, WebConversation, WebMessageFields,
};

/// Bytes of a stored message, event or participant beside its texts: names of fields, ids, times and the fingerprint.
const ENVELOPE_BYTES: usize = 300;

impl Transcript {
    /// Estimate of the stored line's size, in bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let messages = self.messages.iter().map(Message::stored_bytes);
        let participants = self.participants.iter().map(Participant::bytes);
        let unreadable = self.unreadable.iter().map(Unreadable::bytes);
        let recordings = self.recordings.iter().map(RecordingMetadata::bytes);
        let events = self.events.len() * ENVELOPE_BYTES;
        let beside = self.web.as_ref().map_or(0, WebConversation::bytes);
        let lists = messages.chain(participants).chain(unreadable);
        (lists.chain(recordings).sum::<usize>() + events + beside) as u64
    }
}

impl Message {
    /// Size of the texts and other content, in bytes: what `maxTranscriptBytes` limits.
    pub(super) fn bytes(&self) -> usize {
        let content = self.content.iter().map(|content| content.get().len());
        let email = self.email.as_ref().map_or(0, EmailHeader::bytes);
        let web = self.web.as_ref().map_or(0, WebMessageFields::bytes);
        self.text.len() + content.sum::<usize>() + email + web
    }

    /// Estimate of the size in the stored line, in bytes.
    fn stored_bytes(&self) -> usize {
        let attachments = self.attachments.iter().map(Attachment::bytes);
        let speech = self.speech.as_ref().map_or(0, Speech::bytes);
        ENVELOPE_BYTES + self.bytes() + attachments.sum::<usize>() + speech
    }
}

impl Participant {
    fn bytes(&self) -> usize {
        ENVELOPE_BYTES + self.name.as_ref().map_or(0, String::len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EmailAddress, Event, File, Limits, NotStored, Via, build_record};
    use super::*;

    const LONG: usize = 5_000;

    fn long() -> String {
        "x".repeat(LONG)
    }

    fn address() -> EmailAddress {
        EmailAddress {
            email: Some(long()),
            name: Some(long()),
        }
    }

    fn email() -> Message {
        Message {
            email: Some(EmailHeader {
                subject: Some(long()),
                from: Some(address()),
                to: vec![address(), address()],
                cc: vec![address()],
                bcc: vec![address()],
            }),
            ..Message::empty()
        }
    }

    fn attachment() -> Attachment {
        Attachment {
            id: Some(long()),
            mime: Some(long()),
            filename: Some(long()),
            size_bytes: Some(u64::MAX),
            url: None,
            file: Some(File::NotStored {
                not_stored: NotStored::ContentType,
            }),
        }
    }

    fn phrase() -> Message {
        Message {
            speech: Some(Speech {
                communication_id: long(),
                offset_ms: Some(u64::from(u32::MAX)),
                duration_ms: Some(u64::from(u32::MAX)),
                confidence: Some(0.123_456_789),
            }),
            ..Message::empty()
        }
    }

    fn recording() -> RecordingMetadata {
        RecordingMetadata {
            id: long(),
            media: Some(long()),
            communication_id: Some(long()),
            start_time: None,
            end_time: None,
            file_state: Some(long()),
            archive_key: None,
        }
    }

    fn participant() -> Participant {
        Participant {
            participant_id: "p1".to_owned(),
            purpose: Some("customer".to_owned()),
            name: Some(long()),
            user_id: None,
        }
    }

    fn event() -> Event {
        Event {
            message_id: Some("m".to_owned()),
            time: None,
            kind: "Receipt".to_owned(),
            status: None,
        }
    }

    /// A transcript with nothing but what `add` adds.
    fn of(add: impl FnOnce(&mut Transcript)) -> Transcript {
        let mut transcript = Transcript::new(Via::Messages, None);
        add(&mut transcript);
        transcript
    }

    #[test]
    fn the_estimate_covers_every_list_of_the_stored_line() {
        let attached = || Message {
            attachments: vec![attachment(), attachment()],
            ..Message::empty()
        };
        let cases = [
            ("e-mail", of(|it| it.messages.push(email()))),
            ("attachments", of(|it| it.messages.push(attached()))),
            ("phrase", of(|it| it.messages.push(phrase()))),
            ("recording", of(|it| it.recordings.push(recording()))),
            ("participant", of(|it| it.participants.push(participant()))),
            ("events", of(|it| it.events = vec![event(); 20])),
        ];
        let empty = build_record("c", Ok(of(|_| {})), Limits::NONE, None).unwrap();

        for (name, transcript) in cases {
            let estimate = transcript.stored_bytes();
            let record = build_record("c", Ok(transcript), Limits::NONE, None).unwrap();

            let added = (record.line.get().len() - empty.line.get().len()) as u64;
            assert!(added <= estimate, "{name}: {added} > {estimate}");
        }
    }

    #[test]
    fn the_limit_of_a_request_counts_the_header_of_an_email() {
        let mut transcript = of(|it| it.messages = vec![email(), email()]);
        let limits = Limits {
            max_transcript_bytes: 15 * LONG as u64,
            context_window: None,
        };

        transcript.apply_limits(limits);

        assert_eq!(transcript.messages.len(), 1);
    }

    #[test]
    fn the_address_of_a_file_counts_until_it_is_fetched() {
        let mut with_address = attachment();
        with_address.url = Some(long().into());

        assert_eq!(with_address.bytes(), attachment().bytes() + LONG);
    }
}
