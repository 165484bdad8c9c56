use std::time::Duration;

use chat_client::{Connection, Diff, Error, Request};
use chat_proto::model::{DeviceState, Person};
use chat_proto::{ErrorCode, Seq};
use crossterm::event::{KeyCode, KeyModifiers};

use super::shop::{
    ANA, BO, LEO, MUGS, ORDER, found, leo, message, opened, press, press_with, put_into_outbox, read_moved, send, take,
    told, type_text,
};
use crate::state::{Link, Over, Pane, State};
use crate::update::{Effect, Event, Found, update};

/// The server's no, with this code.
pub(super) fn refusal(code: &str) -> Error {
    let code: ErrorCode = serde_json::from_value(code.into()).unwrap();
    let problem = serde_json::json!({"type": "about:blank", "title": code, "status": code.status(), "detail": "No.",
        "instance": "/", "code": code, "retryable": code.is_retryable(), "request_id": "r1"});
    Error::Refused(Box::new(serde_json::from_value(problem).unwrap()))
}

fn tick(state: &mut State, seconds: u32) -> Vec<Effect> {
    (0..seconds).flat_map(|_| update(state, Event::Tick)).collect()
}

#[test]
fn a_conversation_counts_as_read_when_somebody_looks_at_it() {
    let mut state = opened();
    assert!(press(&mut state, KeyCode::Char('l')).contains(&Effect::Read(ORDER, Seq(3))), "opened");
    assert_eq!(state.row(ORDER).unwrap().unread, 0);
    let news = told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 3);
    assert_eq!(news, [Effect::Delivered(ORDER, Seq(4)), Effect::Read(ORDER, Seq(4))], "somebody sat here just now");
    take(&mut state, read_moved(ORDER, LEO, 3));
    assert_eq!(state.row(ORDER).unwrap().unread, 0, "the server will say so too");
    take(&mut state, read_moved(ORDER, LEO, 4));
    // On another device it was marked as unread.
    take(&mut state, read_moved(ORDER, LEO, 2));
    assert_eq!(state.row(ORDER).unwrap().unread, 2);
}

#[test]
fn being_on_a_screen_is_not_being_read() {
    // Passing by.
    let mut state = opened();
    assert_eq!(press(&mut state, KeyCode::Char('j')), [Effect::Open(MUGS), Effect::Viewing(Some(MUGS))]);
    press(&mut state, KeyCode::Char('k'));
    assert!(tick(&mut state, 5).is_empty(), "selected is not opened");
    assert_eq!(state.row(ORDER).unwrap().unread, 2);

    // Nobody has done anything yet.
    let mut state = opened();
    assert!(tick(&mut state, 5).is_empty());
    assert_eq!(told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 3), [Effect::Delivered(ORDER, Seq(4))]);

    // Back in the list, it is closed again.
    press(&mut state, KeyCode::Char('l'));
    press(&mut state, KeyCode::Esc);
    told(&mut state, &message(ORDER, 5, ANA, "Are you there?"), 1);
    assert!(tick(&mut state, 5).is_empty());
    assert_eq!(state.row(ORDER).unwrap().unread, 1);

    // Choosing a message is looking at it.
    assert!(press(&mut state, KeyCode::Char('K')).contains(&Effect::Read(ORDER, Seq(5))));

    // Another window has the focus.
    let mut state = opened();
    update(&mut state, Event::Focus(false));
    press(&mut state, KeyCode::Char('l'));
    assert!(tick(&mut state, 60).is_empty());
    assert!(update(&mut state, Event::Focus(true)).is_empty());
    assert_eq!(tick(&mut state, 1), [Effect::Read(ORDER, Seq(3))]);

    // Nobody has touched a key for a while; the next key says that somebody is back.
    tick(&mut state, 31);
    assert_eq!(told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 1), [Effect::Delivered(ORDER, Seq(4))]);
    assert_eq!(press(&mut state, KeyCode::Char('J')), [Effect::Read(ORDER, Seq(4))]);

    // Only the list is shown.
    let mut state = opened();
    update(&mut state, Event::Resized(60, 20));
    assert!(tick(&mut state, 5).is_empty());
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Read(ORDER, Seq(3))]);

    // Something lies over it, or it is scrolled away.
    let mut state = opened();
    press(&mut state, KeyCode::Char('l'));
    press(&mut state, KeyCode::Char('?'));
    assert_eq!(told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 1), [Effect::Delivered(ORDER, Seq(4))]);
    assert!(tick(&mut state, 5).is_empty());
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Read(ORDER, Seq(4))]);
}

