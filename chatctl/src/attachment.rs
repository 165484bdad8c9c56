use std::io::Write as _;
use std::path::{Path, PathBuf};

use chat_client::{Client, Error, FileInfo, Upload, local_file_name};
use chat_proto::AttachmentId;
use chat_proto::model::Attachment as File;
use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::io::AsyncReadExt as _;

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::{Style, bytes};
use crate::progress::Progress;
use crate::text;

#[derive(Debug, Subcommand)]
pub(crate) enum Attachment {
    /// Upload a file, to be sent with a message within a day
    Upload(Uploading),
    /// Say what a file is
    Show {
        /// Its id: att_...
        id: AttachmentId,
    },
    /// Save a file here
    #[command(visible_alias = "download")]
    Save(Save),
    /// Print a link to it that needs no token, good for five minutes
    Link {
        /// Its id: att_...
        id: AttachmentId,
        /// To the small picture of a picture
        #[arg(long)]
        thumbnail: bool,
    },
    /// Take back a file that you have uploaded and not sent
    #[command(visible_alias = "rm")]
    Delete {
        /// Its id: att_...
        id: AttachmentId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Uploading {
    /// The file; - for standard input
    file: PathBuf,
    /// What it is to be called
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Save {
    /// Its id: att_...
    id: AttachmentId,
    /// Where to: a file, a folder, or - for standard output; without it, here by its own name
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    force: bool,
    /// The small picture of a picture
    #[arg(long, conflicts_with = "force")]
    thumbnail: bool,
}

pub(crate) async fn run(attachment: &Attachment, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let client = door.client().await?;
    match attachment {
        Attachment::Upload(uploading) => {
            let file = upload(&client, &uploading.file, uploading.name.as_deref(), style).await?;
            let says = format!("{}  {}", file.id, told(&file));
            style.done(&file, &says)
        }
        Attachment::Show { id } => show(&client, *id, style).await,
        Attachment::Save(save) => self::save(&client, save, style).await,
        Attachment::Link { id, thumbnail } => {
            let link = client.attachment_link(*id, *thumbnail).await?;
            style.done(&link, &link.url)
        }
        Attachment::Delete { id } => {
            client.delete_attachment(*id).await?;
            style.done(&Deleted { deleted: *id }, &format!("Deleted {id}."))
        }
    }
}

#[derive(Serialize)]
struct Deleted {
    deleted: AttachmentId,
}

/// Uploads a file, or what comes from standard input, with a bar.
pub(crate) async fn upload(client: &Client, path: &Path, name: Option<&str>, style: &Style) -> Result<File, Failure> {
    let upload = if path.as_os_str() == "-" { from_stdin(client).await? } else { from_file(path).await? };
    let upload = if let Some(name) = name { upload.named(name) } else { upload };
    let mut progress = Progress::new(upload.name(), upload.size(), style);
    Ok(client.attach(upload.progress(move |done| progress.told(done))).await?)
}

async fn from_file(path: &Path) -> Result<Upload, Failure> {
    Upload::file(path).await.map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        Failure::says(format!("{}: {error}", path.display()), exit)
    })
}

/// How many bytes there are has to be known before, so they are read first: as many as the server takes, and one more.
async fn from_stdin(client: &Client) -> Result<Upload, Failure> {
    let most = client.server().await?.limits.attachment_bytes;
    let mut content = Vec::new();
    tokio::io::stdin().take(most.saturating_add(1)).read_to_end(&mut content).await?;
    if content.len() as u64 > most {
        return Err(Failure::says(
            format!("This is more than {}, the most that the server takes.", bytes(most)),
            Exit::Failed,
        ));
    }
    Ok(Upload::reader("stdin", content.len() as u64, std::io::Cursor::new(content)))
}

#[derive(Serialize)]
struct Shown<'a> {
    id: AttachmentId,
    name: &'a str,
    media_type: &'a str,
    size: u64,
    sha256: &'a str,
}

async fn show(client: &Client, id: AttachmentId, style: &Style) -> Result<Exit, Failure> {
    let FileInfo { name, media_type, size, sha256 } = client.file_info(id).await?;
    let shown = Shown { id, name: &name, media_type: &media_type, size, sha256: &sha256 };
    let sides = [
        ("id", id.to_string()),
        ("name", name.clone()),
        ("kind", media_type.clone()),
        ("size", bytes(size)),
        ("sha256", sha256.clone()),
    ];
    style.card(&shown, &sides)
}

#[derive(Serialize)]
struct Saved<'a> {
    id: AttachmentId,
    path: &'a Path,
    size: u64,
}

async fn save(client: &Client, args: &Save, style: &Style) -> Result<Exit, Failure> {
    let to_stdout = args.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if args.thumbnail {
        return save_thumbnail(client, args, to_stdout, style).await;
    }
    let download = client.download(args.id).await?;
    let (name, size) = (local_file_name(&download.info().name), download.info().size);
    let mut progress = Progress::new(&name, size, style);
    if to_stdout {
        download.save(&mut tokio::io::stdout(), |done| progress.told(done)).await.map_err(unwritten)?;
        return Ok(Exit::Ok);
    }
    let path = place(args.output.as_deref(), &name);
    let saved = download.save_as(&path, args.force, |done| progress.told(done)).await;
    drop(progress);
    saved.map_err(|error| refused(error, &path))?;
    let says = format!("Saved {} ({}).", path.display(), bytes(size));
    style.done(&Saved { id: args.id, path: &path, size }, &says)
}

async fn save_thumbnail(client: &Client, args: &Save, to_stdout: bool, style: &Style) -> Result<Exit, Failure> {
    let picture = client.thumbnail(args.id).await?;
    if to_stdout {
        std::io::stdout().write_all(&picture)?;
        return Ok(Exit::Ok);
    }
    let ending = if picture.starts_with(b"\x89PNG") { "png" } else { "jpg" };
    let path = place(args.output.as_deref(), &format!("{}-thumbnail.{ending}", args.id));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    file.and_then(|mut file| file.write_all(&picture)).map_err(|error| refused(Error::File(error.into()), &path))?;
    let size = picture.len() as u64;
    style.done(&Saved { id: args.id, path: &path, size }, &format!("Saved {} ({}).", path.display(), bytes(size)))
}

/// Where it goes: into this folder when it is one.
fn place(output: Option<&Path>, name: &str) -> PathBuf {
    match output {
        None => PathBuf::from(name),
        Some(folder) if folder.is_dir() => folder.join(name),
        Some(path) => path.to_owned(),
    }
}

fn refused(error: Error, path: &Path) -> Failure {
    match &error {
        Error::File(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            let what =
                format!("{} is there already; say --force to replace it, or -o for another name.", path.display());
            Failure::says(what, Exit::Conflict)
        }
        Error::File(cause) => Failure::says(format!("{}: {cause}", path.display()), Exit::Failed),
        _ => error.into(),
    }
}

/// A reader that has heard enough ends the command without a word.
fn unwritten(error: Error) -> Failure {
    match &error {
        Error::File(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
            Failure::says("nobody reads", Exit::Unread)
        }
        _ => error.into(),
    }
}

/// A file as people read of it.
pub(crate) fn told(file: &File) -> String {
    format!("{} ({}, {})", text::line(&file.name), text::line(&file.media_type), bytes(file.size))
}
