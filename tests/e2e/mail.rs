//! Mails of the program that is shipped, and the door at which they are ended.

use std::path::Path;
use std::time::Duration;

use chat_proto::Role;
use chat_tests::{Answer, Door, InProcess, Options, PASSWORD, Request, Server, eventually};
use chatcore::testing::MemoryNotifier;
use chatcore::{Channel, News};
use serde_json::json;

use crate::CHATD;

/// What lies in the folder that mails go into, as it is on the disk.
fn mails(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let whole = files.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
    whole.map(|path| std::fs::read_to_string(path).expect("a mail")).collect()
}

#[tokio::test]
async fn a_forgotten_password_leads_to_a_mail() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().join("mails").display());
    let settings = [
        ("CHATD_MAIL__URL", url.as_str()),
        ("CHATD_MAIL__FROM", "Mug Shop <chat@shop.test>"),
        ("CHATD_MAIL__LANGUAGE", "de"),
        ("CHATD_MAIL__SUBJECT_PREFIX", "[Becher]"),
        ("CHATD_PUBLIC_URL", "https://chat.shop.test"),
    ];
    let mut server = Server::start_with(CHATD, &settings).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let asked = Request::new("POST", "/api/v1/auth/password/forgot").json(&json!({"email": ana.email}));
    assert_eq!(server.door().send(asked).await.status, 202);
    let found = eventually("the mail", async || {
        mails(&folder.path().join("mails")).into_iter().find(|mail| mail.contains("reset-password#pt_"))
    });
    let mail = found.await;
    for part in [
        "From: \"Mug Shop\" <chat@shop.test>\r\n",
        &format!("To: {}\r\n", ana.email),
        "Subject: [Becher] Neues Passwort bei Mug Shop\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "https://chat.shop.test/reset-password#pt_",
    ] {
        assert!(mail.contains(part), "{part} in {mail}");
    }
    // The mail is in no log, nor whom it went to.
    let log = server.log().concat();
    assert!(!log.contains(&ana.email) && !log.contains("pt_"), "{log}");
    // What was sent is not sent again after a restart.
    let before = mails(&folder.path().join("mails")).len();
    server.restart().await;
    let asked = Request::new("POST", "/api/v1/auth/password/forgot").json(&json!({"email": "admin@shop.test"}));
    assert_eq!(server.door().send(asked).await.status, 202);
    eventually("a mail to the admin", async || {
        let mails = mails(&folder.path().join("mails"));
        mails.iter().any(|mail| mail.contains("To: admin@shop.test\r\n")).then_some(mails.len())
    })
    .await;
    assert_eq!(mails(&folder.path().join("mails")).len(), before + 1);
}

#[tokio::test]
async fn links_in_mails_lead_to_the_shops_own_pages_where_it_has_some() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().join("mails").display());
    let settings = [
        ("CHATD_MAIL__URL", url.as_str()),
        ("CHATD_MAIL__FROM", "Mug Shop <chat@shop.test>"),
        ("CHATD_MAIL__DELAY", "1s"),
        ("CHATD_PUBLIC_URL", "https://chat.shop.test"),
        ("CHATD_LINKS__CONVERSATION", "https://www.shop.test/talk/{id}/new"),
        ("CHATD_LINKS__RESET_PASSWORD", "https://www.shop.test/password#{token}"),
        ("CHATD_LINKS__ACCEPT_INVITATION", "https://www.shop.test/welcome/{token}"),
    ];
    let server = Server::start_with(CHATD, &settings).await;
    let door = server.door();
    let (ana, leo) = (door.person(Role::Customer, "ana").await, door.person(Role::Agent, "leo").await);
    let conversation = ana.direct(&leo).await;
    ana.write(conversation, "Where is my mug?").await.ok();
    let forgot = Request::new("POST", "/api/v1/auth/password/forgot").json(&json!({"email": ana.email}));
    assert_eq!(door.send(forgot).await.status, 202);
    let invite = json!({"email": "mia@shop.test", "role": "agent"});
    door.send(Request::new("POST", "/api/v1/invitations").token(&door.admin).json(&invite)).await.ok();
    let eve = json!({"email": "eve@shop.test", "name": "Eve", "password": PASSWORD});
    door.send(Request::new("POST", "/api/v1/auth/register").json(&eve)).await.ok();
    for link in [
        &format!("https://www.shop.test/talk/{conversation}/new\r\n"),
        "https://www.shop.test/password#pt_",
        "https://www.shop.test/welcome/it_",
        // Of what it has no page, the server's own is led to.
        "https://chat.shop.test/verify-email#vt_",
        "<https://chat.shop.test/api/v1/notifications/unsubscribe?token=",
    ] {
        eventually(link, async || {
            // Lines that a mail had to break are whole again.
            let mails = mails(&folder.path().join("mails"));
            mails.iter().any(|mail| mail.replace("=\r\n", "").contains(link)).then_some(())
        })
        .await;
    }
}

