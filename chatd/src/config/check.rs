//! What is valid value by value, and still must not be served.

use tracing_subscriber::EnvFilter;

use super::{ConfigError, Loaded, PublicUrl};

/// A token signed with a shorter key can be forged by trying keys: HMAC-SHA-256 wants as many bytes as it gives.
const SECRET_BYTES: usize = 32;

/// Words of secrets that were copied from somewhere; compared without case and punctuation.
const WELL_KNOWN: &[&str] = &[
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "yoursecret",
    "yourjwt",
    "yoursuper",
    "your256bit",
    "mysecret",
    "myultrasecure",
    "supersecret",
    "secretkey",
    "jwtsecret",
    "topsecret",
    "password",
    "example",
    "keyboardcat",
    "0123456789",
    "1234567890",
    "abcdefghij",
    "qwertyuiop",
];

impl Loaded {
    /// Refuses what would be unsafe or cannot work. All problems at once, each with its fix.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        self.check_addresses(&mut problems);
        self.check_auth(&mut problems);
        self.check_limits(&mut problems);
        self.check_links(&mut problems);
        self.check_mail(&mut problems);
        self.check_attachments(&mut problems);
        #[cfg(feature = "push")]
        self.check_push(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::Refused { problems }) }
    }

    /// Starts a sentence with the place that set a key.
    fn at(&self, path: &str) -> String {
        self.source(path).map_or_else(|| path.to_owned(), ToString::to_string)
    }

    fn check_addresses(&self, problems: &mut Vec<String>) {
        let (listen, url) = (self.config.listen, &self.config.public_url);
        if !listen.ip().is_loopback() && url.is_none() {
            problems.push(format!(
                "{}: `listen` {listen} can be reached from other machines, but no `public_url` is set. \
                 Set `public_url` to the address people use, or listen on 127.0.0.1.",
                self.at("listen")
            ));
        }
        if !url.is_none() && !url.is_https() && !url.is_loopback() {
            problems.push(format!(
                "{}: `public_url` {url} would send passwords and messages over the network in the clear. \
                 Make it https, with a proxy in front of the server that holds the certificate.",
                self.at("public_url")
            ));
        }
    }

    fn check_auth(&self, problems: &mut Vec<String>) {
        let auth = &self.config.auth;
        for (path, secret) in
            [("auth.jwt_secret", &auth.jwt_secret), ("auth.previous_jwt_secret", &auth.previous_jwt_secret)]
        {
            let fault = match secret.expose() {
                "" => continue,
                short if short.len() < SECRET_BYTES => "is shorter than 32 bytes",
                guessable if is_guessable(guessable) => "is a well-known word or pattern",
                _ => continue,
            };
            problems.push(format!(
                "{}: `{path}` {fault}, so that tokens can be forged. \
                 Leave it empty to have one made, or use the output of: openssl rand -base64 32",
                self.at(path)
            ));
        }
        let (access, refresh) = (auth.access_ttl, auth.refresh_ttl);
        if access.get() > refresh.get() {
            problems.push(format!(
                "{}: `auth.access_ttl` {access} is longer than the login that it is for, `auth.refresh_ttl` {refresh}. \
                 Make the one shorter or the other longer.",
                self.at("auth.access_ttl")
            ));
        }
    }

    fn check_links(&self, problems: &mut Vec<String>) {
        match crate::mail::links(&self.config, &crate::mail::base(&self.config)) {
            // Without mails nothing begins with it.
            Err(unusable) if unusable.key != "public_url" => {
                problems.push(format!("{}: {}.", self.at(unusable.key), unusable.why));
            }
            _ => {}
        }
        for (key, link) in self.config.links.all() {
            let host = link.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
            let is_here = |host| format!("http://{host}").parse().is_ok_and(|url: PublicUrl| url.is_loopback());
            if host.is_some_and(|host| !is_here(host)) {
                problems.push(format!(
                    "{}: `{key}` {link} would send what is secret over the network in the clear. Make it https.",
                    self.at(key)
                ));
            }
        }
    }

    fn check_mail(&self, problems: &mut Vec<String>) {
        let timeout = self.config.smtp.timeout;
        if !(1..=50).contains(&timeout.get().as_secs()) {
            problems.push(format!(
                "{}: `smtp.timeout` is {timeout}. Make it 1s at the least; and 50s at the most, since what is not delivered \
                 within a minute is tried again.",
                self.at("smtp.timeout")
            ));
        }
        if let Err(unusable) = crate::mail::mailer(&self.config, &crate::mail::base(&self.config)) {
            problems.push(format!("{}: {}.", self.at(unusable.key), unusable.why));
        }
    }

    fn check_attachments(&self, problems: &mut Vec<String>) {
        if let Err(unusable) = crate::attachments::bucket(&self.config) {
            problems.push(format!("{}: {}.", self.at(unusable.key), unusable.why));
        }
        let (attachments, s3) = (&self.config.attachments, &self.config.attachments.s3);
        let of_bucket = [
            ("attachments.s3.endpoint", s3.endpoint.is_empty()),
            ("attachments.s3.access_key", s3.access_key.is_empty()),
            ("attachments.s3.secret_key", s3.secret_key.is_empty()),
            ("attachments.s3.ca_file", s3.ca_file.as_os_str().is_empty()),
        ];
        if attachments.store.is_empty()
            && let Some((set, _)) = of_bucket.into_iter().find(|(_, is_empty)| !is_empty)
        {
            problems.push(format!(
                "{}: `{set}` is set, but files would lie in the data folder. Set `attachments.store` to s3://bucket/prefix, \
                 or leave this away.",
                self.at(set)
            ));
        }
    }

    #[cfg(feature = "push")]
    fn check_push(&self, problems: &mut Vec<String>) {
        let push = &self.config.push;
        let keys = chatcore::VapidKeys::from_private(push.private_key.expose());
        let fault = match keys {
            None if push.private_key.is_empty() && push.public_key.is_empty() => None,
            None if push.private_key.is_empty() => Some("`push.public_key` is set, but no `push.private_key`"),
            None => Some("`push.private_key` is no private key: 32 bytes as base64url"),
            Some(keys) if push.public_key.is_empty() || keys.public() == push.public_key.trim_end_matches('=') => None,
            Some(_) => Some("`push.public_key` is not the one that belongs to `push.private_key`"),
        };
        if let Some(fault) = fault {
            let at = if push.private_key.is_empty() { "push.public_key" } else { "push.private_key" };
            problems.push(format!("{}: {fault}. `chatctl vapid generate` makes a pair.", self.at(at)));
        }
        let subject = push.subject.as_str();
        let is_address = subject.starts_with("mailto:") && subject.contains('@') || subject.starts_with("https://");
        if !subject.is_empty() && (!is_address || subject.chars().any(|c| c.is_whitespace() || c.is_control())) {
            problems.push(format!(
                "{}: `push.subject` is no address that somebody can be reached at. \
                 Make it such as mailto:admin@shop.example or https://shop.example.",
                self.at("push.subject")
            ));
        }
    }

    fn check_limits(&self, problems: &mut Vec<String>) {
        let (limits, http) = (&self.config.limits, &self.config.http);
        for (path, bytes) in [("limits.frame_bytes", limits.frame_bytes), ("limits.body_bytes", limits.body_bytes)] {
            if bytes.bytes() < 2 * limits.message_bytes.bytes() + 1024 {
                problems.push(format!(
                    "{}: `{path}` {bytes} has no room for a message of {} and what stands around it. \
                     Make it twice as large and 1KiB more, or `limits.message_bytes` smaller.",
                    self.at(path),
                    limits.message_bytes
                ));
            }
        }
        if limits.message_bytes.bytes() == 0 {
            problems.push(format!(
                "{}: `limits.message_bytes` 0B leaves no room for a text. Make it 16KiB, as it is by default.",
                self.at("limits.message_bytes")
            ));
        }
        if limits.message_bytes.bytes() > MOST_MESSAGE_BYTES {
            problems.push(format!(
                "{}: `limits.message_bytes` {} is more than clients take. Make it 128KiB at the most.",
                self.at("limits.message_bytes"),
                limits.message_bytes
            ));
        }
        if limits.attachments_per_message > MOST_ATTACHMENTS {
            problems.push(format!(
                "{}: `limits.attachments_per_message` {} is more than a message can hold. Make it {MOST_ATTACHMENTS} at the \
                 most.",
                self.at("limits.attachments_per_message"),
                limits.attachments_per_message
            ));
        }
        let (spread, grace) = (self.config.drain.spread, http.shutdown_grace);
        if spread.get() >= grace.get() && !spread.is_zero() {
            problems.push(format!(
                "{}: `drain.spread` {spread} leaves no time to end in, since `http.shutdown_grace` is {grace}. \
                 Make the one shorter or the other longer.",
                self.at("drain.spread")
            ));
        }
        if let Err(error) = EnvFilter::try_new(&self.config.log.level) {
            problems.push(format!(
                "{}: `log.level` is not understood ({error}). Use error, warn, info, debug or trace.",
                self.at("log.level")
            ));
        }
        let bootstrap = &self.config.bootstrap;
        if bootstrap.admin_email.is_empty() != bootstrap.admin_password_file.as_os_str().is_empty() {
            problems.push(format!(
                "{}: `bootstrap.admin_email` and `bootstrap.admin_password_file` go together. Set both, or neither.",
                self.at("bootstrap.admin_email")
            ));
        }
        for (path, period) in [
            ("auth.access_ttl", self.config.auth.access_ttl),
            ("auth.refresh_ttl", self.config.auth.refresh_ttl),
            ("http.header_timeout", http.header_timeout),
            ("http.body_timeout", http.body_timeout),
            ("store.keep_events", self.config.store.keep_events),
            ("retention.audit", self.config.retention.audit),
        ] {
            if period.is_zero() {
                problems.push(format!(
                    "{}: `{path}` is zero, so that nothing could ever succeed. Make it longer.",
                    self.at(path)
                ));
            }
        }
        if self.config.store.most_events < FEWEST_EVENTS {
            problems.push(format!(
                "{}: `store.most_events` is {}, so that whoever loses their connection for a moment would have to load \
                 everything anew. Make it {FEWEST_EVENTS} at the least.",
                self.at("store.most_events"),
                self.config.store.most_events
            ));
        }
    }
}

