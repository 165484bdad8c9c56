use std::time::Duration;

use chat_proto::model::{AuditEntry, AuditFields};
use chat_proto::{Role, SessionId, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::access::{Scope, Scopes};
use crate::clock::Clock;
use crate::state::{
    AccountState, ActsAs, AuditAction, AuditRow, Author, Command, Identity, NewApiKey, Origin, Outcome, RecordKey,
    RefreshHashes, Renewal, VisitorClaim,
};

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// From where everything comes here.
fn origin() -> Origin {
    Origin::new("192.0.2.7".parse().ok(), Some("till"))
}

/// All rows of the audit log's own kinds: entries, newest first, and by what they are found.
fn rows(shop: &Shop) -> (Vec<AuditEntry>, usize) {
    let begin = RecordKey::audit_before(NEVER).0;
    let rows = shop.view().records(&begin, &RecordKey::first_statistics(), usize::MAX).expect("readable");
    let (entries, index): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| !row.is_empty());
    let shown = |(key, row): (RecordKey, Vec<u8>)| {
        AuditRow::decoded(&row).expect("an entry").shown(key.audit_id().expect("its id"))
    };
    (entries.into_iter().map(shown).collect(), index.len())
}

fn entries(shop: &Shop) -> Vec<AuditEntry> {
    rows(shop).0
}

/// Carries out a command and gives back the one entry that it leaves.
pub(super) fn entry_of(shop: &mut Shop, command: Command) -> (Outcome, AuditEntry) {
    let before = entries(shop).len();
    let outcome = shop.one(command);
    let mut after = entries(shop);
    assert_eq!(after.len(), before + 1, "{after:#?}");
    (outcome, after.remove(0))
}

fn told(shop: &mut Shop, command: Command) -> AuditEntry {
    entry_of(shop, command).1
}

fn change(by: Author, user: UserId, name: Option<&str>, role: Option<Role>) -> Command {
    Command::ChangeUser { by, user, name: name.map(str::to_owned), role, if_version: None, origin: origin() }
}

fn set(by: Author, user: UserId, state: AccountState) -> Command {
    Command::SetUserState { by, user, state, origin: origin() }
}

fn identity(shop: &mut Shop, name: &str, token: u8) -> Command {
    let identity = Identity {
        site: "shop".to_owned(),
        external_id: "c-1".to_owned(),
        name: Some(name.to_owned()),
        email: Some("bo@shop.example".to_owned()),
        token: [token; 32],
        token_ends: shop.clock.now().after(Duration::from_mins(10)),
    };
    let (id, session) = (shop.new_user_id(), shop.new_session(NEVER));
    Command::SignInIdentity { id, identity: Box::new(identity), session }
}

fn key(shop: &mut Shop, by: Author, acts_as: ActsAs, scopes: &[Scope]) -> (SessionId, Command) {
    let id = shop.new_session_id();
    let (name, scopes, secret) = ("Till".to_owned(), Scopes::of(scopes), [id.to_bytes()[0]; 32]);
    let new = NewApiKey { id, name, scopes, acts_as, secret, origin: origin() };
    (id, Command::CreateApiKey { by: Some(by), new: Box::new(new) })
}

fn an_entry_says_who_from_where_before_and_after(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada");
    let made = &entries(shop)[0];
    assert_eq!((&*made.action, &made.by), ("user.created", &None), "the embedding program is nobody");
    let after = AuditFields {
        name: Some("ada".to_owned()),
        email: Some("ada@shop.example".to_owned()),
        role: Some(Role::Admin),
        ..AuditFields::default()
    };
    assert_eq!((&made.before, &made.after), (&AuditFields::default(), &after));
    let leo = shop.person(Role::Customer, "leo");
    shop.signed_in(leo, NEVER);
    let entry = told(shop, change(ada.author(), leo, Some("Leo"), Some(Role::Agent)));
    assert_eq!(entry.action, "user.role_changed");
    assert_eq!(entry.by.as_ref().map(|by| (by.id, &*by.name, by.role)), Some((ada, "ada", Role::Admin)));
    let subject = entry.subject.user.as_ref().expect("an account");
    assert_eq!((subject.id, &*subject.name, subject.role), (leo, "leo", Role::Customer), "as they were then");
    assert_eq!((entry.address, entry.device.as_deref()), ("192.0.2.7".parse().ok(), Some("till")));
    let fields = |name: &str, role| AuditFields { name: Some(name.to_owned()), role, ..AuditFields::default() };
    assert_eq!(entry.before, fields("leo", Some(Role::Customer)));
    assert_eq!(entry.after, AuditFields { sessions_ended: Some(1), ..fields("Leo", Some(Role::Agent)) });
    assert!(entry.at <= shop.clock.now() && entry.at >= made.at);
    let own = told(shop, Command::Rename { by: leo.author(), name: "Leonie".to_owned(), origin: origin() });
    assert_eq!((&*own.action, own.by.map(|by| by.id)), ("user.renamed", Some(leo)));
    assert_eq!((own.before, own.after), (fields("Leo", None), fields("Leonie", None)));
}

