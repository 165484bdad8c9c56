//! One operation: a method of a path.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use serde_json::Value;

use super::html::{self, prose, text};
use super::kind::required_mark;
use super::{Document, items, member, members};

/// What the document says about a method of a path.
pub(super) struct Operation<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) anchor: String,
    /// Of the operation, then of its path.
    pub(super) parameters: Vec<&'a Value>,
    pub(super) body: &'a Value,
}

impl Document<'_> {
    pub(super) fn write_operation(&self, out: &mut String, operation: &Operation<'_>) -> fmt::Result {
        let Operation { method, path, anchor, parameters, body } = operation;
        writeln!(
            out,
            "<article>\n<h3 id=\"{anchor}\"><a href=\"#{anchor}\"><span class=\"method {method}\">{}</span> \
             <code>{}</code></a></h3>",
            method.to_ascii_uppercase(),
            text(path)
        )?;
        if body["deprecated"] == true {
            out.write_str("<p class=\"deprecated\">Deprecated</p>\n")?;
        }
        if !member(body, "summary").is_empty() {
            writeln!(out, "<p class=\"summary\">{}</p>", text(member(body, "summary")))?;
        }
        out.write_str(&prose(member(body, "description")))?;
        self.write_security(out, body)?;
        self.write_parameters(out, parameters)?;
        let request = self.schemas.resolve(&body["requestBody"]);
        for (media, content) in members(&request["content"]) {
            let needed = if request["required"] == true { "" } else { ", optional" };
            writeln!(out, "<h4>Request body <small>{}{needed}</small></h4>", text(media))?;
            out.write_str(&prose(member(request, "description")))?;
            self.schemas.write_fields(out, &content["schema"], 1)?;
        }
        self.write_responses(out, &body["responses"])?;
        out.write_str("</article>\n")
    }

    /// The names of the ways to prove who one is; an operation without its own takes those of the document.
    fn write_security(&self, out: &mut String, body: &Value) -> fmt::Result {
        let security = body.get("security").unwrap_or(&self.root["security"]);
        let names: Vec<String> = items(security)
            .map(|any| {
                members(any).map(|(name, _)| format!("<code>{}</code>", text(name))).collect::<Vec<_>>().join(" and ")
            })
            .map(|all| if all.is_empty() { "nothing".to_owned() } else { all })
            .collect();
        if names.is_empty() { Ok(()) } else { writeln!(out, "<p class=\"security\">Needs {}.</p>", names.join(" or ")) }
    }

    fn write_parameters(&self, out: &mut String, parameters: &[&Value]) -> fmt::Result {
        let mut seen = BTreeSet::new();
        let mut rows = String::new();
        for parameter in parameters.iter().map(|parameter| self.schemas.resolve(parameter)) {
            let (name, place) = (member(parameter, "name"), member(parameter, "in"));
            // One of the operation replaces the one of its path.
            if !seen.insert((name, place)) {
                continue;
            }
            writeln!(
                rows,
                "<tr><th scope=\"row\"><code>{}</code>{}</th><td>{} <small>in {}</small></td><td>{}</td></tr>",
                text(name),
                required_mark(parameter["required"] == true),
                self.schemas.kind(&parameter["schema"]),
                text(place),
                prose(member(parameter, "description")),
            )?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        out.write_str("<h4>Parameters</h4>\n")?;
        html::table(out, ["Name", "Type", "Meaning"], &rows)
    }

    fn write_responses(&self, out: &mut String, responses: &Value) -> fmt::Result {
        let mut rows = String::new();
        for (status, response) in members(responses) {
            let response = self.schemas.resolve(response);
            let kinds: Vec<String> = members(&response["content"])
                .map(|(media, content)| {
                    format!("{} <small>{}</small>", self.schemas.kind(&content["schema"]), text(media))
                })
                .collect();
            writeln!(
                rows,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td></tr>",
                text(status),
                if kinds.is_empty() { "no body".to_owned() } else { kinds.join("<br>") },
                prose(member(response, "description")),
            )?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        out.write_str("<h4>Responses</h4>\n")?;
        html::table(out, ["Status", "Body", "Meaning"], &rows)
    }
}
