//! Servers behind https, as the shop's web server puts them there.

use chat_proto::Role;
use chat_tests::{Authority, Door, Gate, PASSWORD, eventually};

use crate::desk::{Desk, Ran};

async fn login(desk: &Desk, url: &str) -> Ran {
    desk.run_with(&["login", url, "--email", Door::ADMIN, "--password-stdin", "--timeout", "20"], PASSWORD).await
}

/// What it printed, and nothing beside it.
#[track_caller]
fn quiet(ran: &Ran) -> &str {
    assert_eq!(ran.err, "", "{ran:?}");
    ran.ok()
}

#[tokio::test]
async fn what_is_done_at_a_desk_goes_over_https_and_under_a_path() {
    let authority = Authority::new("The shop");
    let desk = Desk::trusting(&authority).await;
    let door = &desk.server.door;
    let ana = door.person(Role::Customer, "ana").await;
    let order = door.sign_in(Door::ADMIN).await.direct(&ana).await.to_string();
    let gate = Gate::before(door.address, authority.vouches_for(&["localhost", "127.0.0.1"])).await;
    let url = gate.url("localhost");
    assert!(quiet(&login(&desk, &url).await).starts_with(&format!("Signed in to {url} as Admin (admin)")));

    let mut tail = desk.start(&["event", "tail", "--json"]);
    let sent = desk.run(&["conversation", "send", &order, "--text", "Good morning"]).await;
    assert_eq!(quiet(&sent), "Sent as number 1.\n");
    // It tells what happens once it is connected.
    let mut lines = std::io::BufReader::new(tail.stdout.take().expect("it is piped"));
    let told = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).expect("text");
        line
    });
    let mut n = 0;
    eventually("an event is told", async || {
        n += 1;
        ana.write(order.parse().expect("an id"), &format!("still there {n}")).await.ok();
        told.is_finished().then_some(())
    })
    .await;
    let line = told.await.expect("no panic");
    tail.kill().expect("it runs");
    tail.wait().expect("it ends");
    assert!(line.contains("message.created"), "{line}");

    let file = desk.file("orders.txt");
    let orders = (0..30_000).map(|line| format!("order {line}\n")).collect::<Vec<_>>().concat();
    std::fs::write(&file, &orders).expect("a file");
    let uploaded = desk.run(&["attachment", "upload", file.to_str().expect("text")]).await;
    let (id, _) = quiet(&uploaded).split_once("  ").expect("its id");
    assert_eq!(quiet(&desk.run(&["attachment", "save", id, "-o", "-"]).await), orders);
}

#[tokio::test]
async fn who_is_not_who_they_should_be_gets_no_password() {
    let [authority, another, forger] = ["The shop", "Somebody", "The shop"].map(Authority::new);
    let desk = Desk::trusting(&authority).await;
    for (certificate, says) in [
        (authority.vouches_for(&["shop.test", "www.shop.test"]), "is for shop.test, www.shop.test, not for 127.0.0.1"),
        (another.vouches_for(&["127.0.0.1"]), "is from an unknown issuer, whom nothing on this machine vouches for"),
        (forger.vouches_for(&["127.0.0.1"]), "was not signed by the issuer that it names"),
        (authority.vouched_for(&["127.0.0.1"]), "has expired, on 2020-02-29"),
    ] {
        let gate = Gate::before(desk.server.door.address, certificate).await;
        let url = gate.url("127.0.0.1");
        let ran = login(&desk, &url).await;
        let expected = format!("chatctl: {url}: the connection failed: the server's certificate {says}\n");
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(7), "", expected.as_str()), "{ran:?}");
    }
    assert!(!desk.file(".config").exists(), "nothing is remembered of them");
}

#[tokio::test]
async fn who_does_not_speak_tls_or_says_nothing_cannot_be_reached() {
    let desk = Desk::trusting(&Authority::new("The shop")).await;
    let url = format!("https://{}", desk.server.door.address);
    let ran = login(&desk, &url).await;
    let says = "the connection failed: the server does not speak TLS; its URL may be one with http://";
    assert_eq!((ran.code, ran.err), (Some(7), format!("chatctl: {url}: {says}\n")));

    // Connections are taken, and nobody is there.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", silent.local_addr().expect("an address"));
    let ran = desk.run(&["status", "--server", &url, "--timeout", "1"]).await;
    assert_eq!((ran.code, ran.err), (Some(7), format!("chatctl: {url}: the server did not answer in time\n")));

    std::fs::write(desk.trusted(), "").expect("a file");
    let ran = login(&desk, &url).await;
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert!(ran.err.contains("this machine trusts no certificates") && ran.err.contains("SSL_CERT_FILE"), "{ran:?}");
}

#[tokio::test]
async fn a_password_in_clear_is_warned_of_and_goes_all_the_same() {
    let desk = Desk::trusting(&Authority::new("The shop")).await;
    let port = desk.server.door.address.port();
    // No address of this machine by name, though it leads there.
    let ran = login(&desk, &format!("http://0.0.0.0:{port}")).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.err.starts_with("The password goes to this server in clear") && ran.err.lines().count() == 1,
        "{ran:?}"
    );
    quiet(&login(&desk, &format!("http://127.0.0.1:{port}")).await);
}