fn each_act_leaves_one_entry(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada").author();
    let leo = shop.person(Role::Agent, "leo");
    let session = shop.new_session(NEVER);
    let in_session = (leo, session.id);
    let start = Command::StartSession { user: leo, password: None, session };
    assert_eq!(told(shop, start).subject.session, Some(in_session.1));
    let family = shop.view().session(shop.no(leo), in_session.1).expect("readable").expect("one").refresh.family;
    let renewal = |token| {
        let presented = RefreshHashes { family, token: [token; 32] };
        let renewal = Renewal { presented, next: [9; 32], expires_at: NEVER, origin: origin() };
        Command::RenewSession { user: leo, session: in_session.1, renewal: Box::new(renewal) }
    };
    shop.one(renewal(0));
    assert_eq!(entries(shop)[0].action, "session.started", "renewing is no act");
    let reused = told(shop, renewal(0));
    assert_eq!((&*reused.action, &reused.by, reused.subject.session), ("session.reused", &None, Some(in_session.1)));
    let (one, _) = (shop.signed_in(leo, NEVER), shop.signed_in(leo, NEVER));
    assert_eq!(
        told(shop, Command::EndOtherSessions { by: one.author(), origin: origin() }).after.sessions_ended,
        Some(1)
    );
    assert_eq!(told(shop, one.sign_out(one.1)).action, "session.ended");
    shop.signed_in(leo, NEVER);
    let signed_out = told(shop, Command::EndUserSessions { by: ada, user: leo, origin: origin() });
    assert_eq!((&*signed_out.action, signed_out.after.sessions_ended), ("session.all_ended", Some(1)));
    assert_eq!(told(shop, set(ada, leo, AccountState::Disabled)).action, "user.disabled");
    assert_eq!(told(shop, set(ada, leo, AccountState::Active)).action, "user.enabled");
    let letter = shop.new_letter(NEVER);
    let id = letter.id;
    let forgot = Command::ForgotPassword { email: "leo@shop.example".to_owned(), letter, origin: origin() };
    let asked = told(shop, forgot);
    assert_eq!((&*asked.action, &asked.by), ("password.reset_requested", &None));
    let reset = Command::ResetPassword { letter: id, token: [7; 32], password: "hash".to_owned(), origin: origin() };
    let reset = told(shop, reset);
    assert_eq!((&*reset.action, reset.by.map(|by| by.id)), ("password.reset", Some(leo)));
    assert_eq!((reset.before.email_verified, reset.after.email_verified), (Some(false), Some(true)));
    let changed = Command::ChangePassword {
        by: leo.author(),
        current: "hash".to_owned(),
        new: "other".to_owned(),
        origin: origin(),
    };
    assert_eq!(told(shop, changed).after, AuditFields::default());
    let slowed = |account: Option<&str>| Command::SignInSlowed {
        account: account.map(str::to_owned),
        failures: 5,
        origin: origin(),
    };
    let guessed = told(shop, slowed(Some("leo@shop.example")));
    assert_eq!((guessed.subject.user.map(|user| user.id), guessed.after.failures), (Some(leo), Some(5)));
    assert_eq!(told(shop, slowed(None)).subject.user, None);
}

