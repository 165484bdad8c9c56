//! `/uploads`: files and pictures of people where the replaced backend had them, which showed them to anybody.

use axum::extract::State;
use axum::response::Response;
use chat_proto::{AttachmentId, ErrorCode, UserId};
use chatcore::{Actor, Chat, FileLink, StoredContent};
use http::{HeaderMap, Method};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Failure;
use super::attached::Seal;
use super::caller::Caller;
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Refused;
use crate::rest::avatars::NAME;
use crate::rest::file::hand_out;

/// The routes, to be laid under the root.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(plain)).routes(routes!(linked))
}

/// What of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhatQuery {
    /// The small picture instead.
    #[serde(default)]
    thumbnail: bool,
}

/// A file
///
/// For whoever sees its message, by token or cookie; pictures are shown, everything else is a download. Or the picture of
/// somebody, by their id.
#[utoipa::path(get, path = "/uploads/{id}", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "The file"), WhatQuery), responses(
    (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 401, description = "Neither token nor cookie", body = Failure),
    (status = 404, description = "`not_found`", body = Failure),
))]
pub(crate) async fn plain(
    State(app): State<App>,
    caller: Result<Caller, Refused>,
    Path(id): Path<String>,
    Query(what): Query<WhatQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    serve(&app, caller, What::read(&id)?, None, what.thumbnail, &method, &headers).await
}

/// A file, by the link that stands beside its message
///
/// Without a token for one hour at least and less than two, as long as who was shown the link may have the file: for `<img>`. Then
/// only by token or cookie, as without the link.
#[utoipa::path(get, path = "/uploads/{id}/{link}/{name}", tag = "compat",
    security((), ("bearer" = []), ("cookie" = [])),
    params(
        ("id" = String, Path, description = "The file"),
        ("link" = String, Path, description = "Until when it is good, and what proves it"),
        ("name" = String, Path, description = "What it is called; counts for nothing"),
    ), responses(
    (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, description = "`not_found`: the link is over or none", body = Failure),
))]
pub(crate) async fn linked(
    State(app): State<App>,
    caller: Result<Caller, Refused>,
    Path((id, link, _)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let link = Seal::read(&link).ok_or_else(nothing)?;
    let thumbnail = link.thumbnail;
    serve(&app, caller, What::read(&id)?, Some(link), thumbnail, &method, &headers).await
}

/// What lies there.
#[derive(Clone, Copy)]
enum What {
    File(AttachmentId),
    Avatar(UserId),
}

impl What {
    /// What is no id was one of the replaced backend's files; there are none of these.
    fn read(id: &str) -> Result<Self, Refused> {
        let file = id.parse().map(Self::File).ok();
        file.or_else(|| id.parse().map(Self::Avatar).ok()).ok_or_else(nothing)
    }

    /// It and its name, by a link.
    async fn linked(self, chat: &Chat, link: &FileLink) -> chatcore::Result<(StoredContent, String)> {
        match self {
            Self::File(id) => chat.linked_file(id, link).await.map(|file| (file.content, file.attachment.name)),
            Self::Avatar(user) => chat.linked_avatar(user, link).await.map(|picture| (picture, NAME.to_owned())),
        }
    }

    /// It and its name, by who asks.
    async fn of(self, me: &Actor, thumbnail: bool) -> chatcore::Result<(StoredContent, String)> {
        let file = match self {
            Self::Avatar(user) => return me.avatar(user).await.map(|picture| (picture, NAME.to_owned())),
            Self::File(id) if thumbnail => me.thumbnail(id).await?,
            Self::File(id) => me.attachment(id).await?,
        };
        Ok((file.content, file.attachment.name))
    }
}

/// By the link while it is good, since with it a page of another origin may show the file; else by who asks.
async fn serve(
    app: &App,
    caller: Result<Caller, Refused>,
    what: What,
    link: Option<FileLink>,
    thumbnail: bool,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let mut over = None;
    if let Some(link) = link {
        match what.linked(&app.chat, &link).await {
            Ok((content, name)) => return hand_out(&content, &name, true, method, headers).await,
            Err(error) => over = Some(Refused::from(error)),
        }
    }
    let me = match (caller, over) {
        (Ok(Caller(me)), _) => me,
        (Err(_), Some(over)) => return Err(over),
        (Err(refused), None) => return Err(refused),
    };
    let (content, name) = what.of(&me, thumbnail).await?;
    hand_out(&content, &name, false, method, headers).await
}

fn nothing() -> Refused {
    Refused::new(ErrorCode::NotFound, "There is no such file.")
}
