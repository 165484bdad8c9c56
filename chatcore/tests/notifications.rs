//! Who is told of what while they are not here, and when: by the clock of the test, through a notifier that remembers.

use std::sync::Arc;
use std::time::Duration;

use chatcore::model::{ChannelPreferences, Digest, NotificationPreferences, QuietHours};
use chatcore::testing::{ManualClock, MemoryNotifier};
use chatcore::{
    Channel, Chat, ChatBuilder, Clock as _, ConversationId, NewPerson, News, Notification, Timestamp, Undelivered,
    UnreadConversation, UserId,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// 2027-01-15, 8 o'clock in UTC.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Two agents who are told by mail and by push, each in a conversation with the designer who writes to them.
struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    mails: MemoryNotifier,
    pushes: MemoryNotifier,
    leo: UserId,
    /// To whom something is written when the test wants to see that nothing else comes.
    witness: UserId,
    dana: UserId,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(|builder| builder).await
    }

    async fn open_with(more: impl FnOnce(ChatBuilder) -> ChatBuilder) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let (mails, pushes) = (MemoryNotifier::new(Channel::Mail), MemoryNotifier::new(Channel::Push));
        let builder = Chat::builder().clock(Arc::clone(&clock) as Arc<_>);
        let builder = more(builder.notifier(mails.clone()).notifier(pushes.clone()));
        let chat = builder.open().await.expect("it opens");
        let people = chat.people();
        let leo = people.create(NewPerson::agent("leo@shop.example")).await.expect("it works").id;
        let witness = people.create(NewPerson::agent("witness@shop.example")).await.expect("it works").id;
        let dana =
            people.create(NewPerson::new(chatcore::Role::Designer, "dana@shop.example")).await.expect("it works").id;
        Self { chat, clock, mails, pushes, leo, witness, dana }
    }

    async fn writes(&self, to: UserId, text: &str) -> ConversationId {
        let dana = self.chat.as_user(self.dana);
        let (conversation, _) = dana.open_direct(to).await.expect("it works");
        dana.conversation(conversation.id).send(text).await.expect("it works");
        conversation.id
    }

    async fn wishes(&self, change: impl FnOnce(&mut NotificationPreferences)) {
        let leo = self.chat.as_user(self.leo);
        let mut wishes = leo.notification_preferences().await.expect("it works");
        change(&mut wishes);
        leo.set_notification_preferences(wishes.clone()).await.expect("it works");
        assert_eq!(leo.notification_preferences().await.expect("it works"), wishes);
    }

    /// So many mails have come to Leo, and no more are on their way: something that was due later has arrived. What is
    /// missing is waited for, so that no test depends on which of two deliveries is faster.
    async fn mails_to_leo(&self, number: usize) -> Vec<Notification> {
        self.arrived(&self.mails, MINUTE, number).await
    }

    async fn pushes_to_leo(&self, number: usize) -> Vec<Notification> {
        self.arrived(&self.pushes, 5 * SECOND, number).await
    }

    async fn arrived(&self, notifier: &MemoryNotifier, delay: Duration, number: usize) -> Vec<Notification> {
        let to_leo =
            || -> Vec<_> { notifier.tried().into_iter().filter(|tried| tried.user == Some(self.leo)).collect() };
        let mark = format!("Is it all at {}?", self.clock.now());
        let order = self.writes(self.witness, &mark).await;
        self.clock.advance(delay);
        let is_marked = |tried: &Notification| {
            tried.user == Some(self.witness) && unread(tried).iter().any(|(_, texts)| texts.contains(&mark))
        };
        // What was tried may have been put off by a clock that the test had turned already: so it goes on a little.
        let (mut heard, mut waited) = (1, Duration::ZERO);
        while !notifier.tried().iter().any(is_marked) || to_leo().len() < number {
            assert!(waited < 2 * MINUTE, "{number} of {:?}", to_leo());
            match tokio::time::timeout(SECOND / 4, notifier.attempt(heard)).await {
                Ok(_) => heard += 1,
                Err(_) => {
                    self.clock.advance(SECOND);
                    waited += SECOND;
                }
            }
        }
        self.chat.as_user(self.witness).conversation(order).mark_read(chatcore::Seq(u64::MAX)).await.expect("it works");
        let told = to_leo();
        assert_eq!(told.len(), number, "{told:?}");
        told
    }
}

