use super::*;

const TWENTY_HOURS: u64 = 20 * 3600;

/// Two connections: of the first channel, and of the one that replaces it. Both hear.
async fn overlapping(setup: &mut Setup) -> (Peer, Peer) {
    let mut old = setup.hearing().await;
    setup.advance(40);
    old.send(&system("socket_closing")).await;
    assert!(matches!(setup.warning().await, Warning::SocketClosing));
    let mut new = setup.server.connected().await;
    new.send(HEARTBEAT).await;
    setup.heartbeat().await;
    (old, new)
}

#[tokio::test]
async fn a_new_channel_takes_over_before_the_server_closes() {
    let mut setup = Setup::notifications().await;

    let (mut old, mut new) = overlapping(&mut setup).await;
    old.send(&frame(1)).await;
    assert_eq!(setup.frame().await, frame(1));
    old.close(1001).await;
    new.send(&frame(2)).await;

    assert_eq!(setup.frame().await, frame(2));
    assert_eq!(new.target, "/channels/channel-2");
    let metrics = setup.handle.metrics();
    assert_eq!((metrics.gaps, metrics.connections), (0, 2));
}

#[tokio::test]
async fn the_replaced_channel_is_closed_after_60_seconds() {
    let mut setup = Setup::notifications().await;
    let (mut old, mut new) = overlapping(&mut setup).await;

    for _ in 0..2 {
        setup.advance(30);
        new.send(HEARTBEAT).await;
        setup.heartbeat().await;
    }

    assert_eq!(old.close_code().await, 1000);
    new.send(&frame(1)).await;
    assert_eq!(setup.frame().await, frame(1));
    assert_eq!(setup.handle.metrics().gaps, 0);
}

#[tokio::test]
async fn ended_subscriptions_of_a_replaced_channel_stay_ended() {
    let mut setup = Setup::notifications().await;
    let (mut old, mut new) = overlapping(&mut setup).await;

    old.send(&system("no_longer_subscribed")).await;
    assert_eq!(old.close_code().await, 1000);
    new.send(&frame(1)).await;

    assert_eq!(setup.frame().await, frame(1));
    assert_eq!(setup.server.subscribed().len(), 2);
    assert_eq!(setup.handle.metrics().gaps, 0);
}

#[tokio::test]
async fn a_channel_is_replaced_after_20_hours() {
    let mut setup = Setup::notifications().await;
    let mut old = setup.hearing().await;
    assert_eq!(setup.server.subscribed().len(), 1);

    for _ in 0..TWENTY_HOURS / 40 {
        setup.advance(40);
        old.send(HEARTBEAT).await;
        setup.heartbeat().await;
    }
    let mut new = setup.server.connected().await;
    new.send(HEARTBEAT).await;

    assert_eq!(setup.channels().await, ["channel-2"]);
    setup.heartbeat().await;
    assert_eq!(new.target, "/channels/channel-2");
    let topics: Vec<_> = setup.server.subscribed();
    assert_eq!(topics[0].1, topics[1].1);
    assert_eq!(setup.handle.metrics().gaps, 0);
}

#[tokio::test]
async fn a_second_announcement_soon_after_replaces_nothing() {
    let mut setup = Setup::notifications().await;
    let (old, mut new) = overlapping(&mut setup).await;
    old.close(1001).await;

    new.send(&system("socket_closing")).await;
    new.send(HEARTBEAT).await;
    setup.heartbeat().await;
    new.close(1001).await;
    setup.reconnecting().await;
    let mut again = setup.server.connected().await;
    again.send(HEARTBEAT).await;

    assert_eq!(again.target, "/channels/channel-2");
    assert_eq!(setup.gap().await.reason, closed(CloseCode::GOING_AWAY));
}
