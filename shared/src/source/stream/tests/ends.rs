use super::*;

#[tokio::test]
async fn stopping_closes_the_connections_with_1000() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;
    peer.send(&frame(1)).await;
    setup.until(|metrics| metrics.frames == 1).await;

    let (code, ()) = tokio::join!(peer.close_code(), setup.handle.stop());

    assert_eq!(code, 1000);
    assert_eq!(setup.frame().await, frame(1));
    assert!(setup.outcome().await.is_ok());
}

#[tokio::test]
async fn stopping_ends_a_wait_for_the_next_connection() {
    let mut setup = Setup::notifications().await;
    setup.hearing().await.close(1011).await;
    setup.warning().await;

    setup.handle.stop().await;

    assert!(setup.outcome().await.is_ok());
}

#[tokio::test]
async fn dropping_the_items_closes_the_connections() {
    let mut setup = Setup::direct().await;
    let mut peer = setup.server.connected().await;
    assert!(peer.receive().await.is_ping());

    drop(setup.items);

    assert_eq!(peer.close_code().await, 1000);
    setup.handle.stop().await;
}

#[tokio::test]
async fn an_error_of_one_channel_closes_the_others() {
    let server = Server::start().await;
    server.add_queues(1_001);
    let mut setup = Setup::open(server, StreamSource::Notifications(all_queues()));
    let mut peers = [setup.hearing().await, setup.hearing().await];
    peers.sort_by_key(|peer| peer.target.clone());
    let [first, mut second] = peers;

    let topic = setup.server.subscribed()[0].1[0].clone();
    setup.server.reject(&topic, "routing:queue:view");
    let topic = setup.server.subscribed()[1].1[0].clone();
    setup.server.reject(&topic, "routing:queue:view");
    first.close(1011).await;
    setup.reconnecting().await;

    assert_eq!(second.close_code().await, 1000);
    let error = setup.outcome().await.unwrap_err();
    assert!(matches!(error, StreamError::Rejected(_)), "{error}");
}
