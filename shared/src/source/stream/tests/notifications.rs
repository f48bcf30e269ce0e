use tokio_tungstenite::tungstenite::Message;

use super::*;

#[tokio::test]
async fn frames_and_heartbeats_are_yielded_in_order() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    setup.advance(7);
    peer.send(&frame(1)).await;
    peer.send("not JSON").await;
    peer.send(HEARTBEAT).await;

    let item = setup.next().await;
    let Item::Frame { text, arrived_at } = item else {
        panic!("{item:?}");
    };
    assert_eq!((text, arrived_at), (frame(1), at(7)));
    assert_eq!(setup.frame().await, "not JSON");
    setup.heartbeat().await;
    let metrics = setup.handle.metrics();
    assert_eq!(
        (metrics.frames, metrics.heartbeats, metrics.connections),
        (2, 2, 1)
    );
}

#[tokio::test]
async fn a_ping_is_sent_at_once_and_every_20_seconds() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;
    let ping = Message::text(r#"{"message":"ping"}"#);

    assert_eq!(peer.receive().await, ping);
    for _ in 0..2 {
        setup.advance(20);
        assert_eq!(peer.receive().await, ping);
    }
}

#[tokio::test]
async fn every_close_of_a_channel_reconnects_with_a_gap() {
    for code in [1000, 1001, 1008, 1011, 1012, 4001] {
        let mut setup = Setup::notifications().await;
        let peer = setup.hearing().await;

        setup.advance(10);
        peer.close(code).await;
        let cause = setup.reconnecting().await;
        let mut peer = setup.server.connected().await;
        setup.advance(5);
        let until = setup.clock.now();
        peer.send(&frame(1)).await;

        assert!(matches!(cause, Interruption::Disconnected(_)), "{cause}");
        let gap = setup.gap().await;
        assert_eq!((gap.from, gap.until), (at(0), until));
        assert_eq!(gap.reason, closed(CloseCode(code)));
        assert_eq!(setup.frame().await, frame(1));
        assert_eq!(peer.target, "/channels/channel-1");
        assert_eq!(setup.server.subscribed().len(), 2);
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_reconnects_with_a_gap() {
    let mut setup = Setup::notifications().await;
    let peer = setup.hearing().await;

    drop(peer);
    setup.reconnecting().await;
    let mut peer = setup.server.connected().await;
    peer.send(HEARTBEAT).await;

    assert_eq!(setup.gap().await.reason, closed(CloseCode::LOST));
    setup.heartbeat().await;
    assert_eq!(setup.handle.metrics().gaps, 1);
}

#[tokio::test]
async fn a_text_cut_inside_a_character_is_a_gap() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    peer.send_raw(&[0x81, 0x02, b'a', 0xc3]).await;
    setup.reconnecting().await;
    setup.server.connected().await.send(HEARTBEAT).await;

    assert_eq!(setup.gap().await.reason, closed(CloseCode::NOT_UTF8));
}

#[tokio::test]
async fn a_connection_that_is_silent_for_45_seconds_is_dead() {
    let mut setup = Setup::notifications().await;
    let _silent = setup.hearing().await;

    setup.advance(45);
    let cause = setup.reconnecting().await;
    let mut peer = setup.server.connected().await;
    peer.send(HEARTBEAT).await;

    assert!(matches!(cause, Interruption::Silence), "{cause}");
    let gap = setup.gap().await;
    assert_eq!((gap.from, gap.reason), (at(0), GapReason::Silence));
}

#[tokio::test]
async fn a_heartbeat_within_45_seconds_is_not_silence() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    for _ in 0..4 {
        setup.advance(44);
        peer.send(HEARTBEAT).await;
        setup.heartbeat().await;
    }

    assert_eq!(setup.handle.metrics().connections, 1);
}

#[tokio::test]
async fn ended_subscriptions_are_restored_on_the_channel() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    peer.send(&system("no_longer_subscribed")).await;
    let cause = setup.reconnecting().await;
    let mut peer = setup.server.connected().await;
    peer.send(HEARTBEAT).await;

    assert!(matches!(cause, Interruption::NoLongerSubscribed), "{cause}");
    assert_eq!(setup.gap().await.reason, GapReason::Closed(None));
    assert_eq!(peer.target, "/channels/channel-1");
    assert_eq!(setup.server.subscribed().len(), 2);
}

#[tokio::test]
async fn a_changed_subscription_is_a_sign_of_life() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    peer.send(&system("subscription_changed")).await;

    setup.heartbeat().await;
}

#[tokio::test]
async fn a_revoked_token_leads_to_a_new_channel() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    peer.send(&system("token_revoked")).await;
    let cause = setup.reconnecting().await;
    let mut peer = setup.server.connected().await;
    peer.send(HEARTBEAT).await;

    assert!(matches!(cause, Interruption::TokenRevoked), "{cause}");
    assert_eq!(setup.channels().await, ["channel-2"]);
    assert_eq!(setup.gap().await.reason, GapReason::Closed(None));
    assert_eq!(peer.target, "/channels/channel-2");
}

#[tokio::test]
async fn the_time_without_a_process_is_the_first_gap() {
    let server = Server::start().await;
    server.add_queues(1);
    let mut setup = Setup::open_plan(
        server,
        StreamPlan {
            source: StreamSource::Notifications(all_queues()),
            heard_until: Some(at(0)),
            buffer_bytes: DEFAULT_BUFFER_BYTES,
        },
    );

    let mut peer = setup.server.connected().await;
    setup.advance(30);
    peer.send(HEARTBEAT).await;

    let gap = setup.gap().await;
    assert_eq!((gap.from, gap.until), (at(0), at(30)));
    assert_eq!(gap.reason, GapReason::Start);
}
