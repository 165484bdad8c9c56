//! A terminal, and a server behind the shop's web server.

use chat_proto::Role;
use chat_tests::{Authority, Gate, Server, Tmux, eventually};
use serde_json::json;

use super::{CHAT_TUI, CHATD, SIZE, is_live, says};

#[tokio::test]
async fn somebody_reads_and_writes_over_https() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    ana.write(order, "Where is my order?").await;
    let authority = Authority::new("The shop");
    let gate = Gate::before(server.door().address, authority.vouches_for(&["localhost"])).await;
    let trusted = tmux.folder().join("trusted.pem");
    std::fs::write(&trusted, authority.pem()).expect("a file");

    let trusted = format!("SSL_CERT_FILE={}", trusted.display());
    let arguments = [&trusted, CHAT_TUI, &gate.url("localhost"), &leo.email];
    let at_leo = tmux.start("leo", SIZE, "/usr/bin/env", &arguments);
    at_leo.until("live", |screen| is_live(screen) && screen.contains("Where is my order?")).await;
    at_leo.presses("Enter");
    at_leo.until("writing", |screen| screen.contains("Enter send")).await;
    says(&at_leo, "It is on its way").await;
    eventually("Ana has it", async || {
        let page = ana.get(&format!("/conversations/{order}/messages")).await;
        (page["items"][1]["text"] == json!("It is on its way")).then_some(())
    })
    .await;
}
