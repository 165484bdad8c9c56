//! A real SMTP server, `aiosmtpd`, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

/// When a test gives up waiting. Far longer than anything takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The version that the tests know; it comes from the index of Python packages when it is not there yet.
const AIOSMTPD: &str = "aiosmtpd==1.4.6";

/// Ends with its owner.
#[derive(Debug)]
pub(crate) struct MailServer {
    pub(crate) port: u16,
    child: Child,
    input: ChildStdin,
    told: mpsc::Receiver<Value>,
}

/// A certificate for 127.0.0.1, and who has signed it, as files.
#[derive(Debug)]
pub(crate) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    pub(crate) authority: String,
    _folder: tempfile::TempDir,
}

impl MailServer {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/smtp_server.py");
        let mut child = python()
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts the mail server");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (tell, told) = mpsc::channel(1_000);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("a line of JSON");
                if tell.blocking_send(event).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { port: 0, child, input, told };
        let ready = server.next("ready").await;
        server.port = u16::try_from(ready["port"].as_u64().expect("a port")).expect("a port");
        server
    }

    /// One that knows nobody and encrypts nothing.
    pub(crate) async fn plain() -> Self {
        Self::start(&[]).await
    }

    pub(crate) async fn with(certificate: &Certificate, more: &[&str]) -> Self {
        let paths = [&certificate.chain, &certificate.key].map(|path| path.to_str().expect("a path"));
        let mut arguments = vec!["--certificate", paths[0], "--key", paths[1]];
        arguments.extend(more);
        Self::start(&arguments).await
    }

    /// See `smtp_server.py`.
    pub(crate) async fn told_to(&mut self, word: &str) {
        writeln!(self.input, "{word}").expect("the server listens");
        self.next("obeyed").await;
    }

    /// The next that it tells, which must be this.
    pub(crate) async fn next(&mut self, event: &str) -> Value {
        let told = tokio::time::timeout(DEADLINE, self.told.recv()).await.expect("the server tells something");
        let told = told.expect("the server runs");
        assert_eq!(told["event"], event, "{told}");
        told
    }

    /// The next that it tells is a mail.
    pub(crate) async fn mail(&mut self) -> Value {
        self.next("mail").await
    }

    /// It has told nothing that nobody has heard.
    pub(crate) fn silent(&mut self) -> bool {
        self.told.try_recv().is_err()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let signed = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let own = own.signed_by(&key, &issuer).expect("a certificate");
        let (chain, key_file) = (folder.path().join("server.pem"), folder.path().join("server.key"));
        std::fs::write(&chain, own.pem()).expect("written");
        std::fs::write(&key_file, key.serialize_pem()).expect("written");
        Self { chain, key: key_file, authority: signed.pem(), _folder: folder }
    }
}

/// Python with what the server needs, which is installed beside what Cargo builds. Without it there is no test, so the
/// tests fail.
fn python() -> Command {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    let packages = PACKAGES.get_or_init(|| {
        let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
        if !packages.join("aiosmtpd").is_dir() {
            let installed = Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
                .arg(&packages)
                .arg(AIOSMTPD)
                .status()
                .expect("python3 with pip (Debian: python3-pip)");
            assert!(installed.success(), "pip has not installed {AIOSMTPD}");
        }
        packages
    });
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages).env("PYTHONUNBUFFERED", "1");
    python
}