fn invitations_keys_and_visitors_leave_theirs(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada").author();
    let invite = |shop: &mut Shop, role| {
        let (id, expires_at) = (shop.new_invitation_id(), shop.clock.now().after(Duration::from_hours(72)));
        let (email, token) = ("bo@shop.example".to_owned(), [1; 32]);
        (id, Command::Invite { by: ada, id, email, role, token, expires_at, origin: origin() })
    };
    let (first, command) = invite(shop, Role::Agent);
    assert_eq!(told(shop, command).after.email.as_deref(), Some("bo@shop.example"));
    let (second, command) = invite(shop, Role::Designer);
    let entry = told(shop, command);
    assert_eq!((entry.subject.invitation, entry.after.replaces), (Some(second), Some(first)));
    let entry = told(shop, Command::TakeBackInvitation { by: ada, invitation: second, origin: origin() });
    assert_eq!((&*entry.action, entry.before.role), ("invitation.taken_back", Some(Role::Designer)));

    let (id, bot) = (shop.new_user_id(), ("Robin".to_owned(), Role::Agent));
    let new_bot = ActsAs::NewBot { id, name: bot.0, role: bot.1 };
    let (bots, command) = key(shop, ada, new_bot, &[Scope::MessagesWrite]);
    let entry = told(shop, command);
    assert_eq!((entry.after.bot, entry.subject.user.map(|bot| bot.id)), (Some(true), Some(id)));
    assert_eq!(entry.after.scopes, Some(vec!["messages:write".to_owned()]));
    let (shops, command) = key(shop, ada, ActsAs::TheShop, &[Scope::UsersWrite]);
    shop.one(command);
    let the_shop = Author { user: crate::state::THE_SHOP_ID, session: Some(shops) };
    let entry = told(shop, change(the_shop, id, Some("Rob"), None));
    assert_eq!((entry.by, entry.via.map(chat_proto::ApiKeyId::to_bytes)), (None, Some(shops.to_bytes())));
    let entry = told(shop, Command::RevokeApiKey { by: Some(ada), key: bots, origin: origin() });
    assert_eq!((&*entry.action, entry.before.name.as_deref()), ("api_key.revoked", Some("Till")));

    let command = identity(shop, "Bo", 1);
    let (signed_in, entry) = entry_of(shop, command);
    let Outcome::SignedIn { user: bo, .. } = signed_in else { panic!("{signed_in:?}") };
    assert_eq!((&*entry.action, entry.after.site.as_deref()), ("user.registered", Some("shop")));
    let command = identity(shop, "Bob", 2);
    let entry = told(shop, command);
    assert_eq!((&*entry.action, entry.after.method.as_deref()), ("session.started", Some("identity")));
    assert_eq!((entry.before.name.as_deref(), entry.after.name.as_deref()), (Some("Bo"), Some("Bob")));
    let (visitor, session) = (shop.new_user_id(), shop.new_session(NEVER));
    let author = (visitor, session.id).author();
    let before = entries(shop).len();
    shop.one(Command::AdmitVisitor { id: visitor, site: "shop".to_owned(), session });
    assert_eq!(entries(shop).len(), before, "a visitor who comes is no act");
    let claim = || {
        let claim = VisitorClaim { visitor: author, refresh: None, conversations: Vec::new(), origin: origin() };
        Command::ClaimVisitor { by: bo.id.author(), claim: Box::new(claim) }
    };
    let entry = told(shop, claim());
    assert_eq!((&*entry.action, entry.subject.user.map(|user| user.id)), ("visitor.merged", Some(visitor)));
    let before = entries(shop).len();
    shop.one(claim());
    assert_eq!(entries(shop).len(), before, "doing it again does nothing");
}

fn what_is_refused_or_changes_nothing_leaves_none(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada");
    let leo = shop.person(Role::Agent, "leo");
    let before = entries(shop).len();
    let (_, by_leo) = key(shop, leo.author(), ActsAs::TheShop, &[Scope::UsersRead]);
    for command in [
        change(leo.author(), leo, None, Some(Role::Admin)),
        set(leo.author(), ada, AccountState::Disabled),
        set(ada.author(), ada, AccountState::Disabled),
        Command::EndUserSessions { by: leo.author(), user: ada, origin: origin() },
        by_leo,
    ] {
        // That nothing is left behind is looked at there.
        shop.refused(command);
    }
    for email in ["nobody@shop.example", "leo@shop.example"] {
        let letter = shop.new_letter(NEVER);
        if email.starts_with("leo") {
            shop.one(set(ada.author(), leo, AccountState::Disabled));
        }
        shop.one(Command::ForgotPassword { email: email.to_owned(), letter, origin: origin() });
    }
    for command in [
        change(ada.author(), leo, Some("leo"), Some(Role::Agent)),
        set(ada.author(), leo, AccountState::Disabled),
        Command::EndUserSessions { by: ada.author(), user: leo, origin: origin() },
        Command::EndOtherSessions { by: ada.author(), origin: origin() },
        Command::SignInSlowed { account: Some("a password?".to_owned()), failures: 5, origin: origin() },
    ] {
        shop.one(command);
    }
    let left: Vec<_> = entries(shop).into_iter().map(|entry| entry.action).collect();
    assert_eq!(left.len(), before + 1, "{left:?}");
    assert_eq!(left[0], "user.disabled");
}

