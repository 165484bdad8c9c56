use std::time::Duration;

use chat_client::{Connection, Diff, Error};
use chat_proto::model::Reaction;
use chat_proto::{Role, Seq, UserId};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::shop::{
    ANA, BO, LEO, MUGS, ORDER, file, found, message, opened, press, press_with, put_into_outbox, read_moved, send,
    take, told, type_text,
};
use crate::draw::draw;
use crate::state::{SignIn, State};
use crate::theme::{Look, Theme};
use crate::update::{Effect, Event, update};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (160, 50)];

/// The screen at this size.
pub(super) fn drawn(state: &mut State, (columns, rows): (u16, u16), look: Look) -> Terminal<TestBackend> {
    update(state, Event::Resized(columns, rows));
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(state, look, frame)).unwrap();
    terminal
}

fn screen(state: &mut State, size: (u16, u16)) -> String {
    let text = drawn(state, size, Look::default()).backend().to_string();
    assert!(!text.contains('\u{1b}'), "nobody else steers this terminal");
    text
}

/// The screen at every size.
fn shows(name: &str, make: impl Fn(&mut State)) {
    for size in SIZES {
        let mut state = opened();
        update(&mut state, Event::Resized(size.0, size.1));
        make(&mut state);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), screen(&mut state, size));
    }
}

#[test]
fn list() {
    shows("list", |state| {
        take(state, read_moved(ORDER, ANA, 1));
        take(state, Diff::Typing { conversation: MUGS, user: BO, on: true });
    });
}

#[test]
fn reading() {
    shows("reading", |state| {
        press(state, KeyCode::Char('l'));
        let mut answer =
            message(ORDER, 4, LEO, "It left our house this morning. It should be with you tomorrow, before noon.");
        answer.reply_to = Some(message(ORDER, 2, ANA, "").id);
        answer.edited_at = Some(answer.created_at);
        answer.reactions = vec![Reaction { emoji: "👍".into(), users: vec![ANA] }];
        told(state, &answer, 0);
        take(state, Diff::Viewing { conversation: ORDER, user: ANA, on: true });
        press(state, KeyCode::Char('K'));
        press(state, KeyCode::Char('K'));
    });
}

#[test]
fn writing() {
    shows("writing", |state| {
        let effects = send(state, "It left our house this morning.");
        put_into_outbox(state, effects);
        update(
            state,
            Event::Paste(
                "It should be with you tomorrow,\nbefore noon, and this line is long enough to be broken.".to_owned(),
            ),
        );
        take(state, Diff::Typing { conversation: ORDER, user: ANA, on: true });
    });
}

#[test]
fn files() {
    shows("files", |state| {
        let mut with_files = message(ORDER, 4, ANA, "Like this one:");
        with_files.attachments =
            vec![file(7, "mug.png"), file(8, "a name that is much longer than there is room for it.png")];
        told(state, &with_files, 1);
        press(state, KeyCode::Char('r'));
        let uploads = ["~/offer.pdf", "~/photo.jpg", "~/run.sh"].map(|path| {
            press_with(state, KeyModifiers::CONTROL, KeyCode::Char('g'));
            type_text(state, path);
            match press(state, KeyCode::Enter).as_slice() {
                [Effect::Attach { number, .. }] => *number,
                other => panic!("{other:?}"),
            }
        });
        let ready = Ok(Box::new(file(9, "offer.pdf")));
        update(state, Event::Uploaded { conv: ORDER, number: uploads[0], file: ready });
        update(state, Event::UploadMoved { conv: ORDER, number: uploads[1], done: 3_000, all: 4_000 });
        let failed = Err("Scripts are not taken. (unsupported_media_type)".to_owned());
        update(state, Event::Uploaded { conv: ORDER, number: uploads[2], file: failed });
        type_text(state, "The offer, and how it looks");
    });
}

#[test]
fn naming_a_file() {
    shows("naming_a_file", |state| {
        press(state, KeyCode::Char('r'));
        press_with(state, KeyModifiers::CONTROL, KeyCode::Char('g'));
        type_text(state, "~/o");
        let found = (1..=9).map(|number| format!("~/offer-{number}.pdf")).collect();
        update(state, Event::Completed { typed: "~/o".to_owned(), found });
    });
}

#[test]
fn people() {
    shows("people", |state| {
        press(state, KeyCode::Char('c'));
    });
}

#[test]
fn help() {
    shows("help", |state| {
        press(state, KeyCode::Char('?'));
    });
}

#[test]
fn switcher() {
    shows("switcher", |state| {
        press_with(state, KeyModifiers::CONTROL, KeyCode::Char('k'));
        type_text(state, "mug");
    });
}

#[test]
fn palette() {
    shows("palette", |state| {
        press(state, KeyCode::Char(':'));
    });
}

#[test]
fn directory() {
    shows("directory", |state| {
        press(state, KeyCode::Char('N'));
        let person = |byte, name: &str, role| super::shop::person(UserId::from_bytes([byte; 16]), name, role);
        let people = vec![
            person(7, "Mia Stone", Role::Agent),
            person(8, "Zoë 山田", Role::Designer),
            person(1, "me", Role::Agent),
        ];
        update(state, found(people));
    });
}

