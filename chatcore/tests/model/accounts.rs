use chat_proto::{Role, SessionId, Timestamp};
use chatcore::state::{Acceptance, AccountState, Author, AvatarRow, Command, Origin, RefreshHashes, Renewal};
use chatcore::store::conformance::Acting;
use proptest::prelude::*;

use super::side::Side;
use super::{session, who};

/// What is done to accounts and sessions.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    NewUser {
        email: u8,
        role: usize,
        by: Option<u8>,
    },
    Register {
        email: u8,
    },
    Bootstrap,
    StartSession {
        who: u8,
    },
    RenewSession {
        who: u8,
        session: u8,
        token: u8,
    },
    EndSession {
        who: u8,
        session: u8,
    },
    EndOtherSessions {
        who: u8,
        session: Option<u8>,
    },
    ChangeUser {
        who: u8,
        user: u8,
        role: Option<usize>,
        name: u8,
    },
    SetUserState {
        who: u8,
        user: u8,
        on: bool,
    },
    /// For good; few are.
    Delete {
        who: u8,
        user: u8,
    },
    Invite {
        who: u8,
        email: u8,
        role: usize,
    },
    TakeBack {
        who: u8,
        invitation: u8,
    },
    Accept {
        invitation: u8,
    },
    ChangePassword {
        who: u8,
        session: Option<u8>,
        from: u8,
    },
    Rename {
        who: u8,
        session: Option<u8>,
        name: u8,
    },
    /// Contents as those of files.
    Avatar {
        who: u8,
        content: Option<u8>,
    },
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => (0..9_u8, 0..5_usize, prop::option::weighted(0.3, who()))
            .prop_map(|(email, role, by)| Act::NewUser { email, role, by }),
        1 => (0..9_u8).prop_map(|email| Act::Register { email }),
        1 => Just(Act::Bootstrap),
        1 => who().prop_map(|who| Act::StartSession { who }),
        1 => (who(), 0..4_u8, 0..3_u8).prop_map(|(who, session, token)| Act::RenewSession { who, session, token }),
        1 => (who(), 0..4_u8).prop_map(|(who, session)| Act::EndSession { who, session }),
        1 => (who(), session()).prop_map(|(who, session)| Act::EndOtherSessions { who, session }),
        1 => (who(), session(), 0..2_u8)
            .prop_map(|(who, session, from)| Act::ChangePassword { who, session, from }),
        1 => (who(), session(), 0..5_u8).prop_map(|(who, session, name)| Act::Rename { who, session, name }),
        1 => (who(), who(), prop::option::of(0..5_usize), 0..5_u8)
            .prop_map(|(who, user, role, name)| Act::ChangeUser { who, user, role, name }),
        1 => (who(), who(), any::<bool>()).prop_map(|(who, user, on)| Act::SetUserState { who, user, on }),
        // Who goes is one of those that come later: some are to be here to the end.
        1 => (0..2_u8, 3..9_u8).prop_map(|(who, user)| Act::Delete { who, user }),
        1 => (who(), prop::option::weighted(0.8, 0..4_u8)).prop_map(|(who, content)| Act::Avatar { who, content }),
        1 => (who(), 0..9_u8, 0..5_usize).prop_map(|(who, email, role)| Act::Invite { who, email, role }),
        1 => (who(), 0..3_u8).prop_map(|(who, invitation)| Act::TakeBack { who, invitation }),
        1 => (0..3_u8).prop_map(|invitation| Act::Accept { invitation }),
    ]
}

