use serde_json::json;

use super::*;

/// Two tags, a nested body, references, choices, and text that would like to be markup.
fn shop() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Shop <chat>", "version": "0.1.0", "description": "Reads `well`.\n\nTwice." },
        "tags": [{ "name": "messages", "description": "What people say." }, { "name": "unused" }],
        "security": [{ "bearer": [] }],
        "paths": {
            "/health": { "get": { "summary": "Is it up?", "security": [], "responses": { "204": { "description": "Yes." } } } },
            "/messages/{id}": {
                "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "string" }, "description": "Of the path." },
                    { "$ref": "#/components/parameters/Trace" }
                ],
                "post": {
                    "tags": ["messages"],
                    "operationId": "send",
                    "summary": "Send <script>alert(1)</script>",
                    "description": "Members of the conversation may call it.",
                    "deprecated": true,
                    "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" }, "description": "Of the operation." }],
                    "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Draft" } } } },
                    "responses": {
                        "201": { "description": "Sent.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Message" } } } },
                        "403": { "description": "\"><img src=x onerror=alert(2)>" }
                    }
                }
            }
        },
        "components": {
            "parameters": { "Trace": { "name": "trace", "in": "query", "schema": { "type": ["integer", "null"], "minimum": 1 } } },
            "schemas": {
                "Draft": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {
                        "text": { "type": "string", "maxLength": 16384, "description": "What is said." },
                        "files": { "type": "array", "items": { "$ref": "#/components/schemas/File" } },
                        "reply": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Message" }] },
                        "role": { "$ref": "#/components/schemas/Role" },
                        "pinned": { "type": ["boolean", "null"] }
                    }
                },
                "File": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string" },
                    "size": { "type": "integer", "format": "int64" },
                    "parent": { "$ref": "#/components/schemas/File" }
                } },
                "Message": { "allOf": [
                    { "$ref": "#/components/schemas/File" },
                    { "type": "object", "properties": { "seq": { "type": "integer" } } }
                ] },
                "Role": { "type": "string", "enum": ["agent", "<i>"] },
                "Shape": { "oneOf": [
                    { "title": "round", "type": "object", "required": ["kind"], "properties": { "kind": { "const": "round" } } },
                    { "$ref": "#/components/schemas/File" }
                ] },
                "Circle": { "$ref": "#/components/schemas/Circle" },
                "\"><script>": { "type": "string" }
            }
        }
    })
}

/// The row of a table that begins with this name.
fn row<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!("<tr><th scope=\"row\"><code>{name}</code>")).unwrap_or_else(|| panic!("no {name}"));
    page[start..].split_once("</tr>").unwrap().0
}

/// The values of an attribute all over the page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split_once('"').unwrap().0).collect()
}

#[test]
fn hostile_text_stays_text() {
    let page = render(&shop());
    for markup in ["<script", "<img", "<i>", "style=", "onerror=\"", "javascript:"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("Send &lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("<title>Shop &lt;chat&gt;</title>"));
    assert!(page.contains("&quot;&gt;&lt;img src=x onerror=alert(2)&gt;"));
}

#[test]
fn nothing_is_loaded_but_the_style() {
    let page = render(&shop());
    assert!(!page.contains(" src=\""));
    let outside: Vec<_> = attributes(&page, "href").into_iter().filter(|href| !href.starts_with('#')).collect();
    assert_eq!(outside, ["docs.css"]);
    for foreign in ["@import", "url(", "http"] {
        assert!(!STYLE.contains(foreign), "{foreign}");
    }
}

#[test]
fn every_link_has_its_anchor_and_anchors_differ() {
    let page = render(&shop());
    let mut anchors = attributes(&page, "id");
    for href in attributes(&page, "href").into_iter().filter_map(|href| href.strip_prefix('#')) {
        assert!(anchors.contains(&href), "{href}");
    }
    let count = anchors.len();
    anchors.sort_unstable();
    anchors.dedup();
    assert_eq!(anchors.len(), count);
    assert!(anchors.contains(&"send") && anchors.contains(&"get-health") && anchors.contains(&"schema-Draft"));
}

#[test]
fn an_operation_says_who_what_and_how() {
    let page = render(&shop());
    for part in [
        "<span class=\"method post\">POST</span> <code>/messages/{id}</code>",
        "<p>Members of the conversation may call it.</p>",
        "<p class=\"deprecated\">Deprecated</p>",
        "<p class=\"security\">Needs <code>bearer</code>.</p>",
        "<p>What people say.</p>",
        "Request body <small>application/json</small>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("Needs ").count(), 1, "an empty list asks for nothing");
    assert!(row(&page, "201").contains("<a href=\"#schema-Message\">Message</a> <small>application/json</small>"));
    assert!(row(&page, "204").contains("no body"));
    assert!(!page.contains("unused"), "a tag without operations");
}

#[test]
fn parameters_of_the_operation_come_before_those_of_the_path() {
    let page = render(&shop());
    assert!(row(&page, "id").contains("Of the operation.") && !page.contains("Of the path."));
    assert!(row(&page, "trace").contains("integer or null <small>in query</small>"));
}

#[test]
fn fields_are_resolved_one_level_down() {
    let page = render(&shop());
    let text = row(&page, "text");
    assert!(text.contains("required</strong>") && text.contains("longest <code>16384</code>"), "{text}");
    assert!(row(&page, "files").contains("array of <a href=\"#schema-File\">File</a>"));
    assert!(row(&page, "files[].name").contains("required</strong>"));
    assert!(row(&page, "files[].size").contains("integer (int64)"));
    assert!(row(&page, "reply").contains("null or <a href=\"#schema-Message\">"));
    assert!(row(&page, "reply.seq").contains("integer"));
    assert!(row(&page, "role").contains("<code>&quot;agent&quot;</code>, <code>&quot;&lt;i&gt;&quot;</code>"));
    assert!(row(&page, "pinned").contains("boolean or null"));
    assert!(!page.contains("files[].parent."), "only one level");
}

#[test]
fn schemas_are_listed_with_their_fields_or_choices() {
    let page = render(&shop());
    let schemas = page.split_once("<h2 id=\"schemas\">").unwrap().1;
    assert!(row(schemas, "seq").contains("integer"), "the parts of an allOf are one table");
    assert!(schemas.contains("<li>round: object") && row(schemas, "kind").contains("<code>&quot;round&quot;</code>"));
    assert!(schemas.contains("<a href=\"#schema-Circle\">Circle</a>"), "a circle ends");
}

#[test]
fn what_is_no_openapi_gives_an_empty_page() {
    for document in [json!(null), json!([]), json!({ "paths": [], "tags": {}, "components": 3 })] {
        assert!(render(&document).contains("<title>API</title>"));
    }
}
