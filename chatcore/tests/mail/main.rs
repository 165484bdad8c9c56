//! Mails as a real mail server gets them and Python's own parser reads them.

mod engine;
mod server;

use std::sync::Arc;
use std::time::Duration;

use chatcore::mail::{MailTransport, Mailer, MailerBuilder, SmtpOptions};
use chatcore::testing::{ManualClock, letter, notification, unread};
use chatcore::{ConversationId, LetterKind, News, Notification, Notifier as _, Timestamp, Undelivered, UserId};
use serde_json::Value;

use self::server::{Certificate, MailServer};

const NOW: Timestamp = Timestamp::from_millis(1_795_700_000_000);
const BASE: &str = "https://chat.shop.example";
const TOLD: [u8; 16] = [7; 16];

fn plain(server: &MailServer) -> SmtpOptions {
    SmtpOptions::parse(&format!("smtp://127.0.0.1:{}?tls=none", server.port)).expect("an address")
}

fn builder(options: SmtpOptions) -> MailerBuilder {
    Mailer::builder(MailTransport::Smtp(options), "Mug & Söhne <chat@shop.example>", BASE)
        .clock(Arc::new(ManualClock::at(NOW)))
}

fn mailer(options: SmtpOptions) -> Mailer {
    builder(options).build().expect("a mailer")
}

fn conversation() -> ConversationId {
    ConversationId::from_bytes([1; 16])
}

fn news(title: &str, messages: &[(&str, &str)]) -> News {
    News::Unread { conversations: vec![unread(conversation(), title, messages)], together: false }
}

fn told(id: u8) -> Notification {
    notification([id; 16], news("Order 1001", &[("Leo Marsh", "It left our house.")]))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn header<'a>(mail: &'a Value, name: &str) -> Option<&'a str> {
    let headers = list(&mail["mail"]["headers"]);
    let mut found = headers.iter().filter(|header| text(&header[0]).eq_ignore_ascii_case(name));
    let value = found.next().map(|header| text(&header[1]));
    assert!(found.next().is_none(), "{name} comes twice: {headers:?}");
    value
}

/// Their names, in their order.
fn headers(mail: &Value) -> Vec<&str> {
    list(&mail["mail"]["headers"]).iter().map(|header| text(&header[0])).collect()
}

fn part<'a>(mail: &'a Value, content: &str) -> &'a str {
    let part = list(&mail["mail"]["parts"]).iter().find(|part| part["type"] == content).expect("such a part");
    assert_eq!(part["charset"], "utf-8");
    text(&part["text"])
}