impl Act {
    pub(crate) fn command(&self, side: &mut Side) -> Command {
        let (expires_at, origin) = (Timestamp::from_millis(1_800_000_000_200), Origin::default());
        match self {
            Self::NewUser { email, role, by } => {
                let by = by.map(|by| side.user(by).author());
                let mut command = side.shop.new_user(Role::ALL[*role], &format!("u{email}@shop.example"), "New");
                if let Command::CreateUser { by: author, .. } = &mut command {
                    *author = by;
                }
                command
            }
            Self::Register { email } => {
                let (id, session) = (side.shop.new_user_id(), side.shop.new_session(expires_at));
                let (email, name, password) = (format!("U{email}@shop.example"), "Reg".to_owned(), "hash".to_owned());
                let letter = side.shop.new_letter(expires_at);
                Command::Register { id, email, name, password, session, letter }
            }
            Self::Bootstrap => {
                let (id, email) = (side.shop.new_user_id(), "ada@shop.example".to_owned());
                Command::Bootstrap { id, email, name: "Ada".to_owned(), password: "hash".to_owned() }
            }
            Self::ChangePassword { who, session, from } => {
                let by = side.author(*who, *session);
                let (current, new) = (["hash", "other"][usize::from(*from)], ["other", "hash"][usize::from(*from)]);
                let (current, new) = (current.to_owned(), new.to_owned());
                Command::ChangePassword { by, current, new, origin }
            }
            Self::Rename { who, session, name } => {
                Command::Rename { by: side.author(*who, *session), name: format!("Name {name}"), origin }
            }
            Self::Avatar { who, content } => {
                let by = side.user(*who).author();
                let Some(content) = *content else { return Command::RemoveAvatar { by, origin } };
                let (media_type, sha256) = ("image/jpeg".to_owned(), [content; 32]);
                let avatar = Box::new(AvatarRow { media_type, size: 900, sha256, side: 256 });
                Command::SetAvatar { by, avatar, bytes: 1_000, origin }
            }
            Self::ChangeUser { who, user, role, name } => Command::ChangeUser {
                by: side.user(*who).author(),
                user: side.user(*user),
                name: Some(format!("Name {name}")),
                role: role.map(|role| Role::ALL[role]),
                if_version: None,
                origin,
            },
            Self::SetUserState { who, user, on } => {
                let state = if *on { AccountState::Active } else { AccountState::Disabled };
                let (by, user) = (side.user(*who).author(), side.user(*user));
                Command::SetUserState { by, user, state, origin }
            }
            Self::Delete { who, user } => {
                let (by, user) = (side.user(*who).author(), side.user(*user));
                Command::DeleteUser { by, user, if_version: None, origin }
            }
            Self::StartSession { .. }
            | Self::RenewSession { .. }
            | Self::EndSession { .. }
            | Self::EndOtherSessions { .. } => self.session_command(side, expires_at),
            Self::Invite { .. } | Self::TakeBack { .. } | Self::Accept { .. } => {
                self.invitation_command(side, expires_at)
            }
        }
    }

    fn session_command(&self, side: &mut Side, expires_at: Timestamp) -> Command {
        let origin = Origin::default();
        match self {
            Self::StartSession { who } => {
                let (user, session) = (side.user(*who), side.shop.new_session(expires_at));
                Command::StartSession { user, password: None, session }
            }
            Self::RenewSession { who, session, token } => {
                let Author { user, session } = side.author(*who, Some(*session));
                let session = session.unwrap_or(SessionId::from_bytes([9; 16]));
                // As the shop makes them; a wrong person's token is of no family.
                let mut family = [0; 32];
                family[..16].copy_from_slice(&session.to_bytes());
                let presented = RefreshHashes { family, token: [*token; 32] };
                let (next, origin) = ([token + 1; 32], Origin::new(None, Some(&format!("till {token}"))));
                let renewal = Box::new(Renewal { presented, next, expires_at, origin });
                Command::RenewSession { user, session, renewal }
            }
            Self::EndSession { who, session } => {
                let by = side.author(*who, Some(*session));
                let session = by.session.unwrap_or(SessionId::from_bytes([9; 16]));
                Command::EndSession { by, session, origin }
            }
            Self::EndOtherSessions { who, session } => {
                Command::EndOtherSessions { by: side.author(*who, *session), origin }
            }
            other => unreachable!("{other:?} is no affair of sessions"),
        }
    }

    fn invitation_command(&self, side: &mut Side, expires_at: Timestamp) -> Command {
        let origin = Origin::default();
        match self {
            Self::Invite { who, email, role } => {
                let (by, id) = (side.user(*who).author(), side.shop.new_invitation_id());
                let (email, role) = (format!("u{email}@shop.example"), Role::ALL[*role]);
                Command::Invite { by, id, email, role, token: [7; 32], expires_at, origin }
            }
            Self::TakeBack { who, invitation } => {
                let (by, invitation) = (side.user(*who).author(), side.invitation(*invitation));
                Command::TakeBackInvitation { by, invitation, origin }
            }
            Self::Accept { invitation } => {
                let (invitation, id) = (side.invitation(*invitation), side.shop.new_user_id());
                let session = *side.shop.new_session(expires_at);
                let (name, password) = ("Invited".to_owned(), "hash".to_owned());
                let letter = *side.shop.new_letter(expires_at);
                let acceptance = Acceptance { invitation, token: [7; 32], id, name, password, session, letter };
                Command::AcceptInvitation(Box::new(acceptance))
            }
            other => unreachable!("{other:?} is no affair of invitations"),
        }
    }
}
