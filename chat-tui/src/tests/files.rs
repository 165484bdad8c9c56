//! Files that go with messages: attached, uploaded, taken away, sent, saved.

use chat_client::{Diff, OutboxEntry};
use chat_proto::model::Attachment;
use crossterm::event::{KeyCode, KeyModifiers};

use super::screens::drawn;
use super::shop::{ANA, MUGS, ORDER, file, message, opened, press, press_with, put_into_outbox, take, told, type_text};
use super::steps::refusal;
use crate::state::{Stage, State};
use crate::theme::Look;
use crate::update::{Effect, Event, Unsaved, update};

fn screen(state: &mut State) -> String {
    drawn(state, (100, 30), Look::default()).backend().to_string()
}

fn ctrl(state: &mut State, c: char) -> Vec<Effect> {
    press_with(state, KeyModifiers::CONTROL, KeyCode::Char(c))
}

/// Attaches a file in the conversation about the order; which upload it is.
fn attach(state: &mut State, path: &str) -> u64 {
    if !state.writing {
        press(state, KeyCode::Enter);
    }
    ctrl(state, 'g');
    type_text(state, path);
    match press(state, KeyCode::Enter).as_slice() {
        [Effect::Attach { conv: ORDER, number, path: said }] if said == path => *number,
        other => panic!("{other:?}"),
    }
}

fn uploaded(state: &mut State, number: u64, file: Result<Attachment, &str>) -> Vec<Effect> {
    let file = file.map(Box::new).map_err(str::to_owned);
    update(state, Event::Uploaded { conv: ORDER, number, file })
}

fn sent(state: &mut State) -> Vec<Attachment> {
    match press(state, KeyCode::Enter).as_slice() {
        [Effect::Send { files, .. }] => files.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_uploaded_and_goes_with_the_message() {
    let mut state = opened();
    let number = attach(&mut state, "~/mugs/mug.png");
    update(&mut state, Event::UploadMoved { conv: ORDER, number, done: 30, all: 60 });
    assert!(screen(&mut state).contains("[mug.png  uploading ####---- 50 %]"), "{}", screen(&mut state));
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "it is not there yet");
    assert!(state.notice.as_deref().is_some_and(|notice| notice.contains("being uploaded")));
    uploaded(&mut state, number, Ok(file(7, "mug.png")));
    assert!(state.unsaved, "it is to be kept");
    assert!(screen(&mut state).contains("[mug.png  47.0 KiB]"));
    // The text may say nothing.
    assert_eq!(sent(&mut state), [file(7, "mug.png")]);
    assert!(state.draft().is_some_and(|draft| draft.files.is_empty()));
}

#[test]
fn an_upload_that_failed_is_tried_again_or_taken_away() {
    let mut state = opened();
    let number = attach(&mut state, "/tmp/mug.png");
    uploaded(&mut state, number, Err("the connection\u{1b}[2J failed"));
    assert!(screen(&mut state).contains("[mug.png  failed: the connection[2J failed]"), "{}", screen(&mut state));
    let again = Effect::Attach { conv: ORDER, number, path: "/tmp/mug.png".to_owned() };
    assert_eq!(press(&mut state, KeyCode::Enter), [again]);
    uploaded(&mut state, number, Err("the connection failed"));
    assert!(ctrl(&mut state, 'x').is_empty(), "the server has nothing of it");
    assert!(press(&mut state, KeyCode::Enter).is_empty(), "an empty message is not sent");

    // Taken away while it is on its way, and when it is there.
    let number = attach(&mut state, "a.txt");
    ctrl(&mut state, 'x');
    assert_eq!(uploaded(&mut state, number, Ok(file(8, "a.txt"))), [Effect::Forget(file(8, "").id)]);
    let number = attach(&mut state, "b.txt");
    uploaded(&mut state, number, Ok(file(9, "b.txt")));
    assert_eq!(ctrl(&mut state, 'x'), [Effect::Forget(file(9, "").id)]);
}

#[test]
fn ten_files_go_with_a_message_and_none_with_a_change() {
    let mut state = opened();
    for number in 0..10 {
        let upload = attach(&mut state, "x");
        uploaded(&mut state, upload, Ok(file(number, "x")));
    }
    ctrl(&mut state, 'g');
    assert!(state.over.is_none() && state.notice.is_some());
    assert!(screen(&mut state).contains("7 more, [x  47.0 KiB]"), "{}", screen(&mut state));
    assert_eq!(sent(&mut state).len(), 10);
    press(&mut state, KeyCode::Up);
    assert!(state.draft().is_some_and(|draft| draft.edit.is_some()));
    ctrl(&mut state, 'g');
    assert!(state.over.is_none());
}

#[test]
fn a_refused_message_comes_back_with_its_files() {
    let mut state = opened();
    let number = attach(&mut state, "mug.png");
    uploaded(&mut state, number, Ok(file(7, "mug.png")));
    type_text(&mut state, "Here");
    let effects = press(&mut state, KeyCode::Enter);
    let entry: OutboxEntry = put_into_outbox(&mut state, effects).remove(0);
    let drawn = screen(&mut state);
    assert!(drawn.contains("sending ...") && drawn.contains("[mug.png  image/png, 640 x 480, 47.0 KiB]"), "{drawn}");
    let number = attach(&mut state, "late.txt");
    take(&mut state, Diff::OutgoingFailed { entry, error: refusal("conflict") });
    let names: Vec<_> = state.draft().expect("a draft").files.iter().map(|chip| chip.name.as_str()).collect();
    assert_eq!(names, ["mug.png", "late.txt"]);
    // The other one is still found by its number.
    uploaded(&mut state, number, Ok(file(8, "late.txt")));
    assert!(state.draft().is_some_and(|draft| draft.files.iter().all(|chip| matches!(chip.stage, Stage::Ready(_)))));
}

#[test]
fn drafts_keep_their_files_while_others_are_read() {
    let mut state = opened();
    let number = attach(&mut state, "mug.png");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('h'));
    press(&mut state, KeyCode::Down);
    assert_eq!(state.selected, Some(MUGS));
    uploaded(&mut state, number, Ok(file(7, "mug.png")));
    press(&mut state, KeyCode::Up);
    assert!(
        screen(&mut state).contains("draft kept") && screen(&mut state).contains("[mug.png  47.0 KiB]"),
        "{}",
        screen(&mut state)
    );
}

