use std::sync::Arc;
use std::time::Duration;

use chat_proto::{ErrorCode, Role, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::clock::Clock;
use crate::state::{AccountState, Command, Event, Letter, LetterId, LetterKind, Origin, Outcome};

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

fn forgot(shop: &mut Shop, email: &str, expires_at: Timestamp) -> Command {
    let (email, letter) = (email.to_owned(), shop.new_letter(expires_at));
    Command::ForgotPassword { email, letter, origin: Origin::default() }
}

fn reset(letter: LetterId, password: &str) -> Command {
    let (password, origin) = (password.to_owned(), Origin::default());
    Command::ResetPassword { letter, token: [7; 32], password, origin }
}

fn verify(letter: LetterId) -> Command {
    Command::VerifyEmail { letter, token: [7; 32], origin: Origin::default() }
}

fn ask(shop: &mut Shop, who: UserId) -> Command {
    let letter = shop.new_letter(NEVER);
    Command::AskToVerifyEmail { by: who.author(), letter, origin: Origin::default() }
}

fn letters(shop: &Shop, user: UserId) -> Vec<Arc<Letter>> {
    shop.view().letters(shop.no(user)).expect("readable")
}

fn password(shop: &Shop, user: UserId) -> Option<String> {
    shop.view().account(shop.no(user)).expect("readable").expect("an account").password.clone()
}

fn whoever_forgot_a_password_sets_another_once(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let session = shop.signed_in(ana, NEVER);
    for _ in 0..2 {
        let command = forgot(shop, "ana@shop.example", NEVER);
        assert_eq!(shop.one(command), Outcome::Done);
    }
    let [one, other] = &letters(shop, ana)[..] else { panic!("not two letters") };
    let (one, other) = (one.id, other.id);
    shop.in_every_state(|shop| {
        let letter = shop.view().letter(one).expect("readable").expect("a letter");
        assert_eq!((letter.kind, &*letter.to), (LetterKind::PasswordReset, "ana@shop.example"));
        let mut guess = reset(one, "guessed");
        if let Command::ResetPassword { token, .. } = &mut guess {
            token[0] ^= 1;
        }
        for command in [guess, verify(one), reset(LetterId([9; 16]), "x")] {
            assert_eq!(shop.refused(command), ErrorCode::Invalid);
        }
    });
    let committed = shop.commit(vec![reset(one, "new"), reset(one, "newer"), reset(other, "newest")]);
    assert_eq!(committed.outcomes[0], Ok(Outcome::Done));
    for outcome in &committed.outcomes[1..] {
        assert_eq!(outcome.as_ref().expect_err("spent").code, ErrorCode::Invalid);
    }
    assert!(committed.events.iter().any(|event| matches!(event.event, Event::SessionEnded(id) if id == session.1)));
    shop.in_every_state(|shop| {
        assert_eq!(password(shop, ana).as_deref(), Some("new"));
        assert!(letters(shop, ana).is_empty());
        let account = shop.view().account(shop.no(ana)).expect("readable").expect("an account");
        assert!(account.email_verified && account.version == 2);
    });
}

fn nobody_is_told_whether_there_is_an_account(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let ana = shop.person(Role::Customer, "ana");
    let state = AccountState::Disabled;
    shop.one(Command::SetUserState { by: admin.author(), user: ana, state, origin: Origin::default() });
    for email in ["nobody@shop.example", "ana@shop.example"] {
        let command = forgot(shop, email, NEVER);
        assert_eq!(shop.one(command), Outcome::Done);
    }
    assert!(shop.view().letters_after(None, 10).expect("readable").is_empty());
}

fn three_letters_are_enough_and_stay_good(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let soon = shop.clock.now().after(Duration::from_hours(1));
    for _ in 0..5 {
        let command = forgot(shop, "ana@shop.example", soon);
        shop.one(command);
    }
    let first = letters(shop, ana);
    assert_eq!(first.len(), 3);
    let command = ask(shop, ana);
    shop.one(command);
    assert_eq!(letters(shop, ana).len(), 4, "another kind is counted for itself");
    shop.clock.advance(Duration::from_hours(1));
    assert_eq!(shop.refused(reset(first[0].id, "late")), ErrorCode::Invalid);
    let command = forgot(shop, "ana@shop.example", NEVER);
    shop.one(command);
    assert_eq!(letters(shop, ana).len(), 2, "what is over has gone");
}

fn an_address_is_verified_once(shop: &mut Shop) {
    let ana = shop.person(Role::Customer, "ana");
    let command = ask(shop, ana);
    shop.one(command);
    let letter = letters(shop, ana)[0].id;
    assert_eq!(shop.refused(reset(letter, "x")), ErrorCode::Invalid);
    shop.one(verify(letter));
    shop.in_every_state(|shop| {
        let account = shop.view().account(shop.no(ana)).expect("readable").expect("an account");
        assert!(account.email_verified && account.version == 2);
        assert_eq!(shop.refused(verify(letter)), ErrorCode::Invalid);
    });
    let command = ask(shop, ana);
    shop.one(command);
    assert!(letters(shop, ana).is_empty(), "it is verified");
}

fn a_disabled_account_gets_no_other_password(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let ana = shop.person(Role::Customer, "ana");
    let command = forgot(shop, "ana@shop.example", NEVER);
    shop.one(command);
    let letter = letters(shop, ana)[0].id;
    let state = AccountState::Disabled;
    shop.one(Command::SetUserState { by: admin.author(), user: ana, state, origin: Origin::default() });
    assert_eq!(shop.refused(reset(letter, "x")), ErrorCode::Invalid);
    assert!(letters(shop, ana).is_empty());
}

fn letters_are_paged_and_forgotten_when_they_are_over(shop: &mut Shop) {
    let soon = shop.clock.now().after(Duration::from_hours(1));
    for name in ["ana", "bo", "cleo"] {
        shop.person(Role::Customer, name);
        let expires_at = if name == "bo" { NEVER } else { soon };
        let command = forgot(shop, &format!("{name}@shop.example"), expires_at);
        shop.one(command);
    }
    shop.in_every_state(|shop| {
        let all = shop.view().letters_after(None, 10).expect("readable");
        assert!(all.len() == 3 && all.is_sorted_by(|one, next| one.id < next.id));
        let mut paged = Vec::new();
        while let [letter] =
            &shop.view().letters_after(paged.last().map(|last: &Arc<Letter>| last.id), 1).expect("readable")[..]
        {
            paged.push(Arc::clone(letter));
        }
        assert_eq!(paged, all);
    });
    assert!(shop.commit(vec![Command::ForgetLetters]).events.is_empty());
    shop.clock.advance(Duration::from_hours(1));
    let committed = shop.commit(vec![Command::ForgetLetters]);
    assert!(matches!(committed.events[0].event, Event::LettersForgotten(2)));
    shop.in_every_state(|shop| {
        let left = shop.view().letters_after(None, 10).expect("readable");
        assert!(left.len() == 1 && left[0].to == "bo@shop.example");
    });
}

fn an_admin_lets_somebody_set_another_password(shop: &mut Shop) {
    let admin = shop.person(Role::Admin, "ada");
    let ana = shop.person(Role::Customer, "ana");
    let leo = shop.person(Role::Agent, "leo");
    let session = shop.signed_in(ana, NEVER);
    let allow = |shop: &mut Shop, by: UserId, user: UserId| {
        let letter = shop.new_letter(NEVER);
        Command::AllowPasswordReset { by: by.author(), user, letter, origin: Origin::default() }
    };
    let command = allow(shop, leo, ana);
    assert_eq!(shop.refused(command), ErrorCode::Forbidden);
    for _ in 0..5 {
        let command = forgot(shop, "ana@shop.example", NEVER);
        shop.one(command);
    }
    for _ in 0..2 {
        let command = allow(shop, admin, ana);
        assert!(shop.commit(vec![command]).events.iter().all(|event| !matches!(event.event, Event::SessionEnded(_))));
    }
    let waiting = letters(shop, ana);
    let passed_on: Vec<_> = waiting.iter().filter(|one| one.kind == LetterKind::PasswordResetByAdmin).collect();
    assert_eq!(
        (waiting.len(), passed_on.len()),
        (4, 1),
        "an earlier one is over, and others are counted for themselves"
    );
    let letter = passed_on[0].id;
    shop.in_every_state(|shop| assert_eq!(shop.refused(verify(letter)), ErrorCode::Invalid));
    let committed = shop.commit(vec![reset(letter, "new"), reset(letter, "newer")]);
    assert_eq!(committed.outcomes[0], Ok(Outcome::Done));
    assert_eq!(committed.outcomes[1].as_ref().expect_err("spent").code, ErrorCode::Invalid);
    assert!(committed.events.iter().any(|event| matches!(event.event, Event::SessionEnded(id) if id == session.1)));
    shop.in_every_state(|shop| {
        let account = shop.view().account(shop.no(ana)).expect("readable").expect("an account");
        assert_eq!((account.password.as_deref(), account.email_verified), (Some("new"), false), "nothing was mailed");
        assert!(letters(shop, ana).is_empty(), "what was mailed is over too");
    });
    let state = AccountState::Disabled;
    shop.one(Command::SetUserState { by: admin.author(), user: ana, state, origin: Origin::default() });
    let command = allow(shop, admin, ana);
    assert_eq!(shop.refused(command), ErrorCode::Conflict);
}

cases![
    an_admin_lets_somebody_set_another_password,
    a_disabled_account_gets_no_other_password,
    an_address_is_verified_once,
    letters_are_paged_and_forgotten_when_they_are_over,
    nobody_is_told_whether_there_is_an_account,
    three_letters_are_enough_and_stay_good,
    whoever_forgot_a_password_sets_another_once,
];
