use crate::plain_line;

/// The most bytes of a name that is made here: what file systems take, and room for what is appended.
const MOST_BYTES: usize = 200;

/// A name that a server gave, as one for a file on this machine: no folder, nothing that a terminal or a file system could
/// obey, not hidden, never empty.
#[must_use]
pub fn local_file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = plain_line(last);
    let mut local: String = clean.chars().map(|c| if is_special(c) { '_' } else { c }).collect();
    while local.len() > MOST_BYTES {
        // From the middle, so that the ending stays.
        let end = local.char_indices().rev().nth(16).map_or(0, |(at, _)| at);
        let cut = local[..end].char_indices().next_back().map_or(0, |(at, _)| at);
        local.replace_range(cut..end, "");
    }
    let local = local.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if local.is_empty() { "file".to_owned() } else { local.to_owned() }
}

/// What means something to a shell or to another file system.
fn is_special(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '$' | '`' | '\'')
}

#[cfg(test)]
mod tests {
    use super::local_file_name;

    #[test]
    fn a_name_stays_in_its_folder_and_harmless() {
        for (given, local) in [
            ("invoice.pdf", "invoice.pdf"),
            ("Grüße 你好.txt", "Grüße 你好.txt"),
            ("../../.ssh/authorized_keys", "authorized_keys"),
            ("C:\\Windows\\evil.exe", "evil.exe"),
            ("/etc/passwd", "passwd"),
            (".bashrc", "bashrc"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            ("\u{1b}]0;owned\u{7}x\u{202e}fdp.exe", "]0;ownedxfdp.exe"),
            ("two\nlines.txt", "two lines.txt"),
            ("$(rm -r ~)`x`:*?.txt", "_(rm -r ~)_x____.txt"),
            (" name. ", "name"),
        ] {
            assert_eq!(local_file_name(given), local, "{given:?}");
        }
        let long = local_file_name(&("€".repeat(300) + ".jpeg"));
        assert!(long.len() <= 200 && long.ends_with("€.jpeg"), "{long}");
    }
}
