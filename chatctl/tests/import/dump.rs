//! A dump of the replaced backend, as its tools write it.

use std::io::Write as _;
use std::path::Path;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The records of the three collections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dump {
    pub(crate) users: Vec<Document>,
    pub(crate) conversations: Vec<Document>,
    pub(crate) messages: Vec<Document>,
}

/// How a dump is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// `mongodump --out`.
    Bson,
    /// `mongodump --out --gzip`.
    PackedBson,
    /// `mongoexport`, and the same with `--jsonFormat=canonical`.
    Lines { canonical: bool },
    /// `mongoexport` through `gzip`.
    PackedLines,
    /// `mongoexport --jsonArray`, also with `--pretty`.
    Array { pretty: bool },
    /// `mongoexport --pretty`.
    Pretty,
}

/// An id that was made so many seconds after a moment long ago.
pub(crate) fn id(kind: u8, second: u32) -> ObjectId {
    let mut bytes = [kind; 12];
    bytes[..4].copy_from_slice(&(1_700_000_000 + second).to_be_bytes());
    ObjectId::from_bytes(bytes)
}

pub(crate) fn at(second: u32) -> DateTime {
    DateTime::from_millis((1_700_000_000 + i64::from(second)) * 1_000)
}

pub(crate) fn user(number: u32, name: &str, role: &str) -> Document {
    doc! {
        "_id": id(1, number), "name": name, "email": format!("{}@shop.example", name.to_lowercase()), "role": role,
        "online": false, "__v": 0,
    }
}

pub(crate) fn conversation(number: u32, people: &[u32]) -> Document {
    doc! {
        "_id": id(2, number), "participants": people.iter().map(|user| id(1, *user)).collect::<Vec<_>>(),
        "unreadCount": 7, "createdAt": at(number), "updatedAt": at(number), "__v": 0,
    }
}

pub(crate) fn message(second: u32, conversation: u32, sender: u32, content: &str) -> Document {
    doc! {
        "_id": id(3, second), "conversation": id(2, conversation), "sender": id(1, sender), "content": content,
        "read": false, "createdAt": at(second), "updatedAt": at(second), "__v": 0,
    }
}

impl Dump {
    /// Two customers, an agent and an admin; a conversation of two, twice, since it was begun by both at once; a group.
    pub(crate) fn of_a_shop() -> Self {
        let users = vec![
            user(1, "Ana", "customer"),
            user(2, "Leo", "agent"),
            user(3, "Eve", "user"),
            user(4, "Ada", "administrator"),
        ];
        let conversations = vec![conversation(10, &[1, 2]), conversation(11, &[2, 1]), conversation(12, &[1, 3, 2])];
        let messages = vec![
            message(20, 10, 1, "Where is my order?"),
            message(21, 11, 2, "It left today."),
            message(22, 12, 3, "Hello, both"),
            message(23, 10, 1, "Thanks"),
        ];
        Self { users, conversations, messages }
    }

    fn collections(&self) -> [(&'static str, &[Document]); 3] {
        [("users", &self.users), ("conversations", &self.conversations), ("messages", &self.messages)]
    }

    /// Writes it as a tool does; `mongodump` into a folder of the database, with metadata beside.
    pub(crate) fn write(&self, folder: &Path, form: Form) {
        let folder = match form {
            Form::Bson | Form::PackedBson => folder.join("shop"),
            _ => folder.to_owned(),
        };
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, records) in self.collections() {
            let (ending, bytes) = written(records, form);
            std::fs::write(folder.join(format!("{name}.{ending}")), bytes).expect("a file");
            if let Form::Bson | Form::PackedBson = form {
                std::fs::write(folder.join(format!("{name}.metadata.json")), "{\"indexes\":[]}").expect("a file");
            }
        }
    }
}

pub(crate) fn bytes(records: &[Document]) -> Vec<u8> {
    records.iter().flat_map(|record| record.to_vec().expect("BSON")).collect()
}

pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    packing.write_all(bytes).expect("packed");
    packing.finish().expect("packed")
}

fn written(records: &[Document], form: Form) -> (&'static str, Vec<u8>) {
    let json = |record: &Document, canonical| {
        let record = Bson::from(record.clone());
        if canonical { record.into_canonical_extjson() } else { record.into_relaxed_extjson() }
    };
    let lines = |canonical| {
        let lines: Vec<_> = records.iter().map(|record| json(record, canonical).to_string()).collect();
        lines.join("\n") + "\n"
    };
    let pretty = |record| serde_json::to_string_pretty(&json(record, false)).expect("JSON");
    match form {
        Form::Bson => ("bson", bytes(records)),
        Form::PackedBson => ("bson.gz", packed(&bytes(records))),
        Form::Lines { canonical } => ("json", lines(canonical).into_bytes()),
        Form::PackedLines => ("json.gz", packed(lines(false).as_bytes())),
        Form::Array { pretty: false } => {
            let items: Vec<_> = records.iter().map(|record| json(record, false).to_string()).collect();
            ("json", format!("[{}]\n", items.join(",\n")).into_bytes())
        }
        Form::Array { pretty: true } => {
            let items: Vec<_> = records.iter().map(pretty).collect();
            ("json", format!("[\n{}\n]\n", items.join(",\n")).into_bytes())
        }
        Form::Pretty => ("json", records.iter().map(pretty).collect::<Vec<_>>().join("\n").into_bytes()),
    }
}
