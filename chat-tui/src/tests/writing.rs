use chat_client::{Diff, Error, Request};
use chat_proto::Seq;
use crossterm::event::{KeyCode, KeyModifiers};

use super::shop::{
    ANA, LEO, MUGS, ORDER, message, opened, press, press_with, put_into_outbox, send, take, told, type_text,
};
use super::steps::refusal;
use crate::state::State;
use crate::update::{Effect, Event, update};

fn text(state: &State) -> &str {
    state.draft().map_or("", |draft| draft.composer().text())
}

fn sent(text: &str, if_last_seq: Option<u64>) -> Effect {
    let (text, if_last_seq) = (text.to_owned(), if_last_seq.map(Seq));
    Effect::Send { conv: ORDER, text, files: Vec::new(), reply_to: None, if_last_seq }
}

#[test]
fn a_message_is_shown_from_the_outbox_until_it_is_told() {
    let mut state = opened();
    let effects = send(&mut state, "It left today. ");
    assert_eq!(effects, [sent("It left today.", Some(3))]);
    assert_eq!(text(&state), "");
    let entry = put_into_outbox(&mut state, effects).remove(0);
    assert_eq!(send(&mut state, "And"), [sent("And", None)], "where the first will stand is not known yet");

    take(&mut state, Diff::OutgoingStored { client_id: entry.client_id.clone() });
    assert!(state.outbox[0].stored);
    // Written before mine, told after mine was confirmed.
    told(&mut state, &message(ORDER, 4, ANA, "Hello?"), 3);
    told(&mut state, &message(ORDER, 5, LEO, "It left today."), 0);
    take(&mut state, Diff::OutgoingRemoved { client_id: entry.client_id });
    assert!(state.outbox.is_empty());
    assert_eq!(state.threads[&ORDER].entries.len(), 5);
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "an empty box sends nothing");
}

#[test]
fn what_came_in_meanwhile_is_asked_about_once() {
    let mut state = opened();
    press(&mut state, KeyCode::Enter);
    type_text(&mut state, "It left");
    told(&mut state, &message(ORDER, 4, ANA, "Never mind"), 1);
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    assert!(state.notice.as_deref().is_some_and(|notice| notice.contains("meanwhile")));
    assert_eq!(press(&mut state, KeyCode::Enter), [sent("It left", Some(4))]);

    // Whoever types on has seen it.
    type_text(&mut state, "So");
    told(&mut state, &message(ORDER, 5, ANA, "It came"), 1);
    type_text(&mut state, "?");
    assert_eq!(press(&mut state, KeyCode::Enter), [sent("So?", Some(5))]);

    // The server knew before this screen did.
    let effects = send(&mut state, "Good");
    let entry = put_into_outbox(&mut state, effects).remove(0);
    take(&mut state, Diff::OutgoingFailed { entry, error: refusal("newer_messages") });
    assert_eq!(text(&state), "Good");
    told(&mut state, &message(ORDER, 6, ANA, "Thanks"), 1);
    assert_eq!(press(&mut state, KeyCode::Enter), [sent("Good", None)]);
}

#[test]
fn a_refused_message_comes_back_to_the_composer() {
    let mut state = opened();
    let effects = send(&mut state, "one");
    let entry = put_into_outbox(&mut state, effects).remove(0);
    type_text(&mut state, "two");
    let error = Error::Protocol("too\u{7} long".to_owned());
    take(&mut state, Diff::OutgoingFailed { entry, error });
    assert_eq!(text(&state), "one\ntwo");
    assert_eq!(state.notice.as_deref(), Some("Not sent: the server's answer makes no sense: too long"));
    assert!(state.outbox.is_empty());
    // As does one for which there is no room.
    let why = "too much waits".to_owned();
    update(&mut state, Event::NotSent { conv: MUGS, text: "three".to_owned(), files: Vec::new(), why });
    assert_eq!(state.drafts[&MUGS].message.text(), "three");
}

#[test]
fn drafts_stay_with_their_conversations() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('r'));
    assert!(press(&mut state, KeyCode::Char('q')).contains(&Effect::Typing(ORDER, true)));
    assert!(state.unsaved, "it is to be kept");
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Typing(ORDER, false)]);
    press(&mut state, KeyCode::Char('h'));
    press(&mut state, KeyCode::Down);
    assert_eq!((state.selected, text(&state)), (Some(MUGS), ""));
    press(&mut state, KeyCode::Up);
    assert_eq!((state.writing, text(&state)), (false, "q"));
}

#[test]
fn a_reply_names_the_chosen_message() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('K'));
    press(&mut state, KeyCode::Char('K'));
    press(&mut state, KeyCode::Char('r'));
    type_text(&mut state, "Which one?");
    let effects = press(&mut state, KeyCode::Enter);
    let answered = message(ORDER, 2, ANA, "").id;
    assert!(matches!(&effects[..], [Effect::Send { reply_to: Some(to), .. }] if *to == answered), "{effects:?}");
    press_with(&mut state, KeyModifiers::ALT, KeyCode::Enter);
    assert_eq!(text(&state), "\n");
    assert_eq!(state.draft().unwrap().reply_to, None);
}

#[test]
fn my_messages_are_edited_and_deleted_and_others_are_not() {
    let mut state = opened();
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Up);
    assert_eq!(text(&state), "Hello Ana, thank you for your order.");
    type_text(&mut state, "!");
    let (conversation, own) = (ORDER, message(ORDER, 1, LEO, "").id);
    let edited = "Hello Ana, thank you for your order.!".to_owned();
    let request = Request::Edit { conversation, message: own, text: edited.clone(), if_version: None };
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Request(request.clone())]);
    assert!(!state.writing);
    // Refused, it is not lost.
    take(&mut state, Diff::Refused { request, error: refusal("conflict") });
    assert_eq!(text(&state), edited);
    assert!(state.notice.as_deref().is_some_and(|notice| notice.starts_with("Not done")));

    press(&mut state, KeyCode::Char('d'));
    assert!(state.asked_to_delete.is_none(), "the newest is Ana's");
    press(&mut state, KeyCode::Char('g'));
    press(&mut state, KeyCode::Char('d'));
    assert!(press(&mut state, KeyCode::Char('x')).is_empty());
    assert!(press(&mut state, KeyCode::Char('y')).is_empty(), "any other key is a no");
    press(&mut state, KeyCode::Char('d'));
    let deleted = Request::Delete { conversation, message: own };
    assert_eq!(press(&mut state, KeyCode::Char('y')), [Effect::Request(deleted)]);
}

#[test]
fn a_reaction_is_given_and_taken_back() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('+'));
    type_text(&mut state, "party");
    let react = |on| {
        let (conversation, message, emoji) = (ORDER, message(ORDER, 3, ANA, "").id, "🎉".to_owned());
        Effect::Request(Request::React { conversation, message, emoji, on })
    };
    assert!(press(&mut state, KeyCode::Enter).contains(&react(true)));
    let mut liked = message(ORDER, 3, ANA, "So?");
    liked.reactions = vec![chat_proto::model::Reaction { emoji: "🎉".into(), users: vec![LEO] }];
    take(&mut state, Diff::MessageChanged(Box::new(liked)));
    press(&mut state, KeyCode::Char('+'));
    type_text(&mut state, "party");
    assert_eq!(press(&mut state, KeyCode::Enter), [react(false)]);
}
