use tokio_tungstenite::tungstenite::Message;

use super::socket::End;
use super::*;

#[tokio::test]
async fn a_socket_receives_the_frames_of_its_topics_only() {
    let world = World::new(quiet()).await;
    let mut socket = world
        .listen(&[
            "v2.users.u1?presence&conversations.messages",
            "v2.users.u2.presence",
        ])
        .await;
    let live = world.live();

    for (number, topic) in [
        "u1.presence",
        "u3.presence",
        "u2.conversations",
        "u1.conversations.messages",
        "u2.presence",
    ]
    .iter()
    .enumerate()
    {
        live.push(&format!("v2.users.{topic}"), &json!({ "number": number }));
    }

    let frames = socket.take(3).await;
    let numbers: Vec<u64> = frames
        .iter()
        .map(|it| it["eventBody"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [0, 3, 4]);
    assert_eq!(frames[1]["topicName"], "v2.users.u1.conversations.messages");
    assert_eq!(frames[1]["version"], "2");
    assert!(frames[1]["metadata"]["CorrelationId"].is_string());
    live.flush().await;
    let sent: Vec<bool> = live.frames().iter().map(LiveFrame::was_sent).collect();
    assert_eq!(sent, [true, false, false, true, true]);
}

#[tokio::test]
async fn a_second_socket_closes_the_first_one_of_its_channel() {
    let world = World::new(quiet()).await;
    let channel = world.channel().await;
    let uri = channel["connectUri"].as_str().unwrap();
    world
        .subscribe(channel["id"].as_str().unwrap(), &["v2.users.u.presence"])
        .await;
    let mut first = Socket::connect(uri).await.unwrap();

    let mut second = Socket::connect(uri).await.unwrap();
    world.live().push("v2.users.u.presence", &json!({}));

    assert_eq!(first.end().await, End::Closed(1000));
    assert_eq!(second.json().await["topicName"], "v2.users.u.presence");
    assert_eq!(world.live().open_sockets(), 1);
}

#[tokio::test]
async fn a_ping_is_answered_and_other_messages_are_ignored() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&[]).await;

    socket.send("hello").await;
    socket.send(r#"{"message":"dance"}"#).await;
    socket.send(r#"{"message":"ping"}"#).await;
    let pong = socket.json().await;

    assert_eq!(
        pong,
        json!({ "topicName": "channel.metadata", "eventBody": { "message": "pong" } })
    );
    assert_eq!(world.live().sockets()[0].pings, 1);
}

#[tokio::test]
async fn a_client_subscribes_over_its_socket() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&["v2.users.u.conversations"]).await;

    socket
        .send(r#"{"message":"subscribe","topics":["v2.users.u.presence"],"correlationId":"c1"}"#)
        .await;
    let reply = socket.json().await;
    socket
        .send(r#"{"message":"subscribe","topics":["nothing"]}"#)
        .await;
    let refusal = socket.json().await;
    world.live().push("v2.users.u.presence", &json!({}));

    assert_eq!(reply["status"], "subscribed");
    assert_eq!(reply["correlationId"], "c1");
    assert_eq!(reply["entities"][0]["state"], "Permitted");
    assert_eq!(refusal["code"], "notification.invalid.topic");
    assert_eq!(socket.json().await["topicName"], "v2.users.u.presence");
    assert_eq!(world.live().channels()[0].subscriptions.len(), 2);
}

#[tokio::test]
async fn heartbeats_come_at_their_interval() {
    let mut settings = quiet();
    settings.live.heartbeat_interval = Some(Duration::from_millis(1));
    let world = World::new(settings).await;
    let mut socket = world.listen(&[]).await;

    let heartbeats = socket.take(3).await;

    let expected = json!({ "topicName": "channel.metadata", "eventBody": { "message": "WebSocket Heartbeat" } });
    assert!(heartbeats.iter().all(|it| *it == expected));
    world
        .live()
        .until(|live| live.sockets()[0].heartbeats >= 3)
        .await;
}

#[tokio::test]
async fn a_heartbeat_is_sent_on_call_to_one_socket_or_all() {
    let world = World::new(quiet()).await;
    let (mut first, mut second) = (world.listen(&[]).await, world.listen(&[]).await);
    let live = world.live();

    live.only(live.sockets()[1].id).heartbeat();
    live.flush().await;
    let counts = || {
        live.sockets()
            .iter()
            .map(|it| it.heartbeats)
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(), [0, 1]);
    live.heartbeat();

    first.take(1).await;
    second.take(2).await;
    live.flush().await;
    assert_eq!(counts(), [1, 2]);
}

#[tokio::test]
async fn pings_of_the_protocol_are_answered_on_both_sides() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&[]).await;

    world.live().control_ping();
    let from_simulator = socket.next().await.unwrap().unwrap();
    socket.send_message(Message::Ping("client".into())).await;
    let answer = socket.next().await.unwrap().unwrap();

    assert!(matches!(from_simulator, Message::Ping(_)));
    assert_eq!(answer, Message::Pong("client".into()));
    let is_counted =
        |live: &Live| (live.sockets()[0].pongs, live.sockets()[0].control_pings) == (1, 1);
    world.live().until(is_counted).await;
}

#[tokio::test]
async fn the_code_with_which_a_client_closes_is_seen() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&[]).await;

    socket.close(1000).await;

    world.live().until(|live| live.open_sockets() == 0).await;
    assert_eq!(world.live().sockets()[0].client_close_code, Some(1000));
    assert_eq!(world.live().channels()[0].socket, None);
}

#[tokio::test]
async fn a_plain_request_for_a_socket_is_refused() {
    let world = World::new(quiet()).await;
    let channel = world.channel().await;

    let path = format!("channels/{}", channel["id"].as_str().unwrap());

    assert_eq!(world.get(&path).await.status, 426);
}

#[tokio::test]
async fn sockets_are_refused_with_the_status_of_a_fault() {
    let mut settings = quiet();
    settings.live.faults.refuse_sockets = Some(503);
    let world = World::new(settings).await;
    let channel = world.channel().await;
    let uri = channel["connectUri"].as_str().unwrap();

    let refused = Socket::refusal(uri).await;
    world
        .simulator
        .update(|it| it.live.faults.refuse_sockets = None);

    assert_eq!(refused, 503);
    assert!(Socket::connect(uri).await.is_ok());
    assert_eq!(world.simulator.stats().requests_on(Route::ChannelSocket), 2);
}