/// The conversations that it is about: how many messages, and the text of those that it shows.
fn unread(notification: &Notification) -> Vec<(u64, Vec<String>)> {
    let News::Unread { conversations, .. } = &notification.news else { panic!("{notification:?}") };
    let texts = |of: &UnreadConversation| of.messages.iter().map(|message| message.text.clone()).collect();
    conversations.iter().map(|of| (of.count, texts(of))).collect()
}

fn is_together(notification: &Notification) -> bool {
    matches!(notification.news, News::Unread { together: true, .. })
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(ToOwned::to_owned).to_vec()
}

#[tokio::test]
async fn what_is_not_read_is_told_once_by_each_channel() {
    let shop = Shop::open().await;
    shop.writes(shop.leo, "Are you there?").await;
    shop.clock.advance(4 * SECOND);
    shop.writes(shop.leo, "Hello?").await;
    shop.clock.advance(SECOND);
    let push = shop.pushes.attempt(1).await;
    assert_eq!((push.user, push.attempt, push.created_at), (Some(shop.leo), 1, shop.clock.now()));
    assert_eq!(unread(&push), [(2, texts(["Are you there?", "Hello?"]))]);
    shop.clock.advance(55 * SECOND);
    let mail = shop.mails.attempt(1).await;
    assert_eq!(mail.mail_address.as_deref(), Some("leo@shop.example"));
    assert_eq!(unread(&mail), [(2, texts(["Are you there?", "Hello?"]))]);
    shop.clock.advance(24 * HOUR);
    shop.mails_to_leo(1).await;
    shop.pushes_to_leo(1).await;
}

#[tokio::test]
async fn what_is_read_in_time_or_deleted_is_not_told() {
    let shop = Shop::open().await;
    let order = shop.writes(shop.leo, "Read").await;
    shop.chat.as_user(shop.leo).conversation(order).mark_read(chatcore::Seq(1)).await.expect("it works");
    shop.clock.advance(2 * SECOND);
    let dana = shop.chat.as_user(shop.dana);
    let sent = dana.conversation(order).send("Wrong window").await.expect("it works");
    dana.conversation(order).delete(sent.message.id, None).await.expect("it works");
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(0).await;
    shop.pushes_to_leo(0).await;
    // What comes then waits by itself.
    shop.writes(shop.leo, "News").await;
    shop.clock.advance(59 * SECOND);
    shop.pushes_to_leo(1).await;
    let mails = shop.mails_to_leo(1).await;
    assert_eq!(mails.iter().map(unread).collect::<Vec<_>>(), [[(1, texts(["News"]))]]);
}

#[tokio::test]
async fn who_sits_at_a_device_is_told_when_they_have_gone_without_reading() {
    let shop = Shop::open().await;
    let device = shop.chat.as_user(shop.leo).events().await.expect("it works");
    shop.writes(shop.leo, "Look").await;
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(0).await;
    shop.pushes_to_leo(0).await;
    drop(device);
    shop.clock.advance(2 * MINUTE);
    shop.mails_to_leo(1).await;
    shop.pushes_to_leo(1).await;
}

#[tokio::test]
async fn mails_about_a_conversation_become_rarer_until_it_is_read() {
    let shop = Shop::open().await;
    let order = shop.writes(shop.leo, "Hello?").await;
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(1).await;
    for (told, gap) in [(2, 15), (3, 30), (4, 60)] {
        shop.writes(shop.leo, "Hello?").await;
        shop.clock.advance((gap - 3) * MINUTE);
        shop.mails_to_leo(told - 1).await;
        shop.clock.advance(2 * MINUTE);
        shop.mails_to_leo(told).await;
    }
    shop.chat.as_user(shop.leo).conversation(order).mark_read(chatcore::Seq(u64::MAX)).await.expect("it works");
    shop.writes(shop.leo, "Now again").await;
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(5).await;
}