#[test]
fn marked() {
    shows("marked", |state| {
        mark(state, &["Mia Stone", "Zoë 山田"]);
    });
}

#[test]
fn naming_a_group() {
    shows("naming_a_group", |state| {
        mark(state, &["Mia Stone", "Zoë 山田", "Ivan Petrov", "Maximiliane von Hohenstein-Wittgenau"]);
        press(state, KeyCode::Enter);
        type_text(state, "Autumn window");
    });
}

/// The directory with these people in it, all of whom are marked.
fn mark(state: &mut State, names: &[&str]) {
    press(state, KeyCode::Char('N'));
    let person = |(at, name): (usize, &&str)| {
        super::shop::person(UserId::from_bytes([u8::try_from(at).unwrap() + 7; 16]), name, Role::Designer)
    };
    update(state, found(names.iter().enumerate().map(person).collect()));
    for _ in names {
        press(state, KeyCode::Tab);
    }
}

#[test]
fn ended() {
    shows("ended", |state| {
        take(state, Diff::Connection(Connection::Ended(super::steps::refusal("forbidden"))));
    });
}

#[test]
fn moved() {
    shows("moved", |state| {
        press(state, KeyCode::Char('k'));
        told(state, &message(MUGS, 3, BO, "One more thing."), 1);
    });
}

#[test]
fn filtering() {
    shows("filtering", |state| {
        press(state, KeyCode::Char('/'));
        type_text(state, "mug");
    });
}

#[test]
fn filtered() {
    shows("filtered", |state| {
        press(state, KeyCode::Char('/'));
        type_text(state, "telephone");
        press(state, KeyCode::Enter);
    });
}

#[test]
fn filtered_to_nothing() {
    shows("filtered_to_nothing", |state| {
        press(state, KeyCode::Char('/'));
        type_text(state, "no such thing");
    });
}

#[test]
fn reactions() {
    shows("reactions", |state| {
        press(state, KeyCode::Char('+'));
    });
}

#[test]
fn offline() {
    shows("offline", |state| {
        let why = Error::Transport(std::sync::Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
            "Connection refused",
        )));
        take(state, Diff::Connection(Connection::Waiting { why, retry_in: Duration::from_millis(3_500) }));
        let effects = send(state, "It left today.");
        put_into_outbox(state, effects);
        press(state, KeyCode::Esc);
    });
}

#[test]
fn resync() {
    shows("resync", |state| {
        take(state, Diff::Reloading);
    });
}

#[test]
fn draining() {
    shows("draining", |state| {
        take(
            state,
            Diff::Connection(Connection::Waiting {
                why: super::steps::refusal("draining"),
                retry_in: Duration::from_secs(10),
            }),
        );
    });
}

#[test]
fn signed_out() {
    shows("signed_out", |state| {
        take(state, Diff::Connection(Connection::Ended(super::steps::refusal("token_revoked"))));
    });
}

#[test]
fn empty() {
    shows("empty", |state| {
        for conversation in [ORDER, MUGS] {
            take(state, Diff::ConversationRemoved { conversation });
        }
        state.notice = None;
    });
}

#[test]
fn sign_in() {
    shows("sign_in", |state| {
        *state = State::new(TimeZone::UTC);
        state.sign_in = Some(SignIn::new("http://127.0.0.1:9000", ""));
        type_text(state, "leo@shop.example");
        press(state, KeyCode::Enter);
        type_text(state, "secret");
        press(state, KeyCode::Enter);
        update(state, Event::NotSignedIn("The address or the password is wrong (invalid_credentials)".to_owned()));
    });
}

#[test]
fn sign_in_in_clear() {
    shows("sign_in_in_clear", |state| {
        *state = State::new(TimeZone::UTC);
        state.sign_in = Some(SignIn::new("shop.example/chat", "leo@shop.example"));
        type_text(state, "secret");
        press(state, KeyCode::Enter);
        let why = "the connection failed: tcp connect error: Connection refused (os error 111), ";
        update(state, Event::NotSignedIn(why.repeat(3)));
    });
    let state = &mut State::new(TimeZone::UTC);
    state.sign_in = Some(SignIn::new("https://shop.example/chat", ""));
    assert!(!screen(state, (100, 30)).contains("in clear"));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    insta::assert_snapshot!("too_small", screen(&mut opened(), (40, 4)));
}

#[test]
fn wide_characters_keep_the_edges_straight() {
    let mut state = opened();
    told(
        &mut state,
        &message(
            ORDER,
            4,
            ANA,
            "你好，我的订单在哪里？我昨天就应该收到了，但是没有人接电话。👩\u{200d}👩\u{200d}👧 नमस्ते e\u{301}",
        ),
        3,
    );
    let terminal = drawn(&mut state, (80, 24), Look::default());
    let buffer = terminal.backend().buffer();
    for y in 1..19 {
        assert_eq!(buffer[(27, y)].symbol(), "│", "line {y}: {}", terminal.backend());
    }
}

