//! A page that people read, made from the `OpenAPI` document.
//!
//! It runs no script and loads nothing but its style sheet, so that it works under
//! `Content-Security-Policy: default-src 'none'; style-src 'self'` and without a network. Whatever stands in the
//! document is text here: nothing of it can become markup.

mod html;
mod kind;
mod operation;
mod schema;

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use self::html::{Slugs, prose, text};
use self::operation::Operation;
use self::schema::Schemas;

/// The style sheet. Serve it as `text/css` beside the page, under the name `docs.css`.
pub const STYLE: &str = include_str!("style.css");

/// The methods of `OpenAPI` in the order in which people look for them.
const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

/// Where the document carries the table of error codes, for which `OpenAPI` has no place.
const ERROR_CODES: &str = "x-error-codes";

/// The heading of operations that have no tag.
const UNTAGGED: &str = "Other";

/// Renders an `OpenAPI` 3.1 document as an HTML page.
///
/// Reads what it knows and leaves out the rest: a document that is not `OpenAPI` gives a page without content, never an
/// error.
pub fn render(openapi: &Value) -> String {
    let mut page = String::with_capacity(64 * 1024);
    // Writing to a `String` cannot fail.
    let _ = Document::new(openapi).write(&mut page);
    page
}

struct Document<'a> {
    root: &'a Value,
    schemas: Schemas<'a>,
    tags: Vec<Tag<'a>>,
}

struct Tag<'a> {
    name: &'a str,
    description: &'a str,
    anchor: String,
    operations: Vec<Operation<'a>>,
}

/// The text of a member; empty if there is none.
fn member<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The members of an object; none if it is not one.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The items of an array; none if it is not one.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl<'a> Document<'a> {
    fn new(root: &'a Value) -> Self {
        let mut slugs = Slugs::default();
        let schemas = Schemas::new(root, &mut slugs);
        let mut tags: Vec<Tag<'a>> = Vec::new();
        let mut tag = |name: &'a str, description: &'a str, slugs: &mut Slugs| -> usize {
            tags.iter().position(|tag| tag.name == name).unwrap_or_else(|| {
                let anchor = slugs.unique(&format!("tag-{name}"));
                tags.push(Tag { name, description, anchor, operations: Vec::new() });
                tags.len() - 1
            })
        };
        for declared in items(&root["tags"]) {
            tag(member(declared, "name"), member(declared, "description"), &mut slugs);
        }
        let mut found = Vec::new();
        for (path, item) in members(&root["paths"]) {
            for method in METHODS {
                let Some(body) = item.get(method) else { continue };
                let name = body["tags"][0].as_str().unwrap_or(UNTAGGED);
                let index = tag(name, "", &mut slugs);
                let id = body["operationId"].as_str().map_or_else(|| format!("{method}-{path}"), str::to_owned);
                let anchor = slugs.unique(&id);
                let parameters = items(&body["parameters"]).chain(items(&item["parameters"])).collect();
                found.push((index, Operation { method, path, anchor, parameters, body }));
            }
        }
        for (index, operation) in found {
            tags[index].operations.push(operation);
        }
        tags.retain(|tag| !tag.operations.is_empty());
        Self { root, schemas, tags }
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let info = &self.root["info"];
        let title = info["title"].as_str().unwrap_or("API");
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{0}</title>\n<link rel=\"stylesheet\" href=\"docs.css\">\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
             <header><h1>{0}</h1> <p class=\"version\">{1}</p></header>\n",
            text(title),
            text(member(info, "version")),
        )?;
        self.write_contents(out)?;
        writeln!(out, "<main id=\"content\">\n{}", prose(member(info, "description")))?;
        for tag in &self.tags {
            writeln!(out, "<section>\n<h2 id=\"{}\">{}</h2>\n{}", tag.anchor, text(tag.name), prose(tag.description))?;
            for operation in &tag.operations {
                self.write_operation(out, operation)?;
            }
            out.write_str("</section>\n")?;
        }
        self.write_errors(out)?;
        self.schemas.write(out)?;
        out.write_str("</main>\n</body>\n</html>\n")
    }

    /// The table of error codes; `type` of a problem document points to its rows.
    fn write_errors(&self, out: &mut String) -> fmt::Result {
        if items(&self.root[ERROR_CODES]).next().is_none() {
            return Ok(());
        }
        out.write_str(
            "<section>\n<h2 id=\"errors\">Errors</h2>\n<table>\n<thead><tr><th>Code</th><th>HTTP</th>\
             <th>WebSocket close</th><th>Try again</th><th>Meaning</th></tr></thead>\n<tbody>\n",
        )?;
        for error in items(&self.root[ERROR_CODES]) {
            let code = text(member(error, "code"));
            writeln!(
                out,
                "<tr id=\"error-{code}\"><td><code>{code}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                error["status"].as_u64().unwrap_or_default(),
                error["ws_close"].as_u64().map_or_else(|| "stays".to_owned(), |close| close.to_string()),
                if error["retryable"] == true { "yes" } else { "no" },
                text(member(error, "title")),
            )?;
        }
        out.write_str("</tbody>\n</table>\n</section>\n")
    }

    fn write_contents(&self, out: &mut String) -> fmt::Result {
        out.write_str("<nav aria-label=\"Contents\">\n<ul>\n")?;
        for tag in &self.tags {
            writeln!(out, "<li><a href=\"#{}\">{}</a>\n<ul>", tag.anchor, text(tag.name))?;
            for Operation { method, path, anchor, .. } in &tag.operations {
                writeln!(
                    out,
                    "<li><a href=\"#{anchor}\"><span class=\"method {method}\">{}</span> <code>{}</code></a></li>",
                    method.to_ascii_uppercase(),
                    text(path)
                )?;
            }
            out.write_str("</ul></li>\n")?;
        }
        if items(&self.root[ERROR_CODES]).next().is_some() {
            out.write_str("<li><a href=\"#errors\">Errors</a></li>\n")?;
        }
        self.schemas.write_contents(out)?;
        out.write_str("</ul>\n</nav>\n")
    }
}

#[cfg(test)]
mod tests;
