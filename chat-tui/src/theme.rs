//! Colours and signs. Meaning never stands in colour alone: there is always a sign or a word, too.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// Which colours are used. They are the terminal's own sixteen, so that its owner's choice rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Theme {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// No colours: bold, dim and reverse.
    None,
}

/// What a part of the screen is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Bar,
    /// Where the keys go.
    Focus,
    Unread,
    Alert,
    Good,
}

impl Theme {
    pub(crate) fn style(self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Bar => Style::new().add_modifier(Modifier::REVERSED),
            Tone::Focus | Tone::Unread | Tone::Alert => Style::new().add_modifier(Modifier::BOLD),
            Tone::Good => Style::new(),
        };
        let colour = match (self, tone) {
            (Self::None, _) | (_, Tone::Bar) => return style,
            (Self::Dark, Tone::Focus) => Color::Cyan,
            (Self::Dark, Tone::Unread) => Color::Yellow,
            (Self::Dark, Tone::Alert) => Color::LightRed,
            (Self::Light, Tone::Focus) => Color::Blue,
            (Self::Light, Tone::Unread) => Color::Magenta,
            (Self::Light, Tone::Alert) => Color::Red,
            (_, Tone::Good) => Color::Green,
        };
        style.fg(colour)
    }
}

/// How the screen looks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) theme: Theme,
    /// Edges of plain ASCII.
    pub(crate) ascii: bool,
}

impl Look {
    /// Puts plain characters in the place of the edges, for terminals that have no others.
    pub(crate) fn plain(self, buffer: &mut Buffer) {
        if !self.ascii {
            return;
        }
        for cell in &mut buffer.content {
            let plain = match cell.symbol() {
                "│" => "|",
                "─" => "-",
                "┌" | "┐" | "└" | "┘" | "┬" | "┴" | "├" | "┤" | "┼" => "+",
                "…" => "~",
                _ => continue,
            };
            cell.set_symbol(plain);
        }
    }
}
