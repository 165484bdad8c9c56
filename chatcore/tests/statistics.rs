//! Statistics through the public door: days that pass, restarts, crashes, and stores that know of nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use chatcore::model::{PeopleCount, StatsOverview, Who};
use chatcore::state::{Command, Minter, RecordKey};
use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::{RedbOptions, RedbStore};
use chatcore::store::{Keep, Store};
use chatcore::testing::{ManualClock, SeededEntropy};
use chatcore::{Actor, Chat, Clock, ErrorCode, NewPerson, Role, Rules, Site, Timestamp, UserId};

const DAY: Duration = Duration::from_hours(24);
const NOON: Timestamp = Timestamp::from_millis(1_800_014_400_000);

struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    admin: UserId,
}

impl Shop {
    /// A new shop with its admin.
    async fn begin(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at(NOON));
        let chat = open(store, &clock).await;
        let admin = chat.bootstrap_admin("admin@shop.example", "Admin", "correct horse".to_owned()).await.unwrap();
        Self { chat, clock, admin: admin.id }
    }

    /// Closes it and opens it again on this store.
    async fn reopen(self, store: Arc<dyn Store>) -> Self {
        self.chat.close(Duration::from_secs(30)).await.unwrap();
        Self { chat: open(store, &self.clock).await, ..self }
    }

    fn admin(&self) -> Actor {
        self.chat.as_user(self.admin)
    }

    async fn overview(&self, days: u32) -> StatsOverview {
        let overview = self.admin().stats_overview(days).await.unwrap();
        assert_eq!(overview.messages_by_day.len(), days as usize);
        overview
    }

    async fn person(&self, role: Role, name: &str) -> UserId {
        let new = NewPerson::customer(format!("{name}@shop.example"));
        let id = self.chat.people().create(new).await.unwrap().id;
        if role != Role::Customer {
            self.admin().change_user(id, None, Some(role), None).await.unwrap();
        }
        id
    }

    /// One writes to the other so often.
    async fn talk(&self, from: UserId, to: UserId, times: usize) {
        let from = self.chat.as_user(from);
        let (conversation, _) = from.open_direct(to).await.unwrap();
        for _ in 0..times {
            from.conversation(conversation.id).send("Hello").await.unwrap();
        }
    }
}

async fn open(store: Arc<dyn Store>, clock: &Arc<ManualClock>) -> Chat {
    let site = Site::new("shop").unwrap();
    let builder = Chat::builder().store(store).clock(clock.clone()).sites(vec![site]).cheap_passwords();
    builder.open().await.unwrap()
}

fn row(overview: &StatsOverview, who: Who) -> PeopleCount {
    overview.people.iter().find(|row| row.who == who).unwrap().clone()
}

/// Accounts that can be used, disabled ones, and who was active.
fn numbers(overview: &StatsOverview, who: Who) -> (u64, u64, u64) {
    let PeopleCount { accounts, disabled, active, .. } = row(overview, who);
    (accounts, disabled, active)
}

/// Everything but where it was read.
fn figures(mut overview: StatsOverview) -> StatsOverview {
    overview.as_of = chatcore::model::Cursor::from_text(String::new());
    overview
}

#[tokio::test]
async fn days_pass_and_each_period_counts_whom_it_saw() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(1));
    let shop = Shop::begin(store.clone()).await;
    let (leo, ana) = (shop.person(Role::Agent, "leo").await, shop.person(Role::Customer, "ana").await);
    let bo = shop.person(Role::Customer, "bo").await;
    shop.talk(ana, leo, 3).await;
    let today = shop.overview(1).await;
    assert_eq!((today.totals.messages, today.totals.active_people, today.totals.active_conversations), (3, 1, 1));
    assert_eq!((today.totals.conversations_begun.direct, today.totals.conversations_begun.group), (1, 0));
    assert_eq!(numbers(&today, Who::Customer), (2, 0, 1));
    assert_eq!((numbers(&today, Who::Admin), numbers(&today, Who::Agent)), ((1, 0, 0), (1, 0, 0)));
    assert_eq!(today.since, None);

    shop.clock.advance(DAY);
    shop.talk(leo, ana, 2).await;
    shop.talk(bo, leo, 1).await;
    let (today, both) = (shop.overview(1).await, shop.overview(2).await);
    assert_eq!((today.totals.messages, today.totals.active_people), (3, 2));
    assert_eq!((both.totals.messages, both.totals.active_people, both.totals.active_conversations), (6, 3, 2));
    let before = today.before.unwrap();
    assert_eq!((before.messages, before.active_people, before.conversations_begun.direct), (3, 1, 1));
    let by_day: Vec<_> = both.messages_by_day.iter().map(|day| (day.day.to_string(), day.messages)).collect();
    assert_eq!(by_day, [("2027-01-15".to_owned(), Some(3)), ("2027-01-16".to_owned(), Some(3))]);

    // Three days later, without anything that happened meanwhile, who is active is what it was.
    shop.clock.advance(3 * DAY);
    let late = shop.overview(3).await;
    assert_eq!((late.totals.messages, late.totals.active_people, late.to.to_string().as_str()), (0, 0, "2027-01-19"));
    assert_eq!(late.before.as_ref().map(|before| (before.messages, before.active_people)), Some((6, 3)));
    shop.talk(ana, leo, 1).await;
    let late = shop.overview(3).await;
    assert_eq!((late.totals.messages, late.totals.active_people), (1, 1));
    assert_eq!(late.before.map(|before| (before.messages, before.active_people)), Some((6, 3)), "ana is active again");

    for days in [0, 91, u32::MAX] {
        assert_eq!(shop.admin().stats_overview(days).await.unwrap_err().code(), ErrorCode::Invalid);
    }
    for somebody in [leo, ana] {
        let refused = shop.chat.as_user(somebody).stats_overview(7).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }
    let (known, everything) = (shop.overview(7).await, shop.overview(90).await);
    let shop = shop.reopen(store).await;
    // Keeping what was counted is a line of the log too, so it stands at another place of it.
    assert_eq!(figures(shop.overview(7).await), figures(known));
    assert_eq!(figures(shop.overview(90).await), figures(everything));
}

