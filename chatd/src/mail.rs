//! The mailer that the configuration asks for.

use std::fs;

use chatcore::mail::{MailError, MailTransport, Mailer, SmtpOptions};
use chatcore::{LinkError, Links};

use crate::config::{Config, Smtp};

/// Why what is asked for cannot be had, and which key it is that has to be changed.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) key: &'static str,
    pub(crate) why: String,
}

/// With what links in mails begin: the address that people use, and without one that of this machine.
pub(crate) fn base(config: &Config) -> String {
    if config.public_url.is_none() { format!("http://{}", config.listen) } else { config.public_url.to_string() }
}

/// Where the links lead that people are sent.
pub(crate) fn links(config: &Config, base: &str) -> Result<Links, Unusable> {
    let at = |key| move |error: LinkError| Unusable { key, why: error.to_string() };
    let mut links = Links::new(base).map_err(at("public_url"))?;
    for (key, address) in config.links.all() {
        if address.is_empty() {
            continue;
        }
        let led = match key {
            "links.conversation" => links.conversation(address),
            "links.reset_password" => links.reset_password(address),
            "links.verify_email" => links.verify_email(address),
            _ => links.accept_invitation(address),
        };
        links = led.map_err(at(key))?;
    }
    Ok(links)
}

/// Where the links of invitations lead that admins pass on: to a page of the shop, or to the server's own at the address that
/// people use. `None`: it is not known where there is one.
pub(crate) fn invitation_links(config: &Config) -> Option<Links> {
    let has_own = config.account_page && !config.public_url.is_none();
    let is_known = has_own || !config.links.accept_invitation.is_empty();
    // What is wrong with them was said when the configuration was read.
    is_known.then(|| links(config, &base(config)).ok()).flatten()
}

/// Reads and tries everything; connects to nobody. `None`: no mails are wanted.
pub(crate) fn mailer(config: &Config, base: &str) -> Result<Option<Mailer>, Unusable> {
    let mail = &config.mail;
    if mail.url.is_empty() {
        return Ok(None);
    }
    if mail.from.is_empty() {
        return Err(Unusable { key: "mail.url", why: "mails would come from nobody; set `mail.from`".to_owned() });
    }
    let transport = match mail.url.split_once(':') {
        Some(("log", "")) => MailTransport::Log,
        Some(("file", folder)) if !folder.is_empty() => MailTransport::Folder(folder.into()),
        _ => MailTransport::Smtp(smtp(&mail.url, &config.smtp)?),
    };
    let mut builder = Mailer::builder(transport, &mail.from, base)
        .links(links(config, base)?)
        .reply_to(&mail.reply_to)
        .language(&mail.language)
        .subject_prefix(&mail.subject_prefix)
        .show_text(mail.show_text);
    if !mail.templates.as_os_str().is_empty() {
        builder = builder.templates(&mail.templates);
    }
    Ok(Some(builder.build()?))
}

fn smtp(url: &str, smtp: &Smtp) -> Result<SmtpOptions, Unusable> {
    let mut options = SmtpOptions::parse(url)?
        .credentials(&smtp.user, smtp.password.expose())
        .timeout(smtp.timeout.get())
        .connections(smtp.connections);
    if !smtp.ca_file.as_os_str().is_empty() {
        let pem = fs::read(&smtp.ca_file).map_err(|cause| {
            let why = format!("{}: {cause}", smtp.ca_file.display());
            Unusable { key: "smtp.ca_file", why }
        })?;
        options = options.trust(pem);
    }
    Ok(options)
}

impl From<MailError> for Unusable {
    fn from(error: MailError) -> Self {
        let key = match &error {
            MailError::HalfCredentials => "smtp.user",
            MailError::Certificates(_) => "smtp.ca_file",
            MailError::Address { what, .. } if what.contains("answers") => "mail.reply_to",
            MailError::Address { .. } => "mail.from",
            MailError::PublicUrl(_) => "public_url",
            MailError::Language { .. } => "mail.language",
            MailError::Unreadable { .. }
            | MailError::Unknown { .. }
            | MailError::Words { .. }
            | MailError::Template { .. } => "mail.templates",
            // The address of the server, and what may be sent there.
            _ => "mail.url",
        };
        Self { key, why: error.to_string() }
    }
}