/// Fewer events than this are over in seconds in a busy shop.
const FEWEST_EVENTS: usize = 10_000;

/// All of them stand in the message, wherever it is told.
const MOST_ATTACHMENTS: usize = 100;

/// Clients read frames up to 1 MiB, and JSON may need six bytes for one of a text.
const MOST_MESSAGE_BYTES: usize = 128 << 10;

/// Whether a secret is copied or typed rather than random. Thirty-two random bytes, in hexadecimal or otherwise, have
/// more than seven different ones but for a chance of one in many billions.
pub(super) fn is_guessable(secret: &str) -> bool {
    let plain: String = secret.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let mut bytes = secret.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len() < 8 || WELL_KNOWN.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    /// What is refused with these variables. `--config` names an empty file, so that no file of the machine counts.
    fn problems(variables: &[(&str, &str)]) -> Vec<String> {
        let empty = tempfile::NamedTempFile::new().unwrap();
        let flags = Overrides::new().file(Some(empty.path().to_owned()));
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match Config::load(&flags, variables).unwrap().check() {
            Ok(()) => Vec::new(),
            Err(ConfigError::Refused { problems }) => problems,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_message_has_room_for_a_text() {
        let found = problems(&[("CHATD_LIMITS__MESSAGE_BYTES", "0B")]);
        assert!(found.len() == 1 && found[0].contains("leaves no room for a text"), "{found:#?}");
    }

    #[test]
    fn an_object_store_that_is_refused_is_named_without_its_password() {
        let store = ("CHATD_ATTACHMENTS__STORE", "s3://shop/chat");
        let found = problems(&[store, ("CHATD_ATTACHMENTS__S3__ENDPOINT", "https://ana:horse@store.example")]);
        assert!(found.len() == 1 && found[0].contains("store.example") && !found[0].contains("horse"), "{found:#?}");
    }

    #[test]
    fn the_defaults_pass() {
        assert_eq!(problems(&[]), Vec::<String>::new());
    }

    #[test]
    fn an_open_address_needs_a_public_url() {
        for listen in ["0.0.0.0:9000", "[::]:9000", "192.168.1.4:80"] {
            let found = problems(&[("CHATD_LISTEN", listen)]);
            assert!(found[0].starts_with("env CHATD_LISTEN: `listen` "), "{found:?}");
            assert!(problems(&[("CHATD_LISTEN", listen), ("CHATD_PUBLIC_URL", "https://c.example")]).is_empty());
        }
        assert!(problems(&[("CHATD_LISTEN", "[::1]:9000")]).is_empty());
    }

    #[test]
    fn a_public_url_in_the_clear_is_for_this_machine_only() {
        assert_eq!(problems(&[("CHATD_PUBLIC_URL", "http://shop.example")]).len(), 1);
        assert!(problems(&[("CHATD_PUBLIC_URL", "http://localhost:9000")]).is_empty());
    }

    #[test]
    fn a_weak_secret_is_refused_and_not_repeated() {
        for secret in [
            "hunter2",
            "my-ultra-secure-and-ultra-long-secret",
            "your-256-bit-secret-your-256-bit-secret",
            "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
            "abababababababababababababababababab",
        ] {
            let found = problems(&[("JWT_SECRET", secret)]);
            assert_eq!(found.len(), 1, "{secret}");
            assert!(found[0].starts_with("env JWT_SECRET: `auth.jwt_secret` is ") && !found[0].contains(secret));
        }
        assert!(
            problems(&[("JWT_SECRET", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]).is_empty()
        );
    }

    #[test]
    fn the_secret_before_is_no_weaker_and_a_token_does_not_outlive_its_login() {
        let found = problems(&[("CHATD_AUTH__PREVIOUS_JWT_SECRET", "hunter2"), ("CHATD_AUTH__ACCESS_TTL", "31d")]);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].contains("`auth.previous_jwt_secret` is shorter"), "{found:#?}");
    }

    #[test]
    fn connections_must_end_before_the_server_does() {
        for (spread, grace, good) in
            [("3s", "10s", true), ("10s", "10s", false), ("3s", "2s", false), ("0s", "0s", true)]
        {
            let found = problems(&[("CHATD_DRAIN__SPREAD", spread), ("CHATD_HTTP__SHUTDOWN_GRACE", grace)]);
            assert_eq!(found.is_empty(), good, "{spread} within {grace}: {found:#?}");
        }
    }

    #[test]
    fn links_have_a_place_for_what_they_lead_to() {
        for (key, link, told) in [
            ("CONVERSATION", "https://shop.example/chat/{id}", None),
            ("CONVERSATION", "http://localhost:5173/#/chat/{id}", None),
            ("RESET_PASSWORD", "https://shop.example/password#{token}", None),
            (
                "CONVERSATION",
                "https://shop.example/chat",
                Some("no address such as https://shop.example/messages/{id}"),
            ),
            ("VERIFY_EMAIL", "https://shop.example/{id}", Some("password#{token}, with one {token}")),
            ("ACCEPT_INVITATION", "shop.example/{token}", Some("with one {token} behind the host")),
            ("ACCEPT_INVITATION", "http://shop.example/{token}", Some("in the clear. Make it https.")),
        ] {
            let variable = format!("CHATD_LINKS__{key}");
            let found = problems(&[(&variable, link)]);
            assert_eq!(found.len(), usize::from(told.is_some()), "{link}: {found:?}");
            let starts = format!("env {variable}: `");
            assert!(found.iter().all(|problem| problem.starts_with(&starts)), "{found:?}");
            assert!(found.iter().all(|problem| problem.contains(told.unwrap_or_default())), "{found:?}");
        }
    }

    #[test]
    fn mails_must_have_somewhere_to_go_and_come_from() {
        const URL: (&str, &str) = ("CHATD_MAIL__URL", "smtp://mail.shop.example");
        const FROM: (&str, &str) = ("CHATD_MAIL__FROM", "Mug Shop <chat@shop.example>");
        assert_eq!(problems(&[URL, FROM]), Vec::<String>::new());
        let nowhere = std::env::temp_dir().join("no such folder");
        for (variables, told) in [
            (vec![URL], "env CHATD_MAIL__URL: mails would come from nobody; set `mail.from`."),
            (vec![("CHATD_MAIL__URL", "mail.shop.example"), FROM], "env CHATD_MAIL__URL: `mail.shop.example` is no "),
            (vec![URL, ("CHATD_MAIL__FROM", "shop")], "env CHATD_MAIL__FROM: the sender, `shop`, is no mail address"),
            (vec![URL, FROM, ("CHATD_MAIL__LANGUAGE", "fr")], "env CHATD_MAIL__LANGUAGE: there are no words in "),
            (vec![URL, FROM, ("CHATD_SMTP__USER", "shop")], "env CHATD_SMTP__USER: a name and a password"),
            (vec![URL, FROM, ("CHATD_SMTP__TIMEOUT", "2m")], "env CHATD_SMTP__TIMEOUT: `smtp.timeout` is 2m."),
            (
                vec![URL, FROM, ("CHATD_SMTP__CA_FILE", "/no/ca.pem")],
                "env CHATD_SMTP__CA_FILE: /no/ca.pem: No such file",
            ),
            (vec![URL, FROM, ("CHATD_MAIL__TEMPLATES", nowhere.to_str().unwrap())], "env CHATD_MAIL__TEMPLATES: "),
            (
                vec![
                    ("CHATD_MAIL__URL", "smtp://mail.example?tls=none"),
                    FROM,
                    ("EMAIL_USER", "a"),
                    ("EMAIL_PASS", "hunter2"),
                ],
                "env CHATD_MAIL__URL: the password for mail.example could be read on its way",
            ),
        ] {
            let found = problems(&variables);
            assert!(found.len() == 1 && found[0].starts_with(told), "{variables:?}: {found:?}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn a_template_that_does_not_work_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("letter.txt"), "Hello {{ nmae }}").unwrap();
        let found = problems(&[
            ("CHATD_MAIL__URL", "log:"),
            ("CHATD_MAIL__FROM", "chat@shop.example"),
            ("CHATD_MAIL__TEMPLATES", folder.path().to_str().unwrap()),
        ]);
        assert!(found[0].starts_with("env CHATD_MAIL__TEMPLATES: letter.txt, line 1: "), "{found:?}");
    }

    #[test]
    fn limits_must_fit_each_other_and_all_problems_come_at_once() {
        let found = problems(&[
            ("CHATD_LIMITS__MESSAGE_BYTES", "2MiB"),
            ("CHATD_HTTP__HEADER_TIMEOUT", "0s"),
            ("CHATD_LISTEN", "0.0.0.0:1"),
            ("CHATD_LOG__LEVEL", "info,chatd=nonsense"),
            ("CHATD_BOOTSTRAP__ADMIN_EMAIL", "ada@shop.example"),
        ]);
        // No room in a frame, nor in a body; more than clients take; and one each.
        assert_eq!(found.len(), 7, "{found:#?}");
        for (message, frame, good) in [("16KiB", "33KiB", true), ("16KiB", "32KiB", false), ("129KiB", "1MiB", false)] {
            let found = problems(&[("CHATD_LIMITS__MESSAGE_BYTES", message), ("CHATD_LIMITS__FRAME_BYTES", frame)]);
            assert_eq!(found.is_empty(), good, "{message} in {frame}: {found:#?}");
        }
    }
}
