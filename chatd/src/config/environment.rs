//! The environment: `CHATD_...`, and the variables of the original backend.

use super::file::Entry;
use super::keys::{self, KEYS, Named};
use super::{ConfigError, Given, Origin, Period, Source};

const PREFIX: &str = "CHATD_";

/// Names the file to read; not a key.
pub(super) const CONFIG: &str = "CHATD_CONFIG";

/// The environment of this process, for [`Config::load`](super::Config::load).
///
/// Bytes that are no UTF-8 become replacement characters.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

/// The variable for a path.
fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Reads the `CHATD_` variables.
pub(super) fn own(variables: &[(String, String)]) -> Result<Vec<Entry>, ConfigError> {
    let mut entries = Vec::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if name == CONFIG || is_service_link(rest, value) {
            continue;
        }
        let path = rest.replace("__", ".").to_ascii_lowercase();
        let known = keys::find(&path).filter(|_| variable(&path) == *name);
        let at = Source::Env(name.clone());
        let Some(named) = known else {
            // One underscore where two belong is the usual slip, and looks like one word here.
            let meant = KEYS.iter().map(|key| variable(key.path)).find(|known| known.replace("__", "_") == *name);
            let suggestion = meant.or_else(|| keys::suggest(&path).map(|path| variable(&path)));
            return Err(ConfigError::Unknown { at, name: name.clone(), suggestion });
        };
        entries.push(Entry { named, given: Given::Word(value.clone()), at });
    }
    Ok(entries)
}

/// Whether Kubernetes put this variable here because a service is named `chatd`.
fn is_service_link(rest: &str, value: &str) -> bool {
    rest.starts_with("SERVICE_HOST") || rest.starts_with("SERVICE_PORT") || {
        rest.starts_with("PORT") && (rest.starts_with("PORT_") || value.contains("://"))
    }
}

/// Reads what the original backend reads, apart from `PORT`. An empty variable counts as not set, as it did there.
pub(super) fn original(variables: &[(String, String)]) -> Result<Vec<Entry>, ConfigError> {
    let mut entries = Vec::new();
    for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        let refuse = |key, expected| {
            let (at, given) = (Source::Env(name.clone()), super::setting::quote(value));
            ConfigError::Value { at, key, given, expected }
        };
        let (path, given) = match name.as_str() {
            "JWT_SECRET" => ("auth.jwt_secret", Given::Word(value.clone())),
            "JWT_EXPIRES_IN" => {
                let seconds = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{value}s"));
                let text = seconds.unwrap_or_else(|| value.clone());
                text.parse::<Period>()
                    .map_err(|_| refuse("auth.refresh_ttl", "a duration such as 90d, or a number of seconds"))?;
                ("auth.refresh_ttl", Given::Word(text))
            }
            "EMAIL_USER" => ("smtp.user", Given::Word(value.clone())),
            "EMAIL_PASS" => ("smtp.password", Given::Word(value.clone())),
            "CLIENT_URL" => {
                let origin = Origin::of(value)
                    .map_err(|_| refuse("allowed_origins", "an address such as https://shop.example"))?;
                ("allowed_origins", Given::Word(origin.to_string()))
            }
            "VAPID_PUBLIC_KEY" => ("push.public_key", Given::Word(value.clone())),
            "VAPID_PRIVATE_KEY" => ("push.private_key", Given::Word(value.clone())),
            "VAPID_SUBJECT" => ("push.subject", Given::Word(value.clone())),
            _ => continue,
        };
        let named: Option<Named> = keys::find(path);
        entries.extend(named.map(|named| Entry { named, given, at: Source::Env(name.clone()) }));
    }
    Ok(entries)
}

/// Refuses to start beside the original backend's database, which somebody would otherwise believe to be in use. Its
/// address holds a password, and is not repeated.
pub(super) fn database(variables: &[(String, String)]) -> Result<(), ConfigError> {
    let is_mongo = |address: &str| {
        let scheme = address.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        matches!(scheme.as_deref(), Some("mongodb" | "mongodb+srv"))
    };
    if variables.iter().any(|(name, value)| name == "DATABASE" && is_mongo(value)) {
        let at = Source::Env("DATABASE".to_owned());
        let problem = "this server keeps its data itself and uses no MongoDB; bring over what is there with \
                       `chatctl import mongo`, then take this variable away.";
        return Err(ConfigError::Refused { problems: vec![format!("{at}: {problem}")] });
    }
    Ok(())
}

/// Whom mails go out from when the original backend's variables for them are set.
pub(super) fn mail_user(variables: &[(String, String)]) -> Option<&str> {
    let value = |name: &str| {
        let found = variables.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    value("EMAIL_PASS").and_then(|_| value("EMAIL_USER"))
}

/// What the tools of AWS read, and the key that each stands for; the first of two for one key counts.
const AWS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "attachments.s3.access_key"),
    ("AWS_SECRET_ACCESS_KEY", "attachments.s3.secret_key"),
    ("AWS_REGION", "attachments.s3.region"),
    ("AWS_DEFAULT_REGION", "attachments.s3.region"),
    ("AWS_ENDPOINT_URL_S3", "attachments.s3.endpoint"),
    ("AWS_ENDPOINT_URL", "attachments.s3.endpoint"),
];

