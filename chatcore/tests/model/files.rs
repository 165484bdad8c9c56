use chat_proto::{AttachmentId, UserId};
use chatcore::Clock;
use chatcore::state::{Command, FileRow, RecordKey, ThumbnailRow};
use chatcore::store::conformance::Acting;
use proptest::prelude::*;

use super::side::Side;
use super::who;

/// What is done with files before and after they are sent; contents are few, so that files share them.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Keep {
        who: u8,
        content: u8,
        small: Option<u8>,
    },
    TakeBack {
        who: u8,
        file: u8,
    },
    /// Forgets what was not sent for too long.
    Collect,
    /// What nothing needs any more is out of the folder.
    Removed,
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (who(), 0..4_u8, prop::option::of(0..4_u8))
            .prop_map(|(who, content, small)| Act::Keep { who, content, small }),
        2 => (who(), 0..6_u8).prop_map(|(who, file)| Act::TakeBack { who, file }),
        1 => Just(Act::Collect),
        1 => Just(Act::Removed),
    ]
}

/// Rows that are looked for at once: more than there are.
const ALL: usize = 1_000;

impl Act {
    pub(crate) fn command(&self, side: &mut Side) -> Command {
        match self {
            Self::Keep { who, content, small } => {
                let file = row(side.shop.new_user_id(), *content, *small);
                Command::KeepAttachment { by: side.user(*who).author(), file: Box::new(file) }
            }
            Self::TakeBack { who, file } => {
                Command::DeleteAttachment { by: side.user(*who).author(), attachment: side.file(*file) }
            }
            Self::Collect => {
                let due = RecordKey::attachments_due_before(side.shop.clock.now());
                Command::CollectAttachments { due: keys(side, due) }
            }
            Self::Removed => {
                let gone = keys(side, RecordKey::contents_gone());
                Command::ContentsRemoved { contents: gone.iter().filter_map(RecordKey::gone_content).collect() }
            }
        }
    }
}

fn keys(side: &Side, (from, before): (RecordKey, RecordKey)) -> Vec<RecordKey> {
    side.shop.view().records(&from, &before, ALL).unwrap().into_iter().map(|(key, _)| key).collect()
}

/// A file under the id that would be somebody's.
pub(crate) fn row(id: UserId, content: u8, small: Option<u8>) -> FileRow {
    let id = AttachmentId::from_bytes(id.to_bytes());
    let media_type = "image/png".to_owned();
    let thumbnail =
        |small| ThumbnailRow { media_type: media_type.clone(), width: 2, height: 1, size: 10, sha256: [small; 32] };
    let thumbnail = small.map(thumbnail);
    let (width, height) = (Some(4), Some(3));
    FileRow { id, name: "a.png".to_owned(), media_type, size: 1_000, sha256: [content; 32], width, height, thumbnail }
}
