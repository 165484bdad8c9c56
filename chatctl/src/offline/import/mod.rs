//! What another system holds, brought into a data folder.
//!
//! A dump is read one record at a time. People come at once; of conversations and messages it is noted first what there
//! is and where it stands, since they come in another order than they lie in: the conversations by their newest message,
//! and each with all its messages, which are read a second time.

mod mapping;
mod messages;
mod people;
mod plan;
mod progress;
mod records;
mod report;
mod source;
mod talks;
mod transfer;
mod value;

use std::path::Path;

use chatcore::{Chat, Imported};

use self::mapping::Collection;
use self::plan::Plan;
use self::progress::Progress;
use self::report::Report;
use self::transfer::Transfer;
use crate::exit::{Exit, Failure, print};
use crate::import::Mongo;
use crate::offline::folder;
use crate::output::Style;

/// Brings a dump of `MongoDB` into this data folder.
pub(super) async fn mongo(args: &Mongo, folder: &Path, style: &Style) -> Result<Exit, Failure> {
    let sources = source::find(&args.dump)?;
    let mut report = Report::new(args.report.as_deref(), args.dry_run)?;
    for source in &sources {
        report.name(source.collection, &source.name);
    }
    let is_new = !folder.join("chat.redb").exists();
    // A dry run makes no folder: what is nowhere is looked for in an empty one.
    let chat = if args.dry_run && is_new { in_memory().await? } else { folder::open(folder).await? };
    let done = import(args, folder, &chat, &sources, &mut report, style).await;
    folder::close(chat).await?;
    report.flush()?;
    done?;
    if style.json {
        let summary = serde_json::to_string(&report.summary).map_err(std::io::Error::other)?;
        print(&format!("{summary}\n"), Exit::Ok);
    } else {
        print(&(report.lines() + &report.summary.text()), Exit::Ok);
    }
    Ok(if report.summary.skipped > 0 { Exit::Partly } else { Exit::Ok })
}

async fn in_memory() -> Result<Chat, Failure> {
    Chat::in_memory().await.map_err(|error| Failure::says(error.detail(), Exit::Failed))
}

async fn import(
    args: &Mongo,
    folder: &Path,
    chat: &Chat,
    sources: &[source::Source],
    report: &mut Report,
    style: &Style,
) -> Result<(), Failure> {
    let progress = Progress::new(sources, style);
    let mut transfer = Transfer::new(chat, folder, args.dry_run);
    let mut plan = Plan::new(chat, args.staff_as_customers);
    let of = |collection| sources.iter().find(move |source| source.collection == collection);
    if let Some(users) = of(Collection::Users) {
        plan.users(users, &progress, &mut transfer, report).await?;
    }
    if let Some(conversations) = of(Collection::Conversations) {
        plan.conversations(conversations, &progress, report)?;
    }
    let mut messages = None;
    if let Some(source) = of(Collection::Messages) {
        // A dry run reads what is packed as it comes: it writes nothing at all.
        let (file, content) = if args.dry_run {
            (None, source.open(progress.read())?)
        } else {
            let (file, content) = source.spool(folder, progress.read())?;
            (Some(file), content)
        };
        plan.messages(source, content, &progress, report).await?;
        messages = file.map(|file| (file, source.format));
    }
    plan.settle(&mut transfer, report).await?;
    progress.transfer(plan.pins().len() as u64);
    transfer.conversations(&plan, messages.as_ref(), &progress, report).await?;
    transfer.finish(report).await?;
    progress.end();
    let imported = Imported {
        accounts: report.summary.accounts.imported + report.summary.deleted_users,
        conversations: report.summary.conversations.imported,
        messages: report.summary.messages.imported,
    };
    if !args.dry_run && imported != Imported::default() {
        let finished = chat.importer().finish(imported).await;
        finished.map_err(|error| folder::failure(&error, folder))?;
    }
    Ok(())
}