#[test]
fn wide_characters_do_not_reach_into_what_lies_over_them() {
    let mut state = opened();
    for (text, seq) in [("漢字漢字 👀👀👀", 3), (" 漢字漢字 👀👀👀", 4)] {
        told(&mut state, &message(MUGS, seq, BO, text), 1);
        for keys in [":", "N", "?"] {
            type_text(&mut state, keys);
            // What was there before is drawn over, as in a terminal.
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            let over = state.over.take();
            terminal.draw(|frame| draw(&state, Look::default(), frame)).unwrap();
            state.over = over;
            terminal.draw(|frame| draw(&state, Look::default(), frame)).unwrap();
            let buffer = terminal.backend().buffer();
            let left = (0..30).find(|x| buffer[(*x, 2)].symbol() == "│").unwrap();
            for y in 2..10 {
                assert_eq!(buffer[(left, y)].symbol(), "│", "{keys}, line {y}: {}", terminal.backend());
            }
            press(&mut state, KeyCode::Esc);
        }
    }
}

#[test]
fn the_end_of_a_line_that_says_what_to_do_is_not_cut() {
    let last_line = |state: &mut State, size| screen(state, size).trim_end().lines().last().unwrap().to_owned();
    for size in SIZES {
        let mut state = opened();
        let long = "This message is long, and it goes on and on, and then it goes on";
        told(&mut state, &message(ORDER, 4, LEO, long), 0);
        update(&mut state, Event::Resized(size.0, size.1));
        press(&mut state, KeyCode::Char('d'));
        let asked = last_line(&mut state, size);
        assert!(asked.contains("? y deletes it, any other key does not."), "{asked}");
        press(&mut state, KeyCode::Char('x'));

        let why = Error::Protocol("http://shop.example:9000: there is nobody who answers there".to_owned());
        take(&mut state, Diff::Connection(Connection::Waiting { why, retry_in: Duration::from_secs(9) }));
        assert!(last_line(&mut state, size).contains("what you send waits.  R tries now"));
        assert!(screen(&mut state, size).contains("(R now)"));
        // Where R is a letter, nobody says that it is a command.
        press(&mut state, KeyCode::Char('r'));
        assert!(last_line(&mut state, size).contains("waits.  Esc R tries now"));
        assert!(!screen(&mut state, size).contains("(R now)"));
    }
}

#[test]
fn without_colours_there_are_none_and_ascii_is_ascii() {
    let mut state = opened();
    press_with(&mut state, KeyModifiers::CONTROL, KeyCode::Char('k'));
    let look = Look { theme: Theme::None, ascii: true };
    let plain = drawn(&mut state, (160, 50), look);
    for cell in &plain.backend().buffer().content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
    }
    let coloured = drawn(&mut state, (160, 50), Look::default());
    assert!(coloured.backend().buffer().content.iter().any(|cell| cell.fg != Color::Reset));
}

#[test]
fn a_long_conversation_is_scrolled_without_gaps() {
    let mut state = opened();
    update(&mut state, Event::Resized(80, 24));
    for seq in 4..=300 {
        take(&mut state, Diff::MessageInserted(Box::new(message(ORDER, seq, ANA, &format!("number {seq}\nof many")))));
    }
    press(&mut state, KeyCode::Char('l'));
    let numbers = |state: &mut State| -> Vec<u64> {
        let text = screen(state, (80, 24));
        let words: Vec<&str> = text.split_whitespace().collect();
        words.windows(2).filter(|pair| pair[0] == "number").filter_map(|pair| pair[1].parse().ok()).collect()
    };
    let mut seen = Vec::new();
    let mut lowest = u64::MAX;
    for _ in 0..200 {
        let shown = numbers(&mut state);
        assert!(shown.is_sorted() && shown.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{shown:?}");
        if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
            assert!(lowest == u64::MAX || last + 1 >= lowest, "a gap above {lowest}: {shown:?}");
            lowest = *first;
        }
        seen.extend(shown);
        press(&mut state, KeyCode::PageUp);
    }
    assert_eq!(lowest, 4, "the beginning is reached");
    assert!(screen(&mut state, (80, 24)).contains("Hello Ana"), "{}", screen(&mut state, (80, 24)));
    // What comes in meanwhile moves nothing.
    let before = screen(&mut state, (80, 24));
    take(&mut state, Diff::MessageInserted(Box::new(message(ORDER, 301, ANA, "news"))));
    let body = |text: &str| text.lines().skip(2).take(16).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&before), body(&screen(&mut state, (80, 24))));
    for _ in 0..200 {
        press(&mut state, KeyCode::PageDown);
    }
    assert_eq!(state.view.bottom, None);
    press(&mut state, KeyCode::Char('g'));
    assert_eq!(state.view.chosen, Some(Seq(1)));
    for seq in 2..=301 {
        press(&mut state, KeyCode::Char('j'));
        assert_eq!(state.view.chosen, Some(Seq(seq)));
        assert!(screen(&mut state, (80, 24)).contains("│>"), "the chosen message {seq} is shown");
    }
    press(&mut state, KeyCode::Char('j'));
    assert_eq!((state.view.chosen, state.view.bottom), (None, None));
}
