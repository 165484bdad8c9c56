//! `chatctl` as its users run it: the real program, a home of its own, a real server.

mod attachments;
mod desk;
mod exits;
mod help;
mod hostile;
mod https;
mod json;
mod lists;
mod policy;
mod profiles;
mod prompts;
mod tails;
mod vapid;
mod webhook;
mod words;

use std::path::Path;

use chat_proto::Role;
use chat_tests::{Door, PASSWORD};
use serde_json::Value;

use desk::Desk;

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn signing_in_is_remembered_and_signing_out_ends_it() {
    let desk = Desk::signed_in().await;
    let who = desk.run(&["whoami", "--json"]).await.json();
    let host = desk.server.door.address.to_string();
    assert_eq!((&who["user"]["role"], &who["profile"]), (&"admin".into(), &host.as_str().into()));
    let credentials = desk.file(".local/state/chatctl/credentials.toml");
    assert_eq!(mode(&credentials), 0o600);
    let profiles = std::fs::read_to_string(desk.file(".config/chatctl/config.toml")).expect("a file");
    assert!(profiles.contains(Door::ADMIN) && !profiles.contains("token"), "{profiles}");
    let listed = desk.run(&["profile", "list"]).await;
    assert_eq!(
        listed.ok(),
        format!("\tNAME\tSERVER\tLOGIN\tSTATE\n*\t{host}\t{}\t{}\tsigned in\n", desk.url(), Door::ADMIN)
    );

    let kept = std::fs::read_to_string(&credentials).expect("a file");
    desk.run(&["logout"]).await.ok();
    assert_eq!(desk.run(&["whoami"]).await.code, Some(4), "nobody is signed in");
    std::fs::write(&credentials, kept).expect("a file");
    let revoked = desk.run(&["whoami"]).await;
    assert_eq!(revoked.code, Some(4), "the session ended on the server too: {revoked:?}");
    assert!(revoked.err.contains("chatctl login"), "{revoked:?}");
}

