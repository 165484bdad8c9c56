use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use chatcore::mail::Mailer;
use chatcore::store::{StoreError, StoreErrorKind};
use chatcore::{Accepted, AttachmentLimits, Channel, Chat, ErrorCode, Limits, Links, Rates, Retention, Role};
use clap::Args;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit, umask};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::{ConfigFlags, Exit, complain, descriptors};
use crate::config::{Config, FileKind, LogFormat};
use crate::demo_mail::ShownMails;
use crate::listener::HttpLimits;
use crate::mail::Unusable;
use crate::{Demo, RouterConfig, attachments, mail};

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFlags,
    /// Serve a small shop from a temporary folder, on 127.0.0.1 only, and say what to try
    #[arg(long, conflicts_with_all = ["data_dir", "public_url"])]
    demo: bool,
}

/// Where the links in the demo's mails lead.
static DEMO_LINKS: OnceLock<Links> = OnceLock::new();

/// Opening and closing never takes longer than this, or something is wrong.
const CLOSE_GRACE: Duration = Duration::from_secs(10);

pub(super) fn run(args: &Serve) -> Exit {
    keep_private();
    let loaded = match args.config.load().and_then(|loaded| loaded.check().map(|()| loaded)) {
        Ok(loaded) => loaded,
        Err(error) => {
            complain(error);
            return Exit::Config;
        }
    };
    if let Err(error) = start_log(&loaded.config) {
        complain(error);
        return Exit::Config;
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("the runtime did not start: {error}"));
            return Exit::Failed;
        }
    };
    let mut config = loaded.config;
    if !args.demo {
        return runtime.block_on(serve(&config, None));
    }
    if !config.listen.ip().is_loopback() {
        complain("the demo's passwords are known to everybody, so it only listens on 127.0.0.1");
        return Exit::Config;
    }
    let folder = match tempfile::Builder::new().prefix("chatd-demo-").tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            complain(format_args!("no temporary folder could be made: {error}"));
            return Exit::Failed;
        }
    };
    folder.path().clone_into(&mut config.data_dir);
    runtime.block_on(serve(&config, Some(folder.path())))
}

/// Whatever this process makes is its owner's alone; and if it should crash, no file keeps its memory, in which there are keys
/// and what people write. An operator who wants one raises the limit of the running process (`prlimit --core`).
fn keep_private() {
    umask(Mode::RWXG | Mode::RWXO);
    let limit = getrlimit(Resource::Core);
    // Lowering it is always allowed.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: limit.maximum });
}

