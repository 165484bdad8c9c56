//! A schema in a few words.

use serde_json::Value;

use super::html::text;
use super::items;
use super::schema::Schemas;

/// What follows the name of a field that must be there.
pub(super) fn required_mark(required: bool) -> &'static str {
    if required { " <strong class=\"required\">required</strong>" } else { "" }
}

/// A value as it stands in JSON.
fn code(value: &Value) -> String {
    format!("<code>{}</code>", text(&value.to_string()))
}

fn codes(values: &Value) -> String {
    items(values).map(code).collect::<Vec<_>>().join(", ")
}

impl<'a> Schemas<'a> {
    /// The type of a schema in a few words.
    pub(super) fn kind(&self, schema: &'a Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.link(reference, schema);
        }
        for (word, glue) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
            let kinds: Vec<String> = items(&schema[word]).map(|part| self.kind(part)).collect();
            if !kinds.is_empty() {
                return kinds.join(glue);
            }
        }
        if let Some(value) = schema.get("const") {
            return code(value);
        }
        if schema["enum"].is_array() {
            return format!("one of {}", codes(&schema["enum"]));
        }
        let several: Vec<&str> = items(&schema["type"]).filter_map(Value::as_str).collect();
        let kinds = if several.is_empty() { vec![schema["type"].as_str().unwrap_or("any")] } else { several };
        kinds.into_iter().map(|kind| self.plain_kind(kind, schema)).collect::<Vec<_>>().join(" or ")
    }

    fn plain_kind(&self, kind: &str, schema: &'a Value) -> String {
        match kind {
            "array" => format!("array of {}", self.kind(&schema["items"])),
            "object" if schema["additionalProperties"].is_object() => {
                format!("object of {}", self.kind(&schema["additionalProperties"]))
            }
            "null" => "null".to_owned(),
            kind => match schema["format"].as_str() {
                Some(format) => format!("{} ({})", text(kind), text(format)),
                None => text(kind).to_string(),
            },
        }
    }

    /// A link to a named schema, and its values when these are all there is to say.
    fn link(&self, reference: &str, schema: &'a Value) -> String {
        let name = reference.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let Some(anchor) = self.anchors.get(name.as_str()) else {
            return text(&name).to_string();
        };
        let values = codes(&self.resolve(schema)["enum"]);
        let values = if values.is_empty() { values } else { format!(": {values}") };
        format!("<a href=\"#{anchor}\">{}</a>{values}", text(&name))
    }
}

/// The bounds of a value, in small print after its type.
pub(super) fn bounds(schema: &Value) -> String {
    let words = [
        ("minimum", "from"),
        ("maximum", "to"),
        ("minLength", "shortest"),
        ("maxLength", "longest"),
        ("minItems", "fewest"),
        ("maxItems", "most"),
        ("pattern", "like"),
        ("default", "default"),
    ];
    let bounds: Vec<String> =
        words.iter().filter_map(|(name, word)| Some(format!("{word} {}", code(schema.get(name)?)))).collect();
    if bounds.is_empty() { String::new() } else { format!(" <small>{}</small>", bounds.join(", ")) }
}
