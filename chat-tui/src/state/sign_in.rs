use super::Composer;

/// The form that somebody signs in with.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// Server, address, password.
    pub(crate) fields: [Composer; 3],
    /// The one that takes the keys.
    pub(crate) at: usize,
    /// The server is being asked.
    pub(crate) busy: bool,
    /// Why it did not work.
    pub(crate) why: Option<String>,
}

impl SignIn {
    pub(crate) const LABELS: [&'static str; 3] = ["Server", "E-mail", "Password"];
    pub(crate) const PASSWORD: usize = 2;

    /// What is known already is filled in.
    pub(crate) fn new(url: &str, email: &str) -> Self {
        let fields = [Composer::of(url), Composer::of(email), Composer::default()];
        let at = fields.iter().position(Composer::is_empty).unwrap_or(Self::PASSWORD);
        Self { fields, at, busy: false, why: None }
    }

    /// The server as it was typed, with the scheme that people leave away.
    pub(crate) fn url(&self) -> String {
        let url = self.fields[0].text().trim();
        if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
    }

    /// Whether others on the way can read the password.
    pub(crate) fn is_in_clear(&self) -> bool {
        chat_client::is_in_clear(&self.url())
    }
}
