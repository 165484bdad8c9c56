//! The form to sign in with.

use super::{Effect, say};
use crate::keys::Command;
use crate::safe;
use crate::state::{Composer, Link, SignIn, State};

pub(super) fn fill_in(state: &mut State, command: Command) -> Vec<Effect> {
    let over = is_over(state);
    let Some(form) = &mut state.sign_in else { return Vec::new() };
    let last = SignIn::PASSWORD;
    match command {
        // Back to what one was signed out of, with its drafts; or there is nothing yet.
        Command::Back if over => state.sign_in = None,
        Command::Back => return vec![Effect::Quit],
        _ if form.busy => {}
        Command::Next => form.at = (form.at + 1) % (last + 1),
        Command::Previous => form.at = (form.at + last) % (last + 1),
        Command::Choose if form.at < last => form.at += 1,
        Command::Choose => return submit(state),
        command => drop(form.fields[form.at].edit(command)),
    }
    Vec::new()
}

/// Asks the server, when nothing is missing.
pub(super) fn submit(state: &mut State) -> Vec<Effect> {
    let Some(form) = &mut state.sign_in else { return Vec::new() };
    if let Some(empty) = form.fields.iter().position(Composer::is_empty) {
        form.at = empty;
        form.why = Some(format!("{} is missing.", SignIn::LABELS[empty]));
        return Vec::new();
    }
    form.busy = true;
    form.why = None;
    let url = form.url();
    let [email, password] = [1, SignIn::PASSWORD].map(|field| form.fields[field].text().to_owned());
    let email = email.trim().to_owned();
    state.account = (url.clone(), email.clone());
    vec![Effect::SignIn { url, email, password }]
}

pub(super) fn type_text(form: &mut SignIn, text: &str) {
    if !form.busy {
        form.fields[form.at].insert(&text.replace('\n', ""));
    }
}

pub(super) fn refused(state: &mut State, why: &str) -> Vec<Effect> {
    if let Some(form) = &mut state.sign_in {
        form.busy = false;
        form.why = Some(safe::line(why));
        form.at = SignIn::PASSWORD;
        form.fields[SignIn::PASSWORD].clear();
    }
    Vec::new()
}

/// Somebody was signed in and is not any more.
fn is_over(state: &State) -> bool {
    matches!(state.link, Link::SignedOut | Link::Ended(_))
}

/// Back to the form, with everything that is on the screen kept until somebody is signed in.
pub(super) fn again(state: &mut State) -> Vec<Effect> {
    if !is_over(state) {
        return say(state, "You are signed in.");
    }
    let (url, email) = state.account.clone();
    state.sign_in = Some(SignIn::new(&url, &email));
    Vec::new()
}
