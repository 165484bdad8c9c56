use axum::Json as Shown;
use chat_proto::Role;
use chat_proto::model::{Cursor, Page, Person};
use chat_proto::wire::Problem;
use serde::Deserialize;

use super::{Answer, DEFAULT_ROWS};
use crate::extract::{Caller, Query};
use crate::problem::Refused;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryQuery {
    /// Whom I am looking for; needed unless a name is.
    role: Option<Role>,
    /// Beginnings of words of the name, in any case.
    q: Option<String>,
    /// The most rows; 50 without it, never more than 200.
    limit: Option<usize>,
    /// `next_cursor` of the part before.
    cursor: Option<String>,
}

/// The people of a role that I may write to
///
/// By name. A role that I may not write to has nobody in it. With `q` those whose names have words that begin so, of all
/// roles or of one; a part may have few rows or none while others follow: it is the last one when it has no `next_cursor`.
#[utoipa::path(get, path = "/directory", tag = "people", security(("bearer" = [])), params(DirectoryQuery), responses(
    (status = 200, description = "The people", body = Page<Person>),
    (status = 400, description = "`invalid`, `invalid_cursor`", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller, Query(query): Query<DirectoryQuery>) -> Answer<Shown<Page<Person>>> {
    let (limit, cursor) = (query.limit.unwrap_or(DEFAULT_ROWS), query.cursor.map(Cursor::from_text));
    if let Some(words) = query.q {
        return Ok(Shown(me.find_people(&words, query.role, limit, cursor).await?));
    }
    let role = query.role.ok_or_else(|| Refused::invalid("role", "Say which role, such as `?role=agent`."))?;
    Ok(Shown(me.directory(role, limit, cursor).await?))
}
