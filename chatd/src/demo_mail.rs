//! What the demo shop would send by mail is printed instead.

use std::io::Write as _;
use std::sync::OnceLock;

use chatcore::{Channel, Delivering, LetterKind, News, Notification, Notifier};

/// Prints a line for each mail, with the links that stand in it.
#[derive(Debug)]
pub(crate) struct ShownMails {
    /// With what links begin: known as soon as the server listens.
    base: &'static OnceLock<String>,
}

impl ShownMails {
    pub(crate) fn new(base: &'static OnceLock<String>) -> Self {
        Self { base }
    }

    fn lines(&self, notification: &Notification) -> Vec<String> {
        let base = self.base.get().map(String::as_str).unwrap_or_default();
        match &notification.news {
            News::Letter(letter) => {
                let about = match letter.kind {
                    LetterKind::Invitation => "You are invited",
                    LetterKind::PasswordReset | LetterKind::PasswordResetByAdmin => "Set a new password",
                    LetterKind::EmailVerification => "Verify your address",
                };
                vec![format!("A letter to {}: {about}: {}", letter.to, letter.link(base))]
            }
            News::Unread { conversations, .. } => {
                let to = notification.mail_address.as_deref().unwrap_or_default();
                let line = |conversation: &chatcore::UnreadConversation| {
                    // Titles are people's, and this is a terminal.
                    let title = conversation.title.replace(char::is_control, "\u{fffd}");
                    format!("A mail to {to}: {} unread: {title}: {base}/c/{}", conversation.count, conversation.id)
                };
                conversations.iter().map(line).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Notifier for ShownMails {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            for line in self.lines(notification) {
                // Nobody may be reading; the server serves all the same.
                let _ = writeln!(std::io::stdout(), "{line}");
            }
            Ok(())
        })
    }
}