#[test]
fn who_leaves_the_keys_alone_is_away() {
    let mut state = opened();
    tick(&mut state, 298);
    assert_eq!(tick(&mut state, 5), [Effect::Presence(DeviceState::Away)]);
    assert!(!state.wants_ticks(), "nothing wakes this program up any more");
    assert_eq!(press(&mut state, KeyCode::Char('x')), [Effect::Presence(DeviceState::Online)]);
    assert!(state.wants_ticks());
}

#[test]
fn marking_as_unread_puts_a_conversation_aside() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('l'));
    press(&mut state, KeyCode::Char('K'));
    press(&mut state, KeyCode::Char('K'));
    let effects = press(&mut state, KeyCode::Char('U'));
    assert_eq!(effects, [Effect::Request(Request::Unread { conversation: ORDER, seq: Seq(2) })]);
    assert_eq!((state.row(ORDER).unwrap().unread, state.pane), (2, Pane::List));
}

#[test]
fn the_next_unread_is_found_and_one_comes_back() {
    let mut state = opened();
    tick(&mut state, 1);
    told(&mut state, &message(MUGS, 3, BO, "Are you there?"), 1);
    let effects = press(&mut state, KeyCode::Char(' '));
    assert_eq!(effects[0], Effect::Open(MUGS));
    assert_eq!(press(&mut state, KeyCode::Char('-'))[0], Effect::Open(ORDER));
    assert_eq!(state.selected, Some(ORDER));
}

#[test]
fn panes_are_as_many_as_there_is_room_for() {
    let mut state = opened();
    update(&mut state, Event::Resized(60, 20));
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.pane, state.writing), (Pane::Thread, false));
    press(&mut state, KeyCode::Enter);
    assert!(state.writing);
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('q'));
    assert_eq!(state.pane, Pane::List);
    let panes: Vec<Pane> = (0..3)
        .map(|_| {
            press(&mut state, KeyCode::Tab);
            state.pane
        })
        .collect();
    assert_eq!(panes, [Pane::Thread, Pane::People, Pane::List]);
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn the_switcher_finds_and_the_palette_carries_out() {
    let mut state = opened();
    press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('k'));
    type_text(&mut state, "mugs");
    assert_eq!(press(&mut state, KeyCode::Enter)[0], Effect::Open(MUGS));
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, "who is in");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.pane, Pane::People);
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, "no such thing at all");
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    assert!(state.over.is_none());
}

#[test]
fn the_directory_leads_to_a_conversation() {
    let mut state = opened();
    assert_eq!(press(&mut state, KeyCode::Char('N')), [Effect::Directory(String::new())]);
    let bo = super::shop::person(BO, "Bo Lind", chat_proto::Role::Designer);
    update(&mut state, found(vec![bo]));
    type_text(&mut state, "lind");
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Begin(BO)]);
    press(&mut state, KeyCode::Char('N'));
    update(&mut state, Event::Directory { typed: String::new(), found: Err("gone".to_owned()) });
    assert!(state.over.is_none() && state.notice.is_some());
}

