//! What another system held, through the public door: who signs in with their old password, and what is counted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use chat_proto::ObjectId;
use chatcore::model::{ConversationKind, Who};
use chatcore::state::{AccountState, ForeignHashes, RecordKey};
use chatcore::store::Store;
use chatcore::store::memory::MemoryStore;
use chatcore::{
    Chat, ErrorCode, Event, Imported, ImportedConversation, ImportedMessage, ImportedUser, Incoming, NewPerson, Role,
    Timestamp, UserId,
};

/// Two years before the clock of this machine at the most.
const THEN: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// With its hash, a test vector of bcrypt's reference implementation.
const PASSWORD: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HASH: &str = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";

fn old(number: u8) -> ObjectId {
    let mut bytes = [number; 12];
    bytes[..4].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn person(number: u8, role: Role) -> ImportedUser {
    ImportedUser {
        id: old(number).into(),
        email: format!("old{number}@shop.example"),
        name: format!("Old {number}"),
        role,
        state: AccountState::Active,
        password: Some(HASH.to_owned()),
        email_verified: false,
        created_at: THEN,
    }
}

async fn open(store: &Arc<MemoryStore>) -> Chat {
    let store: Arc<dyn Store> = store.clone();
    Chat::builder().store(store).cheap_passwords().open().await.unwrap()
}

fn highest_cost(store: &MemoryStore) -> Option<u32> {
    let row = store.view().record(&RecordKey::foreign_hashes()).unwrap()?;
    ForeignHashes::decoded(&row).unwrap().highest_cost()
}

fn stored(store: &MemoryStore, user: UserId) -> String {
    let view = store.view();
    let no = view.user_no(user).unwrap().unwrap();
    view.account(no).unwrap().unwrap().password.clone().unwrap()
}

#[tokio::test]
async fn an_old_password_signs_in_and_is_kept_as_passwords_are_kept_now() {
    let store = Arc::new(MemoryStore::new(1));
    let chat = open(&store).await;
    let ana = person(1, Role::Customer);
    let (id, email) = (ana.id, ana.email.clone());
    assert_eq!(chat.importer().user(ana).await.unwrap().outcome().await.unwrap(), 1);
    assert_eq!((stored(&store, id).as_str(), highest_cost(&store)), (HASH, Some(5)));

    let wrong = chat.login(&email, "not her password".to_owned()).await.unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::InvalidCredentials);
    assert_eq!(stored(&store, id), HASH);
    let unknown = chat.login("nobody@shop.example", PASSWORD.to_owned()).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.detail()), (wrong.code(), wrong.detail()));

    let signed_in = chat.login(&email, PASSWORD.to_owned()).await.unwrap();
    assert_eq!(signed_in.user.id, id);
    assert!(stored(&store, id).starts_with("$argon2id$v=19$"));
    assert_eq!(highest_cost(&store), None);
    chat.login(&email, PASSWORD.to_owned()).await.unwrap();
    assert_eq!(chat.login(&email, "not her password".to_owned()).await.unwrap_err().code(), wrong.code());
}

#[tokio::test]
async fn of_many_first_sign_ins_at_once_each_succeeds() {
    let store = Arc::new(MemoryStore::new(1));
    let chat = open(&store).await;
    let ana = person(1, Role::Customer);
    let (id, email) = (ana.id, ana.email.clone());
    chat.importer().user(ana).await.unwrap().outcome().await.unwrap();
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (chat, email) = (chat.clone(), email.clone());
        logins.spawn(async move { chat.login(&email, PASSWORD.to_owned()).await });
    }
    for login in logins.join_all().await {
        login.unwrap();
    }
    assert!(stored(&store, id).starts_with("$argon2id$v=19$"));
}

#[tokio::test]
async fn what_was_brought_over_is_told_but_not_counted() {
    let store = Arc::new(MemoryStore::new(1));
    let chat = open(&store).await;
    let admin = chat.people().create(NewPerson::new(Role::Admin, "admin@shop.example")).await.unwrap();
    let (ana, leo) = (person(1, Role::Customer), person(2, Role::Agent));
    let (one, other, importer) = (ana.id, leo.id, chat.importer());
    importer.user(ana).await.unwrap();
    importer.user(leo).await.unwrap().outcome().await.unwrap();
    let mut events = chat.as_user(other).events().await.unwrap();
    let conversation = ImportedConversation {
        id: old(3).into(),
        kind: ConversationKind::Direct,
        subject: None,
        participants: vec![one, other],
        owner: None,
        created_at: THEN,
    };
    let message = ImportedMessage {
        id: old(4).into(),
        client_id: old(4).to_string().parse().unwrap(),
        author: one,
        text: "Where is it?".to_owned(),
        created_at: THEN,
        edited_at: None,
        deleted_at: None,
        files: Vec::new(),
    };
    importer.conversation(conversation.clone()).await.unwrap();
    let came = importer.messages(conversation.id, vec![message], Vec::new()).await.unwrap();
    assert_eq!(came.outcome().await.unwrap(), 1);
    importer.finish(Imported { accounts: 2, conversations: 1, messages: 1 }).await.unwrap();

    // Whoever follows the log must end with what is there.
    let told = loop {
        if let Some(Incoming::Event(told)) = events.next().await.transpose().unwrap()
            && let Event::MessageCreated(message) = told.event()
        {
            break message.clone();
        }
    };
    assert_eq!((told.id, told.created_at), (old(4).into(), THEN));

    let counted = |overview: chatcore::model::StatsOverview| {
        let customers = overview.people.iter().find(|row| row.who == Who::Customer).unwrap().clone();
        let begun = overview.totals.conversations_begun;
        (overview.totals.messages, begun.direct, overview.totals.active_people, customers.accounts)
    };
    let overview = chat.as_user(admin.id).stats_overview(90).await.unwrap();
    assert_eq!(counted(overview), (0, 0, 0, 1));
    chat.as_user(other).conversation(conversation.id).send("It left today").await.unwrap();
    let overview = chat.as_user(admin.id).stats_overview(1).await.unwrap();
    assert_eq!(counted(overview), (1, 0, 1, 1));

    // Nothing of the counters was kept: everything is read from the log once more.
    let log = Arc::new(store.copied(2));
    drop(chat);
    let again = open(&log).await;
    let overview = again.as_user(admin.id).stats_overview(1).await.unwrap();
    assert_eq!(counted(overview), (1, 0, 1, 1));
    again.close(Duration::from_secs(10)).await.unwrap();
}
