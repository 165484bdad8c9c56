/// Objects and lists in one another, at the most: what we read needs a quarter of it.
pub const MOST_DEPTH: usize = 32;

/// Whether objects and lists lie in one another deeper than [`MOST_DEPTH`]. Told from the bytes alone, before anything is
/// built of them; what is no JSON is for the parser to refuse.
#[must_use]
pub fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return true;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What a parser says, without the names and values that it repeats in full: an answer is not to be as long as what it
/// refuses.
#[must_use]
pub fn brief(mut said: String) -> String {
    if said.len() > MOST_SAID {
        said.truncate(said.floor_char_boundary(MOST_SAID));
        said.push('…');
    }
    said
}

/// Bytes of what a parser says.
const MOST_SAID: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts() {
        let lists = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (json, too_deep) in [
            (lists(MOST_DEPTH), false),
            (lists(MOST_DEPTH + 1), true),
            (format!(r#"{{"a":{}}}"#, lists(MOST_DEPTH)), true),
            (format!("[{}]", vec!["[]"; 100].join(",")), false),
            (format!(r#"["{}"]"#, "[".repeat(100)), false),
            (format!(r#"["\"{}"]"#, "[".repeat(100)), false),
            (format!(r#"["\\\\",{}"#, "[".repeat(100)), true),
            ("]".repeat(100) + &lists(MOST_DEPTH), false),
            (String::new(), false),
        ] {
            assert_eq!(is_too_deep(json.as_bytes()), too_deep, "{json}");
        }
    }
}
