//! What stands in the list, and where.

use chat_client::Diff;
use chat_proto::ConversationId;
use crossterm::event::{KeyCode, KeyModifiers};

use super::shop::{ANA, BO, MUGS, ORDER, conversation, message, opened, press, press_with, take, told, type_text};
use crate::state::{List, Pane, State};
use crate::update::{Effect, Event, update};

fn shown(state: &State) -> Vec<ConversationId> {
    state.list.shown().into_owned()
}

fn news(state: &mut State, conv: ConversationId, seq: u64) {
    told(state, &message(conv, seq, ANA, "News"), 1);
}

#[test]
fn the_list_stands_still_under_whoever_is_about_to_press_a_key() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('k'));
    news(&mut state, MUGS, 3);
    assert_eq!((shown(&state), state.list.moved()), (vec![ORDER, MUGS], 1));
    assert_eq!(state.row(MUGS).unwrap().unread, 1, "what stands in it is told at once");
    update(&mut state, Event::Tick);
    assert_eq!(state.list.moved(), 1);
    state.dirty = false;
    update(&mut state, Event::Tick);
    assert_eq!((shown(&state), state.list.moved(), state.dirty), (vec![MUGS, ORDER], 0, true));
    // The hands rest: it moves at once.
    news(&mut state, ORDER, 4);
    assert_eq!(shown(&state), [ORDER, MUGS]);
}

#[test]
fn who_goes_on_goes_from_what_they_saw() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('k'));
    news(&mut state, MUGS, 3);
    let effects = press(&mut state, KeyCode::Char('j'));
    assert_eq!(effects[0], Effect::Open(MUGS), "as it stood below");
    assert_eq!((shown(&state), state.list.moved()), (vec![MUGS, ORDER], 0));
    // Where nothing is chosen in the list there is nothing to be missed.
    press(&mut state, KeyCode::Enter);
    news(&mut state, ORDER, 4);
    assert_eq!((shown(&state), state.list.moved()), (vec![ORDER, MUGS], 0));
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('h'));
    // What is gone is gone at once.
    news(&mut state, MUGS, 4);
    take(&mut state, Diff::ConversationRemoved { conversation: MUGS });
    assert_eq!((shown(&state), state.selected), (vec![ORDER], Some(ORDER)));
}

#[test]
fn what_one_has_begun_is_where_it_belongs_though_it_was_told_before() {
    let mut state = opened();
    take(&mut state, Diff::ConversationRemoved { conversation: MUGS });
    press(&mut state, KeyCode::Char('k'));
    let begun = conversation(message(MUGS, 1, BO, "Hello"), 0);
    take(&mut state, Diff::ConversationInserted { at: 0, conversation: Box::new(begun.clone()) });
    assert_eq!(state.list.moved(), 1);
    update(&mut state, Event::Begun(Ok(Box::new(begun))));
    assert_eq!((shown(&state), state.place()), (vec![MUGS, ORDER], Some(0)));
}

#[test]
fn what_is_held_ends_where_the_server_has_it() {
    let id = |number: u64| ConversationId::from_bytes([u8::try_from(number).unwrap(); 16]);
    let mut dice = 7_u64;
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let (mut list, mut order) = (List::default(), Vec::<ConversationId>::new());
    for _ in 0..5_000 {
        let of = id(throw(12));
        let at = usize::try_from(throw(12)).unwrap();
        match throw(8) {
            0 => {
                order.retain(|known| *known != of);
                list.remove(of);
            }
            1 => drop(list.settle()),
            way => {
                order.retain(|known| *known != of);
                order.insert(at.min(order.len()), of);
                list.put(at, of, way > 3);
            }
        }
        assert_eq!(list.all(), order);
        assert!(list.shown().iter().all(|shown| order.contains(shown)));
        assert!(list.moved() > 0 || list.shown() == order, "{:?} and {order:?}", list.shown());
    }
}

#[test]
fn the_list_is_filtered_by_people_subject_and_last_message() {
    let mut state = opened();
    for (typed, found) in [
        ("mug", vec![MUGS]),
        ("RUIZ", vec![ORDER, MUGS]),
        ("telephone", vec![ORDER]),
        ("order 40", vec![MUGS]),
        ("bo perfect", vec![MUGS]),
        ("nothing of that", vec![]),
        ("", vec![ORDER, MUGS]),
    ] {
        press(&mut state, KeyCode::Char('/'));
        type_text(&mut state, typed);
        assert_eq!(shown(&state), found, "{typed}");
        press(&mut state, KeyCode::Esc);
        assert_eq!((shown(&state), state.selected), (vec![ORDER, MUGS], Some(ORDER)), "back to where one was");
    }
}

#[test]
fn a_filter_is_kept_until_it_is_taken_off() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('/'));
    type_text(&mut state, "mug");
    assert_eq!(state.selected, Some(MUGS), "the first of what is found");
    press(&mut state, KeyCode::Enter);
    assert!(press(&mut state, KeyCode::Char('j')).is_empty(), "there is no other");
    // It holds for what comes, too; what one has before one's eyes stays.
    news(&mut state, ORDER, 4);
    told(&mut state, &message(MUGS, 3, BO, "Thanks"), 1);
    assert_eq!(shown(&state), [MUGS]);
    told(&mut state, &message(ORDER, 5, ANA, "Or mugs?"), 2);
    press(&mut state, KeyCode::Char('k'));
    assert_eq!(shown(&state), [ORDER, MUGS]);
    press(&mut state, KeyCode::Char('/'));
    type_text(&mut state, " order");
    assert_eq!(shown(&state), [MUGS]);
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Esc);
    assert!(state.list.filter.is_none());
    assert_eq!((state.selected, state.pane), (Some(MUGS), Pane::List));
    assert_eq!(press(&mut state, KeyCode::Char('-'))[0], Effect::Open(ORDER), "where one was before");
}

#[test]
fn going_elsewhere_takes_the_filter_off() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('/'));
    type_text(&mut state, "mug");
    press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('k'));
    type_text(&mut state, "ruiz");
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.selected, state.pane), (Some(ORDER), Pane::Thread));
    assert!(state.list.filter.is_none());
    // As does the end of all that it let through.
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('/'));
    type_text(&mut state, "mug");
    press(&mut state, KeyCode::Enter);
    take(&mut state, Diff::ConversationRemoved { conversation: MUGS });
    assert_eq!((shown(&state), state.selected), (vec![ORDER], Some(ORDER)));
}

#[test]
fn a_filter_asks_for_older_conversations() {
    let mut state = opened();
    take(&mut state, Diff::MoreConversations(true));
    press(&mut state, KeyCode::Char('/'));
    assert!(press(&mut state, KeyCode::Char('x')).contains(&Effect::MoreConversations));
}
