use chat_client::plain_line;
use chat_proto::wire::{LimitsInfo, ServerInfo};
use serde::Serialize;

use crate::access::Door;
use crate::exit::{Exit, Failure, print};
use crate::output::{Style, json};

/// What `--json` prints: the answer of `/server`, and whether it is ready.
#[derive(Serialize)]
struct Report<'a> {
    ready: bool,
    #[serde(flatten)]
    server: &'a ServerInfo,
}

pub(crate) async fn run(door: &Door, style: &Style) -> Result<Exit, Failure> {
    let server = door.server()?;
    let client = door.stranger(&server)?;
    let (ready, info) = tokio::try_join!(client.ready(), client.server())?;
    let exit = if ready { Exit::Ok } else { Exit::Unhealthy };
    if !style.json {
        return Ok(print(&screen(&server.server, ready, &info), exit));
    }
    Ok(match json(&Report { ready, server: &info })? {
        Exit::Ok => exit,
        failed => failed,
    })
}

fn screen(url: &str, ready: bool, server: &ServerInfo) -> String {
    let state = if ready { "ready" } else { "NOT READY: changes are not taken now" };
    let LimitsInfo { text_bytes, frame_bytes, body_bytes, group_participants, page_rows, .. } = server.limits;
    let LimitsInfo { attachment_bytes, attachments_per_message, .. } = server.limits;
    format!(
        "Server     {}\n\
         State      {state}\n\
         Version    {}\n\
         Protocols  {}\n\
         Limits     message {}, frame {}, body {}, group {group_participants} people, page {page_rows} rows, \
         {attachments_per_message} attachments of {}\n",
        plain_line(url),
        plain_line(&server.version),
        plain_line(&server.protocols.join(", ")),
        size(text_bytes),
        size(frame_bytes),
        size(body_bytes),
        size(attachment_bytes),
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
