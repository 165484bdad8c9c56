use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use super::refusal::{Phase, Refusal};
use super::{SmtpOptions, SmtpTls};
use crate::notify::mail::Composed;

/// How long a server may take to be reached, before its next address is tried.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to a mail server that takes mails.
pub(super) struct Connection {
    wire: AsyncSmtpConnection,
    /// It has carried a mail before.
    used: bool,
}

/// What came of a mail.
pub(super) enum Outcome {
    /// The server has taken it.
    Sent(Connection),
    /// It has not. The connection, if it is good for others.
    Refused(Option<Connection>, Refusal),
    /// The connection was closed since its last mail; this one has not begun.
    Stale,
}

impl Connection {
    pub(super) async fn open(options: &SmtpOptions, tls: Option<&TlsParameters>) -> Result<Self, Refusal> {
        let hello = ClientId::default();
        let from_the_start = tls.filter(|_| options.tls == SmtpTls::Implicit).cloned();
        let server = (options.host.as_str(), options.port);
        let connected = AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &hello, from_the_start, None).await;
        let mut wire = connected.map_err(Refusal::at(Phase::Connect))?;
        let by_starttls = match options.tls {
            SmtpTls::Implicit | SmtpTls::Off => None,
            SmtpTls::Opportunistic if !wire.can_starttls() => None,
            SmtpTls::Required if !wire.can_starttls() => return Err(Refusal::NoStartTls),
            SmtpTls::Required | SmtpTls::Opportunistic => tls,
        };
        if let Some(tls) = by_starttls {
            wire.starttls(tls.clone(), &hello).await.map_err(Refusal::at(Phase::Secure))?;
        }
        if !options.user.is_empty() {
            let credentials = Credentials::new(options.user.clone(), options.password.to_string());
            let signed_in = wire.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            signed_in.map_err(Refusal::at(Phase::SignIn))?;
        }
        Ok(Self { wire, used: false })
    }

    pub(super) async fn send(mut self, mail: &Composed) -> Outcome {
        let mut parameters = Vec::new();
        if !(mail.to.to_string().is_ascii() && mail.from.to_string().is_ascii()) {
            if !self.wire.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Outcome::Refused(Some(self), Refusal::NoUtf8Addresses);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Err(error) = self.wire.command(Mail::new(Some(mail.from.clone()), parameters)).await {
            if self.used && is_closing(&error) {
                return Outcome::Stale;
            }
            return self.refused(Phase::Sender, error).await;
        }
        if let Err(error) = self.wire.command(Rcpt::new(mail.to.clone(), Vec::new())).await {
            return self.refused(Phase::Recipient, error).await;
        }
        if let Err(error) = self.wire.command(Data).await {
            return self.refused(Phase::Content, error).await;
        }
        if let Err(error) = self.wire.message(&mail.bytes).await {
            return self.refused(Phase::Content, error).await;
        }
        self.used = true;
        Outcome::Sent(self)
    }

    /// After a refusal the connection is as good as before, if the server says so.
    async fn refused(mut self, phase: Phase, error: Error) -> Outcome {
        let is_open = error.status().is_some() && !is_closing(&error) && self.wire.command(Rset).await.is_ok();
        self.used = true;
        Outcome::Refused(is_open.then_some(self), Refusal::at(phase)(error))
    }
}

/// Whether the server has closed the connection, or says that it does.
fn is_closing(error: &Error) -> bool {
    error.status().is_none_or(|status| u16::from(status) == 421)
}
