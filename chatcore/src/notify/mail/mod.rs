//! Mails: over SMTP, or into a folder, or nowhere.
//!
//! A mail is made of a notification by templates, in two parts, text and HTML. All that people have written is hostile: it
//! is cleaned before it comes near a header or a template, and the templates escape what stands in HTML. Links are only
//! ours. A mail is named after its notification, so that whoever gets the same one twice can tell.

mod clean;
mod compose;
mod error;
mod folder;
mod headers;
mod samples;
mod smtp;
mod templates;
mod words;

pub use self::error::MailError;
pub use self::smtp::{SmtpOptions, SmtpTls};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lettre::message::Mailbox;

use self::compose::{Composed, Composer};
use self::folder::Folder;
use self::smtp::Smtp;
use self::templates::Templates;
use super::{Channel, Delivering, Notification, Notifier, Undelivered};
use crate::clock::{Clock, SystemClock};
use crate::links::Links;

/// Where mails go.
#[derive(Debug)]
pub enum MailTransport {
    /// To a mail server.
    Smtp(SmtpOptions),
    /// Into a folder, which is made when it is missing: a file `<id>.eml` for each.
    Folder(PathBuf),
    /// Nowhere; a line in the log says that there was one, and of what kind.
    Log,
}

/// Sends mails: the [`Notifier`] of [`Channel::Mail`].
///
/// ```
/// use chatcore::mail::{MailTransport, Mailer};
///
/// let mailer = Mailer::builder(MailTransport::Log, "Mug Shop <chat@shop.example>", "https://chat.shop.example")
///     .language("de")
///     .build()?;
/// # Ok::<(), chatcore::mail::MailError>(())
/// ```
#[derive(Debug)]
pub struct Mailer {
    composer: Composer,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    Smtp(Box<Smtp>),
    Folder(Folder),
    Log,
}

/// How a [`Mailer`] is made.
#[derive(Debug)]
pub struct MailerBuilder {
    transport: MailTransport,
    from: String,
    public_url: String,
    links: Option<Links>,
    reply_to: Option<String>,
    language: String,
    subject_prefix: String,
    templates: Option<PathBuf>,
    show_text: bool,
    clock: Arc<dyn Clock>,
}

impl Mailer {
    /// Mails that come from `from`, such as `Mug Shop <chat@shop.example>`, with links into what people meet at
    /// `public_url`.
    #[must_use]
    pub fn builder(transport: MailTransport, from: &str, public_url: &str) -> MailerBuilder {
        MailerBuilder {
            transport,
            from: from.to_owned(),
            public_url: public_url.to_owned(),
            links: None,
            reply_to: None,
            language: "en".to_owned(),
            subject_prefix: String::new(),
            templates: None,
            show_text: true,
            clock: Arc::new(SystemClock),
        }
    }

    async fn send(&self, notification: &Notification) -> Result<(), Undelivered> {
        let mail = self.composer.compose(notification)?;
        match &self.transport {
            Transport::Smtp(smtp) => smtp.send(&mail).await,
            Transport::Folder(folder) => folder.put(&mail).await,
            Transport::Log => {
                tracing::info!(mail = mail.name, kind = mail.kind, "a mail was made, and goes nowhere");
                Ok(())
            }
        }
    }
}

impl Notifier for Mailer {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(self.send(notification))
    }
}

impl MailerBuilder {
    /// Where links lead, in place of the pages below `public_url`. Default: to those.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.links = Some(links);
        self
    }

    /// Where answers go. Default: to where the mails come from.
    #[must_use]
    pub fn reply_to(mut self, address: &str) -> Self {
        self.reply_to = Some(address.to_owned()).filter(|address| !address.is_empty());
        self
    }

    /// The language of the mails: `en`, `de`, or another of which the folder of templates has the words. Default: `en`.
    #[must_use]
    pub fn language(mut self, language: &str) -> Self {
        language.clone_into(&mut self.language);
        self
    }

    /// Stands in front of every subject. Default: nothing.
    #[must_use]
    pub fn subject_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.subject_prefix);
        self
    }

    /// A folder with templates and words that replace those that are built in. Default: none.
    #[must_use]
    pub fn templates(mut self, folder: impl AsRef<Path>) -> Self {
        self.templates = Some(folder.as_ref().to_owned());
        self
    }

    /// Whether mails show what people have written, or only say that they have. Default: they show it.
    #[must_use]
    pub fn show_text(mut self, show: bool) -> Self {
        self.show_text = show;
        self
    }

    /// Where the time comes from. Default: the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Reads the templates, tries each of them, and looks whether all of this goes together. Connects to nobody.
    ///
    /// # Errors
    /// See [`MailError`].
    pub fn build(self) -> Result<Mailer, MailError> {
        let mailbox =
            |what, text: &str| text.parse::<Mailbox>().map_err(|_| MailError::Address { what, text: text.to_owned() });
        let from = mailbox("the sender", &self.from)?;
        let reply_to = self.reply_to.as_deref().map(|text| mailbox("the address for answers", text)).transpose()?;
        let templates = Templates::load(self.templates.as_deref(), &self.language)?;
        let links = self.links.map_or_else(|| Links::new(&self.public_url), Ok);
        let composer = Composer {
            links: links.map_err(|error| MailError::PublicUrl(error.text))?,
            shop: clean::line(from.name.as_deref().unwrap_or_else(|| from.email.domain())),
            from,
            reply_to,
            subject_prefix: clean::line(&self.subject_prefix),
            show_text: self.show_text,
            language: self.language,
            templates,
            clock: self.clock,
        };
        composer.try_all()?;
        let transport = match self.transport {
            MailTransport::Smtp(options) => Transport::Smtp(Box::new(Smtp::new(options)?)),
            MailTransport::Folder(folder) => Transport::Folder(Folder::new(folder)),
            MailTransport::Log => Transport::Log,
        };
        Ok(Mailer { composer, transport })
    }
}

#[cfg(test)]
mod tests;
