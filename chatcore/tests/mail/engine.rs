//! From what happens in the chat to what a mail server gets: each mail once.

use std::sync::Arc;
use std::time::Duration;

use chatcore::mail::Mailer;
use chatcore::model::ChannelPreferences;
use chatcore::testing::ManualClock;
use chatcore::{Channel, Chat, Delivering, ErrorCode, NewPerson, Notification, Notifier, Origin, Role, UserId};
use tokio::sync::watch;

use crate::server::{DEADLINE, MailServer};
use crate::{BASE, NOW, builder, header, part, plain};

const MINUTE: Duration = Duration::from_mins(1);
const PASSWORD: &str = "correct horse battery";

/// A mailer of which the test knows how many attempts have ended. What came of one is on its way to the store when it
/// counts, since all of it happens on one thread: so the clock may be turned, and no attempt is begun that need not be.
#[derive(Debug)]
struct Watched {
    mailer: Mailer,
    ended: Arc<watch::Sender<usize>>,
}

impl Notifier for Watched {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let delivered = self.mailer.deliver(notification).await;
            self.ended.send_modify(|ended| *ended += 1);
            delivered
        })
    }
}

struct Shop {
    chat: Chat,
    ended: Arc<watch::Sender<usize>>,
    clock: Arc<ManualClock>,
    admin: UserId,
}

impl Shop {
    async fn open(server: &MailServer) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let mailer: Mailer = builder(plain(server)).clock(clock.clone()).build().expect("a mailer");
        let ended = Arc::new(watch::Sender::new(0));
        let mailer = Watched { mailer, ended: Arc::clone(&ended) };
        let chat = Chat::builder().cheap_passwords().clock(clock.clone()).notifier(mailer);
        let chat = chat.open().await.expect("a chat");
        let admin = chat.bootstrap_admin("admin@shop.example", "Ada", PASSWORD.to_owned()).await.expect("an admin").id;
        Self { chat, ended, clock, admin }
    }

    async fn person(&self, role: Role, email: &'static str, name: &'static str) -> UserId {
        self.chat.people().create(NewPerson::new(role, email).name(name)).await.expect("a person").id
    }

    async fn writes(&self, from: UserId, to: UserId, text: &str) {
        let from = self.chat.as_user(from);
        let (conversation, _) = from.open_direct(to).await.expect("a conversation");
        from.conversation(conversation.id).send(text).await.expect("sent");
    }

    /// Waits until so many attempts have ended, in all.
    async fn attempts(&self, number: usize) {
        let mut ended = self.ended.subscribe();
        let enough = tokio::time::timeout(DEADLINE, ended.wait_for(|ended| *ended >= number)).await;
        enough.expect("attempts in time").expect("the mailer is there");
    }

    /// Something that comes by mail after all that has happened until now.
    async fn mark(&self, server: &mut MailServer) {
        let before = *self.ended.borrow();
        let entrance = self.chat.entrance(Origin::default());
        entrance.forgot_password("admin@shop.example").await.expect("asked for");
        let mail = server.mail().await;
        assert_eq!(mail["recipients"][0], "admin@shop.example", "{mail:#}");
        self.attempts(before + 1).await;
    }
}

/// The token behind the link of a letter.
fn token(text: &str, page: &str) -> String {
    let begins = format!("{BASE}/{page}#");
    let (_, rest) = text.split_once(&begins).expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}

#[tokio::test]
async fn letters_come_once_and_their_links_work() {
    let mut server = MailServer::plain().await;
    let shop = Shop::open(&server).await;
    let entrance = shop.chat.entrance(Origin::default());

    entrance.register("bo@mail.example", "Bo", PASSWORD.to_owned()).await.expect("signed up");
    let mail = server.mail().await;
    assert_eq!(
        (mail["recipients"][0].as_str(), header(&mail, "Subject")),
        (Some("bo@mail.example"), Some("Is this your address? Mug & Söhne"))
    );
    entrance.verify_email(&token(part(&mail, "text/plain"), "verify-email")).await.expect("it is good");

    entrance.forgot_password("bo@mail.example").await.expect("asked for");
    let mail = server.mail().await;
    assert_eq!(mail["recipients"][0], "bo@mail.example");
    let token_of_reset = token(part(&mail, "text/plain"), "reset-password");
    entrance.reset_password(&token_of_reset, "another horse battery".to_owned()).await.expect("it is good");
    shop.chat.login("bo@mail.example", "another horse battery".to_owned()).await.expect("signed in");

    shop.chat.as_user(shop.admin).invite("new@shop.example", Role::Agent).await.expect("invited");
    let mail = server.mail().await;
    assert_eq!(mail["recipients"][0], "new@shop.example");
    let invited = token(part(&mail, "text/plain"), "accept-invitation");
    entrance.accept_invitation(&invited, "Nora", PASSWORD.to_owned()).await.expect("it is good");
    // Who has accepted is asked whether the address is theirs.
    assert_eq!(server.mail().await["recipients"][0], "new@shop.example");
    shop.attempts(4).await;

    shop.clock.advance(MINUTE);
    shop.mark(&mut server).await;
    assert!(server.silent());
}

