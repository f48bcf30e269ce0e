use super::*;

fn queue_topic(number: usize) -> String {
    format!("v2.routing.queues.q-{number}.conversations")
}

async fn open(queues: usize, change: impl FnOnce(&Server, &mut NotificationPlan)) -> Setup {
    let server = Server::start().await;
    server.add_queues(queues);
    let mut plan = all_queues();
    change(&server, &mut plan);
    Setup::open(server, StreamSource::Notifications(plan))
}

#[tokio::test]
async fn a_rejected_topic_ends_the_stream_with_its_permission() {
    let mut setup = open(2, |server, _| {
        server.reject(&queue_topic(2), "routing:queue:view");
    })
    .await;

    let error = setup.outcome().await.unwrap_err();

    insta::assert_snapshot!(error, @"not allowed to subscribe to v2.routing.queues.q-2.conversations (missing permission: routing:queue:view)");
}

#[tokio::test]
async fn an_allowed_rejected_topic_is_a_warning() {
    let mut setup = open(2, |server, plan| {
        server.reject(&queue_topic(2), "Mary Miller");
        plan.rejected = RejectedTopics::Allow;
    })
    .await;

    let warning = setup.warning().await;
    setup.hearing().await;

    insta::assert_snapshot!(warning, @"not allowed to subscribe to v2.routing.queues.q-2.conversations (missing permission: …)");
}

#[tokio::test]
async fn topics_beyond_a_thousand_are_heard_on_a_second_channel() {
    let mut setup = open(1_001, |_, _| ()).await;

    let mut peers = [setup.hearing().await, setup.hearing().await];
    peers.sort_by(|a, b| a.target.cmp(&b.target));
    let [first, mut second] = peers;
    first.close(1011).await;
    setup.reconnecting().await;
    second.send(&frame(1)).await;

    assert_eq!(setup.frame().await, frame(1));
    setup.server.connected().await.send(HEARTBEAT).await;
    assert_eq!(setup.gap().await.reason, closed(CloseCode(1011)));
    let mut sizes: Vec<_> = setup.server.subscribed()[..2]
        .iter()
        .map(|(_, topics)| topics.len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1_000]);
}

#[tokio::test]
async fn more_topics_than_the_channels_hold_are_refused() {
    let mut setup = open(2_001, |_, _| ()).await;

    let error = setup.outcome().await.unwrap_err();

    insta::assert_snapshot!(error, @"2001 topics need 3 channels of 1000 topics each, and 2 are allowed");
}

#[tokio::test]
async fn a_kept_channel_is_used_again() {
    let mut setup = open(1, |server, plan| {
        server.add_channels(&["kept-1", "other"]);
        plan.channels = vec!["kept-1".to_owned()];
    })
    .await;

    let peer = setup.server.connected().await;

    assert_eq!(peer.target, "/channels/kept-1");
    assert_eq!(setup.channels().await, ["kept-1"]);
    assert_eq!(setup.server.count("POST notifications/channels"), 0);
}

#[tokio::test]
async fn a_kept_channel_that_does_not_exist_is_replaced() {
    let mut setup = open(1, |_, plan| plan.channels = vec!["gone".to_owned()]).await;

    let peer = setup.server.connected().await;

    assert_eq!(peer.target, "/channels/channel-1");
    assert_eq!(setup.channels().await, ["channel-1"]);
}

#[tokio::test]
async fn a_channel_that_is_lost_is_replaced() {
    let mut setup = Setup::notifications().await;
    let peer = setup.hearing().await;

    setup.server.remove_channels();
    peer.close(1011).await;
    setup.reconnecting().await;
    let cause = setup.reconnecting().await;
    let mut peer = setup.server.connected().await;
    peer.send(HEARTBEAT).await;

    assert!(matches!(cause, Interruption::ChannelLost), "{cause}");
    assert_eq!(peer.target, "/channels/channel-2");
    assert_eq!(setup.gap().await.reason, closed(CloseCode(1011)));
}

#[tokio::test]
async fn a_refused_handshake_is_tried_again() {
    let mut setup = open(1, |server, _| server.refuse_handshakes(&[403, 503])).await;

    for _ in 0..2 {
        let cause = setup.reconnecting().await;
        assert!(matches!(cause, Interruption::Connect(_)), "{cause}");
    }
    setup.hearing().await;

    assert_eq!(setup.server.count("POST notifications/channels"), 1);
    assert_eq!(
        setup.server.count("HEAD notifications/channels/channel-1"),
        2
    );
}