#[tokio::test]
async fn quiet_hours_end_with_one_summary() {
    let shop = Shop::open().await;
    let time = |text: &str| text.parse().expect("a time");
    let quiet = QuietHours { from: time("08:00"), to: time("12:00") };
    shop.wishes(|wishes| wishes.quiet_hours = Some(quiet)).await;
    shop.writes(shop.leo, "One").await;
    shop.clock.advance(HOUR);
    // From somebody else, in another conversation.
    let other = shop
        .chat
        .people()
        .create(NewPerson::new(chatcore::Role::Merchant, "max@shop.example"))
        .await
        .expect("it works")
        .id;
    let max = shop.chat.as_user(other);
    let (second, _) = max.open_direct(shop.leo).await.expect("it works");
    max.conversation(second.id).send("Two").await.expect("it works");
    shop.clock.advance(HOUR);
    shop.mails_to_leo(0).await;
    shop.pushes_to_leo(0).await;
    shop.clock.advance(2 * HOUR);
    for told in [shop.mails_to_leo(1).await, shop.pushes_to_leo(1).await] {
        let [summary] = &told[..] else { panic!("one summary: {told:?}") };
        assert!(is_together(summary));
        assert_eq!(unread(summary), [(1, texts(["One"])), (1, texts(["Two"]))]);
    }
}

#[tokio::test]
async fn however_many_conversations_waited_through_quiet_hours_none_is_forgotten() {
    const CONVERSATIONS: usize = 230;
    let shop = Shop::open().await;
    let time = |text: &str| text.parse().expect("a time");
    shop.wishes(|wishes| wishes.quiet_hours = Some(QuietHours { from: time("08:00"), to: time("12:00") })).await;
    for n in 0..CONVERSATIONS {
        let writer = NewPerson::new(chatcore::Role::Merchant, format!("writer-{n}@shop.example"));
        let writer = shop.chat.people().create(writer).await.expect("it works").id;
        let writer = shop.chat.as_user(writer);
        let (conversation, _) = writer.open_direct(shop.leo).await.expect("it works");
        writer.conversation(conversation.id).send("Hello").await.expect("it works");
    }
    shop.clock.advance(HOUR);
    shop.mails_to_leo(0).await;
    shop.clock.advance(3 * HOUR);
    // A hundred at a time.
    let mails = shop.mails_to_leo(3).await;
    assert_eq!(mails.iter().map(|mail| unread(mail).len()).sum::<usize>(), CONVERSATIONS);
}

#[tokio::test]
async fn a_digest_is_one_mail_and_holds_back_no_push() {
    let shop = Shop::open().await;
    shop.wishes(|wishes| {
        wishes.digest = Digest::Daily;
        wishes.time_zone = "America/New_York".to_owned();
    })
    .await;
    // Three in the morning there; the digest comes at nine.
    for (n, text) in ["One", "Two", "Three"].into_iter().enumerate() {
        shop.writes(shop.leo, text).await;
        shop.clock.advance(HOUR);
        shop.pushes_to_leo(n + 1).await;
    }
    shop.mails_to_leo(0).await;
    shop.clock.advance(3 * HOUR);
    let mails = shop.mails_to_leo(1).await;
    assert_eq!(mails.iter().map(unread).collect::<Vec<_>>(), [[(3, texts(["One", "Two", "Three"]))]]);
    assert!(is_together(&mails[0]));
}