#[test]
fn a_large_directory_is_asked_as_one_types() {
    let person = |number: u8, name: &str| {
        super::shop::person(chat_proto::UserId::from_bytes([number; 16]), name, chat_proto::Role::Customer)
    };
    let answer = |typed: &str, people: Vec<Person>, more: bool| Event::Directory {
        typed: typed.to_owned(),
        found: Ok(Found { people, more }),
    };
    let ask = |typed: &str| [Effect::Directory(typed.to_owned())];
    let mut state = opened();
    press(&mut state, KeyCode::Char('N'));
    // One question at a time.
    assert!(press(&mut state, KeyCode::Char('z')).is_empty());
    assert_eq!(update(&mut state, answer("", vec![person(7, "Aziz Ab")], true)), ask("z"));
    assert!(press(&mut state, KeyCode::Char('z')).is_empty());
    assert_eq!(update(&mut state, answer("z", vec![person(8, "Zoe"), person(9, "Zz Last")], false)), ask("zz"));
    press(&mut state, KeyCode::Char(' '));
    assert!(update(&mut state, answer("zz", vec![person(9, "Zz Last")], false)).is_empty());
    assert_eq!(press(&mut state, KeyCode::Char('l')), ask("zz l"));
    // What the server finds is shown, however it found it; what was there before is not lost.
    update(&mut state, answer("zz l", vec![person(9, "Žž Last")], false));
    let Some(Over::Picker(picker)) = &state.over else { panic!("it is open") };
    assert_eq!(picker.found.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(), ["Žž Last"]);
    press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('u'));
    let Some(Over::Picker(picker)) = &state.over else { panic!("it is open") };
    assert!(picker.found.iter().any(|item| item.text == "Aziz Ab"));
    // An error leaves what is there; the next key asks again.
    press(&mut state, KeyCode::Char('q'));
    update(&mut state, Event::Directory { typed: "q".to_owned(), found: Err("slowly".to_owned()) });
    assert!(state.over.is_some() && state.notice.is_some());
    assert_eq!(press(&mut state, KeyCode::Char('x')), ask("qx"));
    // What was asked before the list was closed is not taken for what is asked now.
    press(&mut state, KeyCode::Esc);
    assert_eq!(press(&mut state, KeyCode::Char('N')), ask(""));
    assert!(update(&mut state, answer("qx", vec![person(8, "Zoe")], false)).is_empty());
    let Some(Over::Picker(picker)) = &state.over else { panic!("it is open") };
    assert!(picker.found.is_empty() && picker.directory.people.is_none());
}

#[test]
fn help_stays_until_it_is_closed() {
    let mut state = opened();
    press(&mut state, KeyCode::F(1));
    press(&mut state, KeyCode::Char('j'));
    assert!(matches!(state.over, Some(Over::Help(1, _))));
    press(&mut state, KeyCode::Char('q'));
    assert!(state.over.is_none());
}

#[test]
fn several_from_the_directory_make_a_group() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('N'));
    let person = |id, name: &str| super::shop::person(id, name, chat_proto::Role::Designer);
    update(&mut state, found(vec![person(ANA, "Ana Ruiz"), person(BO, "Bo Lind")]));
    // A mark is taken away as it was made, and stays while something else is looked for.
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Up);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Up);
    press(&mut state, KeyCode::Tab);
    type_text(&mut state, "bo");
    press(&mut state, KeyCode::Tab);
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    type_text(&mut state, "Mugsy");
    press(&mut state, KeyCode::Backspace);
    // One step back is the list with its marks.
    press(&mut state, KeyCode::Esc);
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    update(&mut state, Event::Paste(" Order\n40 ".to_owned()));
    let begin =
        |subject: Option<&str>| Effect::BeginGroup { people: vec![ANA, BO], subject: subject.map(str::to_owned) };
    assert_eq!(press(&mut state, KeyCode::Enter), [begin(Some("Order 40"))]);
    assert!(state.over.is_none());
    update(&mut state, Event::Begun(Err("too many\u{1b}[2J".to_owned())));
    assert_eq!(state.notice.as_deref(), Some("too many[2J"));

    // No subject; and one who is marked is no group.
    press(&mut state, KeyCode::Char('N'));
    update(&mut state, found(vec![person(ANA, "Ana Ruiz"), person(BO, "Bo Lind")]));
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Enter);
    assert_eq!(press(&mut state, KeyCode::Enter), [begin(None)]);
    press(&mut state, KeyCode::Char('N'));
    update(&mut state, found(vec![person(ANA, "Ana Ruiz"), person(BO, "Bo Lind")]));
    press(&mut state, KeyCode::Tab);
    assert!(press(&mut state, KeyCode::Enter).contains(&Effect::Begin(ANA)), "whom one marked, not where one is");
}

#[test]
fn quitting_asks_while_a_message_is_on_its_way() {
    let mut state = opened();
    let effects = send(&mut state, "hello");
    put_into_outbox(&mut state, effects);
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('q'));
    assert_eq!(state.pane, Pane::List);
    assert!(press(&mut state, KeyCode::Char('q')).is_empty());
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
    let mut state = opened();
    assert!(press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('c')).is_empty());
    press(&mut state, KeyCode::Char('j'));
    assert!(press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('c')).is_empty());
    assert_eq!(press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('c')), [Effect::Quit]);
}

