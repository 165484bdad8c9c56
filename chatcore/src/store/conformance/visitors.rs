use std::time::Duration;

use chat_proto::{ErrorCode, Role, SessionId, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop};
use crate::clock::Clock;
use crate::state::{
    Author, Command, ConversationNo, Event, Identity, Origin, Outcome, RecordKey, RefreshHashes, UserNo, VisitorClaim,
};

type Visitor = (UserId, SessionId);

const MONTH: Duration = Duration::from_hours(30 * 24);

fn admitted(shop: &mut Shop) -> Visitor {
    let id = shop.new_user_id();
    let session = shop.new_session(shop.clock.now().after(MONTH));
    let session_id = session.id;
    match shop.one(Command::AdmitVisitor { id, site: "shop".to_owned(), session }) {
        Outcome::SignedIn { user, .. } => assert!(user.anonymous && user.id == id),
        other => panic!("{other:?} instead of a visitor"),
    }
    (id, session_id)
}

/// All that are due now.
fn expire(shop: &mut Shop) -> Vec<Event> {
    let before = RecordKey::visitor_due(shop.clock.now(), UserNo(0));
    let due = shop.view().records(&RecordKey::first_visitor_due(), &before, 100).expect("readable");
    let due = due.into_iter().map(|(key, _)| key).collect();
    let committed = shop.commit(vec![Command::ExpireVisitors { due }]);
    assert_eq!(committed.outcomes, [Ok(Outcome::Done)]);
    committed.events.iter().map(|event| event.event.clone()).collect()
}

fn claim(shop: &Shop, by: UserId, visitor: Visitor) -> Command {
    claiming(by.author(), visitor.author(), shop.inbox(visitor.0))
}

fn claiming(by: Author, visitor: Author, conversations: Vec<ConversationNo>) -> Command {
    let claim = VisitorClaim { visitor, refresh: None, conversations, origin: Origin::default() };
    Command::ClaimVisitor { by, claim: Box::new(claim) }
}

fn identity(shop: &Shop, external_id: &str, token: u8) -> Identity {
    Identity {
        site: "shop".to_owned(),
        external_id: external_id.to_owned(),
        name: Some("Ana".to_owned()),
        email: Some("ana@shop.example".to_owned()),
        token: [token; 32],
        token_ends: shop.clock.now().after(Duration::from_mins(10)),
    }
}

fn vouched(shop: &mut Shop, identity: Identity) -> Command {
    let (id, session) = (shop.new_user_id(), shop.new_session(Timestamp::from_millis(i64::MAX)));
    Command::SignInIdentity { id, identity: Box::new(identity), session }
}

fn whoever_says_nothing_is_forgotten_and_the_number_is_not_given_out_again(shop: &mut Shop) {
    let (silent, newest) = (admitted(shop), admitted(shop));
    let (silent_no, newest_no) = (shop.no(silent.0), shop.no(newest.0));
    shop.one(silent.rename("Somebody"));
    assert_eq!(expire(shop), []);
    shop.clock.advance(Duration::from_hours(25));
    let told = expire(shop);
    assert_eq!(told, [Event::SessionEnded(silent.1), Event::UserRemoved]);
    shop.in_every_state(|shop| {
        let view = shop.view();
        assert_eq!(view.account(silent_no).expect("readable"), None);
        assert_eq!(
            (view.user_no(silent.0).expect("readable"), view.session(silent_no, silent.1).expect("readable")),
            (None, None)
        );
        assert_eq!(shop.no(newest.0), newest_no, "the greatest number stays");
        assert_eq!(shop.refused(silent.rename("Eve")), ErrorCode::TokenRevoked);
    });
    let next = admitted(shop);
    assert_eq!(shop.no(next.0).0, newest_no.0 + 1);
    shop.clock.advance(Duration::from_hours(25));
    expire(shop);
    shop.in_every_state(|shop| assert_eq!(shop.view().account(newest_no).expect("readable"), None));
}

fn whoever_was_met_stays_a_month_and_then_their_words_do(shop: &mut Shop) {
    let leo = shop.person(Role::Agent, "leo");
    let (talking, called) = (admitted(shop), admitted(shop));
    let command = Command::OpenDirect { by: talking.author(), id: shop.new_conversation_id(), with: leo };
    shop.one(command);
    let chat = shop.direct(leo, talking.0);
    shop.one(talking.send(chat, "a", "hello"));
    shop.direct(leo, called.0);
    admitted(shop);
    shop.clock.advance(Duration::from_hours(25));
    assert_eq!(expire(shop), [Event::Tidied]);
    shop.one(talking.send(chat, "b", "still here"));
    shop.clock.advance(MONTH);
    expire(shop);
    shop.in_every_state(|shop| {
        for visitor in [talking, called] {
            assert_eq!(shop.refused(visitor.rename("Eve")), ErrorCode::TokenRevoked);
            assert!(shop.view().user_no(visitor.0).expect("readable").is_some());
        }
        assert_eq!(shop.timeline(chat, 1, 2).len(), 2);
        assert_eq!(expire_is_done(shop), 1, "the newest visitor, who would be given out again");
    });
}

fn expire_is_done(shop: &Shop) -> usize {
    let all = RecordKey::visitor_due(Timestamp::from_millis(i64::MAX), UserNo(0));
    shop.view().records(&RecordKey::first_visitor_due(), &all, 100).expect("readable").len()
}

