use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::records::live::UnreadableReason;

const EVENT: &str = r#"{"conversationId":"c-1","type":"metadata","data":{}}"#;

#[tokio::test]
async fn values_are_whole_however_messages_cut_them() {
    let mut setup = Setup::direct().await;
    let mut peer = setup.server.connected().await;
    let (first, second) = EVENT.split_at(20);

    peer.send(first).await;
    peer.send(second).await;
    peer.send(&format!(" {EVENT}\n{EVENT}")).await;

    for _ in 0..3 {
        assert_eq!(setup.frame().await, EVENT);
    }
    assert!(
        peer.target.ends_with("/stream?access_token=t0ken-1"),
        "{}",
        peer.target
    );
}

#[tokio::test]
async fn a_value_that_the_end_of_a_connection_cuts_off_is_reported() {
    let mut setup = Setup::direct().await;
    let mut peer = setup.server.connected().await;

    peer.send(EVENT).await;
    peer.send(&EVENT[..20]).await;
    peer.close(1011).await;

    assert_eq!(setup.frame().await, EVENT);
    let item = setup.next().await;
    let Item::Unreadable { text, .. } = item else {
        panic!("{item:?}");
    };
    assert_eq!(text.reason, UnreadableReason::CutOff);
    setup.reconnecting().await;
    setup.server.connected().await.send(EVENT).await;
    assert_eq!(setup.gap().await.reason, closed(CloseCode(1011)));
    assert_eq!(setup.frame().await, EVENT);
}

#[tokio::test]
async fn a_pong_is_a_sign_of_life() {
    let mut setup = Setup::direct().await;
    let mut peer = setup.server.connected().await;

    for _ in 0..3 {
        assert!(matches!(peer.receive().await, Message::Ping(_)));
        setup.heartbeat().await;
        setup.advance(20);
    }

    assert_eq!(setup.handle.metrics().connections, 1);
}

#[tokio::test]
async fn code_1008_is_final() {
    let mut setup = Setup::direct().await;

    setup.server.connected().await.close(1008).await;

    let error = setup.outcome().await.unwrap_err();
    insta::assert_snapshot!(error, @"the gateway refuses this client (the server closed the connection with code 1008); ask its operator whether the OAuth client may use the stream");
}

#[tokio::test]
async fn code_4001_twice_is_final() {
    let mut setup = Setup::direct().await;

    setup.server.connected().await.close(4001).await;
    setup.reconnecting().await;
    let peer = setup.server.connected().await;
    assert!(peer.target.ends_with("t0ken-2"), "{}", peer.target);
    peer.close(4001).await;

    let error = setup.outcome().await.unwrap_err();
    insta::assert_snapshot!(error, @"the gateway refused a new token, too (the server closed the connection with code 4001); check the roles of the OAuth client, and that GENESYS_API_URL and GENESYS_LOGIN_URL belong to the same organisation");
}

#[tokio::test]
async fn status_401_twice_is_final() {
    let server = Server::start().await;
    server.refuse_handshakes(&[401, 401]);
    let mut setup = Setup::open(server, StreamSource::Direct(DirectPlan::default()));

    setup.reconnecting().await;

    let error = setup.outcome().await.unwrap_err();
    assert!(matches!(error, StreamError::TokenRefused(_)), "{error}");
    assert_eq!(setup.server.count("POST oauth/token"), 2);
}

#[tokio::test]
async fn a_token_that_was_used_for_a_while_may_expire_again() {
    let mut setup = Setup::direct().await;

    for _ in 0..3 {
        let mut peer = setup.server.connected().await;
        peer.send(EVENT).await;
        while !matches!(setup.next().await, Item::Frame { .. }) {}
        for _ in 0..2 {
            setup.advance(30);
            peer.send(EVENT).await;
            while !matches!(setup.next().await, Item::Frame { .. }) {}
        }
        peer.close(4001).await;
        loop {
            match setup.next().await {
                Item::Warning(Warning::Reconnecting { wait, .. }) => {
                    break setup.clock.advance(wait);
                }
                Item::Heartbeat { .. } | Item::Interrupted { .. } => {}
                item => panic!("{item:?}"),
            }
        }
    }

    let peer = setup.server.connected().await;
    assert!(peer.target.ends_with("t0ken-4"), "{}", peer.target);
}

#[tokio::test]
async fn every_other_end_reconnects() {
    for code in [1000, 1001, 1011, 1012, 3000, 4000] {
        let mut setup = Setup::direct().await;

        setup.server.connected().await.close(code).await;
        setup.reconnecting().await;
        drop(setup.server.connected().await);
        setup.reconnecting().await;

        setup.server.connected().await.send(EVENT).await;
        assert_eq!(setup.frame().await, EVENT);
    }
}
