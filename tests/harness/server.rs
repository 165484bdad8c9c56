//! The real program in a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{DEADLINE, Door, PASSWORD, Person, door, eventually};

/// A server on a folder of its own. Dropping it ends the process and looks through its log for faults.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    folder: TempDir,
    settings: Vec<(String, String)>,
    running: Option<Running>,
    log: Arc<Mutex<Vec<String>>>,
    /// What makes a line of the log no fault.
    expected: Vec<String>,
    door: Option<Door>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    reader: JoinHandle<()>,
    /// Lines of the log that earlier processes wrote.
    lines_before: usize,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Server {
    /// Starts a server and signs its admin in.
    pub async fn start(program: impl AsRef<Path>) -> Self {
        Self::start_with(program, &[]).await
    }

    /// Starts a server with these variables, such as `("CHATD_AUTH__ACCESS_TTL", "1h")`.
    pub async fn start_with(program: impl AsRef<Path>, settings: &[(&str, &str)]) -> Self {
        let mut server = Self::new(program, settings);
        server.spawn();
        server.open().await;
        server
    }

    /// A folder and nothing in it yet; then comes [`spawn`](Self::spawn).
    ///
    /// # Panics
    /// When there is no room for a folder.
    pub fn new(program: impl AsRef<Path>, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("password"), PASSWORD).expect("a file");
        Self {
            program: program.as_ref().to_owned(),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            running: None,
            log: Arc::default(),
            expected: Vec::new(),
            door: None,
            folder,
        }
    }

    /// Waits for the first process that is left to come so far, and signs its admin in.
    pub async fn open(&mut self) {
        let address = self.ready().await;
        let Person { token, .. } = door::sign_in(address, Door::ADMIN).await;
        self.door = Some(Door { address, admin: token });
    }

    /// Where it is met.
    ///
    /// # Panics
    /// Never after the start.
    pub fn door(&self) -> &Door {
        self.door.as_ref().expect("it was started")
    }

    /// The number of the process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").child.id()
    }

    /// Where its data lies.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the process and waits for nothing; then comes [`ready`](Self::ready), or [`kill`](Self::kill).
    ///
    /// # Panics
    /// When there is one already, or none can be made.
    pub fn spawn(&mut self) {
        self.spawn_at("127.0.0.1:0");
    }

    /// Starts the process where it was met before, and waits until it listens.
    pub async fn spawn_again(&mut self) {
        let address = self.door().address.to_string();
        self.spawn_at(&address);
        self.ready().await;
    }

    fn spawn_at(&mut self, address: &str) {
        assert!(self.running.is_none(), "it runs");
        let mut command = command(&self.program, ["serve", "--listen", address]);
        command
            .arg("--data-dir")
            .arg(self.data_dir())
            .env("CHATD_LOG__FORMAT", "json")
            // However little room this machine has.
            .env("CHATD_ATTACHMENTS__KEEP_FREE", "0B")
            .env("CHATD_LOG__LEVEL", "info,chatd=debug")
            .env("CHATD_BOOTSTRAP__ADMIN_EMAIL", Door::ADMIN)
            .env("CHATD_BOOTSTRAP__ADMIN_PASSWORD_FILE", self.folder.path().join("password"))
            .envs(self.settings.iter().cloned())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::clone(&self.log);
        let lines_before = lock(&log).len();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lock(&log).push(line);
            }
        });
        self.running = Some(Running { child, reader, lines_before });
    }

    /// The next process has these variables instead of those that were given at first.
    pub fn set(&mut self, settings: &[(&str, &str)]) {
        self.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }

    /// Waits until the process that was spawned listens.
    ///
    /// # Panics
    /// When it ends instead.
    pub async fn ready(&mut self) -> SocketAddr {
        let Self { running, log, .. } = self;
        let running = running.as_mut().expect("it was spawned");
        let address = eventually("the server is ready", async || {
            let found = lock(log)[running.lines_before..].iter().find_map(|line| address(line));
            if found.is_none()
                && let Ok(Some(status)) = running.child.try_wait()
            {
                panic!("it ended with {status}: {:#?}", lock(log));
            }
            found
        })
        .await;
        if let Some(door) = &mut self.door {
            door.address = address;
        }
        address
    }

    /// Ends the process as a power cut would: SIGKILL.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        let _ = running.child.kill();
        let _ = running.child.wait();
        let _ = running.reader.join();
    }

    /// Asks the process to end: SIGTERM.
    ///
    /// # Panics
    /// When it does not run.
    pub fn terminate(&self) {
        let running = self.running.as_ref().expect("it runs");
        let pid = i32::try_from(running.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), Signal::TERM).expect("a signal");
    }

    /// Lines of the log with these words in them tell of what this test does, and of no fault.
    pub fn expect_in_log(&mut self, words: &str) {
        self.expected.push(words.to_owned());
    }

    /// The lines of its log, of all processes so far.
    pub fn log(&self) -> Vec<String> {
        lock(&self.log).clone()
    }

    fn is_expected(&self, line: &str) -> bool {
        self.expected.iter().any(|words| line.contains(words))
    }

    /// How much memory the process has, in KiB.
    ///
    /// # Panics
    /// When it does not run, or not on Linux.
    pub fn resident_kib(&self) -> u64 {
        let running = self.running.as_ref().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Waits for the process to end.
    ///
    /// # Panics
    /// When it does not.
    pub async fn exited(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("it runs");
        let status = eventually("the process ends", async || running.child.try_wait().ok().flatten()).await;
        let _ = running.reader.join();
        status
    }

    /// Ends the process in order and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.terminate();
        let status = self.exited().await;
        assert_eq!(status.code(), Some(0), "{:#?}", lock(&self.log));
        self.spawn();
        self.ready().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        let log = lock(&self.log);
        let faults: Vec<&String> = log.iter().filter(|line| is_fault(line) && !self.is_expected(line)).collect();
        let failing_already = std::thread::panicking();
        assert!(faults.is_empty() || failing_already, "the server's log tells of faults: {faults:#?}");
    }
}

