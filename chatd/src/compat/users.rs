//! Accounts: of others, for admins, and one's own.

use axum::Json as Shown;
use axum::extract::{Request, State};
use chat_proto::model::{ChannelPreferences, Cursor, User};
use chat_proto::{ErrorCode, Role, UserId};
use chatcore::Actor;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, Done, Failure, Listed, Said};
use super::caller::Caller;
use super::form::Form;
use super::ids;
use super::profile::Profile;
use super::shape::{Account, Around, NotificationPreferences};
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Refused;

/// Accounts in one answer.
const MOST_USERS: usize = 1_000;
/// They are read in so many parts at the most, which have hardly anybody in them where many were deleted.
const MOST_PAGES: usize = 10;

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Only accounts of this role.
    role: Option<String>,
    /// `nextCursor` of the part before.
    cursor: Option<String>,
}

/// What an admin changes.
#[derive(ToSchema)]
#[schema(as = CompatUserChange)]
#[expect(dead_code, reason = "says in the API document what is read field by field")]
pub(crate) struct UserChange {
    name: Option<String>,
    /// Only the address that it has: an account keeps it.
    email: Option<String>,
    role: Option<Role>,
}

/// What somebody changes of their own account.
#[derive(ToSchema)]
#[schema(as = CompatProfileChange)]
#[expect(dead_code, reason = "says in the API document what is read field by field")]
pub(crate) struct ProfileChange {
    name: Option<String>,
    /// A picture, as a file.
    #[schema(format = Binary)]
    avatar: Option<String>,
    /// As JSON text: `{"email": true, "push": false}`; what is missing stays as it is.
    #[schema(rename = "notificationPreferences")]
    notification_preferences: Option<String>,
}

/// Accounts
///
/// Admins only. By role and name, at most 1,000; those that were deleted are not among them.
#[utoipa::path(get, path = "/users", tag = "compat", security(("bearer" = []), ("cookie" = [])), params(UsersQuery),
responses(
    (status = 200, description = "The accounts", body = Listed<Account>),
    (status = 400, description = "`invalid`, `invalid_cursor`", body = Failure),
    (status = 403, description = "`forbidden`: not an admin", body = Failure),
))]
pub(crate) async fn list(Caller(me): Caller, Query(query): Query<UsersQuery>) -> Answer<Listed<Account>> {
    let role = query.role.filter(|role| !role.is_empty()).map(|role| role_of(&role)).transpose()?;
    let mut cursor = query.cursor.map(Cursor::from_text);
    let mut users = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = me.users(role, None, MOST_USERS - users.len(), cursor.take()).await?;
        users.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || users.len() >= MOST_USERS {
            break;
        }
    }
    let around = around(&me).await;
    Ok(Shown(Listed::of(users.iter().map(|user| Account::of(user, &me, &around)).collect(), cursor)))
}

/// An account
///
/// Admins only. Without an envelope, as it always was.
#[utoipa::path(get, path = "/users/{id}", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "The account")), responses(
    (status = 200, description = "The account", body = Account),
    (status = 400, description = "`invalid`: not an id", body = Failure),
    (status = 403, description = "`forbidden`: not an admin", body = Failure),
    (status = 404, description = "`not_found`", body = Failure),
))]
pub(crate) async fn show(Caller(me): Caller, Path(id): Path<String>) -> Answer<Account> {
    let user = me.user(ids::in_path(&id)?).await?;
    Ok(Shown(shown(&me, &user).await))
}

/// Change my account
///
/// Name, picture and notification preferences. Of the picture a small square is kept; it cannot be taken away here, but with
/// `DELETE /api/v1/me/avatar`. When anything has the wrong form nothing is changed.
#[utoipa::path(put, path = "/users/profile", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    request_body(content((ProfileChange = "multipart/form-data"), (ProfileChange = "application/json"))), responses(
    (status = 200, description = "My account as it is now", body = Done<Account>),
    (status = 400, description = "`invalid`: a value has the wrong form; `unsupported`: another file", body = Failure),
    (status = 413, description = "`too_large`", body = Failure),
    (status = 415, description = "`unsupported_media_type`: the picture is none", body = Failure),
    (status = 429, description = "`rate_limited`: as much as one may upload in a day, or at once", body = Failure),
))]
pub(crate) async fn profile(State(app): State<App>, Caller(me): Caller, request: Request) -> Answer<Done<Account>> {
    let Profile { mut form, avatar } = Profile::of(request, &app, &me).await?;
    let wanted = wanted(form.json("notificationPreferences"))?;
    let name = form.optional("name")?;
    let mut user = match name {
        Some(name) => me.rename(&name).await?,
        None => me.me().await?,
    };
    if let Some(avatar) = avatar {
        user = me.wear_avatar(avatar).await?;
    }
    set_preferences(&me, wanted).await?;
    Ok(Shown(Done::of(Account::mine(&user, &me, &around(&me).await).await)))
}

