//! A script on Node, and the packages that it needs.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use chat_tests::{Door, PASSWORD};
use tokio::time::Instant;

/// Where the scripts lie.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node");

/// A file of tests takes a few seconds.
const DEADLINE: Duration = Duration::from_mins(3);

/// A script that runs.
pub(crate) struct Script {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// Starts it for this server.
    pub(crate) fn start(arguments: &[&str], door: &Door) -> Self {
        Self::start_with(arguments, door, &[])
    }

    /// The same, with more variables.
    pub(crate) fn start_with(arguments: &[&str], door: &Door, variables: &[(&str, &str)]) -> Self {
        install();
        let mut child = Command::new("node")
            .args(arguments)
            .current_dir(FOLDER)
            .env("CHAT_URL", format!("http://{}", door.address))
            .env("CHAT_ADMIN_TOKEN", &door.admin)
            .env("CHAT_PASSWORD", PASSWORD)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Node starts");
        let said = Arc::default();
        listen(child.stdout.take().expect("it is piped"), Arc::clone(&said));
        listen(child.stderr.take().expect("it is piped"), Arc::clone(&said));
        Self { child, said }
    }

    /// What it has said so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.said).clone()
    }

    /// How many lines begin like this.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        lock(&self.said).iter().filter(|line| line.starts_with(beginning)).count()
    }

    /// Waits until so many lines begin like this.
    pub(crate) async fn says(&mut self, beginning: &str, times: usize) {
        let until = Instant::now() + DEADLINE;
        while self.count(beginning) < times {
            let ended = self.child.try_wait().expect("a process");
            let lines = self.lines();
            assert!(ended.is_none(), "it ended with {ended:?} before {beginning:?}: {lines:#?}");
            assert!(Instant::now() < until, "waited in vain for {times} × {beginning:?}: {lines:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Says a line to it.
    pub(crate) fn tell(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{line}").expect("it listens");
    }

    /// Waits for its end, which has to be a good one.
    pub(crate) async fn ends_well(&mut self) {
        let until = Instant::now() + DEADLINE;
        let status: ExitStatus = loop {
            match self.child.try_wait().expect("a process") {
                Some(status) => break status,
                None if Instant::now() < until => tokio::time::sleep(Duration::from_millis(5)).await,
                None => panic!("it does not end: {}", self.lines().join("\n")),
            }
        };
        assert!(status.success(), "it ended with {status}:\n{}", self.lines().join("\n"));
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(pipe: impl Read + Send + 'static, said: Arc<Mutex<Vec<String>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lock(&said).push(line);
        }
    });
}

fn lock(said: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gets the packages of the lock file, unless they are there already. Tests that cannot be run have failed.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for program in ["node", "npm"] {
            let found = Command::new(program).arg("--version").output();
            assert!(
                found.is_ok_and(|version| version.status.success()),
                "`{program}` is needed for these tests and was not found: install Node.js 18 or newer and npm \
                 (on Debian: apt-get install nodejs npm)"
            );
        }
        if is_installed() {
            return;
        }
        let output = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(FOLDER).output();
        let output = output.expect("npm starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`npm ci` in tests/node failed, which the tests need once:\n{said}");
    });
}

/// What npm notes of what it has installed is as new as the lock file.
fn is_installed() -> bool {
    let changed = |path: &str| Path::new(FOLDER).join(path).metadata().and_then(|file| file.modified());
    match (changed("node_modules/.package-lock.json"), changed("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}
