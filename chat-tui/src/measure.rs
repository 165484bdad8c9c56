//! How long a screen takes to be made, and what it costs to hold one: recorded events at the sizes that a busy shop has.
//!
//! `cargo bench -p chat-tui --features measure`; with `-- --check` it fails beyond the goals.

use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use chat_client::{Connection, Diff};
use chat_proto::model::{Conversation, Message, User};
use chat_proto::{ConversationId, MessageId, Seq, UserId};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use crate::draw::draw;
use crate::state::State;
use crate::theme::Look;
use crate::update::{Event, update};

const CONVERSATIONS: u64 = 10_000;
const MESSAGES: u64 = 50_000;
/// Messages of one conversation that the client holds at most.
const HELD: u64 = 5_000;
/// Events between two frames: a thousand a second, thirty frames a second.
const EVENTS: u64 = 1_000 / 30;
const FRAMES: u64 = 1_500;
const SIZES: [(u16, u16); 2] = [(80, 24), (160, 50)];
/// Microseconds that a frame may take, 99 of 100 of them.
const MOST_MICROS: u128 = 6_000;
/// What may be resident.
const MOST_MIB: u64 = 60;

const ME: UserId = UserId::from_bytes([1; 16]);
const WORDS: &str =
    "Hi, the shoes I got are a 42, I ordered 43. 你好 Do I send these back first, or do you send the others? 👍 ";

/// What the client beneath holds of the same: it keeps its own picture, which the screen's is made from.
struct Beneath {
    _conversations: Vec<Conversation>,
    _messages: BTreeMap<Seq, Message>,
}

