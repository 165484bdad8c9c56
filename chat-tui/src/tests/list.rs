//! What stands in the list, and where.

use chat_client::Diff;
use chat_proto::ConversationId;
use chat_proto::model::Message;
use crossterm::event::{KeyCode, KeyModifiers};

use super::shop::{
    ANA, BO, LEO, MUGS, ORDER, conversation, message, opened, press, press_with, read_moved, take, told, type_text,
};
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
                let hold = (way > 3).then(|| id(throw(12)));
                list.put(at, of, hold);
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

/// A page of older conversations, of which the last is the one with this message.
fn older(state: &mut State, rows: u8, last: &Message, unread: u64, more: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    let first = u8::try_from(state.list.all().len()).unwrap() + 20;
    for number in first..first + rows {
        let mut row = conversation(last.clone(), if number + 1 == first + rows { unread } else { 0 });
        row.id = ConversationId::from_bytes([number; 16]);
        if number + 1 < first + rows {
            row.last_message = Some(message(row.id, last.seq.0, BO, "Thanks"));
        }
        let at = state.list.all().len();
        effects.extend(take(state, Diff::ConversationInserted { at, conversation: Box::new(row) }));
    }
    effects.extend(take(state, Diff::MoreConversations(more)));
    effects
}

#[test]
fn a_filter_looks_through_older_conversations_to_the_end() {
    let mut state = opened();
    take(&mut state, Diff::MoreConversations(true));
    press(&mut state, KeyCode::Char('/'));
    assert_eq!(press(&mut state, KeyCode::Char('x')), [Effect::MoreConversations]);
    assert_eq!(older(&mut state, 9, &message(MUGS, 9, BO, "Nothing"), 0, true), [Effect::MoreConversations]);
    let effects = older(&mut state, 9, &message(MUGS, 9, BO, "An axe"), 0, true);
    let axe = *state.list.all().last().unwrap();
    assert_eq!(
        effects,
        [Effect::Open(axe), Effect::Viewing(Some(axe)), Effect::MoreConversations],
        "it is shown, and others are looked for"
    );
    assert!(older(&mut state, 9, &message(MUGS, 9, BO, "Nothing"), 0, false).is_empty(), "there are no others");
    // Who stops typing stops looking.
    take(&mut state, Diff::MoreConversations(true));
    press(&mut state, KeyCode::Esc);
    assert!(older(&mut state, 9, &message(MUGS, 9, BO, "Nothing"), 0, true).is_empty());
}

#[test]
fn going_somewhere_looks_through_older_conversations_too() {
    let mut state = opened();
    take(&mut state, Diff::MoreConversations(true));
    press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('k'));
    assert_eq!(press(&mut state, KeyCode::Char('x')), [Effect::MoreConversations]);
    let mut axe = conversation(message(MUGS, 1, BO, "Hello"), 0);
    (axe.id, axe.subject) = (ConversationId::from_bytes([9; 16]), Some("Axes".to_owned()));
    let id = axe.id;
    assert!(take(&mut state, Diff::ConversationInserted { at: 2, conversation: Box::new(axe) }).is_empty());
    assert!(take(&mut state, Diff::MoreConversations(false)).is_empty());
    assert_eq!(press(&mut state, KeyCode::Enter)[0], Effect::Open(id));
}

#[test]
fn what_is_unread_is_reached_though_it_is_far_down() {
    let mut state = opened();
    take(&mut state, read_moved(ORDER, LEO, 3));
    take(&mut state, Diff::MoreUnread(true));
    assert_eq!(press(&mut state, KeyCode::Char(' ')), [Effect::MoreUnread], "nobody says that there is nothing");
    assert_eq!(take(&mut state, Diff::MoreUnread(true)), [Effect::MoreUnread], "not in this part");
    assert!(older(&mut state, 3, &message(MUGS, 9, BO, "Hello?"), 1, true).is_empty());
    let below = *state.list.all().last().unwrap();
    assert_eq!(take(&mut state, Diff::MoreUnread(false))[0], Effect::Open(below));
    assert_eq!(state.notice, None, "nothing is being looked for any more");
    // Who does something else meanwhile is not taken away.
    let mut state = opened();
    take(&mut state, read_moved(ORDER, LEO, 3));
    take(&mut state, Diff::MoreUnread(true));
    press(&mut state, KeyCode::Char(' '));
    press(&mut state, KeyCode::Char('k'));
    older(&mut state, 3, &message(MUGS, 9, BO, "Hello?"), 1, true);
    assert!(take(&mut state, Diff::MoreUnread(false)).is_empty());
    assert_eq!(state.selected, Some(ORDER));
}

#[test]
fn what_is_new_below_the_cursor_stands_there_at_once() {
    let mut state = opened();
    press(&mut state, KeyCode::Char('k'));
    for number in [20, 21] {
        let mut row = conversation(message(MUGS, 1, BO, "Hello"), 0);
        row.id = ConversationId::from_bytes([number; 16]);
        take(&mut state, Diff::ConversationInserted { at: 1, conversation: Box::new(row) });
    }
    assert_eq!((state.list.moved(), shown(&state)), (0, state.list.all().to_vec()));
}
