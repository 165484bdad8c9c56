//! What became of a dump: how much of it is there now, and each record that was left out or changed, with its place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use chat_client::plain_line;
use chat_proto::ObjectId;
use indicatif::HumanBytes;
use serde::Serialize;

use super::mapping::Collection;
use super::named::Named;

/// So many are shown on the screen.
const SHOWN: usize = 20;
/// So many admins are named, and so many of them on the screen.
const MOST_ADMINS: usize = 100;
const ADMINS_SHOWN: usize = 10;

/// Where a record stands in its file: the how many-th it is (0: that is not known any more), and at which byte it begins (of
/// one that is packed, once it is unpacked).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) record: u64,
    pub(super) offset: u64,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    /// It was left out.
    Skipped,
    /// It is there, in another way than it was.
    Changed,
}

/// A line of the report.
#[derive(Clone, Debug, Serialize)]
struct Line<'a> {
    fate: Fate,
    kind: &'a str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    offset: u64,
    id: Option<String>,
    /// Of a file: the how many-th of its message it is, and what it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    why: &'a str,
}

/// What a line is about.
struct About<'a> {
    fate: Fate,
    of: Collection,
    place: Place,
    id: Option<String>,
    file: Option<&'a Named>,
}

/// How many of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    pub(super) imported: u64,
    pub(super) already_there: u64,
    pub(super) skipped: u64,
}

/// How many files of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Files {
    pub(super) imported: u64,
    pub(super) already_there: u64,
    pub(super) skipped: u64,
    /// Of those that are imported, as they are kept.
    pub(super) bytes: u64,
}

/// What it all comes to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) dry_run: bool,
    pub(super) accounts: Count,
    pub(super) conversations: Count,
    pub(super) messages: Count,
    /// With their folder only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Files>,
    /// Conversations whose messages went into another one of the same two people.
    pub(super) merged: u64,
    /// Accounts that stand for people who were no longer there.
    pub(super) deleted_users: u64,
    /// Records that are there in another way than they were.
    pub(super) changed: u64,
    /// Records that are not there.
    pub(super) skipped: u64,
    /// Those who come as admins.
    #[serde(rename = "admins")]
    pub(super) admin_count: u64,
    /// Addresses, or ids, of the first 100 of them.
    #[serde(rename = "admin_emails")]
    pub(super) admins: Vec<String>,
}

pub(super) struct Report {
    pub(super) summary: Summary,
    shown: Vec<String>,
    file: Option<BufWriter<File>>,
    names: BTreeMap<&'static str, String>,
}

impl Report {
    pub(super) fn new(file: Option<&Path>, dry_run: bool) -> io::Result<Self> {
        let file = file.map(create).transpose()?.map(BufWriter::new);
        let summary = Summary { dry_run, ..Summary::default() };
        Ok(Self { summary, shown: Vec::new(), file, names: BTreeMap::new() })
    }

    /// How the file of a collection is named.
    pub(super) fn name(&mut self, collection: Collection, name: &str) {
        self.names.insert(collection.noun(), name.to_owned());
    }

    pub(super) fn count(&mut self, collection: Collection) -> &mut Count {
        match collection {
            Collection::Users => &mut self.summary.accounts,
            Collection::Conversations => &mut self.summary.conversations,
            Collection::Messages => &mut self.summary.messages,
        }
    }

    /// A file of a message is left out.
    pub(super) fn file_skipped(&mut self, place: Place, id: ObjectId, file: &Named, why: &str) -> io::Result<()> {
        self.summary.skipped += 1;
        self.files().skipped += 1;
        let (of, id, file) = (Collection::Messages, Some(id.to_string()), Some(file));
        self.tell(About { fate: Fate::Skipped, of, place, id, file }, why)
    }

    /// How many files.
    pub(super) fn files(&mut self) -> &mut Files {
        self.summary.files.get_or_insert_default()
    }