fn a_customer_takes_the_place_of_the_visitor_that_they_were(shop: &mut Shop) {
    let (ana, leo) = (shop.person(Role::Customer, "ana"), shop.person(Role::Agent, "leo"));
    let visitor = admitted(shop);
    let command = Command::OpenDirect { by: visitor.author(), id: shop.new_conversation_id(), with: leo };
    shop.one(command);
    let chat = shop.direct(leo, visitor.0);
    shop.one(visitor.send(chat, "a", "hello"));
    shop.one(leo.send(chat, "b", "good morning"));
    let command = claim(shop, ana, visitor);
    shop.one(command);
    shop.in_every_state(|shop| {
        let conversation = shop.conversation(chat);
        let members: Vec<UserNo> = conversation.members.iter().map(|member| member.user).collect();
        assert_eq!(members, [shop.no(ana), shop.no(leo)]);
        assert_eq!((shop.read_mark(chat, ana), conversation.last_seq.0), (1, 2), "as far as the visitor had read");
        assert!(shop.inbox(visitor.0).is_empty() && shop.inbox(ana).len() == 1);
        let direct = shop.view().direct(shop.no(ana), shop.no(leo)).expect("readable");
        assert_eq!(direct, Some(conversation.no));
        assert_eq!(shop.refused(visitor.send(chat, "c", "still me")), ErrorCode::TokenRevoked);
        let again = claim(shop, ana, visitor);
        assert_eq!(shop.one(again), Outcome::Done);
        let other = claiming(leo.author(), visitor.author(), Vec::new());
        assert_eq!(shop.refused(other), ErrorCode::Forbidden);
    });
}

fn a_visitor_is_claimed_once_and_by_their_own_session(shop: &mut Shop) {
    let (ana, eve) = (shop.person(Role::Customer, "ana"), shop.person(Role::Customer, "eve"));
    let (visitor, other) = (admitted(shop), admitted(shop));
    let with = |visitor: Author| claiming(ana.author(), visitor, Vec::new());
    assert_eq!(shop.refused(with(Author { session: None, ..visitor.author() })), ErrorCode::Invalid);
    assert_eq!(shop.refused(with((visitor.0, other.1).author())), ErrorCode::Invalid);
    assert_eq!(shop.refused(with(eve.author())), ErrorCode::Invalid);
    let spent = RefreshHashes { family: [9; 32], token: [9; 32] };
    let mut by_refresh = with(visitor.author());
    if let Command::ClaimVisitor { claim, .. } = &mut by_refresh {
        claim.refresh = Some(spent);
    }
    assert_eq!(shop.refused(by_refresh), ErrorCode::Invalid);
    let batch = vec![claim(shop, ana, visitor), claim(shop, eve, visitor)];
    let committed = shop.commit(batch);
    assert_eq!(committed.outcomes[0], Ok(Outcome::Done));
    assert_eq!(committed.outcomes[1].as_ref().expect_err("refused").code, ErrorCode::Invalid);
    let command = claiming(other.author(), visitor.author(), Vec::new());
    assert_eq!(shop.refused(command), ErrorCode::Conflict);
}

fn somebody_whom_a_site_vouches_for_is_found_again_and_their_token_used_once(shop: &mut Shop) {
    let first = identity(shop, "c-1", 1);
    let command = vouched(shop, first.clone());
    let Outcome::SignedIn { user, .. } = shop.one(command) else { panic!("not signed in") };
    assert!(user.verified && user.email == "ana@shop.example");
    shop.in_every_state(|shop| {
        let command = vouched(shop, first.clone());
        assert_eq!(shop.refused(command), ErrorCode::TokenRevoked);
        assert_eq!(shop.view().user_by_email("ana@shop.example").expect("readable"), None);
    });
    let command = vouched(shop, Identity { name: Some("Ana R.".to_owned()), token: [2; 32], ..first.clone() });
    let Outcome::SignedIn { user: again, .. } = shop.one(command) else { panic!("not signed in") };
    assert_eq!((again.id, &*again.name, again.version), (user.id, "Ana R.", 2));
    let other = Identity { site: "b2b".to_owned(), token: [3; 32], ..first.clone() };
    let command = vouched(shop, other);
    let Outcome::SignedIn { user: other, .. } = shop.one(command) else { panic!("not signed in") };
    assert_ne!(other.id, user.id);
    // What has ended is forgotten, a few with each sign-in.
    let used = |shop: &Shop| {
        let all = RecordKey::used_token_end(Timestamp::from_millis(i64::MAX), &[0xff; 32]);
        shop.view().records(&RecordKey::first_token_end(), &all, 100).expect("readable").len()
    };
    assert_eq!(used(shop), 3);
    shop.clock.advance(Duration::from_mins(11));
    let fresh = identity(shop, "c-2", 4);
    let command = vouched(shop, fresh);
    shop.one(command);
    assert_eq!(used(shop), 1);
    assert_eq!(shop.view().record(&RecordKey::used_token(&[1; 32])).expect("readable"), None);
}

cases![
    a_customer_takes_the_place_of_the_visitor_that_they_were,
    a_visitor_is_claimed_once_and_by_their_own_session,
    somebody_whom_a_site_vouches_for_is_found_again_and_their_token_used_once,
    whoever_says_nothing_is_forgotten_and_the_number_is_not_given_out_again,
    whoever_was_met_stays_a_month_and_then_their_words_do,
];
