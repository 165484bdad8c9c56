use crate::access::words;

words! {
    /// What was done, as the audit log names it. `docs/audit.md` says more of each.
    AuditAction {
        /// A customer signed up, or came for the first time with a site vouching for them.
        UserRegistered = "user.registered",
        /// The first admin was made at the start of the server.
        UserBootstrapped = "user.bootstrapped",
        /// Somebody made an account for somebody.
        UserCreated = "user.created",
        /// An account has another name.
        UserRenamed = "user.renamed",
        /// Somebody has another picture, or none any more.
        UserAvatarChanged = "user.avatar_changed",
        /// An account has another role, and perhaps another name.
        UserRoleChanged = "user.role_changed",
        /// Nobody can sign in to an account any more.
        UserDisabled = "user.disabled",
        /// That was taken back.
        UserEnabled = "user.enabled",
        /// An account was deleted for good.
        UserDeleted = "user.deleted",
        /// Somebody has shown that they get what is sent to the address of an account.
        UserEmailVerified = "user.email_verified",
        /// Somebody changed their own password.
        PasswordChanged = "password.changed",
        /// Somebody asked for a letter by which an account gets another password.
        PasswordResetRequested = "password.reset_requested",
        /// An admin lets somebody set another password, and passed the link on.
        PasswordResetAllowed = "password.reset_allowed",
        /// Somebody used such a link.
        PasswordReset = "password.reset",
        /// Somebody signed in.
        SessionStarted = "session.started",
        /// Somebody signed out, or ended another session of their own.
        SessionEnded = "session.ended",
        /// Somebody ended all of their sessions but the one that they were in.
        SessionOthersEnded = "session.others_ended",
        /// An admin signed somebody out everywhere.
        SessionAllEnded = "session.all_ended",
        /// A refresh token was used twice, which ended its session: perhaps it was stolen.
        SessionReused = "session.reused",
        /// Guessing a password has to wait from now on.
        SignInSlowed = "sign_in.slowed",
        /// Somebody is invited.
        InvitationCreated = "invitation.created",
        /// An invitation was taken back.
        InvitationTakenBack = "invitation.taken_back",
        /// Somebody became what they were invited to be.
        InvitationAccepted = "invitation.accepted",
        /// A key for a program of the shop's was made.
        ApiKeyCreated = "api_key.created",
        /// Such a key was taken back.
        ApiKeyRevoked = "api_key.revoked",
        /// A program of the shop's is told what happens.
        WebhookCreated = "webhook.created",
        /// Where or of what it is told was changed, or it has another secret.
        WebhookChanged = "webhook.changed",
        /// It is told nothing more, and forgotten.
        WebhookDeleted = "webhook.deleted",
        /// What was given up is told it once more.
        WebhookReplayed = "webhook.replayed",
        /// It has failed for too long, or said that it is gone, and is told nothing more.
        WebhookFailed = "webhook.failed",
        /// Somebody who did not write a message deleted it.
        MessageDeleted = "message.deleted",
        /// One of the staff brought somebody into a group.
        ParticipantAdded = "participant.added",
        /// One of the staff put somebody out of a group.
        ParticipantRemoved = "participant.removed",
        /// What was given up is told somebody once more.
        NotificationRetried = "notification.retried",
        /// A visitor turned out to be a customer.
        VisitorMerged = "visitor.merged",
        /// Accounts, conversations and messages were brought over from elsewhere.
        DataImported = "data.imported",
    }
}

impl AuditAction {
    /// Its number where entries are stored; never reused.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::UserRegistered => 1,
            Self::UserBootstrapped => 2,
            Self::UserCreated => 3,
            Self::UserRenamed => 4,
            Self::UserRoleChanged => 5,
            Self::UserDisabled => 6,
            Self::UserEnabled => 7,
            Self::UserEmailVerified => 8,
            Self::UserDeleted => 9,
            Self::UserAvatarChanged => 10,
            Self::PasswordChanged => 20,
            Self::PasswordResetRequested => 21,
            Self::PasswordReset => 22,
            Self::PasswordResetAllowed => 23,
            Self::SessionStarted => 30,
            Self::SessionEnded => 31,
            Self::SessionOthersEnded => 32,
            Self::SessionAllEnded => 33,
            Self::SessionReused => 34,
            Self::SignInSlowed => 35,
            Self::InvitationCreated => 40,
            Self::InvitationTakenBack => 41,
            Self::InvitationAccepted => 42,
            Self::ApiKeyCreated => 50,
            Self::ApiKeyRevoked => 51,
            Self::VisitorMerged => 60,
            Self::DataImported => 70,
            Self::WebhookCreated => 80,
            Self::WebhookChanged => 81,
            Self::WebhookDeleted => 82,
            Self::WebhookReplayed => 83,
            Self::WebhookFailed => 84,
            Self::MessageDeleted => 90,
            Self::ParticipantAdded => 91,
            Self::ParticipantRemoved => 92,
            Self::NotificationRetried => 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_have_one_number() {
        let mut numbers: Vec<_> = AuditAction::ALL.iter().map(|action| action.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), AuditAction::ALL.len());
    }
}
