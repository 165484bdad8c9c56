//! Files that go with messages, and pictures of people.

mod avatar;
mod download;
mod info;
mod moved;
mod name;
mod save;
mod upload;

use bytes::Bytes;
use chat_proto::AttachmentId;
use chat_proto::wire::AttachmentLink;
use http::Method;
use http_body_util::{BodyExt as _, Empty};

use crate::exchange::Body;
use crate::query::Query;
use crate::{Client, Error};

pub use download::Download;
pub use info::FileInfo;
pub use name::local_file_name;
pub use upload::Upload;

impl Client {
    /// What a file is, without its bytes.
    pub async fn file_info(&self, id: AttachmentId) -> Result<FileInfo, Error> {
        let request = self.request_of(Method::HEAD, self.base.route(&route(id))?, nothing())?;
        let answer =
            tokio::time::timeout(self.timeout, self.answer_to(request)).await.unwrap_or(Err(Error::Timeout))?;
        match answer.status() {
            status if status.is_success() => FileInfo::read(answer.headers()),
            // An answer to HEAD has no words; ask for them.
            _ => self.download(id).await.map(|download| download.info().clone()),
        }
    }

    /// The small picture of a picture, whole; `not_found` where there is none.
    pub async fn thumbnail(&self, id: AttachmentId) -> Result<Bytes, Error> {
        self.get_bytes(&format!("{}/thumbnail", route(id))).await
    }

    /// A link by which anybody gets the file, or its small picture, without a token, for five minutes at the most and
    /// only while I may have it.
    pub async fn attachment_link(&self, id: AttachmentId, thumbnail: bool) -> Result<AttachmentLink, Error> {
        let query = Query::default().with("thumbnail", thumbnail.then_some(&true));
        let link: AttachmentLink = self.get(&format!("{}/link{query}", route(id))).await?;
        Ok(AttachmentLink { url: self.base.beside(&link.url)?.to_string(), ..link })
    }

    /// Takes back a file that I have uploaded and not sent.
    pub async fn delete_attachment(&self, id: AttachmentId) -> Result<(), Error> {
        self.delete(&route(id)).await.map(drop)
    }
}

fn route(id: AttachmentId) -> String {
    format!("/attachments/{id}")
}

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
