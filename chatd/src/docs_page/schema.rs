//! JSON Schemas as tables of fields.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde_json::Value;

use super::html::{self, Slugs, prose, text};
use super::kind::{bounds, required_mark};
use super::{items, member, members};

/// How many references are followed one after the other; a document may lead in a circle.
const HOPS: usize = 8;

/// The document's named schemas, and how to speak of any schema.
pub(super) struct Schemas<'a> {
    root: &'a Value,
    /// Name to anchor.
    pub(super) anchors: BTreeMap<&'a str, String>,
}

/// A field of an object.
struct Field<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(root: &'a Value, slugs: &mut Slugs) -> Self {
        let named = members(&root["components"]["schemas"]);
        let anchors = named.map(|(name, _)| (name.as_str(), slugs.unique(&format!("schema-{name}")))).collect();
        Self { root, anchors }
    }

    /// What a reference leads to; anything else is itself.
    pub(super) fn resolve(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..HOPS {
            let Some(pointer) = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) else {
                break;
            };
            let Some(target) = self.root.pointer(pointer) else {
                break;
            };
            value = target;
        }
        value
    }

    /// The fields of an object, those of all its parts together.
    fn fields(&self, schema: &'a Value, hops: usize) -> Vec<Field<'a>> {
        let schema = self.resolve(schema);
        let is_required = |name: &str| items(&schema["required"]).any(|required| required == name);
        let mut fields: Vec<Field<'a>> = members(&schema["properties"])
            .map(|(name, schema)| Field { name, schema, required: is_required(name) })
            .collect();
        if hops > 0 {
            fields.extend(items(&schema["allOf"]).flat_map(|part| self.fields(part, hops - 1)));
        }
        fields
    }

    /// The object inside of a field: the field itself, the items of an array, or the one choice beside null.
    fn inner(&self, schema: &'a Value) -> &'a Value {
        let mut schema = self.resolve(schema);
        for _ in 0..HOPS {
            let choices = || ["oneOf", "anyOf"].into_iter().flat_map(|word| items(&schema[word]));
            let mut real = choices().filter(|choice| choice["type"] != "null");
            schema = match (schema.get("items"), real.next(), real.next()) {
                (Some(item), ..) => self.resolve(item),
                (None, Some(only), None) => self.resolve(only),
                _ => break,
            };
        }
        schema
    }

    /// A table of the fields of a schema, and of those of the objects in it as many levels down as asked; for a
    /// schema without fields, what it is instead.
    pub(super) fn write_fields(&self, out: &mut String, schema: &'a Value, levels: usize) -> fmt::Result {
        let mut rows = String::new();
        self.write_rows(&mut rows, schema, "", levels)?;
        let resolved = self.resolve(schema);
        if schema["$ref"].is_string() {
            writeln!(out, "<p>{}</p>", self.kind(schema))?;
        }
        if !rows.is_empty() {
            return html::table(out, ["Field", "Type", "Meaning"], &rows);
        }
        let choices: Vec<&Value> = ["oneOf", "anyOf"].into_iter().flat_map(|word| items(&resolved[word])).collect();
        if choices.is_empty() {
            return writeln!(out, "<p>{}{}</p>", self.kind(resolved), bounds(resolved));
        }
        out.write_str("<p>One of:</p>\n<ol>\n")?;
        for choice in choices {
            let title = choice["title"].as_str().map(|title| format!("{}: ", text(title))).unwrap_or_default();
            writeln!(out, "<li>{title}{}\n{}", self.kind(choice), prose(member(choice, "description")))?;
            // A named choice has its own table; this one has no other place.
            let mut rows = String::new();
            if choice["$ref"].is_null() {
                self.write_rows(&mut rows, choice, "", levels)?;
            }
            if !rows.is_empty() {
                html::table(out, ["Field", "Type", "Meaning"], &rows)?;
            }
            out.write_str("</li>\n")?;
        }
        out.write_str("</ol>\n")
    }

    fn write_rows(&self, rows: &mut String, schema: &'a Value, within: &str, levels: usize) -> fmt::Result {
        for Field { name, schema, required } in self.fields(schema, HOPS) {
            let name = format!("{within}{name}");
            let resolved = self.resolve(schema);
            // What stands beside a reference is about this use of it.
            let meaning = schema["description"].as_str().unwrap_or_else(|| member(resolved, "description"));
            writeln!(
                rows,
                "<tr><th scope=\"row\"><code>{}</code>{}</th><td>{}{}</td><td>{}</td></tr>",
                text(&name),
                required_mark(required),
                self.kind(schema),
                bounds(resolved),
                prose(meaning),
            )?;
            if levels > 0 {
                let dot = if resolved["items"].is_object() { "[]." } else { "." };
                self.write_rows(rows, self.inner(schema), &format!("{name}{dot}"), levels - 1)?;
            }
        }
        Ok(())
    }

    pub(super) fn write_contents(&self, out: &mut String) -> fmt::Result {
        if self.anchors.is_empty() {
            return Ok(());
        }
        out.write_str("<li><a href=\"#schemas\">Schemas</a>\n<ul>\n")?;
        for (name, anchor) in &self.anchors {
            writeln!(out, "<li><a href=\"#{anchor}\">{}</a></li>", text(name))?;
        }
        out.write_str("</ul></li>\n")
    }

    /// Every named schema.
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        if self.anchors.is_empty() {
            return Ok(());
        }
        out.write_str("<section>\n<h2 id=\"schemas\">Schemas</h2>\n")?;
        for (name, schema) in members(&self.root["components"]["schemas"]) {
            let Some(anchor) = self.anchors.get(name.as_str()) else {
                continue;
            };
            writeln!(out, "<article>\n<h3 id=\"{anchor}\"><a href=\"#{anchor}\">{}</a></h3>", text(name))?;
            out.write_str(&prose(member(schema, "description")))?;
            self.write_fields(out, schema, 0)?;
            out.write_str("</article>\n")?;
        }
        out.write_str("</section>\n")
    }
}