fn down(outcome: Result<(), Undelivered>) -> String {
    match outcome {
        Err(Undelivered::Down(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// security.md 39.
#[tokio::test]
async fn a_mail_has_both_parts_and_all_headers_that_it_should_have() {
    let mut server = MailServer::plain().await;
    let mailer = builder(plain(&server)).reply_to("help@shop.example").subject_prefix("[Mugs]").build().unwrap();
    mailer.deliver(&told(7)).await.unwrap();
    let mail = server.mail().await;
    assert_eq!(mail["mail"]["defects"].as_array().map(Vec::len), Some(0), "{mail:#}");
    assert_eq!((&mail["sender"], &mail["recipients"][0]), (&"chat@shop.example".into(), &"ana@mail.example".into()));
    assert_eq!(mail["recipients"].as_array().map(Vec::len), Some(1));
    let subject = "[Mugs] New messages: Order 1001";
    let expected = [
        ("From", Some("Mug & Söhne <chat@shop.example>")),
        ("To", Some("ana@mail.example")),
        ("Reply-To", Some("help@shop.example")),
        ("Subject", Some(subject)),
        ("Message-ID", Some("<07070707070707070707070707070707@shop.example>")),
        ("Auto-Submitted", Some("auto-generated")),
        ("List-Unsubscribe", Some("<https://chat.shop.example/api/v1/notifications/unsubscribe?token=ut_made-up>")),
        ("List-Unsubscribe-Post", Some("List-Unsubscribe=One-Click")),
        ("MIME-Version", Some("1.0")),
        ("Bcc", None),
        ("Cc", None),
        ("Precedence", None),
    ];
    for (name, value) in expected {
        // An encoded word keeps the quotes that it need not have.
        assert_eq!(header(&mail, name).map(|value| value.replace('"', "")).as_deref(), value, "{name}");
    }
    assert_eq!(mail["mail"]["date"].as_f64(), Some(1_795_700_000.0), "the time is the engine's");
    assert_eq!(mail["mail"]["type"], "multipart/alternative");
    let types: Vec<_> = mail["mail"]["parts"].as_array().unwrap().iter().map(|part| part["type"].clone()).collect();
    assert_eq!(types, ["text/plain", "text/html"], "the best one comes last");
    let link = "https://chat.shop.example/c/conv_01040g2081040g2081040g2081";
    let text = part(&mail, "text/plain");
    assert!(text.contains("It left our house.") && text.contains(link), "{text}");
    let html = part(&mail, "text/html");
    assert!(html.contains("It left our house.") && html.contains(&link.replace('/', "&#x2f;")), "{html}");
    for foreign in ["<img", "src=", "@import", "url(", "<script", "<link", "<table"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn mails_about_a_conversation_stand_together_and_the_same_one_is_the_same() {
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    let (mut stranger, mut elsewhere, mut digest) = (told(3), told(4), told(5));
    stranger.user = Some(UserId::from_bytes([8; 16]));
    let other = unread(ConversationId::from_bytes([2; 16]), "Mugs", &[("Leo", "Hi")]);
    elsewhere.news = News::Unread { conversations: vec![other.clone()], together: false };
    digest.news =
        News::Unread { conversations: vec![unread(conversation(), "A", &[("Leo", "Hi")]), other], together: true };
    let mut mails = Vec::new();
    for notification in [&told(1), &told(1), &told(2), &stranger, &elsewhere, &digest] {
        mailer.deliver(notification).await.unwrap();
        mails.push(server.mail().await);
    }
    assert_eq!(mails[0]["mail"]["raw"], mails[1]["mail"]["raw"], "byte for byte, so that whoever gets both can tell");
    let [first, again, later, stranger, elsewhere, digest] = &mails[..] else { panic!() };
    let names = |mail| (header(mail, "Message-ID").unwrap().to_owned(), header(mail, "References").map(str::to_owned));
    assert_eq!(names(first), names(again));
    assert_ne!(names(first).0, names(later).0);
    let thread = names(first).1.expect("a thread");
    assert!(thread.starts_with('<') && thread.ends_with(".thread@shop.example>"), "{thread}");
    assert_eq!(header(later, "In-Reply-To"), Some(thread.as_str()));
    assert_eq!(header(later, "Subject"), header(first, "Subject"));
    assert_eq!(names(later).1.as_ref(), Some(&thread));
    assert!([stranger, elsewhere].iter().all(|mail| names(mail).1.is_some_and(|other| other != thread)));
    assert_eq!((names(digest).1, header(digest, "In-Reply-To")), (None, None));
    assert_eq!(header(digest, "Subject"), Some("New messages at Mug & Söhne"));
}

#[tokio::test]
async fn every_script_and_any_length_arrive_as_they_were_written() {
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    let long = "x".repeat(950);
    let texts = [
        "Grüße aus Köln: ß, ẞ, œ, €",
        "👩🏽‍💻 🏳️‍🌈 🇩🇪 ❤️",
        "مرحبا، أين طلبي؟ שלום",
        "注文はどこですか。",
        &long,
        ".\n..\nFrom here\n.",
        "a=b =3D =\nsoft",
    ];
    for (id, text) in (0..).zip(texts) {
        mailer.deliver(&notification([id; 16], news(text, &[(text, text)]))).await.unwrap();
        let mail = server.mail().await;
        assert_eq!(mail["mail"]["defects"].as_array().map(Vec::len), Some(0), "{mail:#}");
        assert!(mail["mail"]["longest_line"].as_u64().unwrap() <= 998, "RFC 5322, 2.1.1");
        for line in text.lines() {
            let plain = part(&mail, "text/plain");
            assert!(plain.contains(line), "{line} in {plain}");
            if !line.contains(['/', '\'', '"', '&', '<']) {
                assert!(part(&mail, "text/html").contains(line), "{line}");
            }
        }
        let subject = header(&mail, "Subject").unwrap();
        assert!(subject.chars().count() <= 151, "{subject}");
        let begins: String = text.lines().next().unwrap().chars().take(20).collect();
        assert!(subject.starts_with(&format!("New messages: {begins}")), "{subject}");
    }
}

#[tokio::test]
async fn nobody_writes_a_header_or_hides_what_they_write() {
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    mailer.deliver(&told(1)).await.unwrap();
    let usual = server.mail().await;
    let bad = [
        "x\r\nBcc: everybody@shop.example",
        "x\nX-Evil: 1\n\nbody",
        "x\rSubject: other",
        "x\u{2028}X-Evil: 1",
        "\u{0}\u{7}\u{1b}]0;x\u{7}",
        "abc\u{202e}gpj.exe\u{2066}\u{200b}",
        "=?utf-8?q?=0d=0aX-Evil:_1?=",
        "\"Boss\" <boss@shop.example>, x",
        &"=?utf-8?b?4pyT?=".repeat(700),
    ];
    for (id, text) in (2..).zip(bad) {
        let mut hostile = notification([id; 16], news(text, &[(text, text)]));
        hostile.name = Some(text.to_owned());
        mailer.deliver(&hostile).await.unwrap();
        let mail = server.mail().await;
        assert_eq!(headers(&mail), headers(&usual), "{text:?}");
        assert_eq!(header(&mail, "To"), Some("ana@mail.example"));
        let subject = header(&mail, "Subject").unwrap();
        let seen = [subject, part(&mail, "text/plain"), part(&mail, "text/html")].concat();
        let hides = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}\u{2028}".contains(c);
        assert!(!seen.replace("\r\n", "\n").contains(hides), "{seen:?}");
        assert!(subject.chars().count() <= 151 && !subject.contains('\n'), "{subject}");
    }
}

#[tokio::test]
async fn letters_arrive_with_their_links_and_cannot_be_ended() {
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    for (kind, subject, page) in [
        (LetterKind::Invitation, "You are invited to Mug & Söhne", "accept-invitation"),
        (LetterKind::PasswordReset, "Set a new password at Mug & Söhne", "reset-password"),
        (LetterKind::EmailVerification, "Is this your address? Mug & Söhne", "verify-email"),
    ] {
        let letter = letter(kind, "bo@mail.example", NOW.after(Duration::from_hours(1)));
        mailer.deliver(&notification(TOLD, News::Letter(letter))).await.unwrap();
        let mail = server.mail().await;
        assert_eq!(header(&mail, "Subject"), Some(subject));
        assert_eq!(mail["recipients"][0], "bo@mail.example");
        assert_eq!((header(&mail, "List-Unsubscribe"), header(&mail, "References")), (None, None));
        let link = format!("{BASE}/{page}#xx_made-up");
        assert!(part(&mail, "text/plain").contains(&link), "{mail:#}");
        assert!(part(&mail, "text/html").contains(&link.replace('/', "&#x2f;")), "{mail:#}");
    }
}

#[tokio::test]
async fn starttls_is_used_with_a_certificate_that_is_trusted_and_with_no_other() {
    let certificate = Certificate::new();
    let mut server = MailServer::with(&certificate, &["--user", "shop", "--password", "hunter2"]).await;
    let options = |tls: &str, password: &str| {
        let options = SmtpOptions::parse(&format!("smtp://127.0.0.1:{}{tls}", server.port)).unwrap();
        options.credentials("shop", password).trust(certificate.authority.as_bytes())
    };
    let (good, opportunistic) = (options("", "hunter2"), options("?tls=opportunistic", "hunter2"));
    let wrong = options("", "hunter3");
    let untrusted = SmtpOptions::parse(&format!("smtp://127.0.0.1:{}", server.port)).unwrap();
    for options in [good, opportunistic] {
        mailer(options).deliver(&told(1)).await.unwrap();
        server.next("login").await;
        let mail = server.mail().await;
        assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &"shop".into()));
    }
    let why = down(mailer(wrong).deliver(&told(2)).await);
    assert_eq!(why, "the mail server has refused the name and password (smtp.user, 535 5.7.8)");
    assert_eq!(server.next("login").await["right"], false);
    let why = down(mailer(untrusted).deliver(&told(3)).await);
    assert!(why.starts_with("no safe connection to the mail server: invalid peer certificate"), "{why}");
    assert!(server.silent());
}

#[tokio::test]
async fn where_starttls_is_required_nothing_goes_without_it() {
    let mut server = MailServer::plain().await;
    let required = SmtpOptions::parse(&format!("smtp://127.0.0.1:{}?tls=required", server.port)).unwrap();
    let why = down(mailer(required).deliver(&told(1)).await);
    assert!(why.starts_with("the mail server does not offer STARTTLS"), "{why}");
    assert!(server.silent());
    let opportunistic = SmtpOptions::parse(&format!("smtp://127.0.0.1:{}?tls=opportunistic", server.port)).unwrap();
    mailer(opportunistic).deliver(&told(1)).await.unwrap();
    assert_eq!(server.mail().await["tls"], false);
}

#[tokio::test]
async fn smtps_is_encrypted_from_the_first_byte() {
    let certificate = Certificate::new();
    let mut server = MailServer::with(&certificate, &["--implicit"]).await;
    let options = SmtpOptions::parse(&format!("smtps://127.0.0.1:{}", server.port)).unwrap();
    let why = down(mailer(options.clone()).deliver(&told(1)).await);
    assert!(why.starts_with("the mail server cannot be reached: invalid peer certificate"), "{why}");
    mailer(options.trust(certificate.authority.as_bytes())).deliver(&told(1)).await.unwrap();
    server.mail().await;
}

#[tokio::test]
async fn what_a_server_refuses_is_sorted_by_whether_it_helps_to_try_again() {
    type Sort = fn(String) -> Undelivered;
    const LATER: Sort = |why| Undelivered::Later(why, None);
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    let (down, later, never): (Sort, Sort, Sort) = (Undelivered::Down, LATER, Undelivered::Never);
    for (word, kind, text) in [
        ("rcpt 450 4.2.1 ana@mail.example is busy", later, "the mail server cannot take it now (450 4.2.1)"),
        ("rcpt 550 5.1.1 <ana@mail.example>: who?", never, "the mail server refuses the recipient (550 5.1.1)"),
        ("rcpt 550 ana@mail.example unknown", never, "the mail server refuses the recipient (550)"),
        ("rcpt 530 5.7.0 Authentication required", down, "the mail server wants us to sign in (smtp.user, 530 5.7.0)"),
        ("mail 553 5.7.1 not yours", down, "the mail server refuses the sender (mail.from, 553 5.7.1)"),
        ("mail 451 later", later, "the mail server cannot take it now (451)"),
        ("data 452 4.3.1 full", later, "the mail server cannot take it now (452 4.3.1)"),
        ("data 554 5.6.0 It left our house: spam", never, "the mail server refuses what is in it (554 5.6.0)"),
        ("data 421 4.7.0 too many", down, "the mail server closes the connection (421 4.7.0)"),
    ] {
        server.told_to(word).await;
        let outcome = mailer.deliver(&told(1)).await;
        assert_eq!(outcome, Err(kind(text.to_owned())), "{word}");
        // Once more, and it goes.
        mailer.deliver(&told(1)).await.unwrap();
        server.mail().await;
    }
    assert!(server.silent());
}

#[tokio::test]
async fn a_connection_that_is_cut_or_silent_in_the_middle_is_used_for_nothing_more() {
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server).timeout(Duration::from_secs(3)));
    mailer.deliver(&told(1)).await.unwrap();
    let first = server.mail().await["connection"].clone();
    mailer.deliver(&told(2)).await.unwrap();
    assert_eq!(server.mail().await["connection"], first, "one that is good is used again");

    server.told_to("drop").await;
    let lost = "the connection to the mail server was lost in the middle".to_owned();
    assert_eq!(mailer.deliver(&told(3)).await, Err(Undelivered::Later(lost, None)));
    server.next("dropped").await;
    mailer.deliver(&told(3)).await.unwrap();
    let second = server.mail().await;
    assert_ne!(second["connection"], first);
    assert_eq!(header(&second, "Message-ID"), Some("<03030303030303030303030303030303@shop.example>"));

    server.told_to("stall").await;
    let why = down(mailer.deliver(&told(4)).await);
    assert_eq!(why, "the mail server has not answered within 3 seconds");
    server.next("stalled").await;
    mailer.deliver(&told(5)).await.unwrap();
    let third = server.mail().await;
    assert_ne!(third["connection"], second["connection"]);

    // Broken off from outside, as when the server stops.
    server.told_to("stall").await;
    let sixth = told(6);
    let broken_off = tokio::select! {
        _ = mailer.deliver(&sixth) => false,
        _ = server.next("stalled") => true,
    };
    assert!(broken_off);
    mailer.deliver(&told(7)).await.unwrap();
    let fourth = server.mail().await;
    assert_ne!(fourth["connection"], third["connection"]);
    assert_eq!(header(&fourth, "Message-ID"), Some("<07070707070707070707070707070707@shop.example>"));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_mail_and_sends_none_twice() {
    let mut server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    mailer.deliver(&told(1)).await.unwrap();
    server.mail().await;
    server.told_to("hang up").await;
    mailer.deliver(&told(2)).await.unwrap();
    server.mail().await;
    // The same when the server says so first.
    server.told_to("mail 421 4.4.2 idle for too long").await;
    mailer.deliver(&told(3)).await.unwrap();
    server.mail().await;
    assert!(server.silent());
}

#[tokio::test]
async fn a_server_that_is_away_is_down_until_it_is_back() {
    let server = MailServer::plain().await;
    let mailer = mailer(plain(&server));
    let port = server.port;
    drop(server);
    let why = down(mailer.deliver(&told(1)).await);
    assert!(why.starts_with("the mail server cannot be reached: Connection refused"), "{why}");
    let mut server = MailServer::start(&["--port", &port.to_string()]).await;
    mailer.deliver(&told(1)).await.unwrap();
    server.mail().await;
    assert!(server.silent());
}

#[tokio::test]
async fn an_address_outside_of_ascii_is_for_servers_that_know_it() {
    let server = MailServer::plain().await;
    let mut notification = told(1);
    notification.mail_address = Some("änna@mail.example".to_owned());
    let outcome = mailer(plain(&server)).deliver(&notification).await;
    assert!(matches!(outcome, Err(Undelivered::Never(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_folder_holds_each_mail_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("mails");
    let clock = Arc::new(ManualClock::at(NOW));
    let mailer = Mailer::builder(MailTransport::Folder(place.clone()), "chat@shop.example", BASE).clock(clock);
    let mailer = mailer.build().unwrap();
    for id in [1, 1, 2] {
        mailer.deliver(&told(id)).await.unwrap();
    }
    let mut names: Vec<String> =
        std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["01".repeat(16) + ".eml", "02".repeat(16) + ".eml"]);
    let text = std::fs::read_to_string(place.join(&names[0])).unwrap();
    assert!(text.contains("\r\nTo: ana@mail.example\r\n"), "{text}");
    #[cfg(unix)]
    for (path, mode) in [(place.clone(), 0o700), (place.join(&names[0]), 0o600)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    // A file where the folder should be.
    let mailer = Mailer::builder(MailTransport::Folder(place.join(&names[0])), "chat@shop.example", BASE);
    down(mailer.build().unwrap().deliver(&told(1)).await);
}