    /// A record is left out.
    pub(super) fn skipped(&mut self, of: Collection, place: Place, id: Option<String>, why: &str) -> io::Result<()> {
        self.summary.skipped += 1;
        self.count(of).skipped += 1;
        self.tell(About { fate: Fate::Skipped, of, place, id, file: None }, why)
    }

    /// A record is there in another way than it was.
    pub(super) fn changed(&mut self, of: Collection, place: Place, id: Option<String>, why: &str) -> io::Result<()> {
        self.summary.changed += 1;
        self.tell(About { fate: Fate::Changed, of, place, id, file: None }, why)
    }

    fn tell(&mut self, about: About<'_>, why: &str) -> io::Result<()> {
        let About { fate, of, place: Place { record, offset }, id, file: of_file } = about;
        let file = self.names.get(of.noun()).map_or("", String::as_str);
        let kind = if of_file.is_some() { "file" } else { of.noun() };
        if self.shown.len() < SHOWN {
            let named = id.as_ref().map_or_else(String::new, |id| format!(" {id}"));
            let fate = match fate {
                Fate::Skipped => "left out",
                Fate::Changed => "changed",
            };
            let numbered = if record > 0 { format!("record {record} ") } else { String::new() };
            let part = of_file.map_or_else(String::new, |Named { name, .. }| format!("file {name:?} of "));
            let line = format!("{file}, {numbered}at byte {offset}: {part}{}{named} {fate}: {why}", of.noun());
            self.shown.push(plain_line(&line).into());
        }
        if let Some(report) = &mut self.file {
            let record = (record > 0).then_some(record);
            let (index, name) = of_file.map(|file| (file.index, &*file.name)).unzip();
            serde_json::to_writer(&mut *report, &Line { fate, kind, file, record, offset, id, index, name, why })?;
            report.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Somebody comes as an admin.
    pub(super) fn admin(&mut self, named: String) {
        self.summary.admin_count += 1;
        if self.summary.admins.len() < MOST_ADMINS {
            self.summary.admins.push(named);
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), io::Write::flush)
    }

    /// The first lines, for people.
    pub(super) fn lines(&self) -> String {
        let mut lines = self.shown.clone();
        let all = self.summary.skipped + self.summary.changed;
        let more = all.saturating_sub(self.shown.len() as u64);
        if more > 0 {
            let where_to = if self.file.is_some() { "in the report" } else { "with --report FILE" };
            lines.push(format!("… and {more} more, {where_to}."));
        }
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

/// There are addresses of people in it.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Summary {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        let done = if self.dry_run { "would come" } else { "imported" };
        for (noun, count) in
            [("accounts", self.accounts), ("conversations", self.conversations), ("messages", self.messages)]
        {
            let Count { imported, already_there, skipped } = count;
            lines.push(format!("{noun:<13}  {imported} {done}, {already_there} already there, {skipped} left out"));
        }
        if let Some(Files { imported, already_there, skipped, bytes }) = self.files {
            let bytes = HumanBytes(bytes);
            lines.push(format!(
                "files          {imported} {done} ({bytes}), {already_there} already there, {skipped} left out"
            ));
        }
        for (count, says) in [
            (self.merged, "conversations whose messages go into another one of the same two people"),
            (self.deleted_users, "people who were no longer there, for whom a \"Deleted user\" stands"),
            (self.changed, "changes of what a record said, each in the report"),
        ] {
            if count > 0 {
                lines.push(format!("{says}: {count}"));
            }
        }
        if self.admin_count > 0 {
            let names: Vec<_> = self.admins.iter().take(ADMINS_SHOWN).map(|name| plain_line(name)).collect();
            let more = if self.admin_count > names.len() as u64 { ", …" } else { "" };
            lines.push(format!(
                "admins that come along: {}. Anybody could sign up as one there, so check them: {}{more}",
                self.admin_count,
                names.join(", ")
            ));
        }
        if self.dry_run {
            lines.push("Nothing was changed: this was a dry run.".to_owned());
        }
        lines.join("\n") + "\n"
    }
}
