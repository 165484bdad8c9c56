//! A notification becomes a mail.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use serde::Serialize;

use super::headers::{AutoSubmitted, ListUnsubscribe, ListUnsubscribePost, boundary, message_id, thread};
use super::templates::{Broken, Templates};
use super::{MailError, clean, samples};
use crate::clock::Clock;
use crate::letters::Letter;
use crate::links::Links;
use crate::notify::{News, Notification, Undelivered, UnreadConversation};
use crate::state::LetterKind;

/// What all mails have in common.
#[derive(Debug)]
pub(super) struct Composer {
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    /// The shop's name, as it stands beside the address that mails come from.
    pub(super) shop: String,
    pub(super) subject_prefix: String,
    pub(super) language: String,
    pub(super) show_text: bool,
    pub(super) links: Links,
    pub(super) templates: Templates,
    pub(super) clock: Arc<dyn Clock>,
}

/// A mail, ready to be sent.
pub(super) struct Composed {
    /// Made of the notification's id, fit for a file.
    pub(super) name: String,
    /// What it is about, for the log.
    pub(super) kind: &'static str,
    pub(super) from: Address,
    pub(super) to: Address,
    /// As it goes over the wire.
    pub(super) bytes: Arc<[u8]>,
}

/// What the parts of a mail say.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// What templates can use of every mail.
#[derive(Debug, Serialize)]
struct Page<'a, T> {
    language: &'a str,
    shop: &'a str,
    subject: &'a str,
    /// What programs for mail show beside the subject.
    preview: &'a str,
    /// To greet somebody by.
    name: Option<String>,
    #[serde(flatten)]
    news: T,
}

#[derive(Debug, Serialize)]
struct UnreadPage {
    /// Of all conversations together.
    count: u64,
    show_text: bool,
    conversations: Vec<ConversationPage>,
    unsubscribe: Option<String>,
}

#[derive(Debug, Serialize)]
struct ConversationPage {
    title: String,
    count: u64,
    /// Those that are not shown.
    earlier: u64,
    messages: Vec<MessagePage>,
    link: String,
}

#[derive(Debug, Serialize)]
struct MessagePage {
    author: String,
    lines: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LetterPage {
    about: &'static str,
    link: String,
    /// For how long, in words.
    good_for: String,
}

impl Composer {
    pub(super) fn compose(&self, notification: &Notification) -> Result<Composed, Undelivered> {
        let to = match &notification.news {
            News::Letter(letter) if letter.expires_at <= self.clock.now() => {
                return Err(Undelivered::Never("the link in it is over".to_owned()));
            }
            News::Letter(letter) => Some(letter.to.as_str()),
            News::Unread { .. } => notification.mail_address.as_deref(),
        };
        let to = to.and_then(|to| to.parse::<Address>().ok());
        let to = to.ok_or_else(|| Undelivered::Never("it has no address that mails can be sent to".to_owned()))?;
        let pages = self.pages(notification).map_err(|Broken { file, line, why }| {
            // The shop can mend its templates.
            Undelivered::Later(format!("the template does not work: {file}, line {line}: {why}"), None)
        })?;
        let kind = match &notification.news {
            News::Letter(letter) => about(letter.kind),
            News::Unread { .. } => "unread",
        };
        let message = self.message(notification, &to, pages);
        // What was put in is clean, so nothing is left that a header could not hold.
        let message = message.map_err(|error| Undelivered::Never(format!("no mail could be made of it: {error}")))?;
        Ok(Composed {
            name: data_encoding::HEXLOWER.encode(&notification.id.0),
            kind,
            from: self.from.email.clone(),
            to,
            bytes: message.formatted().into(),
        })
    }

    /// Makes one of each kind, in the language that is set, to see that the templates work.
    pub(super) fn try_all(&self) -> Result<(), MailError> {
        for notification in samples::all(self.clock.now()) {
            self.pages(&notification)?;
        }
        Ok(())
    }

    fn message(
        &self,
        notification: &Notification,
        to: &Address,
        pages: Pages,
    ) -> Result<Message, lettre::error::Error> {
        let domain = self.from.email.domain();
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or_default();
        let mut message = Message::builder()
            .from(self.from.clone())
            // Without a name: it would be nothing but one more text from outside in a header.
            .to(Mailbox::new(None, to.clone()))
            .subject(pages.subject)
            .date(UNIX_EPOCH + Duration::from_millis(now))
            .message_id(Some(message_id(notification.id, domain)))
            .header(AutoSubmitted("auto-generated".to_owned()));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        if let (News::Unread { conversations, .. }, Some(user)) = (&notification.news, notification.user)
            && let [conversation] = conversations.as_slice()
        {
            let thread = thread(conversation.id, user, domain);
            message = message.in_reply_to(thread.clone()).references(thread);
        }
        if let (News::Unread { .. }, Some(token)) = (&notification.news, &notification.unsubscribe) {
            let link = self.links.to_unsubscribe(token);
            message = message
                .header(ListUnsubscribe(format!("<{link}>")))
                .header(ListUnsubscribePost("List-Unsubscribe=One-Click".to_owned()));
        }
        let parts = MultiPart::alternative()
            .boundary(boundary(notification.id))
            .singlepart(SinglePart::plain(pages.text))
            .singlepart(SinglePart::html(pages.html));
        message.multipart(parts)
    }