/// Whether a line of a log tells of something that must not happen, whatever a client does.
pub(crate) fn is_fault(line: &str) -> bool {
    line.contains("panicked")
        || line.contains(r#""level":"ERROR""#)
        // 503 is how a server that goes down answers.
        || (line.contains(r#""status":5"#) && !line.contains(r#""status":503"#))
        || line.contains("internal")
}

fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "ready" {
        return None;
    }
    line["address"].as_str()?.parse().ok()
}

/// A command that sees nothing of the environment that could configure it.
fn command<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
///
/// # Panics
/// When it does not end.
pub async fn run(program: impl AsRef<Path>, arguments: &[&str], settings: &[(&str, &str)]) -> Finished {
    let mut command = command(program.as_ref(), arguments);
    command.envs(settings.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let until = tokio::time::Instant::now() + DEADLINE;
    // Its output is a few lines, which the pipes hold while nobody reads.
    while child.try_wait().expect("a process").is_none() {
        if tokio::time::Instant::now() > until {
            let _ = child.kill();
            panic!("{arguments:?} does not end");
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let Output { status, stdout, stderr } = child.wait_with_output().expect("a process");
    Finished {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn lock(log: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::is_fault;

    #[test]
    fn faults_are_told_from_the_usual() {
        for fault in [
            "thread 'tokio-rt-worker' panicked at chatd/src/rest/me.rs:13:5:",
            r#"{"level":"ERROR","message":"a commit failed","target":"chatcore::writer"}"#,
            r#"{"level":"DEBUG","message":"request","method":"GET","path":"/api/v1/me","status":500}"#,
            r#"{"level":"DEBUG","message":"request","method":"GET","path":"/api/v1/me","status":507}"#,
            r#"{"level":"WARN","code":"internal"}"#,
        ] {
            assert!(is_fault(fault), "{fault}");
        }
        for usual in [
            r#"{"level":"INFO","message":"ready","address":"127.0.0.1:5000"}"#,
            r#"{"level":"DEBUG","message":"request","status":404}"#,
            r#"{"level":"DEBUG","message":"request","status":503}"#,
        ] {
            assert!(!is_fault(usual), "{usual}");
        }
    }
}