fn entries_stay_newest_first_and_are_found_by_person_and_action(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada");
    let leo = shop.person(Role::Agent, "leo");
    // In one batch, in one millisecond.
    let renames =
        (0..20).map(|i| change(ada.author(), if i % 2 == 0 { leo } else { ada }, Some(&format!("N{i}")), None));
    let committed = shop.commit(renames.collect());
    assert!(committed.outcomes.iter().all(Result::is_ok));
    shop.in_every_state(|shop| {
        let all = entries(shop);
        let ids: Vec<_> = all.iter().map(|entry| entry.id).collect();
        assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");
        let names: Vec<_> = all.iter().filter_map(|entry| entry.after.name.clone()).collect();
        assert_eq!((names.len(), &*names[0], &*names[19]), (22, "N19", "N0"));
        let (newest, oldest) = (chat_proto::AuditId::from_bytes([0xff; 16]), chat_proto::AuditId::from_bytes([0; 16]));
        let found = |from: RecordKey, to: RecordKey| {
            let rows = shop.view().records(&from, &to, usize::MAX).expect("readable");
            rows.into_iter().filter_map(|(key, _)| key.audit_id()).collect::<Vec<_>>()
        };
        for (who, count) in [(ada, 21), (leo, 11)] {
            let expected = all.iter().filter(|entry| {
                let people = [&entry.by, &entry.subject.user];
                people.into_iter().flatten().any(|person| person.id == who)
            });
            let expected: Vec<_> = expected.map(|entry| entry.id).collect();
            assert_eq!(expected.len(), count);
            assert_eq!(found(RecordKey::audit_of_user(who, newest), RecordKey::audit_of_user(who, oldest)), expected);
        }
        let renamed = AuditAction::UserRenamed.number();
        let by_action = |id| RecordKey::audit_of_action(renamed, id);
        assert_eq!(found(by_action(newest), by_action(oldest)), ids[..20]);
    });
}

fn old_entries_are_forgotten_in_pieces_and_nothing_else(shop: &mut Shop) {
    let slowed = || Command::SignInSlowed { account: None, failures: 20, origin: origin() };
    shop.commit((0..503).map(|_| slowed()).collect());
    let then = shop.clock.now().after(Duration::from_millis(1));
    shop.clock.advance(Duration::from_hours(1));
    let ada = shop.person(Role::Admin, "ada");
    let leo = shop.person(Role::Agent, "leo");
    shop.one(change(ada.author(), leo, Some("Leo"), None));
    assert_eq!(rows(shop).0.len(), 506);
    let forget = |before| Command::ForgetAudit { before };
    assert!(shop.commit(vec![forget(Timestamp::from_millis(0))]).events.is_empty());
    for left in [6, 3] {
        shop.one(forget(then));
        assert_eq!(rows(shop).0.len(), left);
    }
    assert!(shop.commit(vec![forget(then)]).events.is_empty());
    shop.in_every_state(|shop| {
        let (entries, index) = rows(shop);
        assert_eq!((entries.len(), index), (3, 2 + 2 + 3), "the rows by which they are found go with them");
    });
    shop.one(forget(NEVER));
    assert_eq!(rows(shop), (Vec::new(), 0));
}

fn who_was_deleted_is_named_and_their_address_is_not_kept(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada");
    let leo = shop.person(Role::Agent, "leo");
    let letter = shop.new_letter(NEVER);
    let (by, user) = (ada.author(), leo);
    let allowed = told(shop, Command::AllowPasswordReset { by, user, letter, origin: origin() });
    assert_eq!((&*allowed.action, allowed.subject.user.map(|user| user.id)), ("password.reset_allowed", Some(leo)));
    shop.signed_in(leo, NEVER);
    let deleted = told(shop, Command::DeleteUser { by, user, if_version: None, origin: origin() });
    assert_eq!((&*deleted.action, deleted.by.map(|by| by.id)), ("user.deleted", Some(ada)));
    assert_eq!(deleted.subject.user.map(|user| (user.id, user.name)), Some((leo, "leo".to_owned())));
    assert_eq!((deleted.before.email, deleted.before.name, deleted.after.name), (None, None, None));
    assert_eq!(deleted.after.sessions_ended, Some(1));
}

cases![
    an_entry_says_who_from_where_before_and_after,
    each_act_leaves_one_entry,
    entries_stay_newest_first_and_are_found_by_person_and_action,
    invitations_keys_and_visitors_leave_theirs,
    old_entries_are_forgotten_in_pieces_and_nothing_else,
    what_is_refused_or_changes_nothing_leaves_none,
    who_was_deleted_is_named_and_their_address_is_not_kept,
];
