//! Files beside messages: how they are shown, and how they are named by who sends them.

use std::fmt::Write as _;
use std::time::Duration;

use chat_proto::{AttachmentId, UserId, model};
use chatcore::{Actor, FileLink};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::extract::parse;
use crate::problem::Refused;

/// So long at least the links beside messages are good, and less than twice as long. Nobody can ask for a new one here but by
/// loading the list again, and most talks are over by then; a link that is copied into a mail or stands in a log is of no use to
/// anybody the next day. It ends before with the session, the message, and the place in the conversation.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// A file that was sent with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatFile)]
#[serde(rename_all = "camelCase")]
pub(crate) struct File {
    /// Which.
    #[serde(rename = "_id")]
    _id: String,
    /// The same.
    id: String,
    /// What it is called.
    name: String,
    /// What it is, such as `image/png`.
    #[serde(rename = "type")]
    kind: String,
    /// Bytes.
    size: u64,
    /// Where it is, behind this server's address; good for an hour without a token, and with one for as long as the file.
    url: String,
    /// The same of a small picture of it, where there is one.
    thumbnail_url: Option<String>,
}

impl File {
    /// `me`: who is shown it, and for whom its address is good.
    pub(crate) fn of(file: &model::Attachment, me: &Actor) -> Self {
        Self {
            _id: file.id.to_string(),
            id: file.id.to_string(),
            name: file.name.clone(),
            kind: file.media_type.clone(),
            size: file.size,
            url: address(file, me, false),
            thumbnail_url: file.thumbnail.is_some().then(|| address(file, me, true)),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// It ends with the name, since front ends look there to know a picture.
fn address(file: &model::Attachment, me: &Actor, thumbnail: bool) -> String {
    let link = me.lasting_attachment_link(file.id, thumbnail, GOOD_FOR);
    let mut address = format!("/uploads/{}/{}/", file.id, Seal::of(&link));
    for byte in file.name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

/// Where somebody's picture is, if they have one: as a file's address, but it ends with which picture it is, so that another one
/// is loaded.
pub(super) fn picture(whose: UserId, version: Option<&str>, me: &Actor) -> Option<String> {
    let version = version?;
    let link = me.lasting_avatar_link(whose, GOOD_FOR);
    Some(format!("/uploads/{whose}/{}/{version}", Seal::of(&link)))
}

/// A link as a part of a path: until when, what proves it, and whether it is to the small picture.
pub(super) struct Seal;

impl Seal {
    const THUMBNAIL: &str = "small.";

    fn of(link: &FileLink) -> String {
        let what = if link.thumbnail { Self::THUMBNAIL } else { "" };
        format!("{what}{}.{}", link.expires, link.signature)
    }

    /// `None`: it is none.
    pub(super) fn read(text: &str) -> Option<FileLink> {
        let small = text.strip_prefix(Self::THUMBNAIL);
        let (expires, signature) = small.unwrap_or(text).split_once('.')?;
        Some(FileLink { thumbnail: small.is_some(), expires: expires.parse().ok()?, signature: signature.to_owned() })
    }
}

/// The fields under which files that were uploaded before are named.
pub(crate) const NAMED: [&str; 3] = ["attachments", "attachment", "attachmentId"];
/// Those under which a file itself may come in a form, and what else was seen in place of one.
pub(crate) const FILES: [&str; 3] = ["attachment", "file", "image"];

/// The files that stand in a field, as ids, as objects with one, or as a list of these. `pointer` says where.
pub(crate) fn named(pointer: &str, value: &Value) -> Result<Vec<AttachmentId>, Refused> {
    let one = |value: &Value| {
        let text = value.as_str().or_else(|| value.get("_id").or_else(|| value.get("id"))?.as_str());
        let id = text.and_then(|text| text.parse().ok());
        let detail =
            "A file is named by the id that it has been given by `POST /api/v1/attachments`. Nothing was sent.";
        id.ok_or_else(|| Refused::invalid(pointer, detail))
    };
    match value {
        Value::Null => Ok(Vec::new()),
        // What scripts make of a file that is not there.
        Value::String(text) if ["", "null", "undefined"].contains(&text.as_str()) => Ok(Vec::new()),
        // A form holds lists as text.
        Value::String(text) if text.starts_with('[') => match parse(text.as_bytes()) {
            Ok(Value::Array(list)) => list.iter().map(one).collect(),
            _ => one(value).map(|id| vec![id]),
        },
        Value::Array(list) => list.iter().map(one).collect(),
        other => one(other).map(|id| vec![id]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "att_01h455vb4pex5vsknk084sn02q";

    #[test]
    fn files_are_named_in_many_ways() {
        let id: AttachmentId = ID.parse().unwrap();
        for (value, count) in [
            (json!(ID), 1),
            (json!([ID, {"_id": ID}]), 2),
            (json!({"id": ID, "name": "a.png"}), 1),
            (json!(format!("[\"{ID}\"]")), 1),
            (json!([]), 0),
            (json!(""), 0),
            (json!("undefined"), 0),
            (json!("[]"), 0),
            (Value::Null, 0),
        ] {
            assert_eq!(named("/attachment", &value).unwrap(), vec![id; count], "{value}");
        }
        for value in
            [json!("/uploads/a.png"), json!({}), json!([null]), json!(7), json!([[ID]]), json!("[7]"), json!("[")]
        {
            assert!(named("/attachment", &value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_link_is_read_as_it_is_written() {
        for thumbnail in [false, true] {
            let link = FileLink { thumbnail, expires: 1_800_000_000, signature: "AbC-_9".to_owned() };
            assert!(Seal::read(&Seal::of(&link)) == Some(link));
        }
        for text in ["", "small", "small.", "x.y", "1", "small.x.y", "99999999999999999999.a"] {
            assert!(Seal::read(text).is_none(), "{text}");
        }
    }
}