#[tokio::test]
async fn accounts_are_counted_by_what_they_are_whatever_becomes_of_them() {
    let shop = Shop::begin(Arc::new(MemoryStore::new(1))).await;
    let (leo, ana) = (shop.person(Role::Agent, "leo").await, shop.person(Role::Customer, "ana").await);
    let entrance = shop.chat.entrance(chatcore::Origin::default());
    let (met, silent) = (entrance.admit_visitor("shop").await.unwrap(), entrance.admit_visitor("shop").await.unwrap());
    shop.talk(met.user.id, leo, 1).await;
    shop.talk(leo, ana, 1).await;
    let key = chatcore::KeyOwner::NewBot { name: "Robin".to_owned(), role: Role::Agent };
    let bot = shop.admin().create_api_key("Robin", &[chatcore::Scope::MessagesWrite], key).await.unwrap();
    shop.talk(bot.key.user.unwrap().id, ana, 1).await;

    let now = shop.overview(7).await;
    let all: Vec<_> = Who::ALL.map(|who| numbers(&now, who)).to_vec();
    // Admin, agent, customer, designer, merchant, visitor, bot.
    assert_eq!(all, [(1, 0, 0), (1, 0, 1), (1, 0, 0), (0, 0, 0), (0, 0, 0), (2, 0, 1), (1, 0, 1)]);
    assert_eq!((now.totals.active_people, now.totals.messages), (2, 3), "a bot is nobody, and writes messages");

    shop.admin().change_user(leo, None, Some(Role::Merchant), None).await.unwrap();
    shop.admin().disable_user(ana).await.unwrap();
    let ana_again = shop.overview(7).await;
    assert_eq!(numbers(&ana_again, Who::Customer), (0, 1, 0));
    assert_eq!(numbers(&ana_again, Who::Agent), (0, 0, 0));
    assert_eq!(numbers(&ana_again, Who::Merchant), (1, 0, 1), "who was active goes along");
    shop.admin().enable_user(ana).await.unwrap();
    assert_eq!(numbers(&shop.overview(7).await, Who::Customer), (1, 0, 0));

    // The one who said nothing becomes somebody else.
    let customer = shop.chat.register("cleo@mail.example", "Cleo", "correct horse".to_owned()).await.unwrap();
    shop.chat.authenticate(&customer.token).unwrap().claim_visitor(&silent.token).await.unwrap();
    let then = shop.overview(7).await;
    assert_eq!((numbers(&then, Who::Visitor), numbers(&then, Who::Customer)), ((1, 1, 1), (2, 0, 0)));
}

#[tokio::test]
async fn who_is_here_now_is_counted_by_what_they_are() {
    let shop = Shop::begin(Arc::new(MemoryStore::new(1))).await;
    let (leo, ana) = (shop.person(Role::Agent, "leo").await, shop.person(Role::Customer, "ana").await);
    let here = async |who| {
        let row = row(&shop.overview(1).await, who);
        (row.online, row.away)
    };
    let one = shop.chat.as_user(leo).events().await.unwrap();
    let other = shop.chat.as_user(leo).events().await.unwrap();
    let _looks_in = shop.chat.as_user(ana).events_unseen(None).await.unwrap();
    assert_eq!((here(Who::Agent).await, here(Who::Customer).await), ((1, 0), (0, 0)));
    one.appear(chatcore::model::DeviceState::Away);
    assert_eq!(here(Who::Agent).await, (1, 0), "they sit at the other");
    other.appear(chatcore::model::DeviceState::Away);
    assert_eq!(here(Who::Agent).await, (0, 1));
    drop((one, other));
    assert_eq!(here(Who::Agent).await, (0, 0));
}

