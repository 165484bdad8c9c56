use chat_client::{Client, Connection, FollowOptions, LiveChange, TokenSource, Update, plain_line};
use clap::{Args, Subcommand};

use crate::access::Door;
use crate::exit::{Exit, Failure, print};
use crate::output::{Style, moment};
use crate::text;

#[derive(Debug, Subcommand)]
pub(crate) enum Event {
    /// Print what happens, as far as you may see it, a line each; ends with Ctrl-C
    Tail(Tail),
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Only events whose name begins so, such as message. or message.created
    #[arg(long = "type", value_name = "NAME")]
    of_type: Option<String>,
}

pub(crate) async fn run(event: &Event, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let Event::Tail(tail) = event;
    let says = |event: &LiveChange| {
        let head = &event.head;
        let name = serde_json::to_value(head.e).ok()?;
        let name = name.as_str().unwrap_or_default();
        if tail.of_type.as_ref().is_some_and(|wanted| !name.starts_with(wanted.as_str())) {
            return None;
        }
        if style.json {
            return Some(plain_line(&event.to_json().to_string()).into_owned() + "\n");
        }
        let by = head.by.as_ref().map_or_else(String::new, |by| format!(" by {}", text::line(&by.name)));
        let conversation = head.conv.map_or_else(String::new, |id| format!(" in {id}"));
        let seq = head.seq.map_or_else(String::new, |seq| format!(" number {seq}"));
        Some(format!("{} {name}{conversation}{seq}{by}\n", moment(head.at)))
    };
    let (client, tokens) = door.lasting_client().await?;
    follow(client, tokens, Following { style, says: &says }).await
}

/// What of each event is printed.
pub(crate) struct Following<'a> {
    pub(crate) style: &'a Style,
    pub(crate) says: &'a dyn Fn(&LiveChange) -> Option<String>,
}

/// Prints events until the connection ends for good, or nobody reads any more.
pub(crate) async fn follow(
    client: Client,
    tokens: impl TokenSource,
    following: Following<'_>,
) -> Result<Exit, Failure> {
    let as_of = client.conversations(&chat_client::PageQuery::first().limit(1)).await?.as_of;
    let (_follower, mut updates) = client.follow(FollowOptions::new().after(as_of).token_source(tokens));
    while let Some(update) = updates.next().await {
        match update {
            Update::Event(event) => {
                let printed = (following.says)(&event).map_or(Exit::Ok, |line| print(&line, Exit::Ok));
                if printed != Exit::Ok {
                    return Ok(printed);
                }
            }
            Update::Reset(why) => following.style.remark(&format!("Something was missed: {why}")),
            Update::Connection(Connection::Waiting { why, retry_in }) => {
                following.style.remark(&format!("{why}; again in {} s", retry_in.as_secs().max(1)));
            }
            Update::Connection(Connection::Ended(why)) => return Err(why.into()),
            _ => {}
        }
    }
    Ok(Exit::Ok)
}