fn page(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("form-action 'self'")));
    answer.text()
}

/// RFC 8058; security.md 39.
#[tokio::test]
async fn mails_are_ended_by_a_click_and_not_by_looking() {
    let mails = MemoryNotifier::new(Channel::Mail);
    let server =
        InProcess::start_with(Options { manual_clock: true, mails: Some(mails.clone()), ..Options::default() }).await;
    let (leo, dana) = (server.door.person(Role::Agent, "leo").await, server.door.person(Role::Designer, "dana").await);
    let conversation = dana.direct(&leo).await;
    dana.write(conversation, "The proof is ready.").await.ok();
    let told = {
        let mut number = 0;
        loop {
            number += 1;
            server.advance(Duration::from_mins(1));
            let told = mails.attempt(number).await;
            if matches!(told.news, News::Unread { .. }) {
                break told;
            }
        }
    };
    let token = told.unsubscribe.expect("a token").expose().to_owned();
    let path = format!("/api/v1/notifications/unsubscribe?token={token}");
    let wishes = async || {
        let wishes = server.chat.as_user(leo.id).notification_preferences().await.expect("wishes");
        (wishes.mail.messages, wishes.mail.mentions)
    };

    let asked = server.door.send(Request::new("GET", &path)).await;
    let html = page(&asked, 200);
    assert!(html.contains("<form method=\"post\"><button>") && !html.contains(&token), "{html}");
    assert_eq!(wishes().await, (true, true), "looking changes nothing");
    let german = server.door.send(Request::new("GET", &path).header("Accept-Language", "de-AT,de;q=0.9")).await;
    assert!(page(&german, 200).contains("lang=\"de\""));

    for wrong in ["", "?token=", "?token=ut_AAAA", "?token=%22%3E%3Cscript%3E"] {
        let answer = server.door.send(Request::new("POST", format!("/api/v1/notifications/unsubscribe{wrong}"))).await;
        assert!(!page(&answer, 400).contains("<script"), "{wrong}");
    }
    assert_eq!(wishes().await, (true, true));

    for _ in 0..2 {
        let click = Request::new("POST", &path).text("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click");
        page(&server.door.send(click).await, 200);
        assert_eq!(wishes().await, (false, false));
    }
}

#[tokio::test]
async fn who_invites_is_given_the_link_where_the_server_knows_it() {
    let public = ("CHATD_PUBLIC_URL", "https://chat.shop.test");
    let own = ("CHATD_LINKS__ACCEPT_INVITATION", "https://shop.test/welcome#{token}");
    let no_pages = ("CHATD_ACCOUNT_PAGE", "false");
    for (settings, place) in [
        (&[][..], None),
        (&[public], Some("https://chat.shop.test/accept-invitation#")),
        (&[public, no_pages], None),
        (&[public, no_pages, own], Some("https://shop.test/welcome#")),
    ] {
        let server = Server::start_with(CHATD, settings).await;
        let admin = server.door().sign_in(Door::ADMIN).await;
        let invitation = json!({"email": "mia@shop.test", "role": "agent"});
        let invited = admin.call_with("POST", "/invitations", &invitation).await.ok();
        let token = invited["token"].as_str().expect("a token");
        assert_eq!(invited.get("link").cloned(), place.map(|place| json!(format!("{place}{token}"))), "{settings:?}");
    }
}