/// Measures, and prints what was measured; to `check`: fails when it is beyond the goals.
#[must_use]
pub fn run(check: bool) -> ExitCode {
    let mut kept_to = true;
    let program = resident_kib();
    let beneath = Beneath {
        _conversations: (0..CONVERSATIONS).filter_map(|place| conversation(place, newest(place))).collect(),
        _messages: (MESSAGES - HELD..MESSAGES).filter_map(|seq| Some((Seq(seq), message(0, seq)?))).collect(),
    };
    let client = resident_kib();
    let _ = writeln!(
        stdout(),
        "resident: {} MiB of program, {} MiB of the client's own conversations and messages",
        program / 1024,
        (client - program) / 1024,
    );
    for (columns, rows) in SIZES {
        let mut state = filled();
        update(&mut state, Event::Resized(columns, rows));
        let mut took = frames(&mut state, columns, rows);
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 1_000).copied().unwrap_or_default();
        let resident = resident_kib() / 1024;
        let _ = writeln!(
            stdout(),
            "{columns}x{rows}: frame with its {EVENTS} events and a key, µs on a core: p50 {}, p99 {}, most {}; resident, all of \
             it: {resident} MiB",
            at(500),
            at(990),
            took.last().copied().unwrap_or_default(),
        );
        kept_to &= at(990) <= MOST_MICROS && resident <= MOST_MIB;
    }
    drop(beneath);
    if !kept_to {
        let _ = writeln!(stdout(), "beyond the goals: {MOST_MICROS} µs for 99 of 100 frames, {MOST_MIB} MiB");
    }
    if check && !kept_to { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Microseconds that each frame took, with the events that came since the one before.
fn frames(state: &mut State, columns: u16, rows: u16) -> Vec<u128> {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
    let mut took = Vec::new();
    let mut dice = 1_u64;
    for frame in 0..FRAMES {
        let diffs: Vec<Diff> = (0..EVENTS).flat_map(|event| happens(&mut dice, frame * EVENTS + event)).collect();
        #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
        let (begins, waited) = (std::time::Instant::now(), waited_for_a_core());
        for diff in diffs {
            update(state, Event::Diff(diff));
        }
        update(state, Event::Key(KeyEvent::new(key(frame), KeyModifiers::NONE)));
        let Ok(_) = terminal.draw(|frame| draw(state, Look::default(), frame));
        let elapsed = begins.elapsed().as_nanos();
        took.push(elapsed.saturating_sub(waited_for_a_core() - waited) / 1_000);
    }
    took
}

/// Reads, scrolls, chooses, goes on.
fn key(frame: u64) -> KeyCode {
    match frame % 10 {
        0..4 => KeyCode::PageUp,
        4..6 => KeyCode::Char('K'),
        6 => KeyCode::Char('g'),
        7 => KeyCode::PageDown,
        8 => KeyCode::Char('G'),
        _ => KeyCode::Char('?'),
    }
}

/// A message somewhere: its conversation changes and moves to the top.
fn happens(dice: &mut u64, event: u64) -> Vec<Diff> {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    // Every tenth is in the conversation that is open.
    let place = if event.is_multiple_of(10) { 0 } else { (*dice >> 33) % CONVERSATIONS };
    let seq = MESSAGES + event + 1;
    let Some(conversation) = conversation(place, seq) else { return Vec::new() };
    let id = conversation.id;
    let mut diffs =
        vec![Diff::ConversationChanged(Box::new(conversation)), Diff::ConversationMoved { conversation: id, to: 0 }];
    diffs.extend(message(place, seq).map(|message| Diff::MessageInserted(Box::new(message))));
    diffs
}

fn filled() -> State {
    let mut state = State::new(TimeZone::UTC);
    let me = json!({"id": ME, "email": "leo@shop.example", "name": "Leo", "role": "agent", "created_at": MOMENT, "version": 1});
    if let Ok(me) = serde_json::from_value::<User>(me) {
        update(&mut state, Event::SignedIn(Box::new(me), std::collections::HashMap::new()));
    }
    for place in 0..CONVERSATIONS {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        let conversation = conversation(place, newest(place));
        let inserted =
            conversation.map(|conversation| Diff::ConversationInserted { at, conversation: Box::new(conversation) });
        if let Some(diff) = inserted {
            update(&mut state, Event::Diff(diff));
        }
    }
    update(
        &mut state,
        Event::Diff(Diff::ThreadChanged { conversation: id(0), loading: false, more_before: false, more_after: false }),
    );
    for seq in 1..=MESSAGES {
        let inserted = message(0, seq).map(|message| Diff::MessageInserted(Box::new(message)));
        if let Some(diff) = inserted {
            update(&mut state, Event::Diff(diff));
        }
    }
    update(&mut state, Event::Diff(Diff::Connection(Connection::Live)));
    state
}

/// The number of the newest message in the conversation at this place.
fn newest(place: u64) -> u64 {
    if place == 0 { MESSAGES } else { 5 }
}

const MOMENT: &str = "2026-11-22T14:07:03.250Z";

fn id(place: u64) -> ConversationId {
    ConversationId::from_bytes((u128::from(place) + 1).to_be_bytes())
}

fn customer(place: u64) -> UserId {
    UserId::from_bytes((u128::from(place) + (1 << 64)).to_be_bytes())
}

fn message(place: u64, seq: u64) -> Option<Message> {
    let text = WORDS.repeat(usize::try_from(seq % 3).ok()? + 1);
    let author =
        if seq.is_multiple_of(4) { (ME, "Leo".to_owned()) } else { (customer(place), format!("Customer {place}")) };
    let of = MessageId::from_bytes((u128::from(place) << 64 | u128::from(seq)).to_be_bytes());
    let message = json!({"id": of, "conversation_id": id(place), "seq": Seq(seq), "version": 1,
        "author": {"id": author.0, "name": author.1, "role": "customer"}, "kind": "message", "text": text, "created_at": MOMENT});
    serde_json::from_value(message).ok()
}

fn conversation(place: u64, seq: u64) -> Option<Conversation> {
    let person = |id: UserId, name: String| json!({"id": id, "name": name, "role": "customer", "owner": false, "joined_at": MOMENT, "read_seq": 0, "delivered_seq": 0});
    let people = [person(ME, "Leo".to_owned()), person(customer(place), format!("Customer {place}"))];
    let conversation = json!({"id": id(place), "kind": "direct", "subject": null, "participants": people,
        "participant_count": 2, "receipts": true, "last_message": message(place, seq), "last_seq": seq, "read_seq": seq - 1,
        "unread": 1, "created_at": MOMENT, "updated_at": MOMENT, "version": 1});
    serde_json::from_value(conversation).ok()
}

/// Nanoseconds that this process was ready to run and did not, because others had the cores; 0 where that cannot be told.
fn waited_for_a_core() -> u128 {
    let told = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    told.split_whitespace().nth(1).and_then(|waited| waited.parse().ok()).unwrap_or_default()
}

/// What the process has in memory; 0 where that cannot be told.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}
