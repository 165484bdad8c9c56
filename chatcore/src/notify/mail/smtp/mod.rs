//! Mails over SMTP: a few connections that are used again, one mail at a time on each.
//!
//! A connection is taken out of the pool while it is used and comes back only when its mail has come to a clean end. So
//! one that is broken off in the middle, also from outside, is closed with the future that held it, and no mail is ever
//! written into what is left of another.

mod connection;
mod options;
mod refusal;

pub use self::options::{SmtpOptions, SmtpTls};

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use self::connection::{Connection, Outcome};
use self::options::is_this_machine;
use super::{Composed, MailError, Undelivered};

/// A connection that was not used for longer is not used again: many servers close it without a word.
const IDLE: Duration = Duration::from_secs(20);

/// A mail server.
pub(super) struct Smtp {
    options: SmtpOptions,
    tls: Option<TlsParameters>,
    /// So many connections at a time.
    places: Semaphore,
    idle: Mutex<Vec<(Instant, Connection)>>,
}

impl Smtp {
    pub(super) fn new(options: SmtpOptions) -> Result<Self, MailError> {
        if options.user.is_empty() != options.password.is_empty() {
            return Err(MailError::HalfCredentials);
        }
        let is_safe = matches!(options.tls, SmtpTls::Implicit | SmtpTls::Required) || is_this_machine(&options.host);
        if !options.user.is_empty() && !is_safe {
            return Err(MailError::InTheClear { host: options.host });
        }
        let tls = if options.tls == SmtpTls::Off { None } else { Some(tls_parameters(&options)?) };
        let places = Semaphore::new(options.connections);
        Ok(Self { options, tls, places, idle: Mutex::default() })
    }

    pub(super) async fn send(&self, mail: &Composed) -> Result<(), Undelivered> {
        let _place = self.places.acquire().await.map_err(|_| Undelivered::Later("shutting down".to_owned(), None))?;
        // Some servers let one wait for ever, also after they have answered a part.
        match timeout(self.options.timeout, self.attempt(mail)).await {
            Ok(sent) => sent,
            Err(_) => {
                let seconds = self.options.timeout.as_secs();
                Err(Undelivered::Down(format!("the mail server has not answered within {seconds} seconds")))
            }
        }
    }

    async fn attempt(&self, mail: &Composed) -> Result<(), Undelivered> {
        while let Some(used) = self.take_idle() {
            match used.send(mail).await {
                // It was closed while nobody looked, and nothing was said on it yet.
                Outcome::Stale => {}
                outcome => return self.end(outcome),
            }
        }
        let fresh =
            Connection::open(&self.options, self.tls.as_ref()).await.map_err(|refusal| refusal.undelivered())?;
        self.end(fresh.send(mail).await)
    }

    fn end(&self, outcome: Outcome) -> Result<(), Undelivered> {
        match outcome {
            Outcome::Sent(connection) => {
                self.keep(connection);
                Ok(())
            }
            Outcome::Refused(connection, refusal) => {
                if let Some(connection) = connection {
                    self.keep(connection);
                }
                Err(refusal.undelivered())
            }
            Outcome::Stale => Err(Undelivered::Down("the mail server has closed the connection".to_owned())),
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE);
        idle.pop().map(|(_, connection)| connection)
    }

    /// There are never more than places.
    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((Instant::now(), connection));
    }
}

fn tls_parameters(options: &SmtpOptions) -> Result<TlsParameters, MailError> {
    let refuse = |error: lettre::transport::smtp::Error| MailError::Certificates(error.to_string());
    let mut parameters = TlsParameters::builder(options.host.clone());
    if let Some(pem) = &options.trusted {
        parameters = parameters.add_root_certificate(Certificate::from_pem(pem).map_err(refuse)?);
    }
    parameters.build().map_err(refuse)
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("options", &self.options).finish_non_exhaustive()
    }
}
