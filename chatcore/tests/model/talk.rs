use chat_proto::Seq;
use chatcore::state::{Command, Origin, Post};
use chatcore::store::conformance::{Acting, client_id};
use proptest::prelude::*;

use super::side::Side;
use super::{conversation, rarely, session, who};

/// What is done in conversations.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Direct { who: u8, with: u8 },
    Group { who: u8, with: Vec<u8> },
    Add { who: u8, to: u8, other: u8 },
    Remove { who: u8, from: u8, other: u8 },
    Send(Sending),
    Edit { who: u8, message: u8, text: u8, version: Option<u64> },
    Delete { who: u8, message: u8, version: Option<u64> },
    React { who: u8, message: u8, emoji: usize, on: bool },
    Read { who: u8, of: u8, seq: u64 },
    Unread { who: u8, of: u8, seq: u64 },
    Delivered { who: u8, of: u8, seq: u64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Sending {
    who: u8,
    session: Option<u8>,
    to: u8,
    name: u8,
    text: u8,
    files: Vec<u8>,
    reply: Option<u8>,
    mention: Option<u8>,
    last: Option<u64>,
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (who(), who()).prop_map(|(who, with)| Act::Direct { who, with }),
        2 => (who(), prop::collection::vec(who(), 0..4)).prop_map(|(who, with)| Act::Group { who, with }),
        3 => (who(), conversation(), who()).prop_map(|(who, to, other)| Act::Add { who, to, other }),
        4 => (who(), conversation(), who()).prop_map(|(who, from, other)| Act::Remove { who, from, other }),
        14 => sending().prop_map(Act::Send),
        6 => (who(), 0..20_u8, 0..4_u8, rarely(1..4_u64))
            .prop_map(|(who, message, text, version)| Act::Edit { who, message, text, version }),
        3 => (who(), 0..20_u8, rarely(1..4_u64))
            .prop_map(|(who, message, version)| Act::Delete { who, message, version }),
        5 => (who(), 0..20_u8, 0..3_usize, any::<bool>())
            .prop_map(|(who, message, emoji, on)| Act::React { who, message, emoji, on }),
        4 => (who(), conversation(), 0..20_u64).prop_map(|(who, of, seq)| Act::Read { who, of, seq }),
        2 => (who(), conversation(), 0..20_u64).prop_map(|(who, of, seq)| Act::Unread { who, of, seq }),
        2 => (who(), conversation(), 0..20_u64).prop_map(|(who, of, seq)| Act::Delivered { who, of, seq }),
    ]
}

fn sending() -> impl Strategy<Value = Sending> {
    let files = prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(0..6_u8, 1..4)];
    let with = (files, rarely(0..20_u8), rarely(who()), rarely(0..9_u64));
    (who(), session(), conversation(), 0..12_u8, 0..2_u8, with).prop_map(
        |(who, session, to, name, text, (files, reply, mention, last))| Sending {
            who,
            session,
            to,
            name,
            text,
            files,
            reply,
            mention,
            last,
        },
    )
}

impl Act {
    pub(crate) fn command(&self, side: &mut Side) -> Command {
        match self {
            Self::Direct { who, with } => {
                let (by, with) = (side.user(*who), side.user(*with));
                side.shop.open_direct(by, with)
            }
            Self::Group { who, with } => {
                let (by, with) = (side.user(*who), with.iter().map(|i| side.user(*i)).collect::<Vec<_>>());
                side.shop.create_group(by, &with)
            }
            Self::Add { who, to, other } => side.user(*who).add(side.conversation(*to), side.user(*other)),
            Self::Remove { who, from, other } => side.user(*who).remove(side.conversation(*from), side.user(*other)),
            Self::Send(sending) => sending.command(side),
            Self::Edit { who, message, text, version: if_version } => {
                let (by, (conversation, message)) = (side.user(*who).author(), side.message(*message));
                let (text, if_version) = (format!("text {text}"), *if_version);
                Command::EditMessage { by, conversation, message, text, if_version }
            }
            Self::Delete { who, message, version: if_version } => {
                let (by, (conversation, message)) = (side.user(*who).author(), side.message(*message));
                Command::DeleteMessage { by, conversation, message, if_version: *if_version, origin: Origin::default() }
            }
            Self::React { who, message, emoji, on } => {
                let (by, (conversation, message)) = (side.user(*who).author(), side.message(*message));
                let emoji = ["👍", "❤️", "🎉"][*emoji].to_owned();
                Command::React { by, conversation, message, emoji, on: *on }
            }
            Self::Unread { who, of, seq } => {
                let (by, conversation) = (side.user(*who).author(), side.conversation(*of));
                Command::MarkUnread { by, conversation, seq: Seq(*seq) }
            }
            Self::Delivered { who, of, seq } => {
                let (by, conversation) = (side.user(*who).author(), side.conversation(*of));
                Command::MoveDeliveredMark { by, conversation, seq: Seq(*seq) }
            }
            Self::Read { who, of, seq } => side.user(*who).read(side.conversation(*of), *seq),
        }
    }
}

impl Sending {
    fn command(&self, side: &Side) -> Command {
        let post = Post {
            attachments: self.files.iter().map(|file| side.file(*file)).collect(),
            reply_to: self.reply.map(|reply| side.message(reply).1),
            mentions: self.mention.iter().map(|user| side.user(*user)).collect(),
            if_last_seq: self.last.map(Seq),
            ..Post::new(client_id(&format!("m{}", self.name)), format!("text {}", self.text))
        };
        let (by, conversation) = (side.author(self.who, self.session), side.conversation(self.to));
        Command::Send { by, conversation, post }
    }
}
