use bytes::Bytes;
use chat_proto::UserId;
use chat_proto::model::User;
use chat_proto::wire::AttachmentLink;
use http::Method;

use super::Upload;
use crate::{Client, Error};

impl Client {
    /// Has others see me by this picture, of which the server keeps a small square. `avatar` of the answer is a word for it:
    /// another picture has another one.
    ///
    /// # Errors
    /// Those of [`attach`](Self::attach); visitors and keys have no picture (`forbidden`).
    pub async fn set_avatar(&self, picture: Upload) -> Result<User, Error> {
        self.send_file(Method::PUT, "/me/avatar", picture).await?.0.json()
    }

    /// Has others see me without a picture.
    pub async fn remove_avatar(&self) -> Result<User, Error> {
        self.delete("/me/avatar").await?.json()
    }

    /// The picture of somebody, whole: a PNG or a JPEG.
    ///
    /// # Errors
    /// `not_found` when they have none, and of people who are in no conversation with me and whom I may not write to.
    pub async fn avatar(&self, user: UserId) -> Result<Bytes, Error> {
        self.get_bytes(&format!("/users/{user}/avatar")).await
    }

    /// A link by which anybody gets it without a token, for five minutes at the most and only while I may see it.
    pub async fn avatar_link(&self, user: UserId) -> Result<AttachmentLink, Error> {
        let link: AttachmentLink = self.get(&format!("/users/{user}/avatar/link")).await?;
        Ok(AttachmentLink { url: self.base.beside(&link.url)?.to_string(), ..link })
    }
}
