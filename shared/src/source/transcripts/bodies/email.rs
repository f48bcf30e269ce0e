//! The e-mails of a conversation, from its recordings.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::html::text_of_html;
use super::recording_metadata::recordings_and_transcript;
use crate::base::decode::DecodeError;
use crate::genesys::wire::{
    AVAILABLE, EmailAttachment, RecordedAddress, Recording, RecordingEmailMessage,
};
use crate::records::foreign::{ForeignText, Secrets};
use crate::records::transcript::{
    Attachment, Author, EmailAddress, EmailHeader, Message, NoTranscript, Status, Transcript,
};

/// The API's reason for a recording without its e-mails.
const TOO_LARGE: &str = "EMAIL_TRANSCRIPT_TOO_LARGE";

/// The e-mails that the recordings of a conversation hold.
#[derive(Debug)]
pub(crate) struct Emails {
    transcript: Transcript,
    /// Why a recording has no e-mails.
    lacking: Option<NoTranscript>,
}

impl Emails {
    /// Fails when the document is not a list of recordings of this conversation.
    pub(crate) fn of(document: &RawValue, id: &str) -> Result<Self, DecodeError> {
        let (recordings, transcript) = recordings_and_transcript(document, id)?;
        let mut emails = Self {
            transcript,
            lacking: recordings.iter().find_map(lacking),
        };
        let mut seen = HashSet::new();
        for recording in recordings {
            let list = "recordings.emailTranscript";
            for email in emails
                .transcript
                .take_readable(list, recording.email_transcript)
            {
                let is_new = email.id.as_ref().is_none_or(|id| seen.insert(id.clone()));
                if is_new {
                    emails.transcript.add_email(email);
                }
            }
        }
        Ok(emails)
    }

    /// The transcript, or why there is none.
    pub(crate) fn finish(self) -> Result<Transcript, NoTranscript> {
        let Self {
            mut transcript,
            lacking,
        } = self;
        let is_any = !transcript.messages.is_empty() || !transcript.unreadable.is_empty();
        match (is_any, lacking) {
            (true, Some(lacking)) => transcript.problems.push(lacking.problem),
            (true, None) => {}
            (false, lacking) => {
                let none = || NoTranscript::new(Status::Gone, "no recording has an e-mail");
                let reason = lacking.unwrap_or_else(none);
                return Err(reason);
            }
        }
        Ok(transcript)
    }
}

/// Why a recording has no e-mails although it may have some.
fn lacking(recording: &Recording) -> Option<NoTranscript> {
    if recording.error_status.as_deref() == Some(TOO_LARGE) {
        let problem = "the e-mails of a recording are larger than the API delivers";
        return Some(NoTranscript::new(Status::TooLarge, problem));
    }
    if recording.lacks_emails {
        let problem = "a recording of e-mails has no emailTranscript";
        return Some(NoTranscript::new(Status::Malformed, problem));
    }
    let state = recording.file_state.as_deref()?;
    let is_away =
        !state.eq_ignore_ascii_case(AVAILABLE) && recording.media.as_deref() == Some("email");
    is_away.then(|| {
        let state = ForeignText::new(state, &Secrets::default());
        NoTranscript::new(Status::Gone, format!("a recording of e-mails is {state}"))
    })
}

impl Transcript {
    fn add_email(&mut self, email: RecordingEmailMessage) {
        let id = email
            .id
            .unwrap_or_else(|| format!("#{}", self.messages.len() + 1));
        let list = "recordings.emailTranscript.attachments";
        let attachments = self.take_readable_of(list, Some(&id), email.attachments);
        let name = |address: &RecordedAddress| address.name.clone().or(address.email.clone());
        let participant_id = email.from.as_ref().map(|from| {
            self.add_participant(Author {
                name: name(from),
                ..Author::default()
            })
        });
        self.messages.push(Message {
            id,
            time: email.time,
            participant_id,
            kind: "Email".to_owned(),
            text: body(email.text_body, email.html_body),
            attachments: attachments.into_iter().map(attachment).collect(),
            email: Some(EmailHeader {
                subject: email.subject,
                from: email.from.map(address),
                to: email.to.into_iter().map(address).collect(),
                cc: email.cc.into_iter().map(address).collect(),
                bcc: email.bcc.into_iter().map(address).collect(),
            }),
            ..Message::empty()
        });
    }
}

/// The text of an e-mail: its plain body, or else the text of its HTML body.
fn body(text: Option<String>, html: Option<String>) -> String {
    let plain = text.filter(|text| !text.trim().is_empty());
    plain.unwrap_or_else(|| html.map_or_else(String::new, |html| text_of_html(&html)))
}

fn address(address: RecordedAddress) -> EmailAddress {
    EmailAddress {
        email: address.email,
        name: address.name,
    }
}

