use std::time::Duration;

use chat_proto::{ErrorCode, Role, SessionId, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::clock::Clock;
use crate::state::{Command, Event, Origin, Outcome, RefreshHashes, Renewal};
use crate::store::Committed;

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

fn standing(shop: &Shop, user: UserId) -> Vec<SessionId> {
    shop.view().sessions(shop.no(user)).expect("readable").iter().map(|session| session.id).collect()
}

/// Shows the refresh token of this number, to get the next.
fn renew(shop: &Shop, who: (UserId, SessionId), token: u8) -> Command {
    let family = shop.view().session(shop.no(who.0), who.1).expect("readable").expect("a session").refresh.family;
    let renewal = Box::new(Renewal {
        presented: RefreshHashes { family, token: [token; 32] },
        next: [token + 1; 32],
        expires_at: NEVER,
        origin: Origin::new("192.0.2.7".parse().ok(), Some("till")),
    });
    Command::RenewSession { user: who.0, session: who.1, renewal }
}

fn ended(committed: &Committed) -> Vec<SessionId> {
    let ended = committed.events.iter().filter_map(|event| match event.event {
        Event::SessionEnded(session) => Some(session),
        _ => None,
    });
    ended.collect()
}

fn an_ended_session_is_refused_in_the_transaction(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let leo = shop.person(Role::Agent, "leo");
    let chat = shop.direct(ana, leo);
    let (one, other) =
        (shop.signed_in(ana, Timestamp::from_millis(i64::MAX)), shop.signed_in(ana, Timestamp::from_millis(i64::MAX)));
    let batch = vec![
        one.send(chat, "a", "before"),
        one.sign_out(one.1),
        one.send(chat, "b", "after"),
        other.send(chat, "c", "on the other device"),
    ];
    let committed = shop.commit(batch);
    let codes: Vec<_> = committed.outcomes.iter().map(|outcome| outcome.as_ref().err().map(|r| r.code)).collect();
    assert_eq!(codes, [None, None, Some(ErrorCode::TokenRevoked), None]);
    assert!(matches!(committed.events[1].event, Event::SessionEnded(session) if session == one.1));
    shop.in_every_state(|shop| {
        assert_eq!(shop.view().session(shop.no(ana), one.1).expect("readable"), None);
        for command in [one.send(chat, "d", "later"), one.rename("Eve"), one.read(chat, 1)] {
            assert_eq!(shop.refused(command), ErrorCode::TokenRevoked);
        }
        assert_eq!(shop.refused(one.sign_out(one.1)), ErrorCode::TokenRevoked);
        assert_eq!(shop.timeline(chat, 1, 2).len(), 2);
    });
}

fn a_session_serves_only_its_own_person_and_its_own_time(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let eve = shop.person(Role::Customer, "eve");
    let session = shop.signed_in(ana, shop.clock.now().after(Duration::from_secs(1)));
    assert_eq!(shop.refused((eve, session.1).rename("Ana")), ErrorCode::TokenRevoked);
    let unknown = shop.new_session_id();
    assert_eq!(shop.refused((ana, unknown).rename("Ana")), ErrorCode::TokenRevoked);
    shop.one(session.rename("Anna"));
    shop.clock.advance(Duration::from_secs(1));
    assert_eq!(shop.refused(session.rename("Ana")), ErrorCode::TokenExpired);
}

fn a_session_goes_on_under_new_tokens(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let session = shop.signed_in(ana, shop.clock.now().after(Duration::from_mins(1)));
    let before = shop.view().session(shop.no(ana), session.1).expect("readable").expect("a session");
    let renewed = shop.one(renew(shop, session, 0));
    assert!(matches!(renewed, Outcome::SignedIn { session: id, expires_at: NEVER, .. } if id == session.1));
    shop.in_every_state(|shop| {
        let after = shop.view().session(shop.no(ana), session.1).expect("readable").expect("a session");
        assert!(after.used_at > before.used_at && after.started_at == before.started_at);
        assert_eq!((after.refresh.family, after.refresh.token), (before.refresh.family, [1; 32]));
        assert_eq!((after.device.as_deref(), after.expires_at), (Some("till"), NEVER));
        assert_eq!(after.address, "192.0.2.7".parse().ok());
    });
}

fn a_spent_token_ends_its_session_and_a_made_up_one_does_not(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let (one, other) = (shop.signed_in(ana, NEVER), shop.signed_in(ana, NEVER));
    shop.in_every_state(|shop| {
        let mut made_up = renew(shop, one, 0);
        if let Command::RenewSession { renewal, .. } = &mut made_up {
            renewal.presented.family = [9; 32];
        }
        assert_eq!(shop.refused(made_up), ErrorCode::Unauthenticated);
    });
    shop.one(renew(shop, one, 0));
    let committed = shop.commit(vec![renew(shop, one, 0), renew(shop, one, 1)]);
    assert_eq!(committed.outcomes[0], Ok(Outcome::Spent));
    assert_eq!(committed.outcomes[1].as_ref().expect_err("it ended just now").code, ErrorCode::TokenRevoked);
    assert_eq!(ended(&committed), [one.1]);
    assert_eq!(standing(shop, ana), [other.1]);
}

fn of_eight_renewals_at_once_one_succeeds(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let session = shop.signed_in(ana, NEVER);
    let batch = (0..8).map(|_| renew(shop, session, 0)).collect();
    let committed = shop.commit(batch);
    let got = |outcome: &&_| matches!(outcome, Ok(Outcome::SignedIn { .. }));
    assert_eq!(committed.outcomes.iter().filter(got).count(), 1);
    assert_eq!(ended(&committed), [session.1]);
    assert!(standing(shop, ana).is_empty());
}

fn nobody_renews_what_is_over(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let session = shop.signed_in(ana, shop.clock.now().after(Duration::from_secs(1)));
    let command = renew(shop, session, 0);
    shop.clock.advance(Duration::from_secs(1));
    assert_eq!(shop.refused(command.clone()), ErrorCode::TokenExpired);
    // The next sign-in clears it away.
    let next = shop.signed_in(ana, NEVER);
    assert_eq!(standing(shop, ana), [next.1]);
    assert_eq!(shop.refused(command), ErrorCode::TokenRevoked);
}

fn somebody_ends_their_own_sessions_and_no_others(shop: &mut Shop) {
    let (ana, eve) = (shop.person(Role::Customer, "ana"), shop.person(Role::Customer, "eve"));
    let [one, two, three] = [(); 3].map(|()| shop.signed_in(ana, NEVER));
    let eves = shop.signed_in(eve, NEVER);
    shop.in_every_state(|shop| {
        assert_eq!(shop.refused(eves.sign_out(one.1)), ErrorCode::NotFound);
        assert_eq!(shop.refused(one.sign_out(eves.1)), ErrorCode::NotFound);
    });
    let committed = shop.commit(vec![one.sign_out(two.1)]);
    assert_eq!(ended(&committed), [two.1]);
    let fourth = shop.signed_in(ana, NEVER);
    let committed = shop.commit(vec![Command::EndOtherSessions { by: one.author(), origin: Origin::default() }]);
    let mut others = [three.1, fourth.1];
    others.sort();
    assert_eq!(ended(&committed), others);
    shop.in_every_state(|shop| {
        assert_eq!(standing(shop, ana), [one.1]);
        assert_eq!(standing(shop, eve), [eves.1]);
    });
}

fn a_new_password_ends_the_other_sessions(shop: &mut Shop) {
    let mut command = shop.new_user(Role::Agent, "leo@shop.example", "Leo");
    if let Command::CreateUser { password, .. } = &mut command {
        *password = Some("old".to_owned());
    }
    let Outcome::User(leo) = shop.one(command) else { panic!("no user") };
    let (one, other) = (shop.signed_in(leo.id, NEVER), shop.signed_in(leo.id, NEVER));
    let change = |current: &str| Command::ChangePassword {
        by: one.author(),
        current: current.to_owned(),
        new: "new".to_owned(),
        origin: Origin::default(),
    };
    assert_eq!(shop.refused(change("older")), ErrorCode::Conflict);
    // Somebody who signs in at the same time, with the old one.
    let late = |shop: &mut Shop| Command::StartSession {
        user: leo.id,
        password: Some("old".to_owned()),
        session: shop.new_session(NEVER),
    };
    let batch = vec![late(shop), change("old"), late(shop)];
    let committed = shop.commit(batch);
    assert!(committed.outcomes[0].is_ok());
    assert_eq!(committed.outcomes[1], Ok(Outcome::Done));
    assert_eq!(committed.outcomes[2].as_ref().expect_err("too late").code, ErrorCode::InvalidCredentials);
    assert_eq!(ended(&committed).len(), 2);
    assert!(ended(&committed).contains(&other.1));
    shop.in_every_state(|shop| {
        assert_eq!(standing(shop, leo.id), [one.1]);
        let account = shop.view().account(shop.no(leo.id)).expect("readable").expect("an account");
        assert_eq!((account.password.as_deref(), account.version), (Some("new"), 1));
    });
}

fn one_person_has_so_many_sessions_and_the_least_used_goes(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let sessions: Vec<_> = (0..100).map(|_| shop.signed_in(ana, NEVER)).collect();
    shop.one(renew(shop, sessions[0], 0));
    let session = shop.new_session(NEVER);
    let committed = shop.commit(vec![Command::StartSession { user: ana, password: None, session }]);
    assert_eq!(ended(&committed), [sessions[1].1]);
    assert_eq!(standing(shop, ana).len(), 100);
}

cases![
    a_new_password_ends_the_other_sessions,
    a_session_goes_on_under_new_tokens,
    a_session_serves_only_its_own_person_and_its_own_time,
    a_spent_token_ends_its_session_and_a_made_up_one_does_not,
    an_ended_session_is_refused_in_the_transaction,
    nobody_renews_what_is_over,
    of_eight_renewals_at_once_one_succeeds,
    one_person_has_so_many_sessions_and_the_least_used_goes,
    somebody_ends_their_own_sessions_and_no_others,
];
