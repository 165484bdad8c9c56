use std::time::Duration;

use tempfile::TempDir;

use super::*;

/// A folder for files, and what stands in for the rest of the machine.
struct Machine {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), variables: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn load(&self, flags: &Overrides) -> Result<Loaded, ConfigError> {
        load(flags, self.variables.clone(), &self.path("etc.toml"))
    }

    fn loaded(&self) -> Loaded {
        self.load(&Overrides::new()).unwrap()
    }

    fn error(&self) -> String {
        let error = self.load(&Overrides::new()).unwrap_err().to_string();
        error.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

fn sourced(loaded: &Loaded, path: &str) -> String {
    loaded.source(path).unwrap().to_string()
}

#[test]
fn the_defaults_are_the_reference() {
    let loaded = Machine::new().loaded();
    let config = &loaded.config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(config.auth.access_ttl.get(), Duration::from_mins(15));
    assert_eq!(config.auth.refresh_ttl.get(), Duration::from_hours(30 * 24));
    assert_eq!(config.limits.frame_bytes.bytes(), 65_536);
    assert_eq!(config.limits.connections, 10_000);
    assert_eq!(config.store.cache.bytes(), 64 << 20);
    assert!(KEYS.iter().all(|key| sourced(&loaded, key.path) == "default"));
}

#[test]
fn a_flag_beats_the_environment_beats_the_original_beats_the_file() {
    let machine = Machine::new();
    machine.write("etc.toml", "data_dir = \"/file\"\n[auth]\nrefresh_ttl = \"1h\"\n[log]\nlevel = \"warn\"\n");
    let loaded = machine.loaded();
    assert_eq!(sourced(&loaded, "auth.refresh_ttl"), format!("{}:3", machine.path("etc.toml").display()));
    assert_eq!(loaded.file, Some(machine.path("etc.toml")));

    let machine = machine.var("JWT_EXPIRES_IN", "90d").var("CHATD_LOG__LEVEL", "debug");
    let loaded = machine.loaded();
    assert_eq!(loaded.config.auth.refresh_ttl.get(), Duration::from_hours(24 * 90));
    assert_eq!(sourced(&loaded, "auth.refresh_ttl"), "env JWT_EXPIRES_IN");

    let machine = machine.var("CHATD_AUTH__REFRESH_TTL", "7d");
    let loaded = machine.load(&Overrides::new().set("log.level", Some("trace"))).unwrap();
    assert_eq!(sourced(&loaded, "auth.refresh_ttl"), "env CHATD_AUTH__REFRESH_TTL");
    assert_eq!(
        (loaded.config.log.level.as_str(), sourced(&loaded, "log.level")),
        ("trace", "flag --log-level".to_owned())
    );
    assert_eq!(loaded.config.data_dir, Path::new("/file"));
}

#[test]
fn the_first_file_that_exists_is_read() {
    let machine = Machine::new();
    let home = machine.path("home").display().to_string();
    let machine = machine.var("XDG_CONFIG_HOME", &home);
    machine.write("home/chatd/chatd.toml", "data_dir = \"/xdg\"");
    assert_eq!(machine.loaded().config.data_dir, Path::new("/xdg"));
    machine.write("etc.toml", "data_dir = \"/etc\"");
    assert_eq!(machine.loaded().config.data_dir, Path::new("/etc"));
    let named = machine.write("env.toml", "data_dir = \"/env\"");
    let machine = machine.var("CHATD_CONFIG", &named.display().to_string());
    assert_eq!(machine.loaded().config.data_dir, Path::new("/env"));
    let flag = machine.write("flag.toml", "data_dir = \"/flag\"");
    let loaded = machine.load(&Overrides::new().file(Some(flag))).unwrap();
    assert_eq!(loaded.config.data_dir, Path::new("/flag"));
}

#[test]
fn a_named_file_must_exist() {
    let error = Machine::new().var("CHATD_CONFIG", "/nowhere/chatd.toml").error();
    assert!(error.starts_with("env CHATD_CONFIG: cannot read /nowhere/chatd.toml: "), "{error}");
}

#[test]
fn a_wrong_value_is_named_with_its_line_and_what_is_expected() {
    for (text, expected) in [
        ("\nlisten = 9000", "etc.toml:2: `listen` is 9000; expected an IP address and a port such as"),
        (
            "[auth]\nrefresh_ttl = \"soon\"",
            "etc.toml:2: `auth.refresh_ttl` is \"soon\"; expected a duration such as \"30s\"",
        ),
        ("[store]\ncache = 64", "etc.toml:2: `store.cache` is 64; expected a size such as \"16KiB\""),
        ("[limits]\nconnections = -1", "etc.toml:2: `limits.connections` is something else; expected a whole number"),
        ("[log]\nformat = \"yaml\"", "etc.toml:2: `log.format` is \"yaml\"; expected \"auto\", \"text\" or \"json\""),
        ("allowed_origins = [\"*\"]", "etc.toml:1: `allowed_origins` is [\"*\"]; expected origins"),
        ("[auth]\njwt_secret = 12345", "etc.toml:2: `auth.jwt_secret` is \"***\"; expected a text"),
    ] {
        let machine = Machine::new();
        machine.write("etc.toml", text);
        let error = machine.error();
        assert!(error.starts_with(expected), "{error}");
    }
    let error = Machine::new().var("CHATD_HTTP__BODY_TIMEOUT", "30").error();
    assert!(error.starts_with("env CHATD_HTTP__BODY_TIMEOUT: `http.body_timeout` is \"30\"; expected"), "{error}");
}

#[test]
fn a_value_must_be_valid_even_when_it_is_hidden() {
    let machine = Machine::new().var("CHATD_LISTEN", "127.0.0.1:1");
    machine.write("etc.toml", "listen = \"nonsense\"");
    assert!(machine.error().starts_with("etc.toml:1: `listen`"));
}

#[test]
fn a_secret_comes_from_a_file_and_is_never_shown() {
    let machine = Machine::new();
    let secret = machine.write("secret", "correct horse battery staple 1234\r\n");
    machine.write("etc.toml", &format!("[auth]\njwt_secret = \"\"\njwt_secret_file = {secret:?}\n"));
    let loaded = machine.loaded();
    assert_eq!(loaded.config.auth.jwt_secret.expose(), "correct horse battery staple 1234");
    assert!(loaded.show().contains("jwt_secret = \"***\" # "), "{}", loaded.show());
    assert!(!format!("{}{loaded:?}", loaded.show()).contains("horse"));

    // The higher layer wins in either form.
    let machine = machine.var("JWT_SECRET", "another long secret of 32 bytes!!");
    assert_eq!(machine.loaded().config.auth.jwt_secret.expose(), "another long secret of 32 bytes!!");
    let machine = machine.var("CHATD_AUTH__JWT_SECRET_FILE", secret.to_str().unwrap());
    assert_eq!(machine.loaded().config.auth.jwt_secret.expose(), "correct horse battery staple 1234");
}

#[test]
fn what_stands_before_the_host_of_an_address_is_not_shown() {
    let machine = Machine::new();
    machine.write("etc.toml", "[mail]\nurl = \"smtp://ana:p@ss@mail.shop.example:587\"\n");
    let shown = machine.loaded().show();
    assert!(shown.contains("url = \"smtp://***@mail.shop.example:587\" # "), "{shown}");
    assert!(!shown.contains("ana"), "{shown}");

    machine.write("etc.toml", "public_url = \"ftp://ana:horse@shop.example\"\n");
    let refused = machine.error();
    assert!(refused.contains("ftp://***@shop.example") && !refused.contains("horse"), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let secret = machine.write("secret", "correct horse battery staple 1234");
    let machine = machine.var("CHATD_AUTH__JWT_SECRET_FILE", secret.to_str().unwrap());
    for (mode, warnings) in [(0o600, 0), (0o640, 1)] {
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(machine.loaded().warnings.len(), warnings, "{mode:o}");
    }
}

#[test]
fn a_secret_in_two_forms_an_empty_one_and_a_flag_are_refused() {
    let machine = Machine::new();
    machine.write("etc.toml", "[auth]\njwt_secret = \"a\"\njwt_secret_file = \"b\"\n");
    assert_eq!(
        machine.error(),
        "etc.toml:3: `auth.jwt_secret` is also given as `auth.jwt_secret_file`; keep one of them"
    );

    let machine = Machine::new();
    let empty = machine.write("empty", "\n");
    let error = machine.var("CHATD_AUTH__JWT_SECRET_FILE", empty.to_str().unwrap()).error();
    assert!(error.contains("`auth.jwt_secret` is an empty file"), "{error}");

    let error = Machine::new().load(&Overrides::new().set("auth.jwt_secret", Some("x"))).unwrap_err();
    assert!(matches!(error, ConfigError::SecretFlag { .. }));
}

#[test]
fn port_changes_the_port_and_opens_up_only_with_a_public_url() {
    let listen = |machine: &Machine| machine.loaded().config.listen.to_string();
    let machine = Machine::new().var("PORT", "8123");
    assert_eq!(listen(&machine), "127.0.0.1:8123");
    assert_eq!(sourced(&machine.loaded(), "listen"), "env PORT");
    let machine = machine.var("CHATD_PUBLIC_URL", "https://chat.shop.example");
    assert_eq!(listen(&machine), "0.0.0.0:8123");
    machine.write("etc.toml", "listen = \"127.0.0.1:9000\"");
    assert_eq!(listen(&machine), "127.0.0.1:8123", "a host that was written stays");
    assert_eq!(listen(&machine.var("CHATD_LISTEN", "[::1]:1")), "[::1]:1");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let machine = Machine::new()
        .var("CHATD_ALLOWED_ORIGINS", "https://a.example,https://b.example")
        .var("CHATD_DATA_DIR", "/with \"quotes\"\nand a line");
    let shown = machine.loaded().show();
    assert!(
        shown
            .contains("allowed_origins = [\"https://a.example\", \"https://b.example\"] # env CHATD_ALLOWED_ORIGINS\n")
    );
    assert!(shown.contains("\n[log]\nlevel = \"info\" # default\n"), "{shown}");
    let again = Machine::new();
    again.write("etc.toml", &shown);
    let values = |text: &str| text.lines().map(|line| line.split(" # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(values(&again.loaded().show()), values(&shown));
}

#[test]
fn links_to_pages_that_were_taken_away_are_warned_of() {
    let with = |links: &[&str]| {
        let machine = Machine::new().var("CHATD_MAIL__URL", "log:").var("CHATD_ACCOUNT_PAGE", "false");
        let set = |machine: Machine, key: &&str| machine.var(&format!("CHATD_LINKS__{key}"), "https://shop.test/{x}");
        links.iter().fold(machine, set).loaded().warnings
    };
    let warnings = with(&["CONVERSATION", "VERIFY_EMAIL"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].ends_with("set links.reset_password, links.accept_invitation."), "{warnings:?}");
    assert!(with(&["CONVERSATION", "VERIFY_EMAIL", "RESET_PASSWORD", "ACCEPT_INVITATION"]).is_empty());
    assert!(Machine::new().var("CHATD_ACCOUNT_PAGE", "false").loaded().warnings.is_empty(), "no mails, no links");
}

#[test]
fn the_original_variables_for_mails_mean_gmail_unless_something_else_is_set() {
    let both = || Machine::new().var("EMAIL_USER", "shop@mail.test").var("EMAIL_PASS", "hunter2 hunter2");
    let loaded = both().loaded();
    assert_eq!(loaded.config.mail.url, "smtp://smtp.gmail.com:587");
    assert_eq!(
        (loaded.config.mail.from.as_str(), loaded.config.smtp.user.as_str()),
        ("shop@mail.test", "shop@mail.test")
    );
    assert_eq!(loaded.config.smtp.password.expose(), "hunter2 hunter2");
    assert_eq!(sourced(&loaded, "mail.url"), "env EMAIL_USER");
    assert_eq!(loaded.warnings.len(), 1, "links lead nowhere: {:?}", loaded.warnings);
    assert!(loaded.check().is_ok() && !loaded.show().contains("hunter2"));

    let machine = both().var("CHATD_MAIL__FROM", "Mugs <chat@shop.test>").var("CHATD_PUBLIC_URL", "https://c.test");
    let loaded = machine.loaded();
    assert_eq!(loaded.config.mail.from, "Mugs <chat@shop.test>");
    assert_eq!((loaded.warnings.len(), loaded.config.mail.url.as_str()), (0, "smtp://smtp.gmail.com:587"));
    let none = both().var("CHATD_MAIL__URL", "");
    assert_eq!(none.loaded().config.mail.url, "");
    assert_eq!(Machine::new().var("EMAIL_USER", "shop@mail.test").loaded().config.mail.url, "");
}

#[test]
fn the_variables_of_aws_count_where_nothing_is_said() {
    let aws = |machine: Machine| {
        machine
            .var("AWS_ACCESS_KEY_ID", "theirs")
            .var("AWS_SECRET_ACCESS_KEY", "hunter2")
            .var("AWS_DEFAULT_REGION", "eu-west-1")
            .var("AWS_REGION", "eu-central-1")
            .var("AWS_ENDPOINT_URL", "https://s3.shop.example")
    };
    let without = aws(Machine::new()).loaded();
    assert_eq!(without.config.attachments.s3.access_key, "", "nobody asked for a bucket");

    let machine = aws(Machine::new()).var("CHATD_ATTACHMENTS__STORE", "s3://mugs");
    let loaded = machine.loaded();
    let s3 = &loaded.config.attachments.s3;
    assert_eq!((s3.access_key.as_str(), s3.secret_key.expose()), ("theirs", "hunter2"));
    assert_eq!((s3.region.as_str(), s3.endpoint.as_str()), ("eu-central-1", "https://s3.shop.example"));
    assert_eq!(sourced(&loaded, "attachments.s3.region"), "env AWS_REGION");
    assert!(!loaded.show().contains("hunter2"), "{}", loaded.show());
    loaded.check().unwrap();

    let mixed =
        machine.var("CHATD_ATTACHMENTS__S3__ACCESS_KEY", "ours").var("CHATD_ATTACHMENTS__S3__REGION", "us-west-2");
    let s3 = mixed.loaded().config.attachments.s3;
    assert_eq!((s3.access_key.as_str(), s3.secret_key.expose(), s3.region.as_str()), ("ours", "", "us-west-2"));
}
