use super::made::conv;
use ErrorCode::{Invalid, Unsupported};
use chat_proto::wire::*;
use chat_proto::*;

/// What parsing a text must say.
struct Refusal {
    text: String,
    re: Option<u64>,
    code: ErrorCode,
    detail: &'static str,
}

fn refused(text: impl Into<String>, re: Option<u64>, code: ErrorCode, detail: &'static str) -> Refusal {
    Refusal { text: text.into(), re, code, detail }
}

fn check(cases: &[Refusal]) {
    for case in cases {
        let error = ClientFrame::parse(&case.text).expect_err(&case.text);
        assert_eq!((error.re, error.code), (case.re, case.code), "{}: {}", case.text, error.detail);
        assert!(error.detail.contains(case.detail), "{}: {}", case.text, error.detail);
        assert!(error.detail.len() < 300, "{}: {}", case.text, error.detail);
    }
}

#[test]
fn frames_of_the_wrong_shape_are_refused_with_their_re() {
    let to = format!(r#""conv":"{}","client_id":"a""#, conv());
    check(&[
        refused(r#"{"t":"applaud","re":5,"emoji":"x"}"#, Some(5), Unsupported, "unknown frame; known are hello"),
        refused(r#"{"t":"Send","re":5}"#, Some(5), Unsupported, "unknown frame"),
        refused(r#"{"re":5}"#, Some(5), Invalid, "missing field `t`"),
        refused(r#"{"t":7,"re":5}"#, Some(5), Invalid, ""),
        refused(format!(r#"{{"t":"send","re":5,{to}}}"#), Some(5), Invalid, "missing field `text`"),
        refused(format!(r#"{{"t":"send",{to},"text":"x"}}"#), None, Invalid, "missing field `re`"),
        refused(
            format!(r#"{{"t":"send","re":5,{to},"text":"x","colour":1}}"#),
            Some(5),
            Invalid,
            "unknown field `colour`",
        ),
        refused(r#"{"t":"auth","re":5}"#, Some(5), Invalid, "missing field `token`"),
        refused(r#"{"t":"auth","token":"x"}"#, None, Invalid, "missing field `re`"),
        refused(r#"{"t":"ping","re":5}"#, Some(5), Invalid, "unknown field `re`"),
        refused(
            format!(r#"{{"t":"send","re":5,{to},"text":"x","text":"y"}}"#),
            Some(5),
            Invalid,
            "duplicate field `text`",
        ),
        refused(format!(r#"{{"t":"send","re":5,"re":6,{to},"text":"x"}}"#), None, Invalid, "duplicate field `re`"),
        refused(r#"{"t":"ping","t":"hello"}"#, None, Invalid, "duplicate field"),
    ]);
}

#[test]
fn wrong_values_are_refused_with_the_re_of_their_frame() {
    let to = format!(r#""conv":"{}","client_id":"a""#, conv());
    check(&[
        refused(
            r#"{"t":"read","re":5,"conv":"user_01kay8m2r3f9vvk1a2b3c4d5e1","seq":1}"#,
            Some(5),
            Invalid,
            "expected a conversation id",
        ),
        refused(format!(r#"{{"t":"read","re":5,"conv":"{}","seq":-1}}"#, conv()), Some(5), Invalid, "expected u64"),
        refused(
            format!(r#"{{"t":"read","re":5,"conv":"{}","seq":18446744073709551616}}"#, conv()),
            Some(5),
            Invalid,
            "expected u64",
        ),
        refused(format!(r#"{{"t":"read","re":18446744073709551616,"conv":"{}","seq":1}}"#, conv()), None, Invalid, ""),
        refused(
            format!(r#"{{"t":"read","re":5,"conv":"{}","seq":1e999}}"#, conv()),
            Some(5),
            Invalid,
            "number out of range",
        ),
        refused(format!(r#"{{"t":"read","re":5,"conv":"{}","seq":1.0}}"#, conv()), Some(5), Invalid, "expected u64"),
        refused(format!(r#"{{"t":"send","re":5,{to},"text":"\ud800"}}"#), Some(5), Invalid, "hex escape"),
    ]);
}

#[test]
fn what_is_no_frame_at_all_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(&[
        refused("", None, Invalid, "not a frame"),
        refused("null", None, Invalid, "not a frame"),
        refused("[]", None, Invalid, ""),
        refused(r#"{"t":"ping"} {}"#, None, Invalid, "trailing characters"),
        refused(r#"{"t":"ping""#, None, Invalid, "EOF"),
        refused(nested(200), None, Invalid, "not a frame"),
        refused(format!(r#"{{"t":"ping","re":5,"x":{}}}"#, nested(200)), Some(5), Invalid, "nested more than 32 deep"),
    ]);
}

#[test]
fn every_known_name_is_a_frame_and_the_other_way_round() {
    for name in ClientFrame::NAMES {
        // `ping` needs nothing else, `hello` one thing or the other; every other frame must miss something, but not its name.
        match ClientFrame::parse(&format!(r#"{{"t":"{name}"}}"#)) {
            Ok(_) => assert!(["hello", "ping"].contains(&name), "{name}"),
            Err(error) => assert_eq!(error.code, ErrorCode::Invalid, "{name}: {}", error.detail),
        }
    }
}

#[test]
fn ids_are_of_one_kind() {
    assert!(serde_json::from_str::<MessageId>(r#""msg_01kay8m2r3f9vvk1a2b3c4d5e6""#).is_ok());
    assert!(serde_json::from_str::<MessageId>(r#""conv_01kay8m2r3f9vvk1a2b3c4d5e6""#).is_err());
}
