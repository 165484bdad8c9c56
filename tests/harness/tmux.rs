//! Programs in terminals, driven through tmux as somebody at the keys would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::Pid;
use tempfile::TempDir;

use crate::{PASSWORD, eventually};

/// Runs a program, and puts its process and how it ended into files of a folder. tmux itself cannot be asked: when a
/// terminal is closed it has a child of libutempter's write that down, and until that is done it ignores that children
/// end. The program ends at just that time, and is not told of ever after.
const WATCHED: &str = r#"
folder=$1; shift
sh -c 'echo $$ > "$0/pid"; exec "$@"' "$folder" "$@"
echo $? > "$folder/new" && mv "$folder/new" "$folder/status"
"#;

/// What a shell at the keys knows: to run a program as above, and to say when it has the terminal again.
const SHELL: &str = r#"
PS1='$ '
unset RUST_BACKTRACE
run() { sh -c 'echo $$ > "$0/pid"; exec "$@"' "$process" "$@"; echo "shell again: $?"; }
"#;

/// A tmux server of its own; dropping it ends it with everything that runs in it.
#[derive(Debug)]
pub struct Tmux {
    folder: TempDir,
}

/// One terminal with one program.
#[derive(Debug)]
pub struct Terminal<'a> {
    tmux: &'a Tmux,
    name: String,
}

impl Tmux {
    /// # Panics
    /// When there is no tmux: what this tests cannot be left out.
    pub fn new() -> Self {
        let version = Command::new("tmux").arg("-V").output();
        assert!(version.is_ok_and(|output| output.status.success()), "install the Debian package `tmux`");
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Starts a program in a terminal of this size.
    ///
    /// # Panics
    /// When tmux does not.
    pub fn start(&self, name: &str, (columns, rows): (u16, u16), program: &str, arguments: &[&str]) -> Terminal<'_> {
        let state = self.folder.path().join(format!("state-{name}"));
        let state = format!("XDG_STATE_HOME={}", state.display());
        let password = format!("CHAT_TUI_PASSWORD={PASSWORD}");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let process = self.process(name);
        std::fs::create_dir(&process).expect("a folder for each name");
        let recording = format!("cat > '{}'", process.join("recording").display());
        // What is left on the screen when the program ends is looked at, too.
        let mut all = vec!["start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"];
        all.extend(["set-option", "-g", "focus-events", "on", ";"]);
        all.extend(["new-session", "-d", "-s", name, "-x", &columns, "-y", &rows]);
        all.extend(["-e", &state, "-e", &password, "-e", "LC_ALL=C.UTF-8", "-e", "RUST_BACKTRACE=1"]);
        all.extend(["--", "sh", "-c", WATCHED, "sh", process.to_str().expect("a plain path"), program]);
        all.extend(arguments);
        all.extend([";", "pipe-pane", "-t", name, &recording]);
        self.run(&all);
        Terminal { tmux: self, name: name.to_owned() }
    }

    /// Starts a shell in a terminal of this size; `run` and a program there tells `shell again: ` and its status when the
    /// shell has the terminal again.
    ///
    /// # Panics
    /// When tmux does not.
    pub fn shell(&self, name: &str, size: (u16, u16)) -> Terminal<'_> {
        let file = self.folder.path().join(format!("shell-{name}"));
        let process = format!("process='{}'\n", self.process(name).display());
        std::fs::write(&file, process + SHELL).expect("a file");
        self.start(name, size, "env", &[&format!("ENV={}", file.display()), "sh", "-i"])
    }

    fn run(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("tmux runs");
        assert!(status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8_lossy(&stdout).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        // Nothing of whoever runs the tests.
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
        command.arg("-u").arg("-f").arg("/dev/null").arg("-S").arg(self.socket());
        command.args(arguments);
        command
    }

    fn socket(&self) -> impl AsRef<std::ffi::OsStr> + use<> {
        self.folder.path().join("socket")
    }

    /// What is known of a program's process.
    fn process(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("process-{name}"))
    }

    /// Where it keeps what is kept.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Default for Tmux {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}

impl Terminal<'_> {
    /// What is on the screen, without colours.
    pub fn screen(&self) -> String {
        self.tmux.run(&["capture-pane", "-p", "-t", &self.name])
    }

    /// What is on the screen, with the escape sequences of its colours.
    pub fn coloured(&self) -> String {
        self.tmux.run(&["capture-pane", "-p", "-e", "-t", &self.name])
    }

    /// Types a text.
    pub fn types(&self, text: &str) {
        self.tmux.run(&["send-keys", "-t", &self.name, "-l", "--", text]);
    }

    /// Presses a key by tmux's name of it, such as `Enter` or `C-k`.
    pub fn presses(&self, key: &str) {
        self.tmux.run(&["send-keys", "-t", &self.name, key]);
    }

    /// Gives the terminal another size.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux.run(&["resize-window", "-t", &self.name, "-x", &columns, "-y", &rows]);
    }

    /// Waits until the screen is like this.
    ///
    /// # Panics
    /// When it does not become so; with what it showed in the end.
    pub async fn until(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let told = format!("{}: {what}", self.name);
        let last = std::cell::RefCell::new(String::new());
        let show_at_the_end = Shown(&last);
        let found = eventually(&told, async || {
            let screen = self.screen();
            let found = is_it(&screen).then(|| screen.clone());
            *last.borrow_mut() = screen;
            found
        })
        .await;
        std::mem::forget(show_at_the_end);
        found
    }

    /// The process of the program.
    ///
    /// # Panics
    /// When it was not started yet.
    pub fn pid(&self) -> Pid {
        self.told("pid").and_then(Pid::from_raw).expect("a process")
    }

    /// Waits until the program is over; its status as a shell tells it, 128 and the number of the signal that ended it.
    pub async fn over(&self) -> i32 {
        eventually(&format!("{} is over", self.name), async || self.told("status")).await
    }

    fn told(&self, what: &str) -> Option<i32> {
        std::fs::read_to_string(self.tmux.process(&self.name).join(what)).ok()?.trim().parse().ok()
    }

    /// All that was written to the terminal so far.
    pub fn recording(&self) -> String {
        let recording = std::fs::read(self.tmux.process(&self.name).join("recording")).unwrap_or_default();
        String::from_utf8_lossy(&recording).into_owned()
    }

    /// Waits until the terminal shows its ordinary screen. What a program wrote last may reach it after the end.
    pub async fn given_back(&self) {
        let shows_another = || self.tmux.run(&["display-message", "-p", "-t", &self.name, "#{alternate_on}"]);
        let given_back = async || (shows_another().trim() == "0").then_some(());
        eventually(&format!("{} is given back", self.name), given_back).await;
    }
}

/// Prints the screen when waiting for it fails.
struct Shown<'a>(&'a std::cell::RefCell<String>);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        tracing::error!("the screen was:\n{}", self.0.borrow());
        #[expect(clippy::print_stderr, reason = "whoever reads the failure needs to see it")]
        {
            eprintln!("the screen was:\n{}", self.0.borrow());
        }
    }
}