#[tokio::test]
async fn a_twenty_first_channel_is_a_warning() {
    let ids: Vec<_> = (0..20).map(|number| format!("other-{number}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut setup = open(1, |server, _| server.add_channels(&ids)).await;

    let warning = setup.warning().await;

    insta::assert_snapshot!(warning, @"the OAuth client has 20 channels; a new one ends the one that was not used for longest");
}

#[tokio::test]
async fn new_queues_are_heard_after_the_next_listing() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    setup.server.add_queues(1);
    for _ in 0..15 {
        setup.advance(40);
        peer.send(HEARTBEAT).await;
        setup.heartbeat().await;
    }
    while setup.server.subscribed().len() < 2 {
        tokio::task::yield_now().await;
    }
    peer.send(&frame(1)).await;

    assert_eq!(setup.frame().await, frame(1));
    let (channel, topics) = setup.server.subscribed().remove(1);
    assert_eq!(channel, "channel-1");
    assert_eq!(topics, [queue_topic(1), queue_topic(2)]);
    let metrics = setup.handle.metrics();
    assert_eq!((metrics.connections, metrics.gaps), (1, 0));
}

#[tokio::test]
async fn a_queue_is_given_up_when_two_lists_lack_it() {
    let mut setup = open(2, |_, _| {}).await;
    let mut peer = setup.hearing().await;
    setup.server.remove_queue();

    let mut seconds = 0;
    let warning = loop {
        setup.advance(40);
        peer.send(HEARTBEAT).await;
        seconds += 40;
        match setup.next_but_ids().await {
            Item::Heartbeat { .. } => {}
            Item::Warning(warning) => break warning,
            item => panic!("{item:?}"),
        }
    };

    assert!(matches!(warning, Warning::TopicsGone(1)), "{warning:?}");
    assert!(seconds >= 1_200, "{seconds}");
    while setup.server.subscribed().len() < 2 {
        tokio::task::yield_now().await;
    }
    let (_, topics) = setup.server.subscribed().remove(1);
    assert_eq!(topics, [queue_topic(1)]);
}

#[tokio::test]
async fn a_list_without_queues_changes_nothing() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;
    setup.server.remove_queue();

    let mut warnings = 0;
    for _ in 0..32 {
        setup.advance(40);
        peer.send(HEARTBEAT).await;
        loop {
            match setup.next_but_ids().await {
                Item::Heartbeat { .. } => break,
                Item::Warning(Warning::QueuesNotUpdated(_)) => warnings += 1,
                item => panic!("{item:?}"),
            }
        }
        tokio::task::yield_now().await;
    }

    assert!(warnings > 0);
    assert_eq!(setup.server.subscribed().len(), 1);
}

#[tokio::test]
async fn a_queue_is_found_by_its_exact_name() {
    let mut setup = open(12, |_, plan| {
        plan.queues = QueueSelection::Named(vec!["queue 1".to_owned()]);
        plan.users = vec!["u-1".parse().unwrap()];
    })
    .await;

    setup.hearing().await;

    let topics = setup.server.subscribed().remove(0).1;
    assert_eq!(topics, [&*queue_topic(1), "v2.users.u-1.conversations"]);
}

#[tokio::test]
async fn unknown_queues_are_named() {
    let wanted = ["Queue 1", "Support", "8d5e8e5e-1111-4222-8333-9d2c5a6b7c8d"];
    let wanted = wanted.map(str::to_owned).to_vec();
    let mut setup = open(1, |_, plan| plan.queues = QueueSelection::Named(wanted)).await;

    let error = setup.outcome().await.unwrap_err();

    insta::assert_snapshot!(error, @"the API knows no queue `Support`, `8d5e8e5e-1111-4222-8333-9d2c5a6b7c8d`");
}

#[tokio::test]
async fn a_plan_without_topics_is_refused() {
    let mut setup = open(0, |_, _| ()).await;

    let error = setup.outcome().await.unwrap_err();

    assert!(matches!(error, StreamError::NoTopics), "{error}");
}

#[tokio::test]
async fn an_outage_of_the_api_does_not_end_a_connection() {
    let mut setup = Setup::notifications().await;
    let mut peer = setup.hearing().await;

    setup.server.add_queues(1);
    setup.server.fail_subscriptions(1);
    for _ in 0..15 {
        setup.advance(40);
        peer.send(HEARTBEAT).await;
        setup.heartbeat().await;
    }
    let warning = setup.warning().await;
    setup.advance(30);
    while setup.server.subscribed().len() < 2 {
        tokio::task::yield_now().await;
    }

    assert!(matches!(warning, Warning::QueuesNotUpdated(_)), "{warning}");
    assert_eq!(setup.server.subscribed()[1].1.len(), 2);
    assert_eq!(setup.handle.metrics().connections, 1);
}
