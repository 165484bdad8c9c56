use std::time::Duration;

use chat_proto::model::UserState;
use chat_proto::{ErrorCode, InvitationId, Role, SessionId, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::clock::Clock;
use crate::state::{Acceptance, AccountState, Author, Command, Event, LetterId, LetterKind, Origin, Outcome};
use crate::store::Committed;

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

fn change(by: Author, user: UserId, name: Option<&str>, role: Option<Role>) -> Command {
    let name = name.map(str::to_owned);
    Command::ChangeUser { by, user, name, role, if_version: None, origin: Origin::default() }
}

fn set(by: Author, user: UserId, state: AccountState) -> Command {
    Command::SetUserState { by, user, state, origin: Origin::default() }
}

fn invite(shop: &mut Shop, by: Author, email: &str, role: Role) -> (InvitationId, Command) {
    let id = shop.new_invitation_id();
    let (email, expires_at, origin) =
        (email.to_owned(), shop.clock.now().after(Duration::from_hours(72)), Origin::default());
    (id, Command::Invite { by, id, email, role, token: [id.to_bytes()[0]; 32], expires_at, origin })
}

fn accept(shop: &mut Shop, invitation: InvitationId) -> Command {
    let session = *shop.new_session(NEVER);
    let (name, password) = ("Leo".to_owned(), "hash".to_owned());
    let token = [invitation.to_bytes()[0]; 32];
    let (id, letter) = (shop.new_user_id(), *shop.new_letter(NEVER));
    let acceptance = Acceptance { invitation, token, id, name, password, session, letter };
    Command::AcceptInvitation(Box::new(acceptance))
}

fn ended(committed: &Committed) -> Vec<SessionId> {
    let ended = committed.events.iter().filter_map(|event| match event.event {
        Event::SessionEnded(session) => Some(session),
        _ => None,
    });
    ended.collect()
}

fn only_admins_administer(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let victim = shop.person(Role::Agent, "leo");
    let others = [Role::Agent, Role::Customer, Role::Designer, Role::Merchant]
        .map(|role| shop.person(role, &format!("a.{role}")));
    let (open, command) = invite(shop, admin.author(), "new@shop.example", Role::Agent);
    shop.one(command);
    for other in others {
        let by = other.author();
        let origin = Origin::default();
        let invitation = invite(shop, by, "x@shop.example", Role::Admin).1;
        for command in [
            change(by, victim, None, Some(Role::Admin)),
            change(by, other, None, Some(Role::Admin)),
            set(by, victim, AccountState::Disabled),
            Command::EndUserSessions { by, user: victim, origin: origin.clone() },
            invitation,
            Command::TakeBackInvitation { by, invitation: open, origin },
        ] {
            assert_eq!(shop.refused(command), ErrorCode::Forbidden);
        }
    }
    let nobody = shop.new_user_id();
    assert_eq!(shop.refused(change(admin.author(), nobody, None, None)), ErrorCode::NotFound);
    let none = shop.new_invitation_id();
    let command = Command::TakeBackInvitation { by: admin.author(), invitation: none, origin: Origin::default() };
    assert_eq!(shop.refused(command), ErrorCode::NotFound);
}

fn another_role_moves_in_the_directory_and_ends_the_sessions(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let leo = shop.person(Role::Agent, "leo");
    let session = shop.signed_in(leo, NEVER);
    let Outcome::User(renamed) = shop.one(change(admin.author(), leo, Some("Leon"), Some(Role::Agent))) else {
        panic!("no user")
    };
    assert_eq!((&*renamed.name, renamed.version), ("Leon", 2));
    shop.one(session.rename("Leo"));
    let stale = Command::ChangeUser {
        by: admin.author(),
        user: leo,
        name: None,
        role: Some(Role::Merchant),
        if_version: Some(2),
        origin: Origin::default(),
    };
    assert_eq!(shop.refused(stale), ErrorCode::VersionMismatch);
    let committed =
        shop.commit(vec![change(admin.author(), leo, None, Some(Role::Merchant)), session.rename("Too late")]);
    assert_eq!(ended(&committed), [session.1]);
    assert_eq!(committed.outcomes[1].as_ref().expect_err("it ended").code, ErrorCode::TokenRevoked);
    shop.in_every_state(|shop| {
        let no = shop.no(leo);
        let listed = |role| shop.view().directory(role, None, 10).expect("readable");
        assert_eq!((listed(Role::Agent), listed(Role::Merchant)), (vec![], vec![("leo".to_owned(), no)]));
        let same = change(admin.author(), leo, Some("Leo"), Some(Role::Merchant));
        assert!(matches!(shop.one(same), Outcome::User(user) if user.version == 4), "no change");
    });
}

fn a_disabled_account_does_nothing_until_it_is_enabled(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let leo = shop.person(Role::Agent, "leo");
    let session = shop.signed_in(leo, NEVER);
    let late = shop.new_session(NEVER);
    let committed = shop.commit(vec![
        set(admin.author(), leo, AccountState::Disabled),
        Command::StartSession { user: leo, password: None, session: late },
        session.rename("Too late"),
    ]);
    let Ok(Outcome::User(user)) = &committed.outcomes[0] else { panic!("no user") };
    assert_eq!((user.state, user.version), (UserState::Disabled, 2));
    assert_eq!(ended(&committed), [session.1]);
    for outcome in &committed.outcomes[1..] {
        assert_eq!(outcome.as_ref().expect_err("disabled").code, ErrorCode::TokenRevoked);
    }
    shop.in_every_state(|shop| {
        assert_eq!(shop.refused(leo.rename("Too late")), ErrorCode::TokenRevoked);
        assert!(shop.view().sessions(shop.no(leo)).expect("readable").is_empty());
    });
    shop.one(set(admin.author(), leo, AccountState::Active));
    shop.one(leo.rename("Back"));
}

fn the_last_admin_stays(shop: &mut Shop) {
    let ada = shop.person(Role::Admin, "ada");
    let eve = shop.person(Role::Admin, "eve");
    let off = |who: UserId| set(ada.author(), who, AccountState::Disabled);
    shop.one(off(eve));
    shop.in_every_state(|shop| {
        // Eve is one by name only.
        assert_eq!(shop.refused(off(ada)), ErrorCode::Conflict);
        assert_eq!(shop.refused(change(ada.author(), ada, None, Some(Role::Agent))), ErrorCode::Conflict);
    });
    shop.one(change(ada.author(), ada, Some("Ada L."), Some(Role::Admin)));
    shop.one(change(ada.author(), eve, None, Some(Role::Agent)));
    shop.one(set(ada.author(), eve, AccountState::Active));
    shop.one(change(ada.author(), eve, None, Some(Role::Admin)));
    // Both at once: one of them remains.
    let committed = shop.commit(vec![
        change(ada.author(), ada, None, Some(Role::Agent)),
        set(eve.author(), eve, AccountState::Disabled),
    ]);
    assert!(committed.outcomes[0].is_ok());
    assert_eq!(committed.outcomes[1].as_ref().expect_err("the last").code, ErrorCode::Conflict);
}

fn an_invitation_is_accepted_once(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let (id, command) = invite(shop, admin.author(), "leo@shop.example", Role::Agent);
    let Outcome::Invitation(shown) = shop.one(command) else { panic!("no invitation") };
    assert_eq!((shown.id, shown.role, shown.by.id), (id, Role::Agent, admin));
    shop.in_every_state(|shop| {
        let mut guess = accept(shop, id);
        if let Command::AcceptInvitation(acceptance) = &mut guess {
            acceptance.token[31] ^= 1;
        }
        assert_eq!(shop.refused(guess), ErrorCode::Invalid);
        assert_eq!(shop.view().invitations().expect("readable").len(), 1);
        let letter = shop.view().letter(LetterId(id.to_bytes())).expect("readable").expect("a letter");
        assert_eq!((letter.kind, &*letter.to), (LetterKind::Invitation, "leo@shop.example"));
    });
    let batch = vec![accept(shop, id), accept(shop, id)];
    let committed = shop.commit(batch);
    let Ok(Outcome::SignedIn { user, session, .. }) = &committed.outcomes[0] else { panic!("not signed in") };
    assert_eq!((user.role, &*user.email, user.email_verified), (Role::Agent, "leo@shop.example", false));
    assert_eq!(committed.outcomes[1].as_ref().expect_err("spent").code, ErrorCode::Invalid);
    let (user, session) = (user.id, *session);
    shop.in_every_state(|shop| {
        assert_eq!(shop.view().invitation(id).expect("readable"), None);
        assert_eq!(shop.view().letter(LetterId(id.to_bytes())).expect("readable"), None);
        assert!(shop.view().session(shop.no(user), session).expect("readable").is_some());
    });
}

fn an_invitation_ends_when_it_is_over_taken_back_or_made_anew(shop: &mut Shop) {
    let by = shop.person(Role::Admin, "ada").author();
    let make = |shop: &mut Shop, email: &str| {
        let (id, command) = invite(shop, by, email, Role::Agent);
        shop.one(command);
        id
    };
    let back = make(shop, "one@shop.example");
    shop.one(Command::TakeBackInvitation { by, invitation: back, origin: Origin::default() });
    let first = make(shop, "two@shop.example");
    let second = make(shop, "TWO@shop.example");
    for gone in [back, first] {
        let command = accept(shop, gone);
        assert_eq!(shop.refused(command), ErrorCode::Invalid);
    }
    let taken = make(shop, "three@shop.example");
    shop.person(Role::Customer, "three");
    let command = accept(shop, taken);
    assert_eq!(shop.refused(command), ErrorCode::EmailTaken);
    let (_, command) = invite(shop, by, "three@shop.example", Role::Agent);
    assert_eq!(shop.refused(command), ErrorCode::EmailTaken);
    shop.clock.advance(Duration::from_hours(72));
    let command = accept(shop, second);
    assert_eq!(shop.refused(command), ErrorCode::Invalid);
    let last = make(shop, "four@shop.example");
    let open: Vec<_> = shop.view().invitations().expect("readable").iter().map(|open| open.id).collect();
    assert_eq!(open, [last], "what is over is cleared away");
}

cases![
    a_disabled_account_does_nothing_until_it_is_enabled,
    an_invitation_ends_when_it_is_over_taken_back_or_made_anew,
    an_invitation_is_accepted_once,
    another_role_moves_in_the_directory_and_ends_the_sessions,
    only_admins_administer,
    the_last_admin_stays,
];
