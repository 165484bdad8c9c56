//! Has the files of messages come, before the messages that they go with.

use std::path::{Path, PathBuf};

use chat_proto::{AttachmentId, ErrorCode};
use chatcore::{Chat, Error, ImportedFile, Importer};
use futures_util::StreamExt as _;
use futures_util::stream;

use super::messages::Read;
use super::named::{MOST_FILES, Named};
use super::plan::Plan;
use super::progress::Progress;
use super::report::{Place, Report};
use super::uploads::Uploads;
use crate::exit::Failure;
use crate::offline::folder;

/// So many come at the same time. Each is waited for until it is on disk.
const AT_ONCE: usize = 8;

pub(super) struct Files {
    uploads: Uploads,
    importer: Importer,
    /// Where the data lies.
    folder: PathBuf,
    /// They are looked at only.
    dry: bool,
}

/// What became of a file.
enum Fate {
    Came(AttachmentId, u64),
    Left(String),
}

impl Files {
    pub(super) fn new(uploads: Uploads, chat: &Chat, folder: &Path, dry: bool) -> Self {
        Self { uploads, importer: chat.importer(), folder: folder.to_owned(), dry }
    }

    /// Has those of some messages come. Whatever is wrong with one is told, and the next one comes; it is an error when none
    /// could.
    pub(super) async fn come(
        &self,
        reads: &mut [(Place, Read)],
        plan: &Plan,
        progress: &Progress,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let mut fates = self.fates(reads, plan, progress).await?.into_iter();
        for (place, read) in reads {
            let named = std::mem::take(&mut read.files);
            let fates = fates.by_ref().take(named.len());
            self.settle(*place, read, &named, fates, report)?;
        }
        Ok(())
    }

    /// What becomes of each, in their order.
    async fn fates(&self, reads: &[(Place, Read)], plan: &Plan, progress: &Progress) -> Result<Vec<Fate>, Failure> {
        let jobs: Vec<_> = reads
            .iter()
            .flat_map(|(_, read)| read.files.iter().enumerate().map(move |(nth, file)| (read, nth, file)))
            .collect();
        let fates = stream::iter(jobs).map(|(read, nth, file)| self.one(read, nth, file, plan)).buffered(AT_ONCE);
        let mut fates = std::pin::pin!(fates);
        let mut all = Vec::new();
        while let Some(fate) = fates.next().await {
            let fate = fate.map_err(|error| folder::failure(&error, &self.folder))?;
            if let Fate::Came(_, bytes) = fate {
                progress.file_came(bytes);
            }
            all.push(fate);
        }
        Ok(all)
    }

    fn settle(
        &self,
        place: Place,
        read: &mut Read,
        named: &[Named],
        fates: impl Iterator<Item = Fate>,
        report: &mut Report,
    ) -> std::io::Result<()> {
        let (mut came, mut left) = (Vec::new(), Vec::new());
        for (file, fate) in named.iter().zip(fates) {
            match fate {
                Fate::Came(id, bytes) => {
                    came.push(id);
                    report.files().imported += 1;
                    report.files().bytes += bytes;
                }
                Fate::Left(why) => {
                    left.push(&*file.name);
                    report.file_skipped(place, read.id, file, &why)?;
                }
            }
        }
        if read.more_files > 0 {
            let index = u32::try_from(MOST_FILES).unwrap_or(u32::MAX);
            let rest = Named { index, name: format!("and {} more", read.more_files), places: Vec::new() };
            report.file_skipped(place, read.id, &rest, &self.too_many())?;
        }
        read.settle(came, &left, self.importer.text_bytes());
        Ok(())
    }

    async fn one(&self, read: &Read, nth: usize, file: &Named, plan: &Plan) -> Result<Fate, Error> {
        if nth >= self.importer.files_per_message() {
            return Ok(Fate::Left(self.too_many()));
        }
        let upload = match self.uploads.find(file) {
            Ok(upload) => upload,
            Err(why) => return Ok(Fate::Left(why)),
        };
        let most = self.importer.file_bytes();
        if upload.bytes > most {
            let why = format!("it has {} bytes, of {most} at the most (--max-file-bytes)", upload.bytes);
            return Ok(Fate::Left(why));
        }
        let (id, name) = (read.file_id(file), upload.name(file));
        let bytes = tokio::fs::File::from_std(upload.file);
        let done = if self.dry {
            self.importer.check_file(plan.people.role(read.sender), &name, bytes).await
        } else {
            self.importer.file(ImportedFile { id, owner: read.sender.into(), name }, bytes).await
        };
        match done {
            Ok(bytes) => Ok(Fate::Came(id, bytes)),
            Err(error) if is_of_this(&error) => Ok(Fate::Left(error.detail().to_owned())),
            Err(error) => Err(error),
        }
    }

    fn too_many(&self) -> String {
        format!("a message has at most {} files", self.importer.files_per_message())
    }
}

/// Whether another file would not be refused like this one.
fn is_of_this(error: &Error) -> bool {
    use ErrorCode as Code;
    matches!(
        error.code(),
        Code::TooLarge | Code::UnsupportedMediaType | Code::Invalid | Code::Conflict | Code::NotFound
    )
}
