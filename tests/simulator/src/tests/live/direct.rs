use super::socket::End;
use super::*;
use crate::{DirectRefusal, FrameKind, Pieces};

fn with_pieces(pieces: Pieces) -> Settings {
    let mut settings = quiet();
    settings.live.pieces = pieces;
    settings
}

/// The values in a text, with any white space between them.
fn values(text: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.map(Result::unwrap).collect()
}

#[tokio::test]
async fn values_are_cut_between_characters_and_joined() {
    for max_bytes in [1, 40, 100_000] {
        let world = World::new(with_pieces(Pieces::Cut { seed: 3, max_bytes })).await;
        let mut socket = world.direct(&world.token).await.unwrap();
        let live = world.live();

        play(
            &live,
            Traffic {
                conversations: 2,
                ..Traffic::default()
            },
        );
        live.flush().await;
        live.close(1000);

        let mut messages = Vec::new();
        while let Some(Ok(tokio_tungstenite::tungstenite::Message::Text(text))) =
            socket.next().await
        {
            messages.push(text.to_string());
        }
        let sent = live
            .frames()
            .into_iter()
            .filter(|it| it.kind == FrameKind::Direct);
        let sent: Vec<Value> = sent
            .map(|it| serde_json::from_str(it.body()).unwrap())
            .collect();
        assert_eq!(values(&messages.concat()), sent);
        assert!(messages.iter().all(|it| it.len() <= max_bytes.max(4)));
        let joined = messages.len() < sent.len();
        assert_eq!(joined, max_bytes == 100_000, "{} messages", messages.len());
    }
}

#[tokio::test]
async fn a_whole_value_is_one_message() {
    let world = World::new(with_pieces(Pieces::Whole)).await;
    let mut socket = world.direct(&world.token).await.unwrap();
    let event = json!({ "conversationId": "c1", "type": "statusChange", "data": { "status": "ended" }, "timestamp": "2026-03-05T12:00:00.000Z" });

    world.live().push("v2.users.u.presence", &json!({}));
    world.live().push_direct(&event);

    assert_eq!(socket.json().await, event);
    let frame = &world.live().frames()[1];
    assert_eq!(
        (frame.topic.as_str(), frame.conversation_id.as_deref()),
        ("direct.statusChange", Some("c1"))
    );
}

#[tokio::test]
async fn a_bad_token_is_refused_as_the_settings_say() {
    let world = World::new(quiet()).await;
    let mut by_default = world.direct("wrong").await.unwrap();

    world
        .simulator
        .update(|it| it.live.direct_refusal = DirectRefusal::Close(1008));
    let mut by_policy = world.direct("").await.unwrap();
    world
        .simulator
        .update(|it| it.live.direct_refusal = DirectRefusal::Unauthorized);
    let by_status = world.direct("wrong").await.unwrap_err().to_string();

    assert_eq!(by_default.end().await, End::Closed(4001));
    assert_eq!(by_policy.end().await, End::Closed(1008));
    assert!(by_status.contains("401"), "{by_status}");
    assert_eq!(world.live().sockets().len(), 0);
}

#[tokio::test]
async fn an_expired_or_revoked_token_is_refused() {
    let mut world = World::new(quiet()).await;
    world
        .simulator
        .update(|it| it.live.direct_refusal = DirectRefusal::Unauthorized);
    let revoked = world.token.clone();
    world.live().revoke_tokens();
    world.login().await;

    let open = world.direct(&world.token).await.is_ok();
    world.advance_clock(Duration::from_hours(48));

    assert!(open && world.direct(&revoked).await.is_err());
    assert!(world.direct(&world.token).await.is_err());
}

#[tokio::test]
async fn the_heartbeat_of_a_direct_stream_is_a_ping() {
    let world = World::new(quiet()).await;
    let mut socket = world.direct(&world.token).await.unwrap();

    world.live().heartbeat();

    let message = socket.next().await.unwrap().unwrap();
    assert!(message.is_ping());
    assert_eq!(world.live().sockets()[0].kind, crate::SocketKind::Direct);
}
