use std::sync::Arc;
use std::time::Duration;

use chat_client::{Connection, Diff, Error};
use chat_proto::Seq;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::shop::{ANA, LEO, MUGS, ORDER, message, opened, put_into_outbox, read_moved, take, told};
use crate::state::{Focus, Link, State};
use crate::update::{Effect, Event, update};

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn type_text(state: &mut State, text: &str) {
    for c in text.chars() {
        press(state, KeyCode::Char(c));
    }
}

/// Writes and sends a message in the selected conversation.
fn send(state: &mut State, text: &str) -> Vec<Effect> {
    press(state, KeyCode::Enter);
    type_text(state, text);
    press(state, KeyCode::Enter)
}

#[test]
fn a_conversation_counts_as_read_when_it_was_shown_for_a_moment() {
    let mut state = opened();
    assert!(update(&mut state, Event::Tick).is_empty());
    assert_eq!(update(&mut state, Event::Tick), [Effect::Read(ORDER, Seq(3))]);
    assert_eq!(state.row(ORDER).unwrap().unread, 0);
    assert_eq!(told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 3), [Effect::Read(ORDER, Seq(4))]);
    assert_eq!(state.row(ORDER).unwrap().unread, 0, "the server will say so too");
    take(&mut state, read_moved(ORDER, LEO, 3));
    assert_eq!(state.row(ORDER).unwrap().unread, 0);
    take(&mut state, read_moved(ORDER, LEO, 4));
    // On another device it was marked as unread.
    take(&mut state, read_moved(ORDER, LEO, 2));
    assert_eq!(state.row(ORDER).unwrap().unread, 2);
}

#[test]
fn passing_by_and_a_hidden_conversation_are_not_reading() {
    let mut state = opened();
    assert_eq!(press(&mut state, KeyCode::Char('j')), [Effect::Open(MUGS)]);
    press(&mut state, KeyCode::Char('k'));
    assert!(update(&mut state, Event::Tick).is_empty());

    let mut state = opened();
    update(&mut state, Event::Resized(60, 20));
    update(&mut state, Event::Tick);
    assert!(update(&mut state, Event::Tick).is_empty(), "only the list is shown");
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Read(ORDER, Seq(3))]);
}

#[test]
fn a_message_is_shown_from_the_outbox_until_it_is_told() {
    let mut state = opened();
    let effects = send(&mut state, "It left today. ");
    assert_eq!(effects, [Effect::Send(ORDER, "It left today.".to_owned())]);
    assert_eq!(state.draft(), "");
    let entry = put_into_outbox(&mut state, effects).remove(0);

    take(&mut state, Diff::OutgoingStored { client_id: entry.client_id.clone() });
    assert!(state.outbox[0].stored);
    // Written before mine, told after mine was confirmed.
    told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 3);
    told(&mut state, &message(ORDER, 5, LEO, "It left today."), 0);
    take(&mut state, Diff::OutgoingRemoved { client_id: entry.client_id });
    assert!(state.outbox.is_empty());
    assert_eq!(state.threads[&ORDER].entries.len(), 5);
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "an empty line sends nothing");
}

#[test]
fn a_refused_message_comes_back_to_the_composer() {
    let mut state = opened();
    let effects = send(&mut state, "one");
    let entry = put_into_outbox(&mut state, effects).remove(0);
    type_text(&mut state, "two");
    let error = Error::Protocol("too\u{7} long".to_owned());
    take(&mut state, Diff::OutgoingFailed { entry, error });
    assert_eq!(state.draft(), "one\ntwo");
    assert_eq!(state.notice.as_deref(), Some("Not sent: the server's answer makes no sense: too long"));
    assert!(state.outbox.is_empty());
    // As does one for which there is no room.
    let why = "too much waits".to_owned();
    update(&mut state, Event::NotSent { conv: MUGS, text: "three".to_owned(), why });
    assert_eq!(state.drafts[&MUGS], "three");
}

#[test]
fn drafts_stay_with_their_conversations() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('r'));
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Typing(ORDER, true)]);
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Typing(ORDER, false)]);
    press(&mut state, KeyCode::Down);
    assert_eq!((state.selected, state.draft()), (Some(MUGS), ""));
    press(&mut state, KeyCode::Up);
    assert_eq!((state.focus, state.draft()), (Focus::Read, "q"));
}