#[test]
fn older_messages_are_loaded_once_at_a_time() {
    let mut state = opened();
    let thread =
        |loading, more_before| Diff::ThreadChanged { conversation: ORDER, loading, more_before, more_after: false };
    take(&mut state, thread(false, true));
    assert!(press(&mut state, KeyCode::PageUp).contains(&Effect::Older(ORDER)));
    assert!(!press(&mut state, KeyCode::PageUp).contains(&Effect::Older(ORDER)));
    take(&mut state, thread(false, true));
    take(&mut state, Diff::NotLoaded { conversation: ORDER, error: Error::Timeout });
    assert!(state.notice.as_deref().is_some_and(|notice| notice.starts_with("Not loaded: ")));
    assert!(press(&mut state, KeyCode::PageUp).contains(&Effect::Older(ORDER)));
    take(&mut state, thread(false, false));
    assert!(!press(&mut state, KeyCode::PageUp).contains(&Effect::Older(ORDER)));
}

#[test]
fn a_lost_connection_counts_down_until_it_is_back() {
    let mut state = opened();
    let why = || Error::Protocol("gone\u{1b}[2J".to_owned());
    take(&mut state, Diff::Connection(Connection::Waiting { why: why(), retry_in: Duration::from_millis(1_500) }));
    tick(&mut state, 1);
    let lost =
        Link::Lost { why: "the server's answer makes no sense: gone[2J".to_owned(), retry_in: 1, draining: false };
    assert_eq!(state.link, lost);
    assert_eq!(press(&mut state, KeyCode::Char('R')), [Effect::Retry]);
    take(&mut state, Diff::Connection(Connection::Connecting));
    assert_eq!(state.link, lost, "not back yet");
    take(&mut state, Diff::Connection(Connection::CatchingUp));
    assert_eq!(state.link, Link::Syncing);
    take(&mut state, Diff::Connection(Connection::Live));
    assert_eq!(state.link, Link::Live);
    take(&mut state, Diff::Connection(Connection::Ended(why())));
    assert!(matches!(state.link, Link::Ended(_)));
}

#[test]
fn who_is_signed_out_signs_in_again_and_keeps_what_was_written() {
    let mut state = opened();
    state.account = ("http://shop".to_owned(), "leo@shop.example".to_owned());
    press(&mut state, KeyCode::Enter);
    type_text(&mut state, "half");
    press(&mut state, KeyCode::Esc);
    take(&mut state, Diff::Connection(Connection::Ended(refusal("token_expired"))));
    assert_eq!(state.link, Link::SignedOut);
    press(&mut state, KeyCode::Char('L'));
    assert!(press(&mut state, KeyCode::Esc).is_empty(), "back to what is there");
    assert!(state.sign_in.is_none());
    press(&mut state, KeyCode::Char('L'));
    type_text(&mut state, "pass word");
    let effects = press(&mut state, KeyCode::Enter);
    let (url, email) = state.account.clone();
    assert_eq!(effects, [Effect::SignIn { url, email, password: "pass word".to_owned() }]);
    update(&mut state, Event::NotSignedIn("no".to_owned()));
    assert!(state.sign_in.is_some());
    let drafts = state.drafts.clone();
    update(&mut state, Event::SignedIn(Box::new(leo()), drafts));
    assert!(state.sign_in.is_none());
    assert_eq!(state.drafts[&ORDER].message.text(), "half");
}

