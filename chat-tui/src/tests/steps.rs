use chat_client::Change;
use chat_proto::Seq;
use chat_proto::wire::{AccessRevoked, ReadMoved};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::shop::{ANA, LEO, MUGS, ORDER, change, history, message, opened};
use crate::state::{Focus, State};
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
    let next = Change::MessageCreated(message(ORDER, 4, ANA, "Hello?"));
    assert_eq!(update(&mut state, change(ORDER, next)), [Effect::Read(ORDER, Seq(4))]);
}

#[test]
fn passing_by_and_a_hidden_conversation_are_not_reading() {
    let mut state = opened();
    assert_eq!(press(&mut state, KeyCode::Char('j')), [Effect::Load(MUGS, None)]);
    press(&mut state, KeyCode::Char('k'));
    assert!(update(&mut state, Event::Tick).is_empty());

    let mut state = opened();
    update(&mut state, Event::Resized(60, 20));
    update(&mut state, Event::Tick);
    assert!(update(&mut state, Event::Tick).is_empty(), "only the list is shown");
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Read(ORDER, Seq(3))]);
}

#[test]
fn a_message_is_sent_under_a_name_and_shown_once() {
    let mut state = opened();
    let effects = send(&mut state, "It left today. ");
    let [Effect::Send(outgoing)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((outgoing.conv, outgoing.text.as_str()), (ORDER, "It left today."));
    assert_eq!(outgoing.client_id.as_str(), "sess_1:1");
    assert_eq!(state.draft(), "");

    let mut sent = message(ORDER, 5, LEO, "It left today.");
    sent.client_id = Some(outgoing.client_id.clone());
    update(&mut state, Event::Sent(outgoing.client_id.clone(), Ok(())));
    assert!(state.outbox[0].stored);
    // Written before mine, told after mine was confirmed.
    let before = Change::MessageCreated(message(ORDER, 4, ANA, "Hello?"));
    update(&mut state, change(ORDER, before));
    update(&mut state, change(ORDER, Change::MessageCreated(sent)));
    assert!(state.outbox.is_empty());
    assert_eq!(state.threads[&ORDER].entries.len(), 5);
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "an empty line sends nothing");
}

#[test]
fn a_refused_message_comes_back_to_the_composer() {
    let mut state = opened();
    send(&mut state, "one");
    type_text(&mut state, "two");
    let client_id = state.outbox[0].client_id.clone();
    update(&mut state, Event::Sent(client_id, Err("too\u{7} long".to_owned())));
    assert_eq!(state.draft(), "one\ntwo");
    assert_eq!(state.notice.as_deref(), Some("Not sent: too long"));
    assert!(state.outbox.is_empty());
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
    send(&mut state, "hello");
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
    state.threads.get_mut(&ORDER).unwrap().more_before = true;
    assert_eq!(press(&mut state, KeyCode::PageUp), [Effect::Load(ORDER, Some(Seq(1)))]);
    assert!(press(&mut state, KeyCode::PageUp).is_empty());
    update(&mut state, Event::History(ORDER, Err("no connection".to_owned())));
    assert_eq!(press(&mut state, KeyCode::PageUp).len(), 1);
    update(&mut state, Event::History(ORDER, Ok(history(Vec::new(), false))));
    assert!(press(&mut state, KeyCode::PageUp).is_empty());
}

#[test]
fn what_others_do_is_seen() {
    let mut state = opened();
    let typing = |on| Event::Typing { conv: ORDER, user: ANA, on, seconds: 2 };
    update(&mut state, typing(true));
    update(&mut state, Event::Tick);
    assert_eq!(state.typing.len(), 1);
    update(&mut state, Event::Tick);
    assert!(state.typing.is_empty(), "who says nothing more has stopped");
    update(&mut state, typing(true));
    update(&mut state, typing(false));
    assert!(state.typing.is_empty());

    let read = ReadMoved { user_id: ANA, seq: Seq(1) };
    update(&mut state, change(ORDER, Change::ReadMoved(read)));
    assert_eq!(state.row(ORDER).unwrap().people[0].read_seq, Seq(1));

    let elsewhere = Change::MessageCreated(message(MUGS, 5, ANA, "News"));
    update(&mut state, change(MUGS, elsewhere));
    assert_eq!((state.rows[0].id, state.rows[0].unread), (MUGS, 1));
    assert_eq!(state.selected, Some(ORDER), "the selection does not jump");

    let revoked = AccessRevoked { conversation_id: ORDER };
    update(&mut state, change(ORDER, Change::AccessRevoked(revoked)));
    assert_eq!((state.rows.len(), state.selected), (1, Some(MUGS)));
}
