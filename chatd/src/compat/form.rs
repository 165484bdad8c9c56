//! Bodies as front ends send them: JSON, or the fields of a form with files (`multipart/form-data`, RFC 7578). Fields that nobody
//! asks for are left alone, as the replaced backend did; a field of the wrong type is refused, never taken for text.

use std::collections::BTreeMap;
use std::fmt;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use chat_proto::ErrorCode;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::app::App;
use crate::body;
use crate::extract::{self, Most, parse};
use crate::problem::Refused;

/// A form of people has hardly a dozen.
const MOST_FIELDS: usize = 64;

/// The fields of a body. A form with files is taken by few routes, and never by those who sign in or up: a page of anybody's can
/// send one without being asked for permission first.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, Value>);

impl FromRequest<App> for Form {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let is_json = extract::is_json(request.headers());
        let (body, _) = whole(request, app).await?;
        match is_json {
            // Which field is missing is told of better than that all are.
            _ if body.is_empty() => Ok(Self::default()),
            true => parse(&body).map_err(malformed),
            false => Err(Refused::new(ErrorCode::UnsupportedMediaType, "Send this as JSON.")),
        }
    }
}

/// The body, and the most that it might have had.
async fn whole(request: Request, app: &App) -> Result<(Bytes, usize), Refused> {
    let most = request.extensions().get().map_or(app.config.body_bytes, |Most(bytes)| *bytes);
    let read = body::read(request.into_body(), most, app.config.body_timeout).await;
    let too_large = |refused: Refused| match refused.code {
        ErrorCode::TooLarge => Refused { detail: "This is too large to be sent.".into(), ..refused },
        _ => refused,
    };
    Ok((read.map_err(too_large)?, most))
}

impl Form {
    /// A text that has to be there; `missing` says so to people.
    pub(super) fn text(&mut self, name: &str, missing: &'static str) -> Result<String, Refused> {
        let text = self.optional(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Refused::invalid(format!("/{name}"), missing))
    }

    /// A text that may be missing, or `null`. Anything else is refused: an object could mean a query to somebody.
    pub(super) fn optional(&mut self, name: &str) -> Result<Option<String>, Refused> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::invalid(format!("/{name}"), format!("`{name}` has to be a text."))),
        }
    }

    /// Anything, as it is.
    pub(super) fn any(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Anything; a form holds it as text in JSON.
    pub(super) fn json(&mut self, name: &str) -> Option<Value> {
        match self.any(name)? {
            Value::String(text) => Some(parse(text.as_bytes()).unwrap_or(Value::String(text))),
            other => Some(other),
        }
    }

    /// A field as a form has it; `content` has to be text.
    pub(super) fn add(&mut self, name: &str, content: Vec<u8>) -> Result<(), Refused> {
        let no_text = |_| Refused::invalid(format!("/{name}"), format!("`{name}` has to be a text."));
        let text = String::from_utf8(content).map_err(no_text)?;
        if self.0.len() >= MOST_FIELDS {
            return Err(Refused::invalid("", "This form has too many fields."));
        }
        if self.0.insert(name.to_owned(), Value::String(text)).is_some() {
            return Err(Refused::invalid(format!("/{name}"), format!("`{name}` is there twice.")));
        }
        Ok(())
    }
}

/// Where a file of a form goes that is none of those that are taken: it is refused before anything is done, since nothing
/// may be taken and then be lost. `nothing` says so.
pub(super) fn no_file(name: &str, nothing: &str) -> Refused {
    let detail = format!("No file is expected there. {nothing}");
    Refused {
        fields: Refused::invalid(format!("/{name}"), detail.clone()).fields,
        ..Refused::new(ErrorCode::Unsupported, detail)
    }
}

/// What is wrong with such a form is of no use to people, and may quote what is in it.
pub(super) fn broken<E>(_: E) -> Refused {
    Refused::invalid("", "This form could not be read.")
}

fn malformed(refused: Refused) -> Refused {
    Refused { detail: "This request could not be read: it is no well-formed JSON object.".into(), ..refused }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Form;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Form, A::Error> {
                let mut form = Form::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    // Of two one would win, and not everybody agrees on which.
                    if form.0.len() >= MOST_FIELDS || form.0.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a field comes twice, or there are too many"));
                    }
                }
                Ok(form)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