    pub(super) fn pages(&self, notification: &Notification) -> Result<Pages, Broken> {
        let language = self.language_of(notification);
        match &notification.news {
            News::Unread { conversations, together } => {
                let subject = self.subject_of(language, conversations, *together)?;
                let page = self.unread(notification, conversations);
                let heading = self.templates.say(language, "unread.heading", &[("count", &page.count)])?;
                let newest = page.conversations.first().and_then(|conversation| conversation.messages.last());
                let newest = newest.map(|message| format!("{}: {}", message.author, message.lines.join(" ")));
                let preview = newest.filter(|_| self.show_text).unwrap_or(heading);
                self.render("unread", language, notification, &subject, &preview, page)
            }
            News::Letter(letter) => {
                let about = about(letter.kind);
                let word = |name: &str| {
                    let values: &[(&str, &dyn std::fmt::Display)] = &[("shop", &self.shop)];
                    self.templates.say(language, &format!("letter.{about}.{name}"), values)
                };
                let (subject, preview) = (word("subject")?, word("text")?);
                let page = LetterPage {
                    about,
                    link: self.links.to_letter(letter),
                    good_for: self.good_for(language, letter)?,
                };
                self.render("letter", language, notification, &subject, &preview, page)
            }
        }
    }

    fn render(
        &self,
        template: &str,
        language: &str,
        notification: &Notification,
        subject: &str,
        preview: &str,
        news: impl Serialize,
    ) -> Result<Pages, Broken> {
        let subject = clean::subject(&format!("{} {subject}", self.subject_prefix));
        let preview = clean::preview(preview);
        let name = notification.name.as_deref().and_then(clean::greeting);
        let page = Page { language, shop: &self.shop, subject: &subject, preview: &preview, name, news };
        let text = self.templates.render(&format!("{template}.txt"), &page)?;
        let html = self.templates.render(&format!("{template}.html"), &page)?;
        Ok(Pages { subject, text, html })
    }

    /// The language of whoever gets it; as long as nobody can say theirs, the shop's.
    fn language_of(&self, _: &Notification) -> &str {
        &self.language
    }

    /// The same for all mails about a conversation: some programs for mail only put together what has the same subject.
    fn subject_of(
        &self,
        language: &str,
        conversations: &[UnreadConversation],
        together: bool,
    ) -> Result<String, Broken> {
        match conversations {
            [one] if !together => {
                self.templates.say(language, "unread.subject", &[("title", &clean::line(&one.title))])
            }
            _ => self.templates.say(language, "unread.subject.together", &[("shop", &self.shop)]),
        }
    }

    fn unread(&self, notification: &Notification, conversations: &[UnreadConversation]) -> UnreadPage {
        let conversations: Vec<_> = conversations.iter().map(|conversation| self.conversation(conversation)).collect();
        UnreadPage {
            count: conversations.iter().map(|conversation| conversation.count).sum(),
            show_text: self.show_text,
            conversations,
            unsubscribe: notification.unsubscribe.as_ref().map(|token| self.links.to_unsubscribe(token)),
        }
    }

    fn conversation(&self, conversation: &UnreadConversation) -> ConversationPage {
        let written = conversation.messages.iter().filter(|message| message.deleted_at.is_none());
        // What is not to be seen does not come near a template.
        let shown = written.filter(|_| self.show_text);
        let messages: Vec<_> = shown
            .map(|message| MessagePage { author: clean::line(&message.author.name), lines: clean::text(&message.text) })
            .collect();
        ConversationPage {
            title: clean::line(&conversation.title),
            count: conversation.count,
            earlier: conversation.count.saturating_sub(messages.len() as u64),
            messages,
            link: self.links.to_conversation(conversation.id),
        }
    }

    /// How long its link is good from now on, in words.
    fn good_for(&self, language: &str, letter: &Letter) -> Result<String, Broken> {
        const HOUR: u64 = 60;
        let left = letter.expires_at.since(self.clock.now()).as_secs().div_ceil(60);
        // A mail is some minutes under way, and nobody counts those of an hour.
        let hours = (left + HOUR / 2) / HOUR;
        if left + 5 >= HOUR {
            self.templates.say(language, "letter.hours", &[("count", &hours)])
        } else {
            self.templates.say(language, "letter.minutes", &[("count", &left)])
        }
    }
}

const fn about(kind: LetterKind) -> &'static str {
    match kind {
        LetterKind::Invitation => "invitation",
        LetterKind::PasswordReset | LetterKind::PasswordResetByAdmin => "password_reset",
        LetterKind::EmailVerification => "email_verification",
    }
}

impl std::fmt::Debug for Composed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Composed").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}