#[tokio::test]
async fn what_somebody_does_not_wish_is_not_told() {
    let shop = Shop::open().await;
    let order = shop.writes(shop.leo, "Muted").await;
    let leo = shop.chat.as_user(shop.leo);
    leo.mute(order, Some(START.after(HOUR))).await.expect("it works");
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(0).await;
    shop.pushes_to_leo(0).await;
    let muted = leo.muted().await.expect("it works").items;
    assert_eq!(
        muted.iter().map(|muted| (muted.conversation_id, muted.until)).collect::<Vec<_>>(),
        [(order, Some(START.after(HOUR)))]
    );
    leo.unmute(order).await.expect("it works");
    assert_eq!(leo.muted().await.expect("it works").items, []);
    // Only what speaks to him, and that not by mail.
    shop.wishes(|wishes| {
        wishes.mail = ChannelPreferences::NONE;
        wishes.push = ChannelPreferences { messages: false, mentions: true };
    })
    .await;
    shop.writes(shop.leo, "To nobody").await;
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(0).await;
    shop.pushes_to_leo(0).await;
    let dana = shop.chat.as_user(shop.dana);
    let draft = chatcore::Draft::text("Leo?").mentions(vec![shop.leo]);
    dana.conversation(order).send(draft).await.expect("it works");
    shop.clock.advance(MINUTE);
    shop.mails_to_leo(0).await;
    shop.pushes_to_leo(1).await;
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later_and_holds_up_no_other() {
    let shop = Shop::open().await;
    shop.mails.fail_for(shop.leo, Undelivered::Later("busy".to_owned(), None));
    shop.mails.fail_for(shop.leo, Undelivered::Later("busy".to_owned(), Some(5 * MINUTE)));
    shop.writes(shop.leo, "Hello").await;
    shop.clock.advance(MINUTE);
    let first = shop.mails.attempt(1).await;
    shop.mails_to_leo(2).await; // The other mail came, and the minute was enough to try again.
    shop.clock.advance(4 * MINUTE);
    let told = shop.mails_to_leo(3).await;
    assert_eq!((told[2].id, told[2].attempt), (first.id, 3));
    shop.clock.advance(24 * HOUR);
    shop.mails_to_leo(3).await;
}

/// seed-api.md 1.11, 20: nothing that is sent waits for a mail.
#[tokio::test]
async fn hole_20_a_channel_that_hangs_delays_no_other_and_no_message() {
    let shop = Shop::open().await;
    for _ in 0..100 {
        shop.mails.hang();
    }
    let people = shop.chat.people();
    for n in 0..20 {
        let agent = people.create(NewPerson::agent(format!("agent-{n}@shop.example"))).await.expect("it works").id;
        shop.writes(agent, "Hello").await;
    }
    shop.clock.advance(MINUTE);
    shop.mails.attempt(8).await;
    shop.pushes.attempt(20).await;
    shop.writes(shop.leo, "This is stored").await;
    assert_eq!(shop.mails.tried().len(), 8, "no more at a time");
}

#[tokio::test]
async fn letters_go_by_mail_and_a_used_link_does_not() {
    let shop = Shop::open_with(ChatBuilder::cheap_passwords).await;
    shop.mails.fail(Undelivered::Later("busy".to_owned(), None));
    shop.chat.register("ana@mail.example", "Ana", "correct horse battery".to_owned()).await.expect("it works");
    let mail = shop.mails.attempt(1).await;
    let News::Letter(letter) = &mail.news else { panic!("{mail:?}") };
    assert_eq!((mail.mail_address.as_deref(), mail.name.as_deref()), (Some("ana@mail.example"), Some("Ana")));
    let link = letter.link("https://shop.example");
    let token = link.split_once('#').expect("a secret").1;
    shop.chat.entrance(chatcore::Origin::default()).verify_email(token).await.expect("it is good");
    shop.clock.advance(HOUR);
    shop.mails_to_leo(0).await;
    assert_eq!(shop.mails.tried().iter().filter(|tried| matches!(tried.news, News::Letter(_))).count(), 1);
}

#[tokio::test]
async fn after_a_restart_nothing_is_forgotten_and_nothing_told_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(START));
    let mails = MemoryNotifier::new(Channel::Mail);
    let open = || async {
        let builder = Chat::builder().clock(Arc::clone(&clock) as Arc<_>).notifier(mails.clone());
        builder.data_dir(folder.path()).open().await.expect("it opens")
    };
    let chat = open().await;
    let people = chat.people();
    let leo = people.create(NewPerson::agent("leo@shop.example")).await.expect("it works").id;
    let mia = people.create(NewPerson::agent("mia@shop.example")).await.expect("it works").id;
    let dana = people.create(NewPerson::new(chatcore::Role::Designer, "dana@shop.example")).await.expect("it works").id;
    let write = |chat: Chat, to, text: &'static str| async move {
        let dana = chat.as_user(dana);
        let (conversation, _) = dana.open_direct(to).await.expect("it works");
        dana.conversation(conversation.id).send(text).await.expect("it works");
    };
    write(chat.clone(), leo, "Told").await;
    clock.advance(MINUTE);
    mails.attempt(1).await;
    write(chat.clone(), mia, "Not yet").await;
    // Nothing is closed: it is as if the program had been killed.
    drop((chat, people));
    let chat = loop {
        let builder = Chat::builder().clock(Arc::clone(&clock) as Arc<_>).notifier(mails.clone());
        match builder.data_dir(folder.path()).open().await {
            Ok(chat) => break chat,
            // The files are let go of by the writer's thread.
            Err(_) => tokio::task::yield_now().await,
        }
    };
    clock.advance(MINUTE);
    assert_eq!(mails.attempt(2).await.user, Some(mia));
    write(chat.clone(), leo, "News").await;
    clock.advance(HOUR);
    let third = mails.attempt(3).await;
    assert_eq!((third.user, unread(&third)), (Some(leo), vec![(1, texts(["News"]))]), "each is told once");
    assert_eq!(mails.tried().len(), 3);
}