#[test]
fn quitting_asks_while_a_message_is_on_its_way() {
    let mut state = opened();
    let effects = send(&mut state, "hello");
    put_into_outbox(&mut state, effects);
    press(&mut state, KeyCode::Esc);
    assert!(press(&mut state, KeyCode::Char('q')).is_empty());
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
    state.outbox.clear();
    state.leaving = false;
    assert_eq!(press(&mut state, KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn older_messages_are_loaded_once_at_a_time() {
    let mut state = opened();
    let thread = |loading, more_before| Diff::ThreadChanged { conversation: ORDER, loading, more_before };
    take(&mut state, thread(false, true));
    assert_eq!(press(&mut state, KeyCode::PageUp), [Effect::Older(ORDER)]);
    assert!(press(&mut state, KeyCode::PageUp).is_empty());
    take(&mut state, thread(true, true));
    assert!(press(&mut state, KeyCode::PageUp).is_empty());
    take(&mut state, thread(false, true));
    take(&mut state, Diff::NotLoaded { conversation: ORDER, error: Error::Timeout });
    assert!(state.notice.as_deref().is_some_and(|notice| notice.starts_with("Not loaded: ")));
    assert_eq!(press(&mut state, KeyCode::PageUp).len(), 1);
    take(&mut state, thread(false, false));
    assert!(press(&mut state, KeyCode::PageUp).is_empty());
}

#[test]
fn a_lost_connection_stays_lost_until_it_is_live_again() {
    let mut state = opened();
    let why = Error::Transport(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from("gone\u{1b}[2J")));
    take(&mut state, Diff::Connection(Connection::Waiting { why, retry_in: Duration::ZERO }));
    let lost = Link::Lost("the connection failed: gone[2J".to_owned());
    assert_eq!(state.link, lost);
    take(&mut state, Diff::Connection(Connection::Connecting));
    take(&mut state, Diff::Connection(Connection::CatchingUp));
    assert_eq!(state.link, lost);
    take(&mut state, Diff::Connection(Connection::Live));
    assert_eq!(state.link, Link::Live);
    take(&mut state, Diff::Connection(Connection::Ended(Error::Timeout)));
    assert!(matches!(state.link, Link::Ended(_)));
}

#[test]
fn what_others_do_is_seen() {
    let mut state = opened();
    for on in [true, true, false] {
        take(&mut state, Diff::Typing { conversation: ORDER, user: ANA, on });
        assert_eq!(state.typing.len(), usize::from(on));
    }
    take(&mut state, read_moved(ORDER, ANA, 1));
    assert_eq!(state.row(ORDER).unwrap().people[0].read_seq, Seq(1));

    told(&mut state, &message(MUGS, 5, ANA, "News"), 1);
    assert_eq!((state.rows[0].id, state.rows[0].unread), (MUGS, 1));
    assert_eq!(state.selected, Some(ORDER), "the selection does not jump");

    let edited = message(ORDER, 2, ANA, "Where is my order 1002?");
    take(&mut state, Diff::MessageChanged(Box::new(edited)));
    assert_eq!(state.threads[&ORDER].entries[&Seq(2)].text, "Where is my order 1002?");
    let mut deleted = message(ORDER, 2, ANA, "");
    deleted.deleted_at = Some(deleted.created_at);
    take(&mut state, Diff::MessageChanged(Box::new(deleted)));
    assert_eq!(state.threads[&ORDER].entries[&Seq(2)].text, "(deleted)");
    take(&mut state, Diff::MessageRemoved { conversation: ORDER, seq: Seq(2) });
    assert_eq!(state.threads[&ORDER].entries.len(), 2);

    take(&mut state, Diff::ThreadClosed { conversation: ORDER });
    let effects = take(&mut state, Diff::ConversationRemoved { conversation: ORDER });
    assert_eq!(effects, [Effect::Open(MUGS)]);
    assert_eq!((state.rows.len(), state.selected), (1, Some(MUGS)));
    assert!(state.threads.is_empty());
}
