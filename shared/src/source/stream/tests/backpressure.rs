use tokio_tungstenite::tungstenite::Message;

use super::*;

const BUFFER_BYTES: usize = 20_000;

const FRAMES: u32 = 100;

async fn setup() -> (Setup, Peer) {
    let server = Server::start().await;
    server.add_queues(1);
    let mut setup = Setup::open_plan(
        server,
        StreamPlan {
            source: StreamSource::Notifications(all_queues()),
            heard_until: None,
            buffer_bytes: BUFFER_BYTES,
        },
    );
    let peer = setup.hearing().await;
    (setup, peer)
}

/// A frame of a kilobyte.
fn large(number: u32) -> String {
    format!(
        r#"{{"topicName":"t","eventBody":{{"n":{number},"x":"{}"}}}}"#,
        "x".repeat(1_000)
    )
}

/// Answers the next ping, and heartbeats twice: the stream catches up between them.
async fn answer_ping(setup: &mut Setup, peer: &mut Peer) {
    const PONG: &str = r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#;
    assert!(peer.receive().await.is_text());
    for text in [PONG, HEARTBEAT] {
        peer.send(text).await;
        setup.heartbeat().await;
    }
}

#[tokio::test]
async fn a_slow_consumer_pauses_reading_and_loses_nothing() {
    let (mut setup, mut peer) = setup().await;

    for number in 0..FRAMES {
        peer.send(&large(number)).await;
    }
    setup.until(|metrics| metrics.pauses == 1).await;
    let full = setup.handle.metrics();
    for number in 0..FRAMES {
        assert_eq!(setup.frame().await, large(number));
    }

    assert!(full.frames < u64::from(FRAMES / 2), "{full:?}");
    // It is known with the answer to a ping that everything was read.
    assert_eq!(setup.interrupted, [at(0)]);
    while !setup.interrupted.is_empty() {
        answer_ping(&mut setup, &mut peer).await;
    }
    let after = setup.handle.metrics();
    assert!(after.pauses > 1, "{after:?}");
    assert!(
        after.greatest_depth_bytes < BUFFER_BYTES + 2_000,
        "{after:?}"
    );
    assert_eq!((after.depth, after.gaps, after.connections), (0, 0, 1));
}

#[tokio::test]
async fn pings_are_answered_after_a_pause_of_10_seconds() {
    let (mut setup, mut peer) = setup().await;
    assert!(peer.receive().await.is_text());

    for number in 0..FRAMES {
        peer.send(&large(number)).await;
    }
    peer.ping().await;
    setup.until(|metrics| metrics.pauses == 1).await;
    setup.advance(10);

    // The pings of the client are texts.
    let mut answer = peer.receive().await;
    while answer.is_text() {
        answer = peer.receive().await;
    }
    assert_eq!(answer, Message::Pong(vec![7].into()));
    let metrics = setup.handle.metrics();
    assert_eq!(metrics.paused_time, Duration::from_secs(10));
    assert_eq!(metrics.lag, Duration::from_secs(10));
    for number in 0..FRAMES {
        assert_eq!(setup.frame().await, large(number));
    }
}

#[tokio::test]
async fn a_connection_lost_after_a_pause_leaves_a_gap_from_the_pause_on() {
    let (mut setup, mut peer) = setup().await;
    for number in 0..FRAMES {
        peer.send(&large(number)).await;
    }
    setup.until(|metrics| metrics.pauses == 1).await;

    // Frames are read long after they were sent, and nobody knows what would have followed.
    setup.advance(60);
    drop(peer);
    while !matches!(setup.next_but_ids().await, Item::Warning(_)) {}
    setup.advance(1);
    let mut peer = setup.server.connected().await;
    peer.send(HEARTBEAT).await;

    let gap = setup.gap().await;
    assert_eq!((gap.from, gap.until), (at(0), at(61)));
    assert_eq!(setup.interrupted, []);
}

#[tokio::test]
async fn a_long_pause_is_not_a_silence() {
    let (mut setup, mut peer) = setup().await;
    for number in 0..FRAMES {
        peer.send(&large(number)).await;
    }
    setup.until(|metrics| metrics.pauses == 1).await;

    for _ in 0..10 {
        setup.advance(10);
        tokio::task::yield_now().await;
    }
    for number in 0..FRAMES {
        assert_eq!(setup.frame().await, large(number));
    }

    assert_eq!(setup.handle.metrics().connections, 1);
}
