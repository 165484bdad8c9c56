//! A data folder, what is brought into it, and what is in it then.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use chat_proto::model::ConversationKind;
use chatcore::Seq;
use chatcore::state::{Account, ConversationNo, UserNo};
use chatcore::store::redb::{RedbOptions, RedbStore};
use chatcore::store::{Store as _, View};
use serde_json::Value;
use tempfile::TempDir;

use crate::dump::{Dump, Form};

/// A home with a data folder and a dump.
pub(crate) struct Shop {
    home: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a folder") }
    }

    /// … with this dump.
    pub(crate) fn with(dump: &Dump) -> Self {
        let shop = Self::new();
        dump.write(&shop.dump(), Form::Bson);
        shop
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn dump(&self) -> PathBuf {
        self.home.path().join("dump")
    }

    /// The folder with the files of the replaced backend.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.home.path().join("uploads")
    }

    /// A file in it.
    pub(crate) fn upload(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.uploads()).expect("a folder");
        std::fs::write(self.uploads().join(name), content).expect("a file");
    }

    /// Imports the dump with its files.
    pub(crate) fn import_with_files(&self, more: &[&str]) -> Ran {
        let uploads = self.uploads();
        self.import(&[&["--uploads", uploads.to_str().expect("text")], more].concat())
    }

    pub(crate) fn report_file(&self) -> PathBuf {
        self.home.path().join("report.jsonl")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
        command.arg("--data-dir").arg(self.folder()).args(arguments).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut child = self.command(arguments).spawn().expect("the program starts");
        // One that reads nothing may be gone already.
        let _ = child.stdin.take().expect("it is piped").write_all(stdin.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Imports the dump, with a report for programs and one for each record.
    pub(crate) fn import(&self, more: &[&str]) -> Ran {
        let (dump, report) = (self.dump(), self.report_file());
        let (dump, report) = (dump.to_str().expect("text"), report.to_str().expect("text"));
        self.run(&[&["import", "mongo", dump, "--json", "--report", report], more].concat(), "")
    }

    /// Begins to.
    pub(crate) fn begin_import(&self, more: &[&str]) -> Child {
        let dump = self.dump();
        let arguments = [&["import", "mongo", dump.to_str().expect("text")], more].concat();
        self.command(&arguments).spawn().expect("the program starts")
    }

    /// The lines of the report.
    pub(crate) fn report(&self) -> Vec<Value> {
        let report = std::fs::read_to_string(self.report_file()).expect("a report");
        report.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    pub(crate) fn view<T>(&self, look: impl FnOnce(&dyn View) -> T) -> T {
        let store = RedbStore::open(&self.folder().join("chat.redb"), RedbOptions::default()).expect("it opens");
        let seen = look(&*store.view());
        store.close().expect("it closes");
        seen
    }

    /// Somebody's account, by the address.
    pub(crate) fn account(&self, email: &str) -> Option<Account> {
        self.view(|view| {
            let no = view.user_by_email(email).expect("readable")?;
            Some((*view.account(no).expect("readable").expect("an account")).clone())
        })
    }

    /// Everything that people see: accounts, conversations, messages, who has read what, inboxes.
    pub(crate) fn picture(&self) -> String {
        self.view(|view| picture(view).expect("readable"))
    }

    /// How many lines the log has.
    pub(crate) fn position(&self) -> u64 {
        self.view(|view| view.position().0)
    }
}

fn picture(view: &dyn View) -> Result<String, chatcore::store::StoreError> {
    let mut text = String::new();
    let mut users = Vec::new();
    for no in 1.. {
        let Some(account) = view.account(UserNo(no))? else { break };
        let Account { id, email, name, role, state, password, created_at, .. } = &*account;
        let password = password.as_deref().unwrap_or("-");
        writeln!(text, "{id} {email:?} {name:?} {role} {state:?} {password} {created_at}").expect("written");
        users.push((UserNo(no), *id));
    }
    let name = |user: UserNo| users.iter().find(|(no, _)| *no == user).map(|(_, id)| *id).expect("somebody known");
    for no in (1..).map(ConversationNo) {
        let Some(conversation) = view.conversation(no)? else { break };
        let kind = if conversation.kind == ConversationKind::Direct { "direct" } else { "group" };
        let (id, last) = (conversation.id, conversation.last_seq);
        let (created, updated) = (conversation.created_at, conversation.updated_at);
        writeln!(text, "{id} {kind} {:?} {created} {updated}", conversation.subject).expect("written");
        for member in conversation.members.iter() {
            let mark = view.mark(no, member.user)?;
            writeln!(text, "  {} {} {} {mark:?}", name(member.user), member.owner, member.joined_at).expect("written");
        }
        for message in view.messages(no, Seq(1), last)? {
            let (seq, at, by) = (message.seq.0, message.created_at, name(message.author));
            let extras = message.extras.as_deref();
            writeln!(text, "  {seq} {} {at} {by} {:?} {extras:?}", message.id, message.text).expect("written");
        }
    }
    for (user, id) in &users {
        let inbox = view.inbox(*user, None, 1_000)?;
        writeln!(text, "{id}: {:?}", inbox.iter().map(|(_, no)| no.0).collect::<Vec<_>>()).expect("written");
    }
    Ok(text)
}

/// The texts of a conversation's messages, in their order.
pub(crate) fn texts(shop: &Shop, id: bson::oid::ObjectId) -> Vec<String> {
    let id = chat_proto::ObjectId::from_bytes(id.bytes()).into();
    shop.view(|view| {
        let no = view.conversation_no(id).expect("readable").expect("a conversation");
        let last = view.conversation(no).expect("readable").expect("a conversation").last_seq;
        let messages = view.messages(no, Seq(1), last).expect("readable");
        messages.iter().map(|message| message.text.clone()).collect()
    })
}

/// Whether there is such a file.
pub(crate) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
