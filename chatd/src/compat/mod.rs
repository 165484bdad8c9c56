//! The dialect of the Node backend that this server replaces, so that its front ends work by changing one address.
//!
//! It is another way to say the same things: whatever is asked here goes through the same [`Actor`](chatcore::Actor) and
//! [`Entrance`](chatcore::Entrance) as in `/api/v1`, so no rule stands here. What is different, and why, is written down
//! in `docs/migrate.md`.

pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod attached;
pub(crate) mod auth;
pub(crate) mod caller;
pub(crate) mod chat;
pub(crate) mod cookie;
pub(crate) mod form;
pub(crate) mod ids;
pub(crate) mod messages;
mod parts;
mod posting;
mod profile;
pub(crate) mod shape;
pub(crate) mod socket;
pub(crate) mod uploads;
pub(crate) mod users;

use axum::Extension;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::Most;

/// Where everything of it lies.
const PLACES: [&str; 5] = ["/api/auth", "/api/users", "/api/chat", "/api/admin", "/uploads"];

/// Whether this path is one of the dialect's, whatever is there: then errors are told in it too.
pub(crate) fn has(path: &str) -> bool {
    let rest = PLACES.iter().find_map(|place| path.strip_prefix(place));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The routes, to be laid under `/api`. `auth_bytes`: the largest body of those who sign in or up.
pub(crate) fn routes(auth_bytes: usize) -> OpenApiRouter<App> {
    let auth = OpenApiRouter::new()
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::profile))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::logout_by_get))
        .routes(routes!(auth::check))
        .layer(Extension(Most(auth_bytes)));
    OpenApiRouter::new()
        .merge(auth)
        .routes(routes!(users::list))
        .routes(routes!(users::profile))
        .routes(routes!(users::show, users::change, users::delete))
        .routes(routes!(chat::conversations))
        .routes(routes!(chat::conversation_with))
        .routes(routes!(chat::read))
        .routes(routes!(messages::list))
        .routes(routes!(messages::send))
        .routes(routes!(admin::stats))
        .routes(routes!(admin::recent))
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn only_its_own_paths_speak_the_dialect() {
        for path in
            ["/api/auth", "/api/auth/", "/api/users/7/x", "/api/chat/nothing", "/api/admin/stats", "/uploads/a.png"]
        {
            assert!(has(path), "{path}");
        }
        for path in
            ["/", "/api", "/api/v1/users", "/api/v1/auth/login", "/api/authors", "/api/docs", "/uploadsx", "/API/auth"]
        {
            assert!(!has(path), "{path}");
        }
    }
}
