//! Messages of a dump: where each one stands, so that they come in order without being in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use chat_proto::{AttachmentId, ClientId, MessageId, ObjectId, Timestamp};
use chatcore::{ImportedFile, ImportedMessage};

use super::mapping::{Collection, ID, UPDATED, message};
use super::named::Named;
use super::people::{created, of_id};
use super::source::Format;
use super::value::{Record, Value};

/// A message that is to come: where it is read again. 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pin {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) talk: u32,
    pub(super) id: ObjectId,
    /// How much later than its id says it was written, milliseconds.
    late: i32,
}

/// A message of a record.
pub(super) struct Read {
    pub(super) id: ObjectId,
    pub(super) conversation: ObjectId,
    pub(super) sender: ObjectId,
    pub(super) created_at: Timestamp,
    pub(super) readers: Vec<ObjectId>,
    /// Those that can come along.
    pub(super) files: Vec<Named>,
    /// How many more it had.
    pub(super) more_files: usize,
    /// Those that came.
    came: Vec<AttachmentId>,
    text: String,
    edited_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
}

impl Pin {
    pub(super) fn new(read: &Read, talk: u32, offset: u64, length: u32) -> Self {
        let late = read.created_at.as_millis() - of_id(read.id).as_millis();
        let late = i32::try_from(late).unwrap_or(if late < 0 { i32::MIN } else { i32::MAX });
        Self { offset, length, talk, id: read.id, late }
    }

    /// When it was written; to 24 days, where its id says something else.
    pub(super) fn created(&self) -> i64 {
        of_id(self.id).as_millis() + i64::from(self.late)
    }

    /// Reads it again.
    pub(super) fn read(&self, file: &File, format: Format, bytes: &mut Vec<u8>) -> io::Result<Record> {
        bytes.resize(self.length as usize, 0);
        file.read_exact_at(bytes, self.offset)?;
        let fields = Collection::Messages.fields();
        let record = match format {
            Format::Bson => Record::of_bson(bytes, fields),
            Format::Json => Record::of_json(bytes, fields),
        };
        record.map_err(io::Error::other)
    }
}

impl Read {
    /// The message of a record, and what of it is otherwise than it was. `with_files`: its files can come along.
    pub(super) fn of(
        record: &Record,
        most_bytes: usize,
        now: Timestamp,
        with_files: bool,
    ) -> Result<(Self, Vec<String>), String> {
        let id = record.id(ID).ok_or("its _id is no ObjectId")?;
        let conversation = record.id(message::CONVERSATION).ok_or("it names no conversation")?;
        let sender = record.id(message::SENDER).ok_or("it names nobody who wrote it")?;
        let mut notes = Vec::new();
        let mut created_at = created(record, id);
        if created_at > now {
            notes.push("it was written in the future: it has the moment of its id, or of this import".to_owned());
            created_at = of_id(id).min(now);
        }
        let changed = record.moment(UPDATED).filter(|at| *at >= created_at && *at <= now).unwrap_or(created_at);
        let moment = |flag, at| {
            let at = record.moment(at).filter(|at| *at <= now);
            at.or_else(|| record.is_set(flag).then_some(changed))
        };
        let deleted_at = moment(message::DELETED, message::DELETED_AT);
        let (mut files, mut more_files) = Named::of(record);
        let mut said = String::new();
        if deleted_at.is_none() {
            said = text(record, &files, with_files, &mut notes)?;
        }
        if said.len() > most_bytes {
            notes.push(format!("its text had {} bytes: the first {most_bytes} are there", said.len()));
        }
        if !with_files || deleted_at.is_some() {
            (files, more_files) = (Vec::new(), 0);
        }
        let text = shortened(said, most_bytes);
        let edited_at = moment(message::EDITED, message::EDITED_AT);
        let readers = record.get(message::READ_BY).map(Value::items).unwrap_or_default();
        let readers = readers.iter().filter_map(Value::id).collect();
        let came = Vec::new();
        let read = Self {
            id,
            conversation,
            sender,
            created_at,
            readers,
            files,
            more_files,
            came,
            text,
            edited_at,
            deleted_at,
        };
        Ok((read, notes))
    }

    /// The id of one of its files.
    pub(super) fn file_id(&self, file: &Named) -> AttachmentId {
        ImportedFile::id_of(self.id.into(), file.index)
    }

    /// These files have come, and these not: one that says nothing names them.
    pub(super) fn settle(&mut self, came: Vec<AttachmentId>, left: &[&str], most_bytes: usize) {
        if self.text.is_empty() {
            self.text = shortened(named_in_text(left), most_bytes);
        }
        self.came = came;
    }

    /// Its name in the mouth of its author, by which it is found again.
    pub(super) fn client_id(&self) -> Option<ClientId> {
        self.id.to_string().parse().ok()
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + 256
    }

    pub(super) fn imported(self) -> Option<ImportedMessage> {
        Some(ImportedMessage {
            id: MessageId::from(self.id),
            client_id: self.client_id()?,
            author: self.sender.into(),
            text: self.text,
            created_at: self.created_at,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            files: self.came,
        })
    }
}

/// What a message says; of one that says nothing, the names of the files that do not come.
fn text(record: &Record, files: &[Named], come: bool, notes: &mut Vec<String>) -> Result<String, String> {
    let text = record.text(message::TEXT).unwrap_or_default();
    let is_silent = text.trim().is_empty();
    if is_silent && files.is_empty() {
        return Err("it has neither a text nor a file".to_owned());
    }
    if come {
        return Ok(if is_silent { String::new() } else { text });
    }
    let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    if is_silent {
        notes.push("it was only a file, which does not come along without --uploads: its text names it".to_owned());
        return Ok(named_in_text(&names));
    }
    if !names.is_empty() {
        notes.push(format!("its file does not come along without --uploads: {}", names.join(", ")));
    }
    Ok(text)
}

fn named_in_text(names: &[&str]) -> String {
    names.iter().map(|file| format!("[File: {file}]")).collect::<Vec<_>>().join("\n")
}

fn shortened(mut text: String, most_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(most_bytes));
    text
}
