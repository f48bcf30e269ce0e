//! Redaction of phrases and e-mails, compared with that of messages, whose recall the labelled corpus measures.

use super::*;

/// Texts with values of every kind, as people type and say them.
const TEXTS: [&str; 12] = [
    "write to mary.roe@example.com please",
    "my number is +49 170 1234567",
    "call me at (202) 555-0143",
    "card 4111 1111 1111 1111 expires soon",
    "IBAN DE89 3704 0044 0532 0130 00 is mine",
    "my social security number is 078-05-1120",
    "date of birth: 14.03.1987",
    "the server is 203.0.113.7",
    "https://example.com/reset?token=s3cr3tt0ken",
    "passport number C01X00T47",
    "tax id 12 345 678 903",
    "nothing personal in here, thanks",
];

fn texts_of(record: &Value) -> Vec<String> {
    let messages = list(record, "messages").iter();
    let texts = messages.map(|it| it["text"].as_str().unwrap_or_default().to_owned());
    texts.collect()
}

#[tokio::test]
async fn phrases_and_emails_are_redacted_exactly_like_messages() {
    let mut world = World::new(mixed(331, 60)).await;
    let texts = || TEXTS.map(str::to_owned).to_vec();
    let is_written = |id: &String| world.simulator.messages(id).is_some();
    let call = spoken(&world).into_iter().find(|id| !is_written(id));
    let call = call.expect("a call");
    let written = world.message_conversations().into_iter();
    let written = written
        .into_iter()
        .find(|id| world.simulator.phrases(id).is_empty());
    let written = written.expect("a conversation of messages");
    let conversations = world.simulator.truth().conversations.into_iter();
    let mut emails = conversations.map(|it| it.id);
    let emails = emails.find(|id| !world.simulator.emails(id).is_empty());
    let emails = emails.expect("a conversation of e-mails");
    assert!(world.simulator.write(&written, texts()));
    assert!(world.simulator.say(&call, texts()) && world.simulator.say(&emails, texts()));

    for profile in ["standard", "strict"] {
        let ids = [written.clone(), call.clone(), emails.clone()];
        let fields = format!(
            r#","media":["message","voice","email"],"redaction":{{"profile":"{profile}"}}"#
        );
        let (_, records) = export(&mut world, &ids, &fields).await;

        let of_messages = texts_of(&records[&written]);
        let redacted = of_messages.iter().filter(|it| it.contains("[REDACTED"));
        assert!(redacted.count() >= 8, "{of_messages:?}");
        assert_eq!(texts_of(&records[&call]), of_messages, "{profile}");
        assert_eq!(texts_of(&records[&emails]), of_messages, "{profile}");
    }
}
