use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chat_proto::{ConversationId, Timestamp};

use super::*;
use crate::letters::Letter;
use crate::notify::{News, UnreadConversation, made_up};
use crate::state::LetterKind;
use crate::testing::ManualClock;

const NOW: Timestamp = Timestamp::from_millis(1_795_700_000_000);

fn builder() -> MailerBuilder {
    Mailer::builder(MailTransport::Log, "Mug Shop <chat@shop.example>", "https://chat.shop.example/")
        .clock(Arc::new(ManualClock::at(NOW)))
}

/// All mails that templates are tried with.
fn shown(mailer: &Mailer) -> String {
    let mut shown = String::new();
    for sample in samples::all(NOW) {
        let pages = mailer.composer.pages(&sample).unwrap();
        let rule = "=".repeat(100);
        let _ = write!(shown, "{rule}\n{}\n{rule}\n{}\n\n{}\n\n", pages.subject, pages.text, pages.html);
    }
    shown
}

#[test]
fn mails_in_english() {
    insta::assert_snapshot!(shown(&builder().build().unwrap()));
}

#[test]
fn mails_in_german() {
    insta::assert_snapshot!(shown(&builder().language("de").build().unwrap()));
}

#[test]
fn without_texts_a_mail_says_how_many_there_are() {
    let mailer = builder().show_text(false).build().unwrap();
    for sample in &samples::all(NOW)[..2] {
        let pages = mailer.composer.pages(sample).unwrap();
        for page in [&pages.subject, &pages.text, &pages.html] {
            for secret in ["house", "mugs", "Leo", "Dana"] {
                assert!(!page.contains(secret), "{page}");
            }
        }
        assert!(pages.html.contains("unread message"), "{}", pages.html);
    }
}

#[test]
fn what_people_write_is_text_and_nothing_else() {
    let hostile = "<script>alert(1)</script><a href=\"https://evil.example\">Log in</a>{{ say('x') }}\"'>";
    let unread = made_up::unread(ConversationId::from_bytes([1; 16]), hostile, &[(hostile, hostile)]);
    let mut notification =
        made_up::notification([7; 16], News::Unread { conversations: vec![unread], together: false });
    notification.name = Some(hostile.to_owned());
    let mailer = builder().build().unwrap();
    let html = mailer.composer.pages(&notification).unwrap().html;
    assert!(!html.contains("<script") && !html.contains("href=\"https://evil"), "{html}");
    // In text it stands as it is, and the braces are no template's.
    assert!(mailer.composer.pages(&notification).unwrap().text.contains("{{ say('x') }}"));
    let links: Vec<&str> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(
        !links.is_empty() && links.iter().all(|link| link.starts_with("https:&#x2f;&#x2f;chat.shop.example&#x2f;")),
        "{links:?}"
    );
}

#[test]
fn a_letter_whose_link_is_over_never_goes() {
    let mailer = builder().build().unwrap();
    for (expires_at, is_sent) in [(NOW, false), (NOW.after(std::time::Duration::from_secs(1)), true)] {
        let letter = Letter::made_up(LetterKind::PasswordReset, "ana@mail.example", expires_at);
        let composed = mailer.composer.compose(&made_up::notification([7; 16], News::Letter(letter)));
        assert_eq!(composed.is_ok(), is_sent, "{composed:?}");
    }
}

#[test]
fn nobody_is_sent_anything_at_an_address_that_is_none() {
    let mailer = builder().build().unwrap();
    for address in ["", "ana", "ana@mail.example\r\nBcc: all@shop.example", "a@b, c@d", "<a@b>", "a@b>"] {
        let letter = Letter::made_up(LetterKind::PasswordReset, address, NOW.after(std::time::Duration::from_secs(9)));
        let composed = mailer.composer.compose(&made_up::notification([7; 16], News::Letter(letter)));
        let Err(Undelivered::Never(why)) = composed else { panic!("{address:?}: {composed:?}") };
        assert!(address.is_empty() || !why.contains(address), "{why}");
    }
}

fn with_templates(files: &[(&str, &str)]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let built = builder().templates(folder.path()).build();
    built
        .map(|mailer| shown(&mailer))
        .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "."))
}

