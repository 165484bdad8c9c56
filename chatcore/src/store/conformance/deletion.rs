use chat_proto::model::UserState;
use chat_proto::{ErrorCode, Role, SessionId, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::access::{Scope, Scopes};
use crate::state::{
    AccountState, ActsAs, Author, Command, Event, Identity, NewApiKey, Origin, Outcome, RecordKey, VisitorClaim,
};

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

fn delete(by: impl Acting, user: UserId) -> Command {
    Command::DeleteUser { by: by.author(), user, if_version: None, origin: Origin::default() }
}

fn set(by: UserId, user: UserId, state: AccountState) -> Command {
    Command::SetUserState { by: by.author(), user, state, origin: Origin::default() }
}

fn forgot(shop: &mut Shop, email: &str) -> Command {
    Command::ForgotPassword { email: email.to_owned(), letter: shop.new_letter(NEVER), origin: Origin::default() }
}

fn nothing_leads_into_a_deleted_account_and_its_words_stay(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let (ana, leo) = (shop.person(Role::Customer, "ana"), shop.person(Role::Agent, "leo"));
    let session = shop.signed_in(ana, NEVER);
    let chat = shop.direct(ana, leo);
    shop.one(session.send(chat, "a", "hello"));
    let command = forgot(shop, "ana@shop.example");
    shop.one(command);

    let stale = Command::DeleteUser { by: admin.author(), user: ana, if_version: Some(7), origin: Origin::default() };
    assert_eq!(shop.refused(stale), ErrorCode::VersionMismatch);
    assert_eq!(shop.refused(delete(leo, ana)), ErrorCode::Forbidden);
    let late = shop.new_session(NEVER);
    let committed = shop.commit(vec![
        delete(admin, ana),
        Command::StartSession { user: ana, password: None, session: late },
        session.rename("Too late"),
        leo.send(chat, "b", "are you there?"),
    ]);
    let Ok(Outcome::User(gone)) = &committed.outcomes[0] else { panic!("no user") };
    assert_eq!((&*gone.name, &*gone.email, gone.state, gone.version), ("Deleted user", "", UserState::Deleted, 2));
    assert!(committed.events.iter().any(|event| event.event == Event::SessionEnded(session.1)));
    for outcome in &committed.outcomes[1..3] {
        assert_eq!(outcome.as_ref().expect_err("deleted").code, ErrorCode::TokenRevoked);
    }
    assert!(committed.outcomes[3].is_ok(), "the conversation goes on");
    shop.in_every_state(|shop| {
        let no = shop.no(ana);
        let view = shop.view();
        assert_eq!(view.user_by_email("ana@shop.example").expect("readable"), None);
        assert!(view.sessions(no).expect("readable").is_empty() && view.letters(no).expect("readable").is_empty());
        assert_eq!(view.directory(Role::Customer, None, 9).expect("readable"), [("deleted user".to_owned(), no)]);
        assert_eq!(shop.timeline(chat, 1, 2)[0].author, no);
        assert!(matches!(shop.one(delete(admin, ana)), Outcome::User(user) if user.version == 2), "again is nothing");
        for command in [set(admin, ana, AccountState::Active), set(admin, ana, AccountState::Disabled)] {
            assert_eq!(shop.refused(command), ErrorCode::Conflict);
        }
        let letter = shop.new_letter(NEVER);
        let command = Command::AllowPasswordReset { by: admin.author(), user: ana, letter, origin: Origin::default() };
        assert_eq!(shop.refused(command), ErrorCode::Conflict);
    });
    let again = shop.person(Role::Customer, "ana");
    assert_ne!(shop.no(again), shop.no(ana));
}

fn the_last_admin_is_not_deleted(shop: &mut Shop) {
    let (ada, eve) = (shop.person(Role::Admin, "ada"), shop.person(Role::Admin, "eve"));
    let committed = shop.commit(vec![delete(ada, ada), delete(eve, eve)]);
    assert!(committed.outcomes[0].is_ok());
    assert_eq!(committed.outcomes[1].as_ref().expect_err("the last").code, ErrorCode::Conflict);
    shop.in_every_state(|shop| {
        assert_eq!(shop.refused(set(eve, eve, AccountState::Disabled)), ErrorCode::Conflict, "Ada is one by name only");
    });
}

fn the_keys_of_a_deleted_bot_are_gone(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let bot = shop.new_user_id();
    let key = |shop: &mut Shop, acts_as| {
        let id = shop.new_session_id();
        let new = NewApiKey {
            id,
            name: "Order desk".to_owned(),
            scopes: Scopes::of(&[Scope::ConversationsRead]),
            acts_as,
            secret: [id.to_bytes()[0]; 32],
            origin: Origin::default(),
        };
        (id, Command::CreateApiKey { by: Some(admin.author()), new: Box::new(new) })
    };
    let made = ActsAs::NewBot { id: bot, name: "Robin".to_owned(), role: Role::Agent };
    let (one, command) = key(shop, made);
    shop.one(command);
    let (two, command) = key(shop, ActsAs::Bot(bot));
    shop.one(command);
    let committed = shop.commit(vec![delete(admin, bot)]);
    let Ok(Outcome::User(gone)) = &committed.outcomes[0] else { panic!("no user") };
    assert!(gone.bot, "what a program wrote was written by a program");
    let closed = |id: SessionId| committed.events.iter().any(|event| event.event == Event::SessionEnded(id));
    assert!(closed(one) && closed(two));
    shop.in_every_state(|shop| {
        for id in [one, two] {
            let view = shop.view();
            assert_eq!(view.record(&RecordKey::api_key(id)).expect("readable"), None);
            assert_eq!(view.record(&RecordKey::api_secret(&[id.to_bytes()[0]; 32])).expect("readable"), None);
        }
        let (_, command) = key(shop, ActsAs::Bot(bot));
        assert_eq!(shop.refused(command), ErrorCode::Invalid);
    });
}

fn whoever_a_site_vouches_for_after_a_deletion_is_somebody_new(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let vouched = |shop: &mut Shop, token: u8| {
        let identity = Identity {
            site: "shop".to_owned(),
            external_id: "c-1".to_owned(),
            name: Some("Ana".to_owned()),
            email: Some("ana@shop.example".to_owned()),
            token: [token; 32],
            token_ends: NEVER,
        };
        let (id, session) = (shop.new_user_id(), shop.new_session(NEVER));
        let command = Command::SignInIdentity { id, identity: Box::new(identity), session };
        match shop.one(command) {
            Outcome::SignedIn { user, .. } => user,
            other => panic!("{other:?} instead of somebody signed in"),
        }
    };
    let ana = vouched(shop, 1);
    let Outcome::User(gone) = shop.one(delete(admin, ana.id)) else { panic!("no user") };
    assert_eq!((gone.external_id, gone.site, gone.verified, &*gone.email), (None, None, false, ""));
    shop.in_every_state(|shop| {
        assert_eq!(shop.view().record(&RecordKey::identity("shop", "c-1")).expect("readable"), None);
    });
    assert_ne!(vouched(shop, 2).id, ana.id);
}

fn a_visitor_is_deleted_unless_they_are_a_customer_by_now(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let ana = shop.person(Role::Customer, "ana");
    let admitted = |shop: &mut Shop| {
        let (id, session) = (shop.new_user_id(), shop.new_session(NEVER));
        let author = Author { user: id, session: Some(session.id) };
        shop.one(Command::AdmitVisitor { id, site: "shop".to_owned(), session });
        author
    };
    let (known, unknown) = (admitted(shop), admitted(shop));
    let claim = VisitorClaim { visitor: known, refresh: None, conversations: Vec::new(), origin: Origin::default() };
    shop.one(Command::ClaimVisitor { by: ana.author(), claim: Box::new(claim) });
    assert_eq!(shop.refused(delete(admin, known.user)), ErrorCode::Conflict);
    let Outcome::User(gone) = shop.one(delete(admin, unknown.user)) else { panic!("no user") };
    assert!(gone.state == UserState::Deleted && !gone.anonymous);
    // What was put down to be looked at a day later finds nobody to forget.
    let all = RecordKey::visitor_due(NEVER, crate::state::UserNo(0));
    shop.clock.advance(std::time::Duration::from_hours(25));
    let due = shop.view().records(&RecordKey::first_visitor_due(), &all, 9).expect("readable");
    shop.one(Command::ExpireVisitors { due: due.into_iter().map(|(key, _)| key).collect() });
    shop.in_every_state(|shop| {
        let account = shop.view().account(shop.no(unknown.user)).expect("readable").expect("an account");
        assert_eq!((account.state, account.version), (AccountState::Deleted, 2));
    });
}

cases![
    a_visitor_is_deleted_unless_they_are_a_customer_by_now,
    nothing_leads_into_a_deleted_account_and_its_words_stay,
    the_keys_of_a_deleted_bot_are_gone,
    the_last_admin_is_not_deleted,
    whoever_a_site_vouches_for_after_a_deletion_is_somebody_new,
];