#[test]
fn a_path_is_completed_as_far_as_it_is_certain() {
    let mut state = opened();
    press(&mut state, KeyCode::Enter);
    ctrl(&mut state, 'g');
    type_text(&mut state, "~/in");
    assert_eq!(press(&mut state, KeyCode::Tab), [Effect::Complete("~/in".to_owned())]);
    let found = ["~/invoice-1.pdf", "~/invoice-2.pdf"].map(str::to_owned).to_vec();
    update(&mut state, Event::Completed { typed: "~/in".to_owned(), found });
    let drawn = screen(&mut state);
    assert!(drawn.contains("> ~/invoice- ") && drawn.contains("  ~/invoice-2.pdf"), "{drawn}");
    type_text(&mut state, "2");
    // The answer to what is not typed any more.
    update(&mut state, Event::Completed { typed: "~/in".to_owned(), found: vec!["~/index".to_owned()] });
    assert!(screen(&mut state).contains("> ~/invoice-2 "));
    press(&mut state, KeyCode::Esc);
    assert!(state.over.is_none() && state.writing);
}

#[test]
fn the_file_of_a_message_is_saved_and_replaces_nothing_unasked() {
    let mut state = opened();
    state.downloads = "/home/leo/Downloads".to_owned();
    press(&mut state, KeyCode::Char('o'));
    assert!(state.over.is_none() && state.notice.is_some(), "no file goes with the newest message");
    let mut with_file = message(ORDER, 4, ANA, "");
    with_file.attachments = vec![file(7, "../../.ssh/\u{1b}[2Jmug\u{202e}.png")];
    told(&mut state, &with_file, 1);
    assert!(
        screen(&mut state).contains("[../../.ssh/[2Jmug.png  image/png, 640 x 480, 47.0 KiB]"),
        "{}",
        screen(&mut state)
    );
    assert_eq!(state.rows[&ORDER].last, "[../../.ssh/[2Jmug.png]", "the list says something, too");
    press(&mut state, KeyCode::Char('o'));
    let effects = press(&mut state, KeyCode::Enter);
    let [Effect::Save { file: of, path, replace: false }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(path, "/home/leo/Downloads/[2Jmug.png", "it stays in the folder");
    update(&mut state, Event::SaveMoved { done: 1, all: 4 });
    assert!(screen(&mut state).contains("  ##------ 25 %"), "{}", screen(&mut state));

    let (of, path) = (of.clone(), path.clone());
    let taken = Event::Saved { file: of.clone(), path: path.clone(), outcome: Err(Unsaved::Taken) };
    update(&mut state, taken);
    assert!(state.notice.as_deref().is_some_and(|notice| notice.contains("Enter replaces it")));
    let replaced = press(&mut state, KeyCode::Enter);
    assert_eq!(replaced, [Effect::Save { file: of.clone(), path: path.clone(), replace: true }]);
    update(&mut state, Event::Saved { file: of.clone(), path: path.clone(), outcome: Err(Unsaved::Taken) });
    type_text(&mut state, "2");
    let other = press(&mut state, KeyCode::Enter);
    assert!(matches!(&other[..], [Effect::Save { replace: false, .. }]), "another name replaces nothing: {other:?}");
    update(&mut state, Event::Saved { file: of, path, outcome: Ok(()) });
    assert!(state.saving.is_none() && state.notice.as_deref().is_some_and(|notice| notice.starts_with("Saved ")));
}

#[test]
fn one_of_several_files_is_picked() {
    let mut state = opened();
    let mut with_files = message(ORDER, 4, ANA, "Both");
    with_files.attachments = vec![file(7, "mug.png"), file(8, "plate.png")];
    told(&mut state, &with_files, 1);
    press(&mut state, KeyCode::Char('o'));
    type_text(&mut state, "plate");
    press(&mut state, KeyCode::Enter);
    let effects = press(&mut state, KeyCode::Enter);
    assert!(matches!(&effects[..], [Effect::Save { path, .. }] if path == "./plate.png"), "{effects:?}");
}