async fn serve(config: &Config, demo: Option<&Path>) -> Exit {
    // Before anything else, so that a signal during the start is not lost.
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        complain("signals cannot be listened for");
        return Exit::Failed;
    };
    // Writing beyond the largest size of a file that is allowed (`ulimit -f`) would end the process. Listened for, it is
    // an error as on a full disk.
    let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
    let chat = match open(config, demo.is_some()).await {
        Ok(chat) => chat,
        Err(exit) => return exit,
    };
    let listener = match listen(config.listen) {
        Ok(listener) => listener,
        Err(error) => {
            let hint = if error.kind() == std::io::ErrorKind::AddrInUse {
                "; another program has that port, so give another with --listen"
            } else {
                ""
            };
            complain(format_args!("cannot listen on {}: {error}{hint}", config.listen));
            return Exit::Failed;
        }
    };
    let address = listener.local_addr().unwrap_or(config.listen);
    if demo.is_some() {
        match mail::links(config, &format!("http://{address}")) {
            Ok(links) => DEMO_LINKS.get_or_init(|| links),
            Err(unusable) => {
                complain(format_args!("{}: {}", unusable.key, unusable.why));
                return Exit::Config;
            }
        };
        match crate::seed_demo(&chat).await {
            Ok(shop) => show_demo(&shop, &address.to_string()),
            Err(error) => {
                complain(format_args!("the demo shop could not be made: {error}"));
                return Exit::Failed;
            }
        }
    }
    let router = RouterConfig::of(config);
    let drain = router.drain.clone();
    let limits = HttpLimits {
        header_timeout: config.http.header_timeout.get(),
        shutdown_grace: config.http.shutdown_grace.get(),
        connections: descriptors::connections(config.limits.connections),
        connections_per_address: config.limits.connections_per_address,
        proxies: config.server.trusted_proxies.clone(),
    };
    tracing::info!(%address, data_dir = %config.data_dir.display(), version = env!("CARGO_PKG_VERSION"), "ready");
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; a second signal ends the process at once");
        drain.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let serve_and_close = async {
        crate::serve(listener, &chat, router, limits).await;
        chat.clone().close(CLOSE_GRACE).await
    };
    let closed = tokio::select! {
        closed = serve_and_close => closed,
        () = stop => {
            complain("stopped by a second signal");
            return Exit::Failed;
        }
    };
    match closed {
        Ok(()) => {
            tracing::info!("stopped");
            Exit::Ok
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}

/// So many connections may wait to be accepted, if the system lets them (`net.core.somaxconn`). After a restart everybody
/// comes back at once, and who finds the queue full tries again a whole second later.
const BACKLOG: u32 = 4_096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart need not wait until the connections of the process before are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn open(config: &Config, is_demo: bool) -> Result<Chat, Exit> {
    let mut limits = Limits::default();
    limits.text_bytes = config.limits.message_bytes.bytes();
    limits.group_participants = config.limits.group_participants;
    limits.connections_per_user = config.limits.sockets_per_user;
    limits.mailbox = config.limits.mailbox_frames;
    limits.rates = rates(&config.limits);
    limits.attachments = attachment_limits(config);
    let mut builder = Chat::builder()
        .data_dir(&config.data_dir)
        .limits(limits)
        .access_ttl(config.auth.access_ttl.get())
        .refresh_ttl(config.auth.refresh_ttl.get())
        .retention(Retention { age: config.store.keep_events.get(), events: config.store.most_events as u64 })
        .keep_audit(config.retention.audit.get())
        .cache_bytes(config.store.cache.bytes())
        .sites(config.sites.clone());
    if !config.auth.jwt_secret.is_empty() {
        builder = builder.token_secret(config.auth.jwt_secret.expose());
    }
    if !config.auth.previous_jwt_secret.is_empty() {
        builder = builder.previous_token_secret(config.auth.previous_jwt_secret.expose());
    }
    builder = builder.notify_after(Channel::Mail, config.mail.delay.get());
    if is_demo {
        builder = builder.notifier(ShownMails::new(&DEMO_LINKS));
    } else if let Some(mailer) = mailer(config)? {
        builder = builder.notifier(mailer);
    }
    if let Some(bucket) = attachments::bucket(config).map_err(refuse)?.filter(|_| !is_demo) {
        builder = builder.attachments(attachments::store(&bucket, config).await.map_err(refuse)?);
    }
    #[cfg(feature = "push")]
    {
        builder = builder.push(push(config)).notify_after(Channel::Push, config.push.delay.get());
    }
    #[cfg(feature = "webhooks")]
    {
        let addresses = chatcore::AddressRules { allow_private: config.webhooks.allow_private, hosts: Vec::new() };
        builder = builder.webhooks(crate::webhook_options().addresses(addresses));
    }
    let opened = builder.open().await;
    let chat = opened.map_err(|error| {
        let store = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<StoreError>());
        let kind = store.map(StoreError::kind);
        match std::error::Error::source(&error) {
            Some(cause) if kind.is_none() => complain(format_args!("{} ({cause})", error.detail())),
            _ => complain(error.detail()),
        }
        match kind {
            Some(StoreErrorKind::Locked) => Exit::Locked,
            Some(_) => Exit::Data,
            // Attachments are to lie where those of another server do.
            None if error.code() == ErrorCode::Conflict => Exit::Config,
            None => Exit::Failed,
        }
    })?;
    first_admin(&chat, config).await?;
    Ok(chat)
}