#[test]
fn a_shop_replaces_templates_and_words() {
    let mails = with_templates(&[
        ("letter.txt", "{% include '_top.txt' %}{{ link }} {{ good_for }}"),
        ("_top.txt", "Hi from {{ shop }}: "),
        ("words.en.json", r#"{"unread.open": "Look at it"}"#),
        (".letter.txt.swp", "{{"),
    ])
    .unwrap();
    assert!(mails.contains("Hi from Mug Shop: https://chat.shop.example/"), "{mails}");
    assert!(mails.contains(">Look at it</a>") && mails.contains("You have an unread message"), "{mails}");
}

#[test]
fn a_template_that_does_not_work_is_told_with_its_place() {
    for (name, text, told) in [
        ("letter.txt", "one\n{{ link", "letter.txt, line 2: "),
        ("letter.txt", "one\ntwo\n{{ lnik }}", "letter.txt, line 3: "),
        ("unread.html", "{{ say('unread.heading') }}", "unread.html, line 1: "),
        ("unread.html", "\n{{ say('unraed.heading', count=1) }}", "unread.html, line 2: there are no words called"),
        ("unread.html", "{% include '_missing.html' %}", "unread.html, line 1: "),
        ("latter.txt", "", "./latter.txt: nothing is called so; there are layout.html, letter.html"),
        ("words.en.json", r#"{"unread.opne": "Look"}"#, "./words.en.json: nothing is called `unread.opne`"),
        ("words.en.json", r#"{"unread.open": "Look at {it}"}"#, "unread.txt, line "),
        ("words.en.json", "{", "./words.en.json: EOF"),
    ] {
        let error = with_templates(&[(name, text)]).unwrap_err();
        assert!(error.starts_with(told), "{name}: {error}");
    }
    let error = builder().templates(Path::new("/nowhere")).build().unwrap_err();
    assert!(matches!(error, MailError::Unreadable { .. }), "{error}");
}

#[test]
fn a_language_comes_with_its_words() {
    let error = builder().language("fr").build().unwrap_err().to_string();
    assert!(error.starts_with("there are no words in the language `fr`; known are de, en."), "{error}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("words.fr.json"), r#"{"unread.open": "Ouvrir"}"#).unwrap();
    let mailer = builder().templates(folder.path()).language("fr").build().unwrap();
    assert!(shown(&mailer).contains(">Ouvrir</a>"));
}

#[test]
fn addresses_that_mails_come_from_are_looked_at() {
    let build = |from, url: &str| Mailer::builder(MailTransport::Log, from, url).build();
    for from in ["", "shop", "Shop <shop>", "a@b\r\nBcc: c@d"] {
        assert!(matches!(build(from, "https://c.example"), Err(MailError::Address { .. })), "{from:?}");
    }
    for url in ["", "chat.shop.example", "https://", "javascript:x", "https://c.example/\"x", "https://c.example?x"] {
        assert!(matches!(build("a@b.example", url), Err(MailError::PublicUrl(_))), "{url:?}");
    }
    assert!(matches!(builder().reply_to("nobody").build(), Err(MailError::Address { .. })));
}

#[test]
fn a_password_is_not_sent_where_it_could_be_read() {
    let build = |url: &str| {
        let options = SmtpOptions::parse(url).unwrap().credentials("me", "hunter2");
        Mailer::builder(MailTransport::Smtp(options), "a@b.example", "https://c.example").build()
    };
    for url in ["smtp://mail.example?tls=none", "smtp://mail.example?tls=opportunistic", "smtp://192.0.2.1?tls=none"] {
        assert!(matches!(build(url), Err(MailError::InTheClear { .. })), "{url}");
    }
    for url in ["smtp://mail.example", "smtps://mail.example", "smtp://127.0.0.1?tls=none", "smtp://localhost?tls=none"]
    {
        assert!(build(url).is_ok(), "{url}");
    }
}

#[test]
fn of_a_conversation_without_a_title_the_subject_is_still_one() {
    let unread = UnreadConversation {
        title: String::new(),
        ..made_up::unread(ConversationId::from_bytes([1; 16]), "", &[("Leo", "Hi")])
    };
    let notification = made_up::notification([7; 16], News::Unread { conversations: vec![unread], together: false });
    let mailer = builder().subject_prefix("[Mugs]").build().unwrap();
    assert_eq!(mailer.composer.pages(&notification).unwrap().subject, "[Mugs] New messages:");
}
