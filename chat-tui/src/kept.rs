//! What is kept over the program's end: drafts, and messages that were not confirmed. Both are in one file, so that a
//! message is at any moment the one or the other.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chat_client::OutboxEntry;
use chat_proto::model::Attachment;
use chat_proto::{ConversationId, MessageId, UserId};
use serde::{Deserialize, Serialize};

use crate::state::{Chip, Composer, Draft, Edit};

/// The file of one person on one server. Only one program has it at a time.
#[derive(Debug)]
pub(crate) struct Kept {
    file: PathBuf,
    _lock: File,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    #[serde(default)]
    drafts: Vec<KeptDraft>,
    #[serde(default)]
    outbox: Vec<OutboxEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptDraft {
    conversation: ConversationId,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<MessageId>,
    /// Files that were uploaded for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<Attachment>,
    /// A message that was being changed, and what it was to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edit: Option<(MessageId, String)>,
}

/// What an earlier run left.
pub(crate) type Left = (HashMap<ConversationId, Draft>, Vec<OutboxEntry>);

impl Kept {
    /// Opens the file of this person, and what is in it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another program has it; what the file system says. A file that makes no sense is
    /// put aside, and nothing was left then.
    pub(crate) fn open(state: &Path, url: &str, me: UserId) -> io::Result<(Self, Left)> {
        let server: String = url.split("://").last().unwrap_or_default().chars().map(fit_for_a_name).collect();
        let folder = state.join(format!("{server}-{me}"));
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        let kept = Self { file: folder.join("written.json"), _lock: lock };
        let contents = match fs::read(&kept.file) {
            Ok(json) => serde_json::from_slice(&json).unwrap_or_else(|error| {
                tracing::error!(%error, file = %kept.file.display(), "not readable; put aside");
                let _ = fs::rename(&kept.file, kept.file.with_extension("broken"));
                Contents::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Contents::default(),
            Err(error) => return Err(error),
        };
        let drafts = contents.drafts.into_iter().map(|draft| (draft.conversation, draft.into())).collect();
        Ok((kept, (drafts, contents.outbox)))
    }

    /// Puts this in the place of what was written before, in one step. `durable`: it outlives a power cut, too.
    pub(crate) fn write<'a>(
        &self,
        drafts: &HashMap<ConversationId, Draft>,
        outbox: impl Iterator<Item = &'a OutboxEntry>,
        durable: bool,
    ) -> io::Result<()> {
        let drafts =
            drafts.iter().filter(|(_, draft)| !draft.is_empty()).map(|(conv, draft)| KeptDraft::of(*conv, draft));
        let contents = Contents { drafts: drafts.collect(), outbox: outbox.cloned().collect() };
        let json = serde_json::to_vec(&contents)?;
        let new = self.file.with_extension("new");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&json)?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(new, &self.file)
    }
}

impl KeptDraft {
    fn of(conversation: ConversationId, draft: &Draft) -> Self {
        Self {
            conversation,
            text: draft.message.text().to_owned(),
            files: draft.files.iter().filter_map(Chip::attachment).cloned().collect(),
            reply_to: draft.reply_to,
            edit: draft.edit.as_ref().map(|edit| (edit.id, edit.text.text().to_owned())),
        }
    }
}

impl From<KeptDraft> for Draft {
    fn from(kept: KeptDraft) -> Self {
        let edit = kept.edit.map(|(id, text)| Edit { id, text: Composer::of(text) });
        // They have no upload any more, so they need no number.
        let files = kept.files.into_iter().map(|file| Chip::ready(0, file)).collect();
        Self { message: Composer::of(kept.text), files, reply_to: kept.reply_to, edit, saw: None }
    }
}

fn fit_for_a_name(c: char) -> char {
    if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ME: UserId = UserId::from_bytes([1; 16]);
    const CONV: ConversationId = ConversationId::from_bytes([2; 16]);
    const URL: &str = "http://127.0.0.1:9000/../x";

    fn entry() -> OutboxEntry {
        let json = format!(
            r#"{{"client_id":"a-1","conversation":"{CONV}","text":"hi","written_at":"2026-11-22T14:07:03.250Z"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn drafts_and_the_outbox_come_back_to_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, (drafts, outbox)) = Kept::open(folder.path(), URL, ME).unwrap();
        assert!(drafts.is_empty() && outbox.is_empty());
        let draft = Draft {
            message: Composer::of("half a\nthought"),
            files: vec![Chip::ready(0, crate::tests::shop::file(7, "mug.png"))],
            reply_to: Some(MessageId::from_bytes([3; 16])),
            edit: Some(Edit { id: MessageId::from_bytes([4; 16]), text: Composer::of("better") }),
            saw: None,
        };
        let written = HashMap::from([(CONV, draft), (ConversationId::from_bytes([9; 16]), Draft::default())]);
        kept.write(&written, [entry()].iter(), true).unwrap();
        assert_eq!(kept.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(kept.file.starts_with(folder.path()), "{:?}", kept.file);
        assert_eq!(Kept::open(folder.path(), URL, ME).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(kept);
        let (_, (mut drafts, outbox)) = Kept::open(folder.path(), URL, ME).unwrap();
        assert_eq!((drafts.remove(&CONV), drafts.len()), (written.get(&CONV).cloned(), 0));
        assert_eq!(outbox, [entry()]);
        let (_, (drafts, _)) = Kept::open(folder.path(), URL, UserId::from_bytes([7; 16])).unwrap();
        assert!(drafts.is_empty(), "somebody else's");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, _) = Kept::open(folder.path(), URL, ME).unwrap();
        fs::write(&kept.file, "{").unwrap();
        let file = kept.file.clone();
        drop(kept);
        let (_kept, (drafts, _)) = Kept::open(folder.path(), URL, ME).unwrap();
        assert!(drafts.is_empty());
        assert_eq!(fs::read_to_string(file.with_extension("broken")).unwrap(), "{");
    }
}
