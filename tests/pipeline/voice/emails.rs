//! E-mails.

use genesys_simulator::{Settings, UnavailableTexts};

use super::*;

/// Ids of the conversations of e-mails.
fn written_by_email(world: &World) -> Vec<String> {
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids = conversations.map(|it| it.id);
    ids.filter(|id| !world.simulator.emails(id).is_empty())
        .collect()
}

#[tokio::test]
async fn every_email_is_archived_as_text_with_its_header() {
    let mut world = World::new(mixed(311, 60)).await;
    let ids = written_by_email(&world);
    assert!(ids.len() >= 10);

    let fields = format!(r#","media":["email"]{VERBATIM}"#);
    let (_, records) = export(&mut world, &ids, &fields).await;

    for id in &ids {
        let record = &records[id];
        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(record["via"], "recordings");
        let messages = list(record, "messages").iter();
        let texts: Vec<_> = messages
            .map(|it| it["text"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(texts, world.simulator.emails(id));
        for message in list(record, "messages") {
            assert_eq!(message["type"], "Email");
            assert!(message["email"]["subject"].is_string());
            assert!(message["email"]["from"]["email"].is_string());
            assert!(message["email"]["to"][0]["name"].is_string());
        }
        assert_eq!(list(record, "recordings")[0]["media"], "email");
    }
}

#[tokio::test]
async fn emails_have_the_start_and_the_archive_keys_of_their_conversation() {
    let mut world = World::new(mixed(311, 60)).await;
    let ids = written_by_email(&world);

    let (_, records) = export(&mut world, &ids, r#","media":["email"]"#).await;

    for conversation in world.simulator.truth().conversations {
        let Some(record) = records.get(&conversation.id) else {
            continue;
        };
        let start = conversation.start;
        assert_eq!(record["conversationStart"], start.to_string());
        let hour = start
            .strftime("year=%Y/month=%m/day=%d/hour=%H/")
            .to_string();
        for recording in list(record, "recordings") {
            let key = recording["archiveKey"].as_str().expect("a key");
            assert!(key.starts_with(&hour), "{key}");
        }
    }
}

#[tokio::test]
async fn addresses_and_names_of_emails_are_redacted() {
    let mut world = World::new(mixed(312, 60)).await;
    let ids = written_by_email(&world);

    let strict = r#","media":["email"],"redaction":{"profile":"strict"}"#;
    let (_, standard) = export(&mut world, &ids, r#","media":["email"]"#).await;
    let (_, strict) = export(&mut world, &ids, strict).await;

    for (id, record) in &standard {
        let line = record.to_string();
        assert!(!line.contains("@quillpost.example"), "{line}");
        assert!(!line.contains("desk@northwind.example"), "{line}");
        for message in list(&strict[id], "messages") {
            let header = &message["email"];
            assert_eq!(header["from"]["name"], "[REDACTED:NAME]");
            assert!(
                header["to"][0]["email"]
                    .as_str()
                    .is_some_and(|it| it.starts_with("[REDACTED"))
            );
        }
    }
}

#[tokio::test]
async fn emails_that_are_not_ready_or_gone_are_recorded_as_such() {
    let status = |unavailable_texts: UnavailableTexts| async move {
        let mut world = World::new(Settings {
            unavailable_texts,
            ..mixed(313, 20)
        })
        .await;
        let ids = written_by_email(&world);
        let (_, records) = export(&mut world, &ids[..2], r#","media":["email"]"#).await;
        let mut statuses: Vec<_> = records
            .values()
            .map(|it| it["status"].to_string())
            .collect();
        statuses.dedup();
        statuses.join(" ")
    };
    let of = |change: fn(&mut UnavailableTexts)| {
        let mut faults = UnavailableTexts::default();
        change(&mut faults);
        status(faults)
    };

    assert_eq!(of(|it| it.preparing = 2).await, "\"complete\"");
    assert_eq!(of(|it| it.preparing = 1_000).await, "\"preparing\"");
    assert_eq!(of(|it| it.gone = 1).await, "\"gone\"");
}

#[tokio::test]
async fn without_the_permission_for_recordings_emails_are_forbidden() {
    let mut world = World::new(Settings {
        permissions: vec!["analytics:conversationDetail:view".to_owned()],
        ..mixed(314, 20)
    })
    .await;
    let ids = written_by_email(&world);

    let (manifest, records) = export(&mut world, &ids, r#","media":["email"]"#).await;

    assert!(records.values().all(|it| it["status"] == "forbidden"));
    assert!(manifest.warnings[0].contains("recording:recording:view"));
}
