//! The table of keys, and the search in it.

use std::fmt;

use super::{Config, Setting};

/// One key of the configuration.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its path as in TOML, such as `auth.refresh_ttl`.
    pub path: &'static str,
    /// Whether it is a secret: never shown, never a flag, and also accepted as `<path>_file`.
    pub secret: bool,
    /// The field it fills; the type of the field decides what is a value.
    pub(super) field: fn(&mut Config) -> &mut dyn Setting,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.path).finish()
    }
}

const fn open(path: &'static str, field: fn(&mut Config) -> &mut dyn Setting) -> Key {
    Key { path, secret: false, field }
}

const fn secret(path: &'static str, field: fn(&mut Config) -> &mut dyn Setting) -> Key {
    Key { path, secret: true, field }
}

/// Every key there is. Those outside of a section come first, so that the order is one of a valid TOML file.
pub const KEYS: &[Key] = &[
    open("listen", |c| &mut c.listen),
    open("public_url", |c| &mut c.public_url),
    open("data_dir", |c| &mut c.data_dir),
    open("allowed_origins", |c| &mut c.allowed_origins),
    open("account_page", |c| &mut c.account_page),
    open("server.trusted_proxies", |c| &mut c.server.trusted_proxies),
    open("server.forwarded_header", |c| &mut c.server.forwarded_header),
    open("auth.access_ttl", |c| &mut c.auth.access_ttl),
    open("auth.refresh_ttl", |c| &mut c.auth.refresh_ttl),
    secret("auth.jwt_secret", |c| &mut c.auth.jwt_secret),
    secret("auth.previous_jwt_secret", |c| &mut c.auth.previous_jwt_secret),
    open("limits.message_bytes", |c| &mut c.limits.message_bytes),
    open("limits.frame_bytes", |c| &mut c.limits.frame_bytes),
    open("limits.body_bytes", |c| &mut c.limits.body_bytes),
    open("limits.attachment_bytes", |c| &mut c.limits.attachment_bytes),
    open("limits.attachments_per_message", |c| &mut c.limits.attachments_per_message),
    open("limits.attachment_bytes_per_day", |c| &mut c.limits.attachment_bytes_per_day),
    open("limits.group_participants", |c| &mut c.limits.group_participants),
    open("limits.connections", |c| &mut c.limits.connections),
    open("limits.sockets_per_user", |c| &mut c.limits.sockets_per_user),
    open("limits.mailbox_frames", |c| &mut c.limits.mailbox_frames),
    open("limits.connections_per_address", |c| &mut c.limits.connections_per_address),
    open("limits.sockets_per_address", |c| &mut c.limits.sockets_per_address),
    open("limits.sockets_before_hello", |c| &mut c.limits.sockets_before_hello),
    open("limits.requests_per_address", |c| &mut c.limits.requests_per_address),
    open("limits.sign_ins_per_address", |c| &mut c.limits.sign_ins_per_address),
    open("limits.sends_per_user", |c| &mut c.limits.sends_per_user),
    open("limits.changes_per_user", |c| &mut c.limits.changes_per_user),
    open("limits.sends_per_conversation", |c| &mut c.limits.sends_per_conversation),
    open("attachments.store", |c| &mut c.attachments.store),
    open("attachments.keep_free", |c| &mut c.attachments.keep_free),
    open("attachments.accept", |c| &mut c.attachments.accept),
    open("attachments.accept_from_customers", |c| &mut c.attachments.accept_from_customers),
    open("attachments.s3.endpoint", |c| &mut c.attachments.s3.endpoint),
    open("attachments.s3.region", |c| &mut c.attachments.s3.region),
    open("attachments.s3.access_key", |c| &mut c.attachments.s3.access_key),
    secret("attachments.s3.secret_key", |c| &mut c.attachments.s3.secret_key),
    open("attachments.s3.allow_http", |c| &mut c.attachments.s3.allow_http),
    open("attachments.s3.ca_file", |c| &mut c.attachments.s3.ca_file),
    open("http.header_timeout", |c| &mut c.http.header_timeout),
    open("http.body_timeout", |c| &mut c.http.body_timeout),
    open("http.shutdown_grace", |c| &mut c.http.shutdown_grace),
    open("drain.spread", |c| &mut c.drain.spread),
    open("log.level", |c| &mut c.log.level),
    open("log.format", |c| &mut c.log.format),
    open("store.cache", |c| &mut c.store.cache),
    open("store.keep_events", |c| &mut c.store.keep_events),
    open("store.most_events", |c| &mut c.store.most_events),
    open("retention.audit", |c| &mut c.retention.audit),
    open("compat.enabled", |c| &mut c.compat.enabled),
    open("compat.reading_marks_read", |c| &mut c.compat.reading_marks_read),
    open("links.conversation", |c| &mut c.links.conversation),
    open("links.reset_password", |c| &mut c.links.reset_password),
    open("links.verify_email", |c| &mut c.links.verify_email),
    open("links.accept_invitation", |c| &mut c.links.accept_invitation),
    open("mail.url", |c| &mut c.mail.url),
    open("mail.from", |c| &mut c.mail.from),
    open("mail.reply_to", |c| &mut c.mail.reply_to),
    open("mail.language", |c| &mut c.mail.language),
    open("mail.subject_prefix", |c| &mut c.mail.subject_prefix),
    open("mail.delay", |c| &mut c.mail.delay),
    open("mail.show_text", |c| &mut c.mail.show_text),
    open("mail.templates", |c| &mut c.mail.templates),
    open("smtp.user", |c| &mut c.smtp.user),
    secret("smtp.password", |c| &mut c.smtp.password),
    open("smtp.ca_file", |c| &mut c.smtp.ca_file),
    open("smtp.timeout", |c| &mut c.smtp.timeout),
    open("smtp.connections", |c| &mut c.smtp.connections),
    open("push.public_key", |c| &mut c.push.public_key),
    secret("push.private_key", |c| &mut c.push.private_key),
    open("push.subject", |c| &mut c.push.subject),
    open("push.delay", |c| &mut c.push.delay),
    open("push.show_text", |c| &mut c.push.show_text),
    open("push.services", |c| &mut c.push.services),
    open("push.allow_private", |c| &mut c.push.allow_private),
    open("webhooks.allow_private", |c| &mut c.webhooks.allow_private),
    open("bootstrap.admin_email", |c| &mut c.bootstrap.admin_email),
    open("bootstrap.admin_password_file", |c| &mut c.bootstrap.admin_password_file),
];