#[tokio::test]
async fn a_wrong_password_a_missing_profile_and_no_server_have_their_codes() {
    let desk = Desk::new().await;
    let wrong =
        desk.run_with(&["login", &desk.url(), "--email", Door::ADMIN, "--password-stdin"], "not this one").await;
    assert_eq!(wrong.code, Some(4), "{wrong:?}");
    assert!(!desk.file(".config/chatctl/config.toml").exists(), "nothing is remembered of it");
    assert_eq!(desk.run(&["whoami"]).await.code, Some(4), "nobody is signed in anywhere");
    assert_eq!(desk.run(&["status"]).await.code, Some(2), "no server is named");
    assert_eq!(desk.run(&["whoami", "--profile", "none"]).await.code, Some(5));
    assert_eq!(
        desk.run(&["login", &desk.url(), "--email", "x@shop.example"]).await.code,
        Some(2),
        "nobody can be asked"
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let away =
        desk.run_with(&["login", &format!("http://{closed}"), "--email", "a@b.c", "--password-stdin"], "x").await;
    assert_eq!(away.code, Some(7), "{away:?}");
    let problem = desk.run(&["whoami", "--json", "--server", &desk.url()]).await;
    assert_eq!(serde_json::from_str::<Value>(&problem.err).expect("JSON")["exit_code"], 4, "{problem:?}");
}

#[tokio::test]
async fn an_access_token_that_ran_out_is_renewed_once_for_many_programs() {
    let desk = Desk::signed_in().await;
    let credentials = desk.file(".local/state/chatctl/credentials.toml");
    let kept = std::fs::read_to_string(&credentials).expect("a file");
    let old: String = kept
        .lines()
        .map(|line| if line.starts_with("expires_at") { "expires_at = 1\n".into() } else { format!("{line}\n") })
        .collect();
    std::fs::write(&credentials, &old).expect("a file");
    let runs = futures_util::future::join_all((0..6).map(|_| desk.run(&["whoami"]))).await;
    assert!(
        runs.iter().all(|ran| ran.code == Some(0)),
        "spending a refresh token twice would end the session: {runs:?}"
    );
    let renewed = std::fs::read_to_string(&credentials).expect("a file");
    assert!(renewed != kept && renewed != old);
}

#[tokio::test]
async fn conversations_are_listed_shown_followed_and_written_out() {
    let desk = Desk::signed_in().await;
    let door = &desk.server.door;
    let ana = door.person(Role::Customer, "ana").await;
    let conversation = door.sign_in(Door::ADMIN).await.direct(&ana).await;
    for text in ["good morning", "\u{1b}]52;c;aGk=\u{7}two\nlines", "third"] {
        ana.write(conversation, text).await;
    }
    let conversation = conversation.to_string();
    let listed = desk.run(&["conversation", "list", "--json"]).await.json();
    assert_eq!(listed["items"][0]["id"], conversation.as_str());
    let table = desk.run(&["conv", "ls", "-q"]).await;
    assert!(table.ok().starts_with(&format!("{conversation}\t")) && table.out.ends_with("third\n"), "{table:?}");
    let shown = desk.run(&["conversation", "show", &conversation]).await;
    assert!(shown.ok().contains("2 ana: ]52;c;aGk=two\n    lines\n"), "{shown:?}");
    let written = desk.run(&["conversation", "export", &conversation]).await;
    let messages: Vec<Value> = written.ok().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(messages.iter().map(|message| message["seq"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert_eq!(messages[1]["text"], "\u{1b}]52;c;aGk=\u{7}two\nlines", "nothing of it is lost");
    let foreign = desk.run(&["conversation", "show", "conv_01k9w2fxgre00v5sm7f3n1g8qt"]).await;
    assert_eq!(foreign.code, Some(5), "{foreign:?}");
}

#[tokio::test]
async fn accounts_are_made_shown_changed_and_locked() {
    let desk = Desk::signed_in().await;
    let made =
        desk.run_with(&["user", "create", "mia@shop.example", "--role", "agent", "--password-stdin"], PASSWORD).await;
    assert!(made.ok().ends_with(" mia (agent).\n"), "{made:?}");
    let again =
        desk.run_with(&["user", "create", "Mia@shop.example", "--role", "agent", "--password-stdin"], PASSWORD).await;
    assert_eq!(again.code, Some(6), "{again:?}");
    let invited = desk.run(&["user", "invite", "leo@shop.example", "--role", "designer", "--json"]).await.json();
    assert!(invited["token"].is_string() && invited["invitation"]["email"] == "leo@shop.example", "{invited}");
    let agents = desk.run(&["user", "list", "--role", "agent", "--json"]).await.json();
    assert_eq!(agents["items"][0]["email"], "mia@shop.example");

    let undecided = desk.run(&["user", "disable", "mia@shop.example"]).await;
    assert_eq!(undecided.code, Some(2), "nobody can be asked: {undecided:?}");
    desk.run(&["user", "disable", "mia@shop.example", "--yes"]).await.ok();
    assert!(desk.run(&["user", "show", "mia@shop.example"]).await.ok().contains("disabled"));
    assert!(
        desk.run(&["user", "list", "--state", "disabled", "-q"])
            .await
            .ok()
            .starts_with("mia\tmia@shop.example\tagent\t")
    );
    desk.run(&["user", "enable", "mia@shop.example"]).await.ok();
    desk.run(&["user", "role", "mia@shop.example", "merchant", "--yes"]).await.ok();
    assert_eq!(desk.run(&["user", "show", "mia@shop.example", "--json"]).await.json()["role"], "merchant");
    let last = desk.run(&["user", "disable", Door::ADMIN, "--yes"]).await;
    assert_eq!(last.code, Some(6), "the last admin stays: {last:?}");
    assert_eq!(desk.run(&["user", "show", "nobody@shop.example"]).await.code, Some(5));

    let listed = desk.run(&["user", "sessions", Door::ADMIN, "--json"]).await.json();
    assert!(listed["items"].as_array().is_some_and(|sessions| !sessions.is_empty()), "{listed}");
    desk.run(&["user", "revoke-sessions", Door::ADMIN, "--yes"]).await.ok();
    assert_eq!(desk.run(&["whoami"]).await.code, Some(4), "one's own session is among them");
}

#[tokio::test]
async fn the_overview_is_the_servers_figures_in_rows_and_as_json() {
    let desk = Desk::signed_in().await;
    let door = &desk.server.door;
    let (leo, ana) = (door.person(Role::Agent, "leo").await, door.person(Role::Customer, "ana").await);
    let order = ana.direct(&leo).await;
    for text in ["where is it?", "hello?"] {
        ana.write(order, text).await.ok();
    }
    let _socket = leo.socket().await;
    let server = door.sign_in(Door::ADMIN).await.get("/stats/overview?days=3").await;
    let json = desk.run(&["stats", "overview", "--days", "3", "--json"]).await.json();
    for part in ["days", "from", "to", "since", "people", "totals", "before", "messages_by_day"] {
        assert_eq!(json[part], server[part], "{part}");
    }
    let rows = desk.run(&["stats", "overview", "--days", "3"]).await;
    let today = json["to"].as_str().expect("a day");
    assert!(rows.ok().starts_with("FIGURE\tVALUE\tBEFORE\nactive_people\t1\t0\n"), "{rows:?}");
    for row in [
        "messages\t2\t0",
        "conversations_begun.direct\t1\t0",
        &format!("messages_by_day.{today}\t2\t"),
        "people.customer.accounts\t1\t",
        "people.customer.active\t1\t",
        "people.agent.online\t1\t",
        "people.agent.active\t0\t",
    ] {
        assert!(rows.out.lines().any(|line| line == row), "{row:?} in {rows:?}");
    }
    assert!(desk.run(&["stats", "overview", "-q"]).await.ok().starts_with("active_people\t"));
    for days in ["0", "91", "x"] {
        assert_eq!(desk.run(&["stats", "overview", "--days", days]).await.code, Some(2), "{days}");
    }
    desk.becomes(&ana.email).await;
    assert_eq!(desk.run(&["stats", "overview"]).await.code, Some(4), "customers may not");
}

#[tokio::test]
async fn an_account_is_deleted_by_its_typed_name_only() {
    let desk = Desk::signed_in().await;
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let id = ana.id.to_string();
    for (arguments, code) in [
        (&["user", "delete", "ana@shop.test", "--yes"][..], 2),
        (&["user", "delete", "ana@shop.test", "--confirm", "Ana"], 3),
    ] {
        let ran = desk.run(arguments).await;
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
    ana.get("/me").await;
    let deleted = desk.run(&["user", "delete", "ana@shop.test", "--confirm", "ana"]).await;
    assert_eq!(deleted.ok(), "Deleted ana <ana@shop.test>. What was written in it shows as Deleted user.\n");
    assert_eq!(desk.run(&["user", "show", "ana@shop.test"]).await.code, Some(5), "the address is nobody's");
    assert!(desk.run(&["user", "show", &id]).await.ok().contains("deleted"));
    assert!(!desk.run(&["user", "list"]).await.ok().contains("Deleted user"));
    assert!(desk.run(&["user", "list", "--state", "deleted", "-q"]).await.ok().contains(&id));
    let last = desk.run(&["user", "delete", Door::ADMIN, "--confirm", "Admin"]).await;
    assert_eq!(last.code, Some(6), "{last:?}");
}

#[tokio::test]
async fn a_new_password_is_set_with_the_token_that_an_admin_was_shown() {
    let desk = Desk::signed_in().await;
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let shown = desk.run(&["user", "reset-password", "ana@shop.test"]).await;
    let (says, token) = shown.ok().trim_end().rsplit_once(' ').expect("a token at the end");
    assert!(says.starts_with("ana <ana@shop.test> may set a new password until "), "{says}");
    ana.get("/me").await;
    ana.client().reset_password(token, "a new one at last").await.expect("it is good once");
    let login = ["login", &desk.url(), "--email", "ana@shop.test", "--password-stdin"];
    desk.run_with(&login, "a new one at last").await.ok();
}

#[tokio::test]
async fn the_audit_log_is_listed_and_what_programs_say_of_themselves_stays_in_its_cell() {
    let desk = Desk::signed_in().await;
    let door = &desk.server.door;
    let leo = door.person(Role::Agent, "leo").await;
    let hostile = "till\u{9b}31m\u{202e}";
    let rename = leo.request("PATCH", "/me").json(&serde_json::json!({"name": "Leon"})).header("User-Agent", hostile);
    rename.send(leo.address).await.ok();
    desk.run(&["user", "role", "leo@shop.test", "merchant", "--yes"]).await.ok();
    let listed = desk.run(&["audit", "list", "--user", "leo@shop.test"]).await;
    let lines: Vec<Vec<&str>> = listed.ok().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0], ["WHEN", "ACTION", "BY", "ON", "WHAT", "ADDRESS", "DEVICE", "ID"]);
    assert_eq!(lines[1][1..3], ["user.role_changed", "Admin (admin)"]);
    assert_eq!(lines[1][4], "role: agent -> merchant, sessions_ended: 1");
    assert_eq!((lines[2][1], lines[2][2], lines[2][5]), ("user.renamed", "leo (agent)", "127.0.0.1"));
    assert!(lines.iter().all(|line| line.len() == 8), "{lines:?}");
    assert!(!listed.out.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{listed:?}");
    assert!(!listed.out.contains('\u{202e}') && listed.out.contains("till"), "{listed:?}");
    let one = desk.run(&["audit", "ls", "--action", "user.renamed", "--since", "1h", "--json"]).await.json();
    assert_eq!(one["items"].as_array().map(Vec::len), Some(1), "{one}");
    assert_eq!(one["items"][0]["by"]["id"], leo.id.to_string());
    let all = desk.run(&["audit", "list", "--all", "--quiet"]).await;
    assert!(all.ok().lines().count() > 3, "{all:?}");
    assert_eq!(desk.run(&["audit", "list", "--limit", "2", "--quiet"]).await.ok().lines().count(), 2);
    assert_eq!(desk.run(&["audit", "list", "--since", "0s", "--quiet"]).await.ok(), "");
    for (wrong, code) in [(["--since", "7y"], 2), (["--user", "nobody@shop.test"], 5), (["--action", "user.eaten"], 1)]
    {
        let ran = desk.run(&["audit", "list", wrong[0], wrong[1]]).await;
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}
