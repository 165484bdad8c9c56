//! What somebody changes of their own account: JSON, or a form with their picture. What else is in the form may come before the
//! picture or after it, so it is made first, and worn when all is known to be well-formed.

use axum::extract::{FromRequest, Request};
use chatcore::{AVATAR_BYTES, Actor, NewAvatar, Upload};
use http::header;
use serde_json::Value;

use super::form::{self, Form};
use super::parts::{Part, Parts};
use crate::app::App;
use crate::problem::Refused;

/// The field of the picture.
const AVATAR: &str = "avatar";

/// What was sent, read to its end.
pub(super) struct Profile {
    pub(super) form: Form,
    /// The picture that came in it, which nobody has yet.
    pub(super) avatar: Option<NewAvatar>,
}

impl Profile {
    pub(super) async fn of(request: Request, app: &App, me: &Actor) -> Result<Self, Refused> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut read = match kind.and_then(|kind| multer::parse_boundary(kind).ok()) {
            Some(boundary) => Self::parts(Parts::of(request, boundary, app, AVATAR_BYTES), me).await?,
            None => Self { form: Form::from_request(request, app).await?, avatar: None },
        };
        match read.form.any(AVATAR) {
            Some(text) if !stays(&text, me) => Err(no_picture()),
            _ => Ok(read),
        }
    }

    async fn parts(mut parts: Parts, me: &Actor) -> Result<Self, Refused> {
        let mut read = Self { form: Form::default(), avatar: None };
        while let Some(part) = parts.next().await? {
            match part {
                Part::Field { name, text } => read.form.add(&name, text)?,
                Part::File { name, .. } if name != AVATAR => return Err(form::no_file(&name, "Nothing was changed.")),
                Part::File { .. } if read.avatar.is_some() => {
                    return Err(Refused::invalid("/avatar", "`avatar` is there twice. Nothing was changed."));
                }
                Part::File { file_name, bytes, .. } => {
                    read.avatar = Some(me.make_avatar(Upload::new(file_name), bytes).await?);
                }
            }
        }
        Ok(read)
    }
}

/// A form that sends everything sends what it was shown of my picture too, or what scripts make of one that is not there.
fn stays(text: &Value, me: &Actor) -> bool {
    let Value::String(text) = text else { return false };
    ["", "null", "undefined"].contains(&text.as_str()) || text.contains(&format!("/uploads/{}/", me.user_id()))
}

fn no_picture() -> Refused {
    Refused::invalid("/avatar", "A picture is sent as a file in a form. Nothing was changed.")
}