/// What a name in a file or a variable stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// Its place in [`KEYS`].
    pub(super) index: usize,
    /// Whether the value is the name of a file that holds the secret.
    pub(super) in_file: bool,
}

/// The key that a path means; `<path>_file` means a secret.
pub(super) fn find(path: &str) -> Option<Named> {
    let position = |path: &str| KEYS.iter().position(|key| key.path == path);
    if let Some(index) = position(path) {
        return Some(Named { index, in_file: false });
    }
    let index = position(path.strip_suffix("_file")?)?;
    KEYS[index].secret.then_some(Named { index, in_file: true })
}

/// Whether some key lies in this section.
pub(super) fn is_section(path: &str) -> bool {
    sections().any(|section| section == path)
}

/// The names of the sections, with repetitions.
fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| Some(key.path.rsplit_once('.')?.0))
}

/// The path that someone may have meant by an unknown one: the same word in another section, or a close one.
pub(super) fn suggest(unknown: &str) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let secrets = KEYS.iter().filter(|key| key.secret).map(|key| format!("{}_file", key.path));
    let mut known: Vec<String> = KEYS.iter().map(|key| key.path.to_owned()).chain(secrets).collect();
    if let Some(moved) = known.iter().find(|path| last(path) == last(unknown)) {
        return Some(moved.clone());
    }
    known.extend(sections().map(str::to_owned));
    let distance = |path: &String| strsim::damerau_levenshtein(path, unknown);
    let closest = known.into_iter().min_by_key(distance)?;
    (distance(&closest) <= (unknown.len() / 3).clamp(1, 4)).then_some(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_once_and_top_level_keys_come_first() {
        let mut paths: Vec<_> = KEYS.iter().map(|key| key.path).collect();
        let top = paths.iter().take_while(|path| !path.contains('.')).count();
        assert!(paths[top..].iter().all(|path| path.contains('.')));
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), KEYS.len());
    }

    #[test]
    fn only_a_secret_has_a_file_form() {
        assert!(find("auth.jwt_secret_file").unwrap().in_file);
        assert!(!find("bootstrap.admin_password_file").unwrap().in_file);
        assert!(find("listen_file").is_none());
    }

    #[test]
    fn a_typo_and_a_wrong_section_are_recognised() {
        for (unknown, meant) in [
            ("auth.refesh_ttl", Some("auth.refresh_ttl")),
            ("refresh_ttl", Some("auth.refresh_ttl")),
            ("lisen", Some("listen")),
            ("limit", Some("limits")),
            ("auth.jwt_secret_fil", Some("auth.jwt_secret_file")),
            ("colour", None),
        ] {
            assert_eq!(suggest(unknown).as_deref(), meant, "{unknown}");
        }
    }
}
