use super::socket::End;
use super::*;
use crate::{Loss, SocketState};

#[tokio::test]
async fn sockets_close_with_each_code() {
    let world = World::new(quiet()).await;

    for code in [1000, 1008, 1011, 4001] {
        let mut socket = world.listen(&["v2.users.u.presence"]).await;
        world.live().push("v2.users.u.presence", &json!({}));

        world.live().close(code);

        // The frame that was sent before the close arrives before it.
        assert_eq!(socket.json().await["topicName"], "v2.users.u.presence");
        assert_eq!(socket.end().await, End::Closed(code));
        assert_eq!(world.live().open_sockets(), 0);
    }
}

#[tokio::test]
async fn connections_end_without_a_close_frame() {
    let world = World::new(quiet()).await;
    let mut closed = world.listen(&[]).await;

    world.live().close(1006);

    assert_eq!(closed.end().await, End::Broken);
    let mut reset = world.listen(&[]).await;
    world.live().reset();
    let last = loop {
        match reset.next().await {
            Some(Ok(_)) => {}
            end => break end,
        }
    };
    let error = last.unwrap().unwrap_err();
    assert!(error.to_string().contains("reset"), "{error}");
    world
        .live()
        .until(|live| live.sockets()[1].state == SocketState::Closed)
        .await;
}

#[tokio::test]
async fn frames_sent_after_a_close_are_lost() {
    let world = World::new(quiet()).await;
    let _socket = world.listen(&["v2.users.u.presence"]).await;

    world.live().close(1000);
    world.live().push("v2.users.u.presence", &json!({}));

    let frame = &world.live().frames()[0];
    assert_eq!(frame.deliveries, []);
    assert!(frame.is_settled() && !frame.was_sent());
}

#[tokio::test]
async fn nothing_is_sent_or_answered_during_a_silence() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&["v2.users.u.presence"]).await;
    let live = world.live();
    let push = |number: u64| live.push("v2.users.u.presence", &json!({ "number": number }));

    push(0);
    live.silence();
    push(1);
    live.heartbeat();
    live.announce_closing();
    socket.send(r#"{"message":"ping"}"#).await;
    live.flush().await;
    let pings = live.sockets()[0].pings;
    live.resume();
    push(2);

    let mut numbers = Vec::new();
    let mut answers = 0;
    while numbers.len() < 2 || answers == 0 {
        let frame = socket.json().await;
        match frame["eventBody"]["number"].as_u64() {
            Some(number) => numbers.push(number),
            None => answers += u64::from(frame["eventBody"]["message"] == "pong"),
        }
    }
    assert_eq!((pings, numbers, answers), (0, vec![0, 2], 1));
    let losses: Vec<_> = live
        .frames()
        .iter()
        .map(|it| it.deliveries[0].loss)
        .collect();
    assert_eq!(losses, [None, Some(Loss::Silence), None]);
    assert_eq!(live.sockets()[0].heartbeats, 0);
}

#[tokio::test]
async fn a_new_socket_is_not_silent() {
    let world = World::new(quiet()).await;
    let channel = world.channel().await;
    let uri = channel["connectUri"].as_str().unwrap();
    let first = Socket::connect(uri).await.unwrap();
    world.live().silence();
    drop(first);

    let mut second = Socket::connect(uri).await.unwrap();
    world.live().heartbeat();

    assert_eq!(second.json().await["topicName"], "channel.metadata");
}

#[tokio::test]
async fn system_messages_name_their_reason() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&["v2.users.u?presence&conversations"]).await;
    let live = world.live();

    live.announce_closing();
    live.take_subscription("v2.users.u.presence");
    live.take_subscription("v2.users.other.presence");
    live.revoke_tokens();
    let messages = socket.take(3).await;

    let topics: Vec<&str> = messages
        .iter()
        .map(|it| it["topicName"].as_str().unwrap())
        .collect();
    let expected = [
        "v2.system.socket_closing",
        "v2.system.no_longer_subscribed",
        "v2.system.token_revoked",
    ];
    assert_eq!(topics, expected);
    assert_eq!(
        messages[1]["eventBody"]["reason"],
        "another_channel_subscribed"
    );
    assert_eq!(messages[2]["eventBody"]["reason"], "user_tokens_revoked");
    assert_eq!(world.get(CHANNELS).await.status, 401);
    live.push("v2.users.u.presence", &json!({}));
    live.push("v2.users.u.conversations", &json!({}));
    assert_eq!(socket.json().await["topicName"], "v2.users.u.conversations");
}

#[tokio::test]
async fn a_text_message_may_be_anything_even_no_text() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&[]).await;

    world.live().send_text("{\"topicName\":");
    let not_json = socket.text().await;
    world.live().send_bytes(b"\"\xF0\x9F\x9A\"");
    let not_text = socket.next().await.unwrap();

    assert_eq!(not_json, "{\"topicName\":");
    assert!(not_text.unwrap_err().to_string().contains("UTF-8"));
}

#[tokio::test]
async fn a_client_that_does_not_read_receives_all_when_it_reads_again() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&["v2.users.u.presence"]).await;
    let live = world.live();
    let padding = "x".repeat(1 << 16);

    // More than the connection's buffers hold.
    for number in 0..400 {
        live.push(
            "v2.users.u.presence",
            &json!({ "number": number, "padding": padding }),
        );
    }
    live.until(|live| live.frames()[0].was_sent()).await;
    let is_last_waiting = !live.frames()[399].is_settled();
    let frames = socket.take(400).await;

    assert!(is_last_waiting);
    assert_eq!(frames[399]["eventBody"]["number"], 399);
    live.flush().await;
    assert!(live.frames().iter().all(LiveFrame::was_sent));
}
