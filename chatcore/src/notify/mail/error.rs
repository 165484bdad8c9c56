use std::path::PathBuf;

/// Why mails could not be sent as it is asked for. Every text says what is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The address of a mail server is written wrongly.
    #[error("`{text}` is no address of a mail server: {why}")]
    Url {
        /// As written.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A password would go over the network in the clear, or could be made to.
    #[error(
        "the password for {host} could be read on its way; use smtps:// or ?tls=required, or a mail server on this machine"
    )]
    InTheClear {
        /// The mail server.
        host: String,
    },
    /// One of name and password is missing.
    #[error("a name and a password for the mail server go together")]
    HalfCredentials,
    /// The certificates that are to be trusted cannot be used.
    #[error("the certificates to trust cannot be used: {0}")]
    Certificates(String),
    /// It is no address.
    #[error("{what}, `{text}`, is no mail address such as `Mug Shop <chat@shop.example>`")]
    Address {
        /// Which.
        what: &'static str,
        /// As written.
        text: String,
    },
    /// Links would lead nowhere.
    #[error("`{0}` is no address such as https://chat.shop.example, which links in mails could begin with")]
    PublicUrl(String),
    /// There are no words in this language.
    #[error("there are no words in the language `{language}`; known are {known}. Others come as words.{language}.json")]
    Language {
        /// The one asked for.
        language: String,
        /// The others.
        known: String,
    },
    /// A file of the folder with templates cannot be read.
    #[error("{}: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// A file that nothing would look at.
    #[error("{}: nothing is called so; there are {known}, words.LANGUAGE.json, and what begins with _", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
        /// What there is.
        known: String,
    },
    /// The words of a language are not as they should be.
    #[error("{file}: {why}")]
    Words {
        /// In which file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A template does not work.
    #[error("{file}, line {line}: {why}")]
    Template {
        /// Which.
        file: String,
        /// Where in it, counted from 1; 0 where nobody knows.
        line: usize,
        /// What is wrong.
        why: String,
    },
}
