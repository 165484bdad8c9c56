//! The one place that reads the environment.

use std::path::PathBuf;

use crate::theme::Theme;

#[derive(Debug)]
pub(crate) struct Environment {
    /// A password is never an argument, which everybody on the machine can see.
    pub(crate) password: Option<String>,
    /// The folder for what is kept over the program's end; `None`: nothing is.
    pub(crate) state: Option<PathBuf>,
    /// The user's own folder.
    pub(crate) home: Option<PathBuf>,
    pub(crate) theme: Theme,
    /// Whether the terminal shows more than ASCII.
    pub(crate) utf8: bool,
}

impl Environment {
    pub(crate) fn read() -> Self {
        Self::of(variable)
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = || Some(PathBuf::from(variable("HOME")?).join(".local/state"));
        // The specification: a path that is not absolute is to be ignored.
        let state = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name)).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let dumb = variable("TERM").is_none_or(|term| term == "dumb");
        let light = variable("COLORFGBG").is_some_and(|colours| colours.ends_with(";7") || colours.ends_with(";15"));
        let theme = match (variable("NO_COLOR").is_some() || dumb, light) {
            (true, _) => Theme::None,
            (false, true) => Theme::Light,
            (false, false) => Theme::Dark,
        };
        Self {
            password: variable("CHAT_TUI_PASSWORD"),
            home: variable("HOME").map(PathBuf::from),
            state: state.map(|folder| folder.join("chat-tui")),
            theme,
            utf8: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "here it is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Environment {
        Environment::of(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn colours_and_signs_follow_the_terminal() {
        let usual = of(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8"), ("HOME", "/home/leo")]);
        assert_eq!((usual.theme, usual.utf8), (Theme::Dark, true));
        assert_eq!(usual.state.as_deref(), Some("/home/leo/.local/state/chat-tui".as_ref()));
        assert_eq!(of(&[("TERM", "xterm"), ("NO_COLOR", "1")]).theme, Theme::None);
        assert_eq!(of(&[("TERM", "xterm"), ("NO_COLOR", "")]).theme, Theme::Dark);
        assert_eq!(of(&[("TERM", "dumb")]).theme, Theme::None);
        assert_eq!(of(&[("TERM", "xterm"), ("COLORFGBG", "0;15")]).theme, Theme::Light);
        assert!(!of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).utf8);
        let kept = of(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]).state;
        assert_eq!(kept.as_deref(), Some("/h/.local/state/chat-tui".as_ref()));
    }
}