/// Reads that. An empty variable counts as not set.
pub(super) fn aws(variables: &[(String, String)]) -> Vec<Entry> {
    let value = |name: &str| variables.iter().find(|(known, value)| known == name && !value.is_empty());
    let mut entries: Vec<Entry> = Vec::new();
    for (name, path) in AWS {
        let (Some((_, value)), Some(named)) = (value(name), keys::find(path)) else { continue };
        if entries.iter().all(|entry| entry.named.index != named.index) {
            entries.push(Entry { named, given: Given::Word(value.clone()), at: Source::Env((*name).to_owned()) });
        }
    }
    entries
}

/// The port that `PORT` asks for.
pub(super) fn port(variables: &[(String, String)]) -> Result<Option<u16>, ConfigError> {
    let Some((name, value)) = variables.iter().find(|(name, value)| name == "PORT" && !value.is_empty()) else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(|_| ConfigError::Value {
        at: Source::Env(name.clone()),
        key: "listen",
        given: super::setting::quote(value),
        expected: "a port from 0 to 65535",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn names(entries: &[Entry]) -> Vec<&'static str> {
        entries.iter().map(|entry| KEYS[entry.named.index].path).collect()
    }

    #[test]
    fn every_key_has_a_variable() {
        for key in KEYS {
            let entries = own(&variables(&[(&variable(key.path), "x")])).unwrap();
            assert_eq!(names(&entries), [key.path]);
        }
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_a_suggestion() {
        for (name, meant) in [
            ("CHATD_AUTH_REFRESH_TTL", "; did you mean `CHATD_AUTH__REFRESH_TTL`?"),
            ("CHATD_LISTENN", "; did you mean `CHATD_LISTEN`?"),
            ("CHATD_BOOTSTRAP_ADMIN_EMAIL", "; did you mean `CHATD_BOOTSTRAP__ADMIN_EMAIL`?"),
            ("CHATD_listen", "; did you mean `CHATD_LISTEN`?"),
            ("CHATD_PURPLE_ELEPHANT", ""),
        ] {
            let error = own(&variables(&[(name, "x")])).unwrap_err();
            assert_eq!(error.to_string(), format!("env {name}: unknown key `{name}`{meant}"));
        }
    }

    #[test]
    fn foreign_variables_are_left_alone() {
        let foreign = [
            ("PATH", "/bin"),
            ("CHATD_CONFIG", "x"),
            ("CHATD_SERVICE_HOST", "10.0.0.1"),
            ("CHATD_PORT", "tcp://10.0.0.1:80"),
            ("CHATD_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("CHATCTL_SERVER", "x"),
        ];
        assert!(own(&variables(&foreign)).unwrap().is_empty());
        assert!(own(&variables(&[("CHATD_PORT", "9000")])).is_err());
    }

    #[test]
    fn mails_go_out_from_the_original_user_when_there_is_a_password() {
        let both = variables(&[("EMAIL_USER", "shop@mail.test"), ("EMAIL_PASS", "hunter2")]);
        assert_eq!(names(&original(&both).unwrap()), ["smtp.user", "smtp.password"]);
        assert_eq!(mail_user(&both), Some("shop@mail.test"));
        assert_eq!(mail_user(&variables(&[("EMAIL_USER", "shop@mail.test"), ("EMAIL_PASS", "")])), None);
    }

    #[test]
    fn the_original_variables_are_understood() {
        let list = [("JWT_EXPIRES_IN", "3600"), ("CLIENT_URL", "http://localhost:5173/app/"), ("JWT_SECRET", "")];
        let entries = original(&variables(&list)).unwrap();
        assert_eq!(names(&entries), ["auth.refresh_ttl", "allowed_origins"]);
        assert_eq!(entries[0].given, Given::Word("3600s".to_owned()));
        assert_eq!(entries[1].given, Given::Word("http://localhost:5173".to_owned()));
        let list = [("VAPID_PUBLIC_KEY", "B"), ("VAPID_PRIVATE_KEY", "x"), ("VAPID_SUBJECT", "mailto:a@shop.test")];
        let entries = original(&variables(&list)).unwrap();
        assert_eq!(names(&entries), ["push.public_key", "push.private_key", "push.subject"]);
        let error = original(&variables(&[("JWT_EXPIRES_IN", "soon")])).unwrap_err().to_string();
        assert!(
            error.starts_with("env JWT_EXPIRES_IN: `auth.refresh_ttl` is \"soon\"; expected a duration"),
            "{error}"
        );
        assert!(port(&variables(&[("PORT", "http")])).is_err());
    }

    #[test]
    fn the_database_of_the_original_backend_is_none_of_ours() {
        for address in ["mongodb://a:hunter2@db.test/chat", "mongodb+srv://a:<PASSWORD>@db.test", " MONGODB://x"] {
            let error = database(&variables(&[("DATABASE", address)])).unwrap_err().to_string();
            assert!(
                error.starts_with("env DATABASE: this server") && error.contains("`chatctl import mongo`"),
                "{error}"
            );
            assert!(!error.contains("db.test") && !error.contains("hunter2") && error.lines().count() == 1, "{error}");
        }
        for other in ["", "postgres://db.test/x", "mongodb"] {
            assert!(database(&variables(&[("DATABASE", other)])).is_ok(), "{other}");
        }
    }
}