#[tokio::test]
async fn a_server_that_was_away_for_a_quarter_of_an_hour_gets_each_mail_once() {
    let server = MailServer::plain().await;
    let shop = Shop::open(&server).await;
    let leo = shop.person(Role::Agent, "leo@shop.example", "Leo Marsh").await;
    let dana = shop.person(Role::Designer, "dana@shop.example", "Dana Kerr").await;
    let port = server.port;
    drop(server);
    for text in ["The proof is ready.", "Have a look?"] {
        shop.writes(dana, leo, text).await;
    }
    // It is tried again and again; the wait before the fifth attempt is four minutes, if chance will have it so.
    for attempt in 1..=4 {
        shop.clock.advance(4 * MINUTE);
        shop.attempts(attempt).await;
    }
    let mut server = MailServer::start(&["--port", &port.to_string()]).await;
    shop.clock.advance(Duration::from_hours(1));
    let mail = server.mail().await;
    shop.attempts(5).await;
    assert_eq!(mail["recipients"][0], "leo@shop.example");
    assert_eq!(header(&mail, "Subject"), Some("New messages: Dana Kerr"));
    let text = part(&mail, "text/plain");
    assert!(text.contains("The proof is ready.") && text.contains("Have a look?"), "{text}");
    for _ in 0..3 {
        shop.clock.advance(Duration::from_hours(1));
        shop.mark(&mut server).await;
    }
    assert!(server.silent());
}

#[tokio::test]
async fn who_ends_mails_from_a_mail_gets_letters_and_nothing_else() {
    let mut server = MailServer::plain().await;
    let shop = Shop::open(&server).await;
    let leo = shop.person(Role::Agent, "leo@shop.example", "Leo Marsh").await;
    let dana = shop.person(Role::Designer, "dana@shop.example", "Dana Kerr").await;
    shop.writes(dana, leo, "The proof is ready.").await;
    shop.clock.advance(MINUTE);
    let mail = server.mail().await;
    // What a program takes an hour for is tried once more.
    shop.attempts(1).await;
    let link = header(&mail, "List-Unsubscribe").expect("a link");
    let begins = format!("<{BASE}/api/v1/notifications/unsubscribe?token=");
    let token = link.strip_prefix(begins.as_str()).and_then(|rest| rest.strip_suffix('>')).expect("a token");
    assert!(part(&mail, "text/plain").contains(token), "it stands in the mail too");

    for wrong in ["", "ut_", &token[..token.len() - 1], &token.replace("ut_", "vt_"), &format!("{token}A")] {
        let error = shop.chat.unsubscribe(wrong).await.expect_err("it is none");
        assert_eq!(error.code(), ErrorCode::Invalid, "{wrong}");
    }
    // Another's, as somebody would make it up from their own.
    let mut other: Vec<u8> = token.bytes().collect();
    other[5] = if other[5] == b'A' { b'B' } else { b'A' };
    let other = String::from_utf8(other).expect("a text");
    assert!(shop.chat.unsubscribe(&other).await.is_err());
    let wishes = async || shop.chat.as_user(leo).notification_preferences().await.expect("wishes");
    let before = wishes().await;
    assert_eq!(before.mail, ChannelPreferences::ALL);
    for _ in 0..2 {
        shop.chat.unsubscribe(token).await.expect("it is good, as often as one likes");
    }
    let after = wishes().await;
    assert_eq!((after.mail, after.push), (ChannelPreferences::NONE, before.push));

    shop.writes(dana, leo, "Are you there?").await;
    shop.clock.advance(Duration::from_hours(1));
    shop.mark(&mut server).await;
    shop.chat.entrance(Origin::default()).forgot_password("leo@shop.example").await.expect("asked for");
    assert_eq!(header(&server.mail().await, "Subject"), Some("Set a new password at Mug & Söhne"));

    // Of an account that is closed there is nothing left to end.
    shop.chat.as_user(shop.admin).disable_user(leo).await.expect("closed");
    shop.chat.unsubscribe(token).await.expect("it is ended");
}