fn attachment(it: EmailAttachment) -> Attachment {
    // A path within the vendor's storage is not an address.
    let url = it.content_path.filter(|path| path.starts_with("https://"));
    Attachment {
        id: it.attachment_id,
        mime: it.content_type,
        filename: it.name,
        size_bytes: it.content_length,
        url: url.map(Into::into),
        file: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(value: &Value) -> Result<Emails, DecodeError> {
        let document = RawValue::from_string(value.to_string()).unwrap();
        Emails::of(&document, "c1")
    }

    fn read(value: &Value) -> Result<Transcript, NoTranscript> {
        of(value).unwrap().finish()
    }

    #[test]
    fn an_email_has_its_header_and_its_plain_text() {
        let recorded = json!([{"id": "r", "media": "email", "fileState": "AVAILABLE", "emailTranscript": [{
            "id": "e1", "time": "2026-03-02T14:03:10.112Z", "subject": "Refund",
            "from": {"email": "mary@example.com", "name": "Mary Roe"}, "to": [{"email": "desk@example.com"}],
            "textBody": "Hi", "htmlBody": "<p>Hi</p>",
            "attachments": [{"name": "a.pdf", "contentType": "application/pdf", "attachmentId": "x", "contentLength": 7, "contentPath": "/a"}],
        }]}]);

        let transcript = read(&recorded).unwrap();

        let message = &transcript.messages[0];
        let header = message.email.as_ref().unwrap();
        assert_eq!((&*message.kind, &*message.text), ("Email", "Hi"));
        assert_eq!(header.subject.as_deref(), Some("Refund"));
        assert_eq!(header.to[0].email.as_deref(), Some("desk@example.com"));
        assert_eq!(message.attachments[0].filename.as_deref(), Some("a.pdf"));
        assert!(message.attachments[0].url.is_none());
        assert_eq!(transcript.participants[0].name.as_deref(), Some("Mary Roe"));
        assert_eq!(transcript.recordings[0].id, "r");
    }

    #[test]
    fn an_html_body_becomes_text_if_there_is_no_other() {
        let with = |text: Value| {
            let email =
                json!({"id": "e", "textBody": text, "htmlBody": "<p>mary&#64;example.com</p>"});
            let transcript = read(&json!([{"media": "email", "emailTranscript": [email]}]));
            transcript.unwrap().messages[0].text.clone()
        };

        assert_eq!(with(json!(null)), "mary@example.com");
        assert_eq!(with(json!(" \n")), "mary@example.com");
        assert_eq!(with(json!("plain")), "plain");
    }

    #[test]
    fn a_recording_without_emails_says_why() {
        let status = |recordings: Value| {
            let none = read(&recordings).unwrap_err();
            format!("{}: {}", none.status.as_str(), none.problem)
        };

        let statuses = [
            status(json!([])),
            status(json!([{"media": "email", "fileState": "ARCHIVED"}])),
            status(json!([{"media": "email", "fileState": "AVAILABLE"}])),
            status(
                json!([{"media": "email", "recordingErrorStatus": "EMAIL_TRANSCRIPT_TOO_LARGE"}]),
            ),
            status(json!([{"media": "audio", "fileState": "DELETED"}])),
        ];

        insta::assert_snapshot!(statuses.join("\n"), @"
        gone: no recording has an e-mail
        gone: a recording of e-mails is ARCHIVED
        malformed: a recording of e-mails has no emailTranscript
        tooLarge: the e-mails of a recording are larger than the API delivers
        gone: no recording has an e-mail
        ");
    }

    #[test]
    fn an_email_in_two_recordings_is_archived_once() {
        let recording = json!({"media": "email", "emailTranscript": [{"id": "e1", "textBody": "Hi"}, {"textBody": "anonymous"}]});

        let transcript = read(&json!([recording, recording])).unwrap();

        let texts: Vec<_> = transcript.messages.iter().map(|it| &*it.text).collect();
        assert_eq!(texts, ["Hi", "anonymous", "anonymous"]);
    }

    #[test]
    fn an_unreadable_email_loses_only_itself() {
        for odd in [
            json!(null),
            json!("lost"),
            json!({}),
            json!({"id": "e2"}),
            json!({"textBody": 5}),
            json!({"htmlBody": ["x"]}),
        ] {
            let emails = json!([{"textBody": "one"}, odd, {"textBody": "two"}]);

            let transcript = read(&json!([{"media": "email", "emailTranscript": emails}])).unwrap();

            assert_eq!(transcript.messages.len(), 2, "{odd}");
            assert_eq!(transcript.unreadable[0].content.get(), odd.to_string());
        }
    }

    #[test]
    fn an_email_is_kept_with_any_value_in_optional_fields() {
        for value in [
            json!(null),
            json!(""),
            json!("odd"),
            json!(7),
            json!(true),
            json!([1]),
            json!({"x": 1}),
        ] {
            for field in ["id", "time", "from", "to", "cc", "bcc"] {
                let mut email = json!({"textBody": "one"});
                email[field] = value.clone();

                let transcript =
                    read(&json!([{"media": "email", "emailTranscript": [email]}])).unwrap();

                assert_eq!(transcript.messages[0].text, "one", "{field}: {value}");
                assert!(transcript.unreadable.is_empty(), "{field}: {value}");
            }
        }
        assert!(of(&json!({"media": "email"})).is_err());
        assert!(of(&json!([{"media": "email", "conversationId": "c2"}])).is_err());
    }
}
