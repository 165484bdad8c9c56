//! What another system holds, brought into a data folder.
//!
//! A dump is read one record at a time. People come at once; of conversations and messages it is noted first what there
//! is and where it stands, since they come in another order than they lie in: the conversations by their newest message,
//! and each with all its messages, which are read a second time.

mod files;
mod mapping;
mod messages;
mod named;
mod people;
mod plan;
mod progress;
mod records;
mod report;
mod source;
mod talks;
mod transfer;
mod uploads;
mod value;

use std::path::Path;

use chatcore::{Chat, Imported, Limits};

use self::files::Files;
use self::mapping::Collection;
use self::plan::Plan;
use self::progress::Progress;
use self::report::Report;
use self::transfer::Transfer;
use self::uploads::Uploads;
use crate::exit::{Exit, Failure, print};
use crate::import::Mongo;
use crate::offline::folder;
use crate::output::Style;

/// Brings a dump of `MongoDB` into this data folder.
pub(super) async fn mongo(args: &Mongo, folder: &Path, style: &Style) -> Result<Exit, Failure> {
    let sources = source::find(&args.dump)?;
    let uploads = args.uploads.as_deref().map(|uploads| Uploads::open(uploads, folder)).transpose()?;
    let mut report = Report::new(args.report.as_deref(), args.dry_run)?;
    for source in &sources {
        report.name(source.collection, &source.name);
    }
    let is_new = !folder.join("chat.redb").exists();
    // A dry run makes no folder: what is nowhere is looked for in an empty one.
    let chat = if args.dry_run && is_new {
        in_memory(limits(args)).await?
    } else {
        folder::open(folder, limits(args)).await?
    };
    // Nor does it write files there, while it looks at those that would come.
    let scratch = if args.dry_run && uploads.is_some() { Some(in_memory(limits(args)).await?) } else { None };
    let files = uploads.map(|uploads| Files::new(uploads, scratch.as_ref().unwrap_or(&chat), folder, args.dry_run));
    if files.is_some() {
        report.files();
    }
    let done = import(args, folder, &chat, &sources, files, &mut report, style).await;
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

/// How much is left free of a disk that nothing is kept on does not matter.
async fn in_memory(mut limits: Limits) -> Result<Chat, Failure> {
    limits.attachments.keep_free = 0;
    Chat::builder().limits(limits).open().await.map_err(|error| Failure::says(error.detail(), Exit::Failed))
}

/// Those of a server that is not configured otherwise.
fn limits(args: &Mongo) -> Limits {
    let mut limits = Limits::default();
    if let Some(most) = args.max_file_bytes {
        limits.attachments.bytes = most;
    }
    limits
}

async fn import(
    args: &Mongo,
    folder: &Path,
    chat: &Chat,
    sources: &[source::Source],
    files: Option<Files>,
    report: &mut Report,
    style: &Style,
) -> Result<(), Failure> {
    let progress = Progress::new(sources, style);
    let with_files = files.is_some();
    let mut transfer = Transfer::new(chat, folder, args.dry_run, files);
    let mut plan = Plan::new(chat, args.staff_as_customers, with_files);
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
        // But for files: those of a message are looked at when it would come.
        let (file, content) = if args.dry_run && !with_files {
            (None, source.open(progress.read())?)
        } else {
            let elsewhere = std::env::temp_dir();
            let (file, content) = source.spool(if args.dry_run { &elsewhere } else { folder }, progress.read())?;
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
