use std::io::Write as _;
use std::time::Duration;

use chat_client::{Client, Error, plain, plain_line};
use chat_proto::wire::{LimitsInfo, ServerInfo};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, complain, print};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Where the server is, such as <http://127.0.0.1:8080>
    #[arg(long, value_name = "URL", env = "CHATCTL_SERVER")]
    server: String,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
    /// How many seconds the server may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// What `--json` prints: the answer of `/server`, and whether it is ready.
#[derive(Serialize)]
struct Report<'a> {
    ready: bool,
    #[serde(flatten)]
    server: &'a ServerInfo,
}

pub(crate) async fn run(args: &Status) -> Exit {
    let (ready, server) = match ask(args).await {
        Ok(answers) => answers,
        Err(error) => return refuse(&error, args.json),
    };
    let exit = if ready { Exit::Ok } else { Exit::Unhealthy };
    if !args.json {
        return print(&screen(&args.server, ready, &server), exit);
    }
    let report = Report { ready, server: &server };
    match serde_json::to_string_pretty(&report) {
        // JSON escapes some of what a terminal could obey, not all of it.
        Ok(json) => print(&(plain(&json).into_owned() + "\n"), exit),
        Err(error) => complain(&error.to_string(), Exit::Failed),
    }
}

async fn ask(args: &Status) -> Result<(bool, ServerInfo), Error> {
    let client = Client::new(&args.server)?.timeout(Duration::from_secs(args.timeout));
    tokio::try_join!(client.ready(), client.server())
}

/// For programs the problem itself, if the server gave one.
fn refuse(error: &Error, json: bool) -> Exit {
    let exit = Exit::of(error);
    let problem = match error {
        Error::Refused(problem) => serde_json::to_value(problem),
        _ => Ok(serde_json::json!({ "detail": error.to_string(), "exit_code": exit as u8 })),
    };
    match problem {
        Ok(problem) if json => {
            // Nobody may be reading.
            let _ = writeln!(std::io::stderr(), "{}", plain(&problem.to_string()));
            exit
        }
        _ => complain(&error.to_string(), exit),
    }
}

fn screen(url: &str, ready: bool, server: &ServerInfo) -> String {
    let state = if ready { "ready" } else { "NOT READY: changes are not taken now" };
    let LimitsInfo { text_bytes, frame_bytes, body_bytes, group_participants, page_rows } = server.limits;
    format!(
        "Server     {}\n\
         State      {state}\n\
         Version    {}\n\
         Protocols  {}\n\
         Limits     message {}, frame {}, body {}, group {group_participants} people, page {page_rows} rows\n",
        plain_line(url),
        plain_line(&server.version),
        plain_line(&server.protocols.join(", ")),
        size(text_bytes),
        size(frame_bytes),
        size(body_bytes),
    )
}

/// In the largest unit that leaves no fraction.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        1.. if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        1.. if bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        _ => format!("{bytes} bytes"),
    }
}
