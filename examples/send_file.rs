//! Sends a file to somebody over the daemon, and shows how far it is.
//!
//! ```text
//! cargo run --release -p chat-examples --example send_file -- http://127.0.0.1:9000 ana@mail.example "Leo Marsh" ./photo.jpg
//! ```
//!
//! The password is read from `CHAT_PASSWORD`; without it, the demo shop's is used.
#![expect(clippy::print_stdout, reason = "an example talks to who runs it")]

use anyhow::{Context as _, bail};
use chat_client::{Client, Draft, PageQuery, Upload, plain_line};
use chat_proto::{ClientId, Role};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, email, other, path] = arguments.as_slice() else { bail!("usage: send_file URL EMAIL NAME FILE") };
    let (client, _) = Client::new(url)?.login(email, &password()).await?;

    let mut to = None;
    for role in Role::ALL {
        // Not everybody may write to everybody.
        let Ok(page) = client.directory(role, &PageQuery::first()).await else { continue };
        to = to.or_else(|| page.items.into_iter().find(|person| person.name == *other));
    }
    let conversation = client.open_direct(to.context("nobody of this name")?.id).await?;

    let upload = Upload::file(path).await.with_context(|| path.clone())?;
    let all = upload.size();
    let file = client.attach(upload.progress(move |done| println!("{done} of {all} bytes"))).await?;
    // Names come from people: this is printed in a terminal.
    println!("{}: {}, kept for a day until it is sent", plain_line(&file.name), file.media_type);

    // The upload's own name for the message: sending it again under the same is harmless.
    let client_id: ClientId = format!("file:{}", file.id).parse()?;
    let (message, _) = client.send(conversation.id, &client_id, Draft::text("").attachments(vec![file])).await?;
    println!("sent as number {}", message.seq);
    client.logout().await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example reads its own environment")]
fn password() -> String {
    std::env::var("CHAT_PASSWORD").unwrap_or_else(|_| "demo-password".to_owned())
}
