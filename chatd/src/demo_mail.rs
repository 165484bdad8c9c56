//! What the demo shop would send by mail is printed instead.

use std::io::Write as _;
use std::sync::OnceLock;

use chatcore::{Channel, Delivering, LetterKind, Links, News, Notification, Notifier};

/// Prints a line for each mail, with the links that stand in it.
#[derive(Debug)]
pub(crate) struct ShownMails {
    /// Where links lead: known as soon as the server listens.
    links: &'static OnceLock<Links>,
}

impl ShownMails {
    pub(crate) fn new(links: &'static OnceLock<Links>) -> Self {
        Self { links }
    }

    fn lines(&self, notification: &Notification) -> Vec<String> {
        // Nothing waits to be told before.
        let Some(links) = self.links.get() else { return Vec::new() };
        match &notification.news {
            News::Letter(letter) => {
                let about = match letter.kind {
                    LetterKind::Invitation => "You are invited",
                    LetterKind::PasswordReset | LetterKind::PasswordResetByAdmin => "Set a new password",
                    LetterKind::EmailVerification => "Verify your address",
                };
                vec![format!("A letter to {}: {about}: {}", letter.to, links.to_letter(letter))]
            }
            News::Unread { conversations, .. } => {
                let to = notification.mail_address.as_deref().unwrap_or_default();
                let line = |conversation: &chatcore::UnreadConversation| {
                    // Titles are people's, and this is a terminal.
                    let title = conversation.title.replace(char::is_control, "\u{fffd}");
                    let link = links.to_conversation(conversation.id);
                    format!("A mail to {to}: {} unread: {title}: {link}", conversation.count)
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