#[test]
fn both_ends_of_a_long_conversation_are_reached() {
    let mut state = opened();
    let thread = |loading, more_before, more_after| Diff::ThreadChanged {
        conversation: ORDER,
        loading,
        more_before,
        more_after,
    };
    let remove = |seq| Diff::MessageRemoved { conversation: ORDER, seq: Seq(seq) };
    let insert = |state: &mut State, seqs: std::ops::RangeInclusive<u64>| {
        for seq in seqs {
            take(state, Diff::MessageInserted(Box::new(message(ORDER, seq, ANA, &format!("number {seq}")))));
        }
    };
    for seq in 1..=3 {
        take(&mut state, remove(seq));
    }
    told(&mut state, &message(ORDER, 200, ANA, "The end"), 0);
    insert(&mut state, 101..=199);
    take(&mut state, thread(false, true, false));

    // To the beginning, which has nothing to do with what is held.
    assert!(press(&mut state, KeyCode::Char('g')).contains(&Effect::First(ORDER)));
    assert!(!press(&mut state, KeyCode::Char('g')).contains(&Effect::First(ORDER)), "once");
    take(&mut state, thread(true, true, false));
    for seq in 101..=200 {
        take(&mut state, remove(seq));
    }
    insert(&mut state, 1..=50);
    take(&mut state, thread(false, false, true));
    assert_eq!(state.view.chosen, Some(Seq(1)));
    assert!(state.view.bottom.is_some(), "it is shown");

    // Down again, message by message or page by page: what comes next is loaded.
    for _ in 1..49 {
        assert!(press(&mut state, KeyCode::Char('J')).is_empty());
    }
    assert_eq!(press(&mut state, KeyCode::Char('J')), [Effect::Newer(ORDER)]);
    assert_eq!(state.view.bottom, Some((Seq(50), 0)), "that is not the end");
    take(&mut state, thread(true, false, true));
    assert!(press(&mut state, KeyCode::Char('J')).is_empty());
    insert(&mut state, 51..=60);
    take(&mut state, thread(false, false, true));
    press(&mut state, KeyCode::Char('J'));
    assert_eq!(state.view.chosen, Some(Seq(51)));
    let effects = (0..5).map(|_| press(&mut state, KeyCode::PageDown)).find(|effects| !effects.is_empty());
    assert_eq!(effects.as_deref(), Some(&[Effect::Newer(ORDER)][..]));
    take(&mut state, thread(false, false, true));

    // What comes in is not there, so it is not read.
    take(
        &mut state,
        Diff::ConversationChanged(Box::new(super::shop::conversation(message(ORDER, 201, ANA, "News"), 1))),
    );
    assert_eq!(press(&mut state, KeyCode::Char('G')), [Effect::Newest(ORDER)]);
    assert!(press(&mut state, KeyCode::Char('G')).is_empty(), "once");
    for seq in 1..=60 {
        take(&mut state, remove(seq));
    }
    insert(&mut state, 190..=201);
    take(&mut state, thread(false, true, false));
    assert_eq!(press(&mut state, KeyCode::Char('G')), [Effect::Read(ORDER, Seq(201))]);
}

#[test]
fn what_others_do_is_seen() {
    let mut state = opened();
    for on in [true, true, false] {
        take(&mut state, Diff::Typing { conversation: ORDER, user: ANA, on });
        take(&mut state, Diff::Viewing { conversation: ORDER, user: BO, on });
        assert_eq!((state.typing.len(), state.viewing.len()), (usize::from(on), usize::from(on)));
    }
    take(&mut state, read_moved(ORDER, ANA, 1));
    assert_eq!(state.row(ORDER).unwrap().others(LEO).next().unwrap().read_seq, Seq(1));

    told(&mut state, &message(MUGS, 5, ANA, "News"), 1);
    assert_eq!((state.list.shown()[0], state.row(MUGS).unwrap().unread), (MUGS, 1));
    assert_eq!(state.selected, Some(ORDER), "the selection does not jump");

    let text = |state: &State| state.threads[&ORDER].entries[&Seq(2)].text.clone();
    take(&mut state, Diff::MessageChanged(Box::new(message(ORDER, 2, ANA, "Where is my order 1002?"))));
    assert_eq!(text(&state), "Where is my order 1002?");
    let mut deleted = message(ORDER, 2, ANA, "");
    deleted.deleted_at = Some(deleted.created_at);
    take(&mut state, Diff::MessageChanged(Box::new(deleted)));
    assert_eq!(text(&state), "(deleted)");
    take(&mut state, Diff::MessageRemoved { conversation: ORDER, seq: Seq(2) });
    assert_eq!(state.threads[&ORDER].entries.len(), 2);

    take(&mut state, Diff::ThreadClosed { conversation: ORDER });
    let effects = take(&mut state, Diff::ConversationRemoved { conversation: ORDER });
    assert_eq!(effects[0], Effect::Open(MUGS));
    assert_eq!((state.list.all().len(), state.rows.len(), state.selected), (1, 1, Some(MUGS)));
    assert!(state.threads.is_empty());
}
