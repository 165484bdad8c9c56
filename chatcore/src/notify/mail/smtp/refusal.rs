//! Why a mail server did not take a mail, in words that hold nothing of the mail.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use crate::notify::Undelivered;

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connect,
    Secure,
    SignIn,
    Sender,
    Recipient,
    Content,
}

#[derive(Debug)]
pub(super) enum Refusal {
    /// The server, or the network before it.
    Server { phase: Phase, error: Error },
    /// It offers no STARTTLS.
    NoStartTls,
    /// It takes no address with other letters than those of ASCII.
    NoUtf8Addresses,
}

impl Refusal {
    pub(super) fn at(phase: Phase) -> impl Fn(Error) -> Self {
        move |error| Self::Server { phase, error }
    }

    pub(super) fn undelivered(&self) -> Undelivered {
        match self {
            Self::NoStartTls => Undelivered::Down(
                "the mail server does not offer STARTTLS, without which nothing is sent (?tls=required)".to_owned(),
            ),
            Self::NoUtf8Addresses => {
                Undelivered::Never("the mail server takes no address with letters outside of ASCII".to_owned())
            }
            Self::Server { phase, error } => of_server(*phase, error),
        }
    }
}

/// What a server says is never repeated: it may hold the address. Its numbers are.
fn of_server(phase: Phase, error: &Error) -> Undelivered {
    let Some(status) = error.status().map(u16::from) else { return of_network(phase, error) };
    let said = match enhanced(error) {
        Some(enhanced) => format!("{status} {enhanced}"),
        None => status.to_string(),
    };
    match (phase, status) {
        (Phase::Connect, _) => Undelivered::Down(format!("the mail server does not take mails now ({said})")),
        (Phase::Secure, _) => Undelivered::Down(format!("the mail server has refused STARTTLS ({said})")),
        (Phase::SignIn, _) => {
            Undelivered::Down(format!("the mail server has refused the name and password (smtp.user, {said})"))
        }
        (_, 421) => Undelivered::Down(format!("the mail server closes the connection ({said})")),
        (_, 530 | 535 | 538) => Undelivered::Down(format!("the mail server wants us to sign in (smtp.user, {said})")),
        // It would be the same with every other mail, and waits for somebody to mend it.
        (Phase::Sender, 500..) => Undelivered::Down(format!("the mail server refuses the sender (mail.from, {said})")),
        (_, ..500) => Undelivered::Later(format!("the mail server cannot take it now ({said})"), None),
        (Phase::Recipient, _) => Undelivered::Never(format!("the mail server refuses the recipient ({said})")),
        (Phase::Content, _) => Undelivered::Never(format!("the mail server refuses what is in it ({said})")),
    }
}

fn of_network(phase: Phase, error: &Error) -> Undelivered {
    match phase {
        Phase::Connect => Undelivered::Down(format!("the mail server cannot be reached: {}", cause(error))),
        Phase::Secure => Undelivered::Down(format!("no safe connection to the mail server: {}", cause(error))),
        Phase::SignIn if error.is_client() => {
            Undelivered::Down("the mail server offers no way to sign in that is known here".to_owned())
        }
        Phase::SignIn | Phase::Sender => Undelivered::Down("the mail server has closed the connection".to_owned()),
        // It may be this mail that the server does not get over.
        Phase::Recipient | Phase::Content => {
            Undelivered::Later("the connection to the mail server was lost in the middle".to_owned(), None)
        }
    }
}

/// The innermost cause of a connection that did not come about, which knows names of servers and of certificates, and of
/// nobody else.
fn cause(error: &Error) -> String {
    if error.is_response() {
        return "what answers there speaks no SMTP".to_owned();
    }
    let mut innermost = None;
    let mut next = error.source();
    while let Some(source) = next {
        innermost = Some(source.to_string());
        next = source.source();
    }
    innermost.unwrap_or_else(|| "no reason is known".to_owned())
}

/// The second number of an answer (RFC 3463), such as `5.1.1`.
fn enhanced(error: &Error) -> Option<String> {
    let text = error.source()?.to_string();
    let first = text.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(is_number)).then(|| first.to_owned())
}
