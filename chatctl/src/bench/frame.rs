//! What the bench has to know of a frame, found in its text.
//!
//! The bench runs beside the server, and what it spends on reading is missing there. So frames as chatd writes them
//! are searched for the few values that count; any other text is parsed in full, with the same result.
//!
//! In JSON a quotation mark inside of a string is escaped, so `"seq":` cannot be part of somebody's text.

use std::borrow::Cow;

use chat_proto::wire::{EventName, ServerFrame};

/// What a frame says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// A message of this run.
    Message { conversation: Cow<'a, str>, seq: u64, number: u64 },
    /// A send is on disk; `seq` when the answer has it.
    Ok { re: u64, seq: Option<u64> },
    /// A request was refused.
    Refused { re: Option<u64>, why: String },
    /// What was missed has been told.
    Live,
    /// The server closes.
    Bye(String),
    /// Nothing that is counted.
    Other,
}

/// A frame that sends a message of this run.
pub(super) fn send(run: &str, conversation: &str, number: u64, text_bytes: usize) -> String {
    let text = text(run, number, text_bytes);
    // Names that grow with time are the cheapest for the server; nothing in it needs an escape.
    format!(r#"{{"t":"send","re":{number},"conv":"{conversation}","client_id":"{run}-{number:010}","text":"{text}"}}"#)
}

/// The text of a message: which run and which message, filled up to a length.
fn text(run: &str, number: u64, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes.max(40));
    text.push_str(run);
    text.push(' ');
    text.push_str(&number.to_string());
    text.push(' ');
    while text.len() < bytes {
        let left = bytes - text.len();
        text.push_str(&FILLING[..left.min(FILLING.len())]);
    }
    text
}

const FILLING: &str = "Is the blue one still there in size 42, and could it be here by Friday? ";

/// Reads a frame of the server.
pub(super) fn hear<'a>(frame: &'a str, run: &str) -> Heard<'a> {
    search(frame, run).unwrap_or_else(|| parse(frame, run))
}

/// `None`: not in the form that chatd writes.
fn search<'a>(frame: &'a str, run: &str) -> Option<Heard<'a>> {
    if let Some(event) = frame.strip_prefix(r#"{"t":"ev","#) {
        let (name, rest) = string(event, r#""e":""#)?;
        if name != "message.created" {
            return Some(Heard::Other);
        }
        let (conversation, rest) = string(rest, r#""conv":""#)?;
        let (seq, rest) = number(rest, r#""seq":"#)?;
        let text = after(rest, r#""text":""#)?;
        Some(message(Cow::Borrowed(conversation), seq, text, run))
    } else {
        let (re, rest) = digits(frame.strip_prefix(r#"{"t":"ok","re":"#)?)?;
        let (seq, _) = number(rest, r#""seq":"#)?;
        Some(Heard::Ok { re, seq: Some(seq) })
    }
}

fn parse(frame: &str, run: &str) -> Heard<'static> {
    match serde_json::from_str(frame) {
        Ok(ServerFrame::Ev(event)) => match (event.head.e, event.head.conv, event.head.seq, event.d["text"].as_str()) {
            (EventName::MessageCreated, Some(conversation), Some(seq), Some(text)) => {
                message(Cow::Owned(conversation.to_string()), seq.0, text, run)
            }
            _ => Heard::Other,
        },
        Ok(ServerFrame::Ok(ok)) => Heard::Ok { re: ok.re, seq: ok.d["seq"].as_u64() },
        Ok(ServerFrame::Err(err)) => Heard::Refused { re: err.re, why: format!("{} ({})", err.detail, err.code) },
        Ok(ServerFrame::Live { .. }) => Heard::Live,
        Ok(ServerFrame::Bye(bye)) => Heard::Bye(format!("closed with {}: {}", bye.code, bye.reason)),
        // Frames that it does not know are for a client to ignore.
        Ok(_) | Err(_) => Heard::Other,
    }
}

/// Messages of other runs are none of ours.
fn message<'a>(conversation: Cow<'a, str>, seq: u64, text: &str, run: &str) -> Heard<'a> {
    let number = text.strip_prefix(run).and_then(|rest| rest.strip_prefix(' ')).and_then(digits);
    match number {
        Some((number, _)) => Heard::Message { conversation, seq, number },
        None => Heard::Other,
    }
}

/// What stands after this key.
pub(super) fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.find(key).map(|at| &text[at + key.len()..])
}

/// The string after this key and what follows it; none with an escape in it.
pub(super) fn string<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let (value, rest) = after(text, key)?.split_once('"')?;
    (!value.contains('\\')).then_some((value, rest))
}

/// The number after this key and what follows it.
pub(super) fn number<'a>(text: &'a str, key: &str) -> Option<(u64, &'a str)> {
    digits(after(text, key)?)
}

fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "bench-0a1b";
    const CONVERSATION: &str = "conv_01kay8m2r3f9vvk1a2b3c4d5e1";

    fn event(text: &str) -> String {
        let author = r#"{"id":"user_01kay8m2r3f9vvk1a2b3c4d5e1","name":"\"seq\":9,","role":"customer"}"#;
        let at = "2026-11-22T14:07:23.250Z";
        format!(
            r#"{{"t":"ev","n":7,"c":"c1_A","e":"message.created","conv":"{CONVERSATION}","seq":3,"v":1,"at":"{at}",
            "by":{author},"d":{{"id":"msg_01kay8m2r3f9vvk1a2b3c4d5e1","conversation_id":"{CONVERSATION}","seq":3,
            "version":1,"author":{author},"kind":"message","text":"{text}","created_at":"{at}"}}}}"#
        )
    }

    #[test]
    fn searching_finds_what_parsing_finds() {
        let ours = event(&text(RUN, 41, 100));
        let message = Heard::Message { conversation: CONVERSATION.into(), seq: 3, number: 41 };
        assert_eq!(search(&ours, RUN), Some(message));
        let ok = format!(r#"{{"t":"ok","re":41,"d":{{"conversation_id":"{CONVERSATION}","seq":3}}}}"#);
        assert_eq!(search(&ok, RUN), Some(Heard::Ok { re: 41, seq: Some(3) }));
        for frame in [ours, ok, event("hello"), event(&text("bench-ffff", 41, 0))] {
            assert_eq!(search(&frame, RUN), Some(parse(&frame, RUN)), "{frame}");
        }
    }

    #[test]
    fn frames_in_another_form_are_parsed() {
        let ours = event(&text(RUN, 41, 100));
        let value: serde_json::Value = serde_json::from_str(&ours).unwrap();
        let reordered = serde_json::to_string(&value).unwrap();
        assert_eq!(search(&reordered, RUN), None);
        assert_eq!(hear(&reordered, RUN), hear(&ours, RUN));
        let refused = r#"{"t":"err","re":7,"code":"forbidden","status":403,"detail":"No.","retryable":false}"#;
        assert_eq!(hear(refused, RUN), Heard::Refused { re: Some(7), why: "No. (forbidden)".to_owned() });
        assert_eq!(hear(r#"{"t":"live","c":"c1_A"}"#, RUN), Heard::Live);
        assert_eq!(hear("no frame", RUN), Heard::Other);
    }

    #[test]
    fn a_text_has_its_length() {
        assert_eq!(text(RUN, 3, 200).len(), 200);
        assert_eq!(text(RUN, 3, 0), "bench-0a1b 3 ");
    }
}