#[tokio::test]
async fn what_was_not_kept_is_counted_once_more_after_a_crash() {
    let store = Arc::new(MemoryStore::new(1));
    let shop = Shop::begin(store.clone()).await;
    let (leo, ana) = (shop.person(Role::Agent, "leo").await, shop.person(Role::Customer, "ana").await);
    shop.talk(ana, leo, 2).await;
    // At the end of a minute it is kept: one line more in the log, without anybody's doing.
    let lines = store.view().position();
    shop.clock.advance(Duration::from_secs(61));
    while store.view().position() == lines {
        tokio::task::yield_now().await;
    }
    assert!(store.view().record(&RecordKey::statistics(0, 0)).unwrap().is_some());
    shop.clock.advance(DAY);
    shop.talk(leo, ana, 3).await;
    shop.person(Role::Designer, "dana").await;
    let known = [figures(shop.overview(1).await), figures(shop.overview(7).await)];
    assert_eq!((known[1].totals.messages, known[1].totals.active_people), (5, 2));
    // The power goes: what the store holds is all that there is.
    let left = Arc::new(store.copied(1));
    let again = Shop { chat: open(left, &shop.clock).await, clock: shop.clock.clone(), admin: shop.admin };
    assert_eq!([figures(again.overview(1).await), figures(again.overview(7).await)], known);
}

#[tokio::test]
async fn a_shop_in_which_nothing_is_counted_writes_nothing() {
    let store = Arc::new(MemoryStore::new(1));
    let shop = Shop::begin(store.clone()).await;
    shop.person(Role::Agent, "leo").await;
    let lines = store.view().position();
    for _ in 0..5 {
        shop.clock.advance(Duration::from_secs(61));
        // What is asked for comes after what the minute brought.
        shop.overview(7).await;
    }
    let shop = shop.reopen(store.clone()).await;
    assert_eq!(store.view().position(), lines);
    drop(shop);
}

/// Forgets what was counted, as if the store were from before anything was.
fn uncount(store: &dyn Store, clock: &Arc<ManualClock>) {
    let view = store.view();
    let last = RecordKey::headcount().following();
    let rows = view.records(&RecordKey::first_statistics(), &last, 1_000).unwrap();
    assert!(rows.len() > 2, "there is something to forget");
    let rows = rows.into_iter().map(|(key, _)| (key, None)).collect();
    let clock: Arc<dyn Clock> = clock.clone();
    let mut minter = Minter::new(clock, Arc::new(SeededEntropy::new(1)), view.last_at());
    drop(view);
    store.commit(vec![Command::KeepStatistics { rows }], &Rules::default(), &mut minter).unwrap();
}

#[tokio::test]
async fn a_store_from_before_is_counted_as_far_as_its_log_goes() {
    let folder = tempfile::tempdir().unwrap();
    let open_redb = || -> Arc<dyn Store> {
        Arc::new(RedbStore::open(&folder.path().join("chat.redb"), RedbOptions::default()).unwrap())
    };
    let shop = Shop::begin(open_redb()).await;
    let (leo, ana) = (shop.person(Role::Agent, "leo").await, shop.person(Role::Customer, "ana").await);
    for i in 0..600 {
        shop.chat.people().create(NewPerson::customer(format!("c{i}@mail.example"))).await.unwrap();
    }
    shop.talk(ana, leo, 2).await;
    shop.clock.advance(2 * DAY);
    shop.talk(leo, ana, 3).await;
    let known = figures(shop.overview(7).await);
    assert_eq!(numbers(&known, Who::Customer), (601, 0, 1));
    let Shop { chat, clock, admin } = shop;
    chat.close(Duration::from_secs(30)).await.unwrap();

    // All lines are there: it is as if it had always counted.
    let store = open_redb();
    uncount(&*store, &clock);
    let shop = Shop { chat: open(store.clone(), &clock).await, clock, admin };
    assert_eq!(figures(counted(&shop, 7).await), known);
    let Shop { chat, clock, admin } = shop;
    chat.close(Duration::from_secs(30)).await.unwrap();

    // Only those of today are: it says since when it counts.
    let store = open_redb();
    uncount(&*store, &clock);
    while store.maintain().unwrap() {}
    let since = Timestamp::from_millis(clock.now().as_millis() - 3_600_000);
    while store.trim(&Keep { most: u64::MAX, since }).unwrap() {}
    let shop = Shop { chat: open(store, &clock).await, clock, admin };
    let late = counted(&shop, 7).await;
    assert!(late.since.is_some_and(|begun| begun >= since), "{late:?}");
    assert_eq!((late.totals.messages, late.totals.active_people, late.before), (3, 1, None));
    let by_day: Vec<_> = late.messages_by_day.iter().map(|day| day.messages).collect();
    assert_eq!(by_day, [None, None, None, None, None, None, Some(3)]);
    assert_eq!(late.people.iter().map(|row| row.accounts).sum::<u64>(), 603);
}

/// The overview, once everything is counted.
async fn counted(shop: &Shop, days: u32) -> StatsOverview {
    loop {
        match shop.admin().stats_overview(days).await {
            Ok(overview) => return overview,
            Err(error) => assert_eq!(error.code(), ErrorCode::Unavailable, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}
