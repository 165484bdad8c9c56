//! Whatever happens, in whatever order: in the end everything is as a fresh snapshot shows it.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::session::Session;
use super::shop::{ME, PEOPLE};

#[derive(Clone, Debug)]
enum Step {
    Create(Vec<usize>),
    Send(usize, usize),
    Edit(usize, usize),
    Read(usize, usize, u64),
    Unread(usize, u64),
    Add(usize, usize),
    Remove(usize, usize),
    Rename,
    Open(usize),
    Older(usize),
    Newer(usize),
    Oldest(usize),
    Newest(usize),
    Close(usize),
    Connect,
    Drop,
    Deliver(usize),
    Ask,
    Answer(usize),
    Reset,
    LoadPage,
}

const ROOMS: usize = 6;

fn step() -> impl Strategy<Value = Step> {
    let room = 0..ROOMS;
    let who = 0..PEOPLE;
    prop_oneof![
        2 => prop::collection::vec(who.clone(), 0..PEOPLE).prop_map(Step::Create),
        8 => (room.clone(), who.clone()).prop_map(|(room, who)| Step::Send(room, who)),
        3 => (room.clone(), 0..4_usize).prop_map(|(room, back)| Step::Edit(room, back)),
        3 => (room.clone(), who.clone(), 0..3_u64).prop_map(|(room, who, back)| Step::Read(room, who, back)),
        1 => (room.clone(), 0..4_u64).prop_map(|(room, back)| Step::Unread(room, back)),
        3 => (room.clone(), who.clone()).prop_map(|(room, who)| Step::Add(room, who)),
        3 => (room.clone(), who).prop_map(|(room, who)| Step::Remove(room, who)),
        1 => Just(Step::Rename),
        3 => room.clone().prop_map(Step::Open),
        4 => room.clone().prop_map(Step::Older),
        2 => room.clone().prop_map(Step::Newer),
        1 => room.clone().prop_map(Step::Oldest),
        1 => room.clone().prop_map(Step::Newest),
        1 => room.prop_map(Step::Close),
        3 => Just(Step::Connect),
        2 => Just(Step::Drop),
        6 => (1..5_usize).prop_map(Step::Deliver),
        3 => Just(Step::Ask),
        4 => any::<usize>().prop_map(Step::Answer),
        1 => Just(Step::Reset),
        3 => Just(Step::LoadPage),
    ]
}

fn carry_out(session: &mut Session, step: Step) {
    let rooms = session.shop.rooms();
    // Rooms that do not exist yet stand for others.
    let room = |room: usize| room % rooms.max(1);
    match step {
        Step::Create(mut members) if rooms < ROOMS => {
            members.sort_unstable();
            members.dedup();
            session.shop.create(&members);
        }
        Step::Rename if rooms > 0 => session.shop.rename_me(),
        Step::Connect => session.connect(),
        Step::Drop => session.drop_connection(),
        Step::Deliver(count) => session.deliver(count),
        Step::Ask => session.ask(),
        Step::Answer(which) => session.answer(which),
        Step::Reset => session.reset(),
        Step::LoadPage => session.load_page(),
        Step::Create(_) | Step::Rename => {}
        _ if rooms == 0 => {}
        Step::Send(at, who) => session.shop.send(room(at), who),
        Step::Edit(at, back) => session.shop.edit(room(at), back),
        Step::Read(at, who, back) => session.shop.read(room(at), who, back),
        Step::Unread(at, back) => session.shop.unread(room(at), back),
        Step::Add(at, who) => session.shop.add(room(at), who),
        Step::Remove(at, who) => session.shop.remove(room(at), who),
        Step::Open(at) => session.open(room(at)),
        Step::Older(at) => session.older(room(at)),
        Step::Newer(at) => session.newer(room(at)),
        Step::Oldest(at) => session.oldest(room(at)),
        Step::Newest(at) => session.newest(room(at)),
        Step::Close(at) => session.close(room(at)),
    }
    session.write();
}

#[test]
fn every_history_ends_as_a_fresh_snapshot_and_its_diffs_say_so() {
    #[expect(clippy::disallowed_methods, reason = "how long to look is for whoever runs the tests to say")]
    let cases = std::env::var("CHAT_WATCH_HISTORIES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let histories = prop::collection::vec(step(), 1..150);
    let outcome = runner.run(&histories, |steps| {
        let mut session = Session::default();
        session.shop.create(&[ME, 1]);
        // Like at the start of a program: there is nothing yet.
        session.reset();
        for step in steps {
            carry_out(&mut session, step);
        }
        session.settle();
        let faults = session.faults();
        prop_assert!(faults.is_empty(), "{}", faults.join("\n\n"));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
