//! The way of a file that another system held: that of an upload, but that nobody asks for it to come, and that its id is
//! known before.

use std::sync::Arc;

use chat_proto::Role;
use tokio::io::AsyncRead;

use super::Upload;
use super::upload::Checked;
use crate::chat::Engine;
use crate::error::{Error, Result};
use crate::importer::ImportedFile;
use crate::state::{Command, FileRow, Outcome, Refusal};

/// Keeps it, for a message that comes next. Returns how many bytes are kept.
pub(crate) async fn import(engine: &Arc<Engine>, file: ImportedFile, bytes: impl AsyncRead) -> Result<u64> {
    let ImportedFile { id, owner, name } = file;
    let role = engine.read(move |view| {
        let no = view.user_no(owner)?.ok_or_else(|| Refusal::not_found("There is no such account."))?;
        Ok(view.account(no)?.map_or(Role::Customer, |account| account.role))
    });
    let checked = receive(engine, role.await?, &name, bytes).await?;
    let command = move |file: FileRow| Command::ImportFile { owner, file: Box::new(file) };
    match engine.keep_to_the_end(checked, id, command).await? {
        (Outcome::Imported(_), bytes) => Ok(bytes),
        _ => Err(Error::unexpected()),
    }
}

/// Looks at it only. Returns how many bytes would be kept.
pub(crate) async fn check(engine: &Arc<Engine>, role: Role, name: &str, bytes: impl AsyncRead) -> Result<u64> {
    Ok(receive(engine, role, name, bytes).await?.main.size)
}

async fn receive(engine: &Engine, role: Role, name: &str, bytes: impl AsyncRead) -> Result<Checked> {
    let received = engine.receive(&Upload::new(name), engine.limits.attachments.bytes, bytes).await?;
    engine.check(received, name, role).await
}
