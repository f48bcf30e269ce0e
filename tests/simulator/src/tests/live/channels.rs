use super::*;

#[tokio::test]
async fn a_channel_is_created_listed_and_found() {
    let world = World::new(quiet()).await;

    let channel = world.channel().await;

    let id = channel["id"].as_str().unwrap();
    let host = world.simulator.url().authority().to_owned();
    assert_eq!(channel["connectUri"], format!("ws://{host}/channels/{id}"));
    assert!(id.starts_with("streaming-"));
    assert_eq!(channel["expires"], "2026-03-06T12:00:00.000Z");
    let listed = world
        .get(&format!("{CHANNELS}?includechannels=token"))
        .await;
    assert_eq!(listed.json()["entities"], json!([channel]));
    assert_eq!(world.head(&format!("{CHANNELS}/{id}")).await, 200);
    assert_eq!(world.head(&format!("{CHANNELS}/other")).await, 404);
}

#[tokio::test]
async fn one_channel_too_many_evicts_the_one_that_was_unused_longest() {
    let world = World::new(quiet()).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let channel = world.channel().await;
        ids.push(channel["id"].as_str().unwrap().to_owned());
        world.advance_clock(Duration::from_secs(1));
    }
    // Used after all others.
    world.subscribe(&ids[0], &["v2.users.u.presence"]).await;

    world.channel().await;

    let left: Vec<String> = world
        .live()
        .channels()
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(left.len(), 20);
    assert!(left.contains(&ids[0]));
    assert_eq!(world.head(&format!("{CHANNELS}/{}", ids[1])).await, 404);
}

#[tokio::test]
async fn channels_with_a_socket_are_evicted_last() {
    let world = World::new(quiet()).await;
    let mut oldest = world.listen(&["v2.users.u.presence"]).await;
    world.advance_clock(Duration::from_secs(1));

    world.live().create_channels(38);
    let survived = world.live().open_sockets();
    let mut others = Vec::new();
    for channel in &world.live().channels()[1..] {
        let host = world.simulator.url().authority().to_owned();
        let uri = format!("ws://{host}/channels/{}", channel.id);
        others.push(Socket::connect(&uri).await.unwrap());
    }
    world.live().create_channels(1);

    assert_eq!((survived, others.len()), (1, 19));
    assert_eq!(oldest.end().await, socket::End::Closed(1000));
    assert_eq!(world.live().channels().len(), 20);
}

#[tokio::test]
async fn a_channel_ends_a_day_after_its_last_replacement() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&["v2.users.u.presence"]).await;
    let id = world.live().channels()[0].id.clone();
    let path = format!("{CHANNELS}/{id}");
    world.advance_clock(Duration::from_hours(23));

    world.subscribe(&id, &["v2.users.u.presence"]).await;
    world.advance_clock(Duration::from_hours(23));
    let extended = world.head(&path).await;
    world.advance_clock(Duration::from_hours(1));

    assert_eq!((extended, world.head(&path).await), (200, 404));
    assert_eq!(socket.end().await, socket::End::Closed(1000));
    assert_eq!(world.live().channels(), []);
}

#[tokio::test]
async fn an_unknown_channel_is_a_404_on_every_route() {
    let world = World::new(quiet()).await;
    let path = format!("{CHANNELS}/other/subscriptions");
    let topics = as_topics(&["v2.users.u.presence"]);

    let statuses = [
        world.get(&path).await.status,
        world.post(&path, &topics).await.status,
        world.put(&path, &topics).await.status,
        world.delete(&path).await,
    ];

    assert_eq!(statuses, [404; 4]);
    let host = world.simulator.url().authority().to_owned();
    assert_eq!(
        Socket::refusal(&format!("ws://{host}/channels/other")).await,
        404
    );
}
