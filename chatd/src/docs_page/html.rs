//! Text into markup.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// A text as content or as the value of a quoted attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a>(&'a str);

/// Escapes a text.
pub(super) fn text(text: &str) -> Text<'_> {
    Text(text)
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                // Controls and marks that turn the direction of writing would change how the rest reads.
                c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                    f.write_char('\u{fffd}')?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Paragraphs, divided by empty lines, with `code` between backticks. The rest of Markdown stays as it is written.
pub(super) fn prose(source: &str) -> String {
    let mut html = String::new();
    for paragraph in source.replace("\r\n", "\n").split("\n\n").map(str::trim).filter(|text| !text.is_empty()) {
        html.push_str("<p>");
        let parts: Vec<&str> = paragraph.split('`').collect();
        // The last backtick of an odd number has no partner and stays one.
        let pairs = (parts.len() - 1) / 2 * 2;
        for (index, part) in parts.iter().enumerate() {
            // Writing to a `String` cannot fail.
            let _ = match index {
                odd if odd % 2 == 1 && odd < pairs => write!(html, "<code>{}</code>", text(part)),
                odd if odd > pairs => write!(html, "`{}", text(part)),
                _ => write!(html, "{}", text(part)),
            };
        }
        html.push_str("</p>\n");
    }
    html
}

/// A table of three columns; the rows are markup already.
pub(super) fn table(out: &mut String, heads: [&str; 3], rows: &str) -> fmt::Result {
    let [first, second, third] = heads.map(text);
    writeln!(
        out,
        "<table>\n<thead><tr><th scope=\"col\">{first}</th><th scope=\"col\">{second}</th>\
         <th scope=\"col\">{third}</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"
    )
}

/// Names for anchors: letters, digits and hyphens, no two alike.
#[derive(Debug, Default)]
pub(super) struct Slugs(BTreeSet<String>);

impl Slugs {
    pub(super) fn unique(&mut self, name: &str) -> String {
        let words = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let slug = words.collect::<Vec<_>>().join("-");
        // `content` is the anchor of the page itself.
        let slug = if slug.is_empty() || slug == "content" { format!("x-{slug}") } else { slug };
        let mut candidate = slug.clone();
        let mut number = 2;
        while !self.0.insert(candidate.clone()) {
            candidate = format!("{slug}-{number}");
            number += 1;
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            text("<b a=\"1\" c='2'>&\u{1b}\u{202e}").to_string(),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn prose_has_paragraphs_and_code() {
        assert_eq!(
            prose("Takes `a` and\n`<b>`.\n\nAlone: `c"),
            "<p>Takes <code>a</code> and\n<code>&lt;b&gt;</code>.</p>\n<p>Alone: `c</p>\n"
        );
        assert_eq!(prose(" \n\n"), "");
    }

    #[test]
    fn anchors_differ() {
        let mut slugs = Slugs::default();
        let anchors = ["get-/a/{id}", "get-/a/id", "\" onclick=", "", "content"].map(|name| slugs.unique(name));
        assert_eq!(anchors, ["get-a-id", "get-a-id-2", "onclick", "x-", "x-content"]);
    }
}
