use axum::Json as Shown;
use axum::extract::State;
use chat_proto::InvitationId;
use chat_proto::model::{Invitation, Page};
use chat_proto::wire::{Invited, NewInvitation, Problem};
use http::StatusCode;

use super::Answer;
use crate::app::App;
use crate::extract::{Caller, Json, Path};

/// Invite somebody
///
/// Admins only. Whoever has the token makes an account of this address and role, once, within 72 hours. An earlier
/// invitation of the same address is over. A server that knows where people reach it makes the link, for admins who pass it on.
#[utoipa::path(post, path = "/invitations", tag = "people", security(("bearer" = [])), request_body = NewInvitation,
    responses(
    (status = 201, description = "The invitation, and what accepts it", body = Invited),
    (status = 400, description = "`invalid`", body = Problem),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 409, description = "`email_taken`; `conflict`: 1,000 are open", body = Problem),
))]
pub(crate) async fn create(
    State(app): State<App>,
    Caller(me): Caller,
    Json(body): Json<NewInvitation>,
) -> Answer<(StatusCode, Shown<Invited>)> {
    let (invitation, token) = me.invite(&body.email, body.role).await?;
    let link = app.config.invitation_links.as_ref().map(|links| links.to_invitation(&token));
    Ok((StatusCode::CREATED, Shown(Invited { invitation, token, link })))
}

/// Open invitations
///
/// Admins only. The oldest first; there are at most 1,000.
#[utoipa::path(get, path = "/invitations", tag = "people", security(("bearer" = [])), responses(
    (status = 200, description = "The invitations", body = Page<Invitation>),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
))]
pub(crate) async fn list(Caller(me): Caller) -> Answer<Shown<Page<Invitation>>> {
    Ok(Shown(me.invitations().await?))
}

/// Take an invitation back
///
/// Admins only.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = InvitationId, Path, description = "The invitation")), responses(
    (status = 204, description = "It can be accepted no more"),
    (status = 403, description = "`forbidden`: not an admin", body = Problem),
    (status = 404, description = "`not_found`", body = Problem),
))]
pub(crate) async fn take_back(Caller(me): Caller, Path(id): Path<InvitationId>) -> Answer<StatusCode> {
    me.take_back_invitation(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
