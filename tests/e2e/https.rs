//! Over TLS, under a path of the shop's site: all that the client does.

use chat_client::{Change, Client, Draft, FollowOptions, LiveEvent, SignIn, Update, Upload};
use chat_proto::{ClientId, Role};
use chat_tests::{Authority, DEADLINE, Gate, PASSWORD, Server};
use tokio::time::timeout;

use crate::CHATD;

/// More than goes into one record of TLS, or one read.
fn orders() -> String {
    (0..30_000).map(|line| format!("order {line}\n")).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn requests_files_and_the_live_socket_go_through_tls() {
    let server = Server::start(CHATD).await;
    let (ana, leo) =
        (server.door().person(Role::Customer, "ana").await, server.door().person(Role::Agent, "leo").await);
    let order = ana.direct(&leo).await;
    let authority = Authority::new("The shop");
    let gate = Gate::before(server.door().address, authority.vouches_for(&["shop.localhost", "127.0.0.1"])).await;
    let stranger = Client::with_tls(&gate.url("127.0.0.1"), authority.trusted()).expect("a base URL");
    assert!(stranger.ready().await.expect("what stands beside the API"));
    let (client, signed_in) = stranger.login("ana@shop.test", PASSWORD).await.expect("signed in");

    let mut live = client.live().await.expect("a socket");
    assert_eq!(live.welcome().user.id, ana.id);
    let orders = orders();
    let upload = Upload::reader("orders.txt", orders.len() as u64, std::io::Cursor::new(orders.clone()));
    let file = client.attach(upload).await.expect("uploaded");
    let client_id: ClientId = "over-tls".parse().expect("a client id");
    let sent = live.send(order, &client_id, Draft::text("Look").attachments(vec![file.clone()])).await.expect("sent");
    let told = timeout(DEADLINE, async {
        loop {
            if let LiveEvent::Event(event) = live.next().await.expect("it goes on")
                && let Change::MessageCreated(message) = event.change
            {
                return message.id;
            }
        }
    });
    assert_eq!(told.await.expect("it is told"), sent.id);
    live.close().await;

    let mut saved = Vec::new();
    client.download(file.id).await.expect("begun").save(&mut saved, |_| {}).await.expect("saved");
    assert!(saved == orders.as_bytes());
    let link = client.attachment_link(file.id, false).await.expect("a link").url;
    assert!(link.starts_with(&format!("{}/api/v1/attachments/", gate.url("127.0.0.1"))), "{link}");

    // What stays connected, with a token that is renewed through the same door.
    let tokens = SignIn::new(&client, &signed_in);
    let client = tokens.renew().await.expect("renewed");
    let (follower, mut updates) = client.follow(FollowOptions::new().token_source(tokens));
    follower.send(order, "And this").expect("room");
    let stored = timeout(DEADLINE, async {
        loop {
            if let Update::Sent { message, .. } = updates.next().await.expect("it goes on") {
                return message;
            }
        }
    });
    assert_eq!(stored.await.expect("it is stored").text, "And this");
}

#[tokio::test]
async fn only_http_1_is_agreed_on_whatever_a_configuration_says() {
    let server = Server::start(CHATD).await;
    let authority = Authority::new("The shop");
    let gate = Gate::before(server.door().address, authority.vouches_for(&["127.0.0.1"])).await;
    let mut config = authority.trusted();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = Client::with_tls(&gate.url("127.0.0.1"), config).expect("a base URL");
    assert!(client.ready().await.expect("an answer"));
}
