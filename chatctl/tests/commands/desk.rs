//! A user of the program: a home, and a server in front of them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use chat_tests::{Authority, Door, InProcess, Options, PASSWORD};
use serde_json::Value;
use tempfile::TempDir;

/// A user of the program: their home, and the server that they are in front of.
pub(crate) struct Desk {
    pub(crate) home: TempDir,
    pub(crate) server: InProcess,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::at(Options::default()).await
    }

    /// … of a server that is like this.
    pub(crate) async fn at(options: Options) -> Self {
        Self { home: tempfile::tempdir().expect("a folder"), server: InProcess::start_with(options).await }
    }

    /// … at which the admin has signed in.
    pub(crate) async fn signed_in() -> Self {
        Self::new().await.with_admin().await
    }

    /// … whose machine trusts this authority alone.
    pub(crate) async fn trusting(authority: &Authority) -> Self {
        let desk = Self::new().await;
        std::fs::write(desk.trusted(), authority.pem()).expect("a file");
        desk
    }

    pub(crate) async fn with_admin(self) -> Self {
        let desk = self;
        let ran = desk.run_with(&["login", &desk.url(), "--email", Door::ADMIN, "--password-stdin"], PASSWORD).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        desk
    }

    /// Signs somebody else in, who is used from then on.
    pub(crate) async fn becomes(&self, email: &str) {
        let login = ["login", &self.url(), "--email", email, "--password-stdin", "--profile", email];
        self.run_with(&login, PASSWORD).await.ok();
        self.run(&["profile", "use", email]).await.ok();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.door.address)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "").await
    }

    /// The server lives on this test's thread, so the program is waited for on another.
    pub(crate) async fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = self.command(arguments, Stdio::piped());
        let stdin = stdin.to_owned();
        let run = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("the program starts");
            // One that reads nothing may be gone already.
            let _ = child.stdin.take().expect("it is piped").write_all(stdin.as_bytes());
            child.wait_with_output().expect("it ends")
        });
        let Output { status, stdout, stderr } = run.await.expect("no panic");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Starts the program and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.start_with(arguments, Stdio::null())
    }

    pub(crate) fn start_with(&self, arguments: &[&str], stdin: Stdio) -> Child {
        self.command(arguments, stdin).spawn().expect("the program starts")
    }

    fn command(&self, arguments: &[&str], stdin: Stdio) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
        command.args(arguments).env_clear().env("HOME", self.home.path());
        if self.trusted().exists() {
            command.env("SSL_CERT_FILE", self.trusted());
        }
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The certificates that this machine trusts, where not those of the one that the tests run on.
    pub(crate) fn trusted(&self) -> PathBuf {
        self.file("trusted.pem")
    }

    /// Where the sessions are kept.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.file(".local/state/chatctl/credentials.toml")
    }

    /// What is kept of the first session that there is.
    pub(crate) fn session(&self, key: &str) -> String {
        let kept = std::fs::read_to_string(self.credentials()).expect("a file");
        let line = kept.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).expect("a session");
        line.trim_matches('"').to_owned()
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.out
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.ok()).expect("JSON")
    }
}