/// Change an account
///
/// Admins only. Another role ends its sessions. An account keeps its address.
#[utoipa::path(put, path = "/users/{id}", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "The account")), request_body = UserChange, responses(
    (status = 200, description = "As it is now", body = Done<Account>),
    (status = 400, description = "`invalid`; `unsupported`: another address", body = Failure),
    (status = 403, description = "`forbidden`: not an admin", body = Failure),
    (status = 404, description = "`not_found`", body = Failure),
    (status = 409, description = "`conflict`: the last admin has to stay one", body = Failure),
))]
pub(crate) async fn change(Caller(me): Caller, Path(id): Path<String>, mut form: Form) -> Answer<Done<Account>> {
    let id: UserId = ids::in_path(&id)?;
    let (name, email) = (form.optional("name")?, form.optional("email")?);
    let role = form.optional("role")?.map(|role| role_of(&role)).transpose()?;
    if let Some(email) = email {
        keeps_address(&me.user(id).await?, &email)?;
    }
    let user = me.change_user(id, name.as_deref(), role, None).await?;
    Ok(Shown(Done::of(shown(&me, &user).await)))
}

/// Delete an account
///
/// Admins only. For good: nobody signs in to it any more, its tokens are dead at once, and what was written in it stays
/// under the name "Deleted user".
#[utoipa::path(delete, path = "/users/{id}", tag = "compat", security(("bearer" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "The account")), responses(
    (status = 200, description = "Deleted", body = Said),
    (status = 400, description = "`invalid`: not an id", body = Failure),
    (status = 403, description = "`forbidden`: not an admin", body = Failure),
    (status = 404, description = "`not_found`", body = Failure),
    (status = 409, description = "`conflict`: it is the last admin", body = Failure),
))]
pub(crate) async fn delete(Caller(me): Caller, Path(id): Path<String>) -> Answer<Said> {
    me.delete_user(ids::in_path(&id)?, None).await?;
    Ok(Shown(Said::that("The account was deleted.")))
}

/// Who is there of those around somebody. Whoever may not ask sees nobody, and everything else all the same.
pub(super) async fn around(me: &Actor) -> Around {
    Around::of(me.user_id(), &me.presence().await.unwrap_or_default())
}

async fn shown(me: &Actor, user: &User) -> Account {
    Account::of(user, me, &around(me).await)
}

fn role_of(word: &str) -> Result<Role, Refused> {
    let unknown = |_| Refused::invalid("/role", "A role is one of admin, agent, customer, designer and merchant.");
    word.parse().map_err(unknown)
}

/// A form that sends everything sends the address too.
fn keeps_address(user: &User, email: &str) -> Result<(), Refused> {
    if user.email.eq_ignore_ascii_case(email.trim()) {
        return Ok(());
    }
    Err(Refused::new(
        ErrorCode::Unsupported,
        "The e-mail address of an account cannot be changed. Nothing was changed.",
    ))
}

/// Which channels are to be on, as far as it is said. Others than these are refused, not passed over.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    email: Option<bool>,
    push: Option<bool>,
}

fn wanted(preferences: Option<Value>) -> Result<Wanted, Refused> {
    let detail = "Notification preferences are `email` and `push`, each true or false. Nothing was changed.";
    let malformed = || Refused::invalid("/notificationPreferences", detail);
    let mut wanted = Wanted::default();
    match preferences {
        None | Some(Value::Null) => return Ok(wanted),
        // What scripts make of preferences that are not there.
        Some(Value::String(text)) if ["", "undefined"].contains(&text.as_str()) => return Ok(wanted),
        Some(Value::Object(channels)) => {
            for (name, on) in channels {
                match name.as_str() {
                    "email" => wanted.email = Some(on.as_bool().ok_or_else(malformed)?),
                    "push" => wanted.push = Some(on.as_bool().ok_or_else(malformed)?),
                    _ => return Err(malformed()),
                }
            }
        }
        Some(_) => return Err(malformed()),
    }
    Ok(wanted)
}

/// A channel that is on or off already stays as it is: a form sends everything, and somebody may have said more elsewhere.
async fn set_preferences(me: &Actor, wanted: Wanted) -> Result<(), Refused> {
    if wanted.email.is_none() && wanted.push.is_none() {
        return Ok(());
    }
    let mut wishes = me.notification_preferences().await?;
    let (before, now) = (wishes.clone(), NotificationPreferences::of(&wishes));
    for (channel, wanted, now) in
        [(&mut wishes.mail, wanted.email, now.email), (&mut wishes.push, wanted.push, now.push)]
    {
        if let Some(on) = wanted.filter(|on| *on != now) {
            *channel = if on { ChannelPreferences::ALL } else { ChannelPreferences::NONE };
        }
    }
    if wishes != before {
        me.set_notification_preferences(wishes).await?;
    }
    Ok(())
}