fn mailer(config: &Config) -> Result<Option<Mailer>, Exit> {
    mail::mailer(config, &mail::base(config)).map_err(refuse)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what an error is mapped with")]
fn refuse(unusable: Unusable) -> Exit {
    complain(format_args!("{}: {}", unusable.key, unusable.why));
    Exit::Config
}

fn rates(limits: &crate::config::Limits) -> Rates {
    let mut rates = Rates::default();
    rates.requests_per_address = limits.requests_per_address.get();
    rates.sign_ins_per_address = limits.sign_ins_per_address.get();
    rates.sends_per_user = limits.sends_per_user.get();
    rates.changes_per_user = limits.changes_per_user.get();
    rates.sends_per_conversation = limits.sends_per_conversation.get();
    rates
}

fn attachment_limits(config: &Config) -> AttachmentLimits {
    let kinds = |kinds: &[FileKind]| kinds.iter().map(|kind| kind.media_type()).collect::<Vec<_>>();
    let mut limits = AttachmentLimits::default();
    limits.bytes = config.limits.attachment_bytes.bytes() as u64;
    limits.per_message = config.limits.attachments_per_message;
    limits.bytes_per_day = config.limits.attachment_bytes_per_day.bytes() as u64;
    limits.keep_free = config.attachments.keep_free.bytes() as u64;
    limits.accepted = Accepted::kinds(kinds(&config.attachments.accept));
    let from_customers = kinds(&config.attachments.accept_from_customers);
    if !from_customers.is_empty() {
        limits.accepted = limits.accepted.of_role(Role::Customer, from_customers);
    }
    limits
}

#[cfg(feature = "push")]
fn push(config: &Config) -> chatcore::PushOptions {
    let push = &config.push;
    let mail = Some(&config.bootstrap.admin_email).filter(|mail| !mail.is_empty()).map(|mail| format!("mailto:{mail}"));
    let url = config.public_url.origin().filter(|_| config.public_url.is_https()).map(ToString::to_string);
    let given = Some(push.subject.clone()).filter(|subject| !subject.is_empty());
    let mut options = chatcore::PushOptions::default();
    options.keys = chatcore::VapidKeys::from_private(push.private_key.expose());
    options.subject = given.or(url).or(mail);
    options.show_text = push.show_text;
    // Whether they are good was looked at before.
    options.links = mail::links(config, &mail::base(config)).ok();
    options.addresses = chatcore::AddressRules { allow_private: push.allow_private, hosts: push.services.clone() };
    options
}

/// Makes the admin that `[bootstrap]` names, while there is none.
async fn first_admin(chat: &Chat, config: &Config) -> Result<(), Exit> {
    let bootstrap = &config.bootstrap;
    let has_admin = chat.has_admin().await.map_err(|error| {
        complain(error);
        Exit::Data
    })?;
    if bootstrap.admin_email.is_empty() || has_admin {
        return Ok(());
    }
    let password = std::fs::read_to_string(&bootstrap.admin_password_file).map_err(|error| {
        complain(format_args!("{}: {error}", bootstrap.admin_password_file.display()));
        Exit::Config
    })?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    match chat.bootstrap_admin(&bootstrap.admin_email, "Admin", password).await {
        Ok(user) => {
            tracing::info!(user = %user.id, "made the first admin");
            Ok(())
        }
        Err(error) => {
            complain(format_args!("the first admin could not be made: {}", error.detail()));
            Err(Exit::Config)
        }
    }
}

fn start_log(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log.level).map_err(|error| format!("log.level: {error}"))?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match (config.log.format, terminal) {
        (LogFormat::Json, _) | (LogFormat::Auto, false) => lines.json().flatten_event(true).boxed(),
        (LogFormat::Text | LogFormat::Auto, _) => lines.with_ansi(terminal).with_target(false).boxed(),
    };
    // Of what is below `info` only our own code knows what is a secret: libraries log frames and headers as they are.
    let ours = filter_fn(|line| *line.level() <= Level::INFO || line.target().starts_with("chat"));
    tracing_subscriber::registry().with(lines.with_filter(ours).with_filter(filter)).init();
    Ok(())
}

/// What to try, ready to be pasted into another terminal.
fn show_demo(shop: &Demo, address: &str) {
    use std::fmt::Write as _;
    use std::io::Write as _;
    let mut text = format!(
        "A demo shop is open on http://{address} (a temporary folder; gone when you press Ctrl-C).\n\n\
         Everybody's password is {}\n\n",
        Demo::PASSWORD
    );
    for user in &shop.people {
        let _ = writeln!(text, "  {:<10} {:<20} {}", user.role, user.email, user.name);
    }
    let _ = write!(
        text,
        r#"
Read a conversation as Ana:

  TOKEN=$(curl -s http://{address}/api/v1/auth/login -H 'Content-Type: application/json' \
    -d '{{"email":"ana@mail.example","password":"{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s http://{address}/api/v1/conversations -H "Authorization: Bearer $TOKEN"

Talk to Leo live, in two terminals (from this project's folder):

  cargo run --release -p chat-examples --example echo -- http://{address} ana@mail.example "Leo Marsh"
  cargo run --release -p chat-examples --example echo -- http://{address} leo@shop.example "Ana Ruiz"

The API, readable:  http://{address}/api/docs
Mails and devices:  http://{address}/account (in a browser)

"#,
        password = Demo::PASSWORD
    );
    // Nobody may be reading; the server serves all the same.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
