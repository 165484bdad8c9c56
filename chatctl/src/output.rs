//! How answers are shown: tables for people, the same rows with tabs for pipes, the server's JSON for programs.

use std::io::{self, IsTerminal as _, Write as _};

use chat_client::plain;
use chat_proto::Timestamp;
use chat_proto::model::Page;
use clap::Args;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::ask;
use crate::exit::{Exit, Failure, print};
use crate::text::line;

/// How to show it.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Style {
    /// Print the server's answer as JSON, for programs; errors too, on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but what was asked for; no header in front of piped rows
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// No colours; also with `NO_COLOR` in the environment
    #[arg(long, global = true)]
    no_color: bool,
    /// Ask nothing: what is missing is an error
    #[arg(long, global = true)]
    no_input: bool,
    /// Say yes to what would be asked
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// See <https://no-color.org>
    #[arg(skip = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()))]
    no_color_env: bool,
}

/// How a terminal is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Columns.
    pub(crate) width: usize,
    pub(crate) colored: bool,
}

impl Style {
    /// Figures: a screen for people, and the same as rows for pipes, of which the server's own form is `answer`.
    pub(crate) fn screen(
        &self,
        answer: &impl Serialize,
        header: &[&str],
        rows: &[Vec<String>],
        draw: impl FnOnce(Look) -> String,
    ) -> Result<Exit, Failure> {
        if self.json {
            return json(answer);
        }
        let text = if io::stdout().is_terminal() { draw(self.look()) } else { tabs(header, rows, self.quiet) };
        Ok(print(&text, Exit::Ok))
    }

    fn look(&self) -> Look {
        Look { width: width(), colored: !self.no_color && !self.no_color_env }
    }

    /// A list, of which the server's own form is `answer`.
    pub(crate) fn table(
        &self,
        answer: &impl Serialize,
        header: &[&str],
        rows: &[Vec<String>],
        unit: &str,
    ) -> Result<Exit, Failure> {
        if self.json {
            return json(answer);
        }
        if !io::stdout().is_terminal() {
            return Ok(print(&tabs(header, rows, self.quiet), Exit::Ok));
        }
        let exit = print(&columns(header, rows, self.look()), Exit::Ok);
        let count = rows.len();
        self.remark(&format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        Ok(exit)
    }

    /// A list that may have been cut off: then that is said, and how to see the rest.
    pub(crate) fn list<T: Serialize>(
        &self,
        answer: &Page<T>,
        header: &[&str],
        rows: &[Vec<String>],
        unit: &str,
    ) -> Result<Exit, Failure> {
        let exit = self.table(answer, header, rows, unit)?;
        if exit == Exit::Ok && answer.next_cursor.is_some() {
            self.remark("There are more: --limit N shows so many, --all shows them all.");
        }
        Ok(exit)
    }

    /// One thing, as a line for each of its sides.
    pub(crate) fn card(&self, answer: &impl Serialize, sides: &[(&str, String)]) -> Result<Exit, Failure> {
        if self.json {
            return json(answer);
        }
        let widest = sides.iter().map(|(name, _)| name.width()).max().unwrap_or_default();
        let side = |(name, value): &(&str, String)| format!("{name:<widest$}  {}\n", line(value));
        Ok(print(&sides.iter().map(side).collect::<String>(), Exit::Ok))
    }

    /// What changed.
    pub(crate) fn done(&self, answer: &impl Serialize, says: &str) -> Result<Exit, Failure> {
        if self.json {
            return json(answer);
        }
        Ok(print(&format!("{}\n", line(says)), Exit::Ok))
    }

    /// What changed, of several things.
    pub(crate) fn each_done(&self, answer: &impl Serialize, says: &[String]) -> Result<Exit, Failure> {
        if self.json {
            return json(answer);
        }
        Ok(print(&says.iter().map(|says| line(says) + "\n").collect::<String>(), Exit::Ok))
    }

    /// Something by the way, for people.
    pub(crate) fn remark(&self, says: &str) {
        if !self.quiet && !self.json {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "{}", line(says));
        }
    }

    /// Whether what is missing can be asked for.
    pub(crate) fn may_ask(&self) -> bool {
        !self.no_input && ask::is_possible()
    }

    /// Asks whether to go on.
    pub(crate) async fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !self.may_ask() {
            return Err(Failure::usage(format!("{question} Say --yes to go on without being asked.")));
        }
        let answer = ask::line(&format!("{} [y/N]", line(question))).await?.unwrap_or_default();
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Failure::says("Nothing was changed.", Exit::Declined))
    }
}

impl Style {
    /// Asks for the name of what would be gone for good, unless it was said already. `--yes` is not enough for that.
    pub(crate) async fn confirm_name(&self, warning: &str, name: &str, said: Option<&str>) -> Result<(), Failure> {
        // As it can be read and typed.
        let name = line(name);
        let answer = match said {
            Some(said) => said.to_owned(),
            None if !self.may_ask() => {
                let quoted = name.replace('\'', "'\\''");
                return Err(Failure::usage(format!(
                    "{warning} Say --confirm '{quoted}' to go on without being asked."
                )));
            }
            None => {
                let question = format!("{}\nType the name ({name}) to go on:", line(warning));
                ask::line(&question).await?.unwrap_or_default()
            }
        };
        if answer.trim() == name.trim() {
            return Ok(());
        }
        Err(Failure::says("That is not its name. Nothing was changed.", Exit::Declined))
    }
}

/// The server's answer.
pub(crate) fn json(answer: &impl Serialize) -> Result<Exit, Failure> {
    let json = serde_json::to_string_pretty(answer).map_err(|error| Failure::says(error.to_string(), Exit::Failed))?;
    // JSON escapes some of what a terminal could obey, not all of it.
    Ok(print(&(plain(&json).into_owned() + "\n"), Exit::Ok))
}

/// A moment: on a terminal in the reader's own time, to the minute; through a pipe as data has it, RFC 3339 in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    if !io::stdout().is_terminal() {
        return at.to_string();
    }
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => at.to_string(),
    }
}

/// A number of bytes, as people read it.
pub(crate) fn bytes(count: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, shift)) = units.into_iter().find(|(_, shift)| count >> shift > 0) else {
        return format!("{count} B");
    };
    // In tenths, without the rounding of floats.
    let tenths = (u128::from(count) * 10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn tabs(header: &[&str], rows: &[Vec<String>], quiet: bool) -> String {
    let mut text = String::new();
    if !quiet {
        text += &header.join("\t");
        text.push('\n');
    }
    for row in rows {
        let cells: Vec<_> = row.iter().map(|cell| line(cell)).collect();
        text += &cells.join("\t");
        text.push('\n');
    }
    text
}

fn columns(header: &[&str], rows: &[Vec<String>], look: Look) -> String {
    laid_out(header, rows, look, |_, cell, room| [cell, room, "  "].concat())
}

/// A table of numbers, which end below each other, behind a column of what they are of.
pub(crate) fn numbers(header: &[&str], rows: &[Vec<String>], look: Look) -> String {
    laid_out(header, rows, look, |column, cell, room| {
        let cells = if column == 0 { [cell, room, "  "] } else { [room, cell, "  "] };
        cells.concat()
    })
}

fn laid_out(
    header: &[&str],
    rows: &[Vec<String>],
    Look { width, colored }: Look,
    fill: impl Fn(usize, &str, &str) -> String,
) -> String {
    // What goes beyond the edge is not laid out, or one long cell would make every row as long.
    let cell = |cell: &String| cut(&line(cell), width);
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let widths: Vec<_> = header
        .iter()
        .enumerate()
        .map(|(i, name)| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.width()).chain([name.width()]).max())
        .map(Option::unwrap_or_default)
        .collect();
    let row = |cells: &mut dyn Iterator<Item = &str>| {
        let room = |cell: &str, width: usize| " ".repeat(width.saturating_sub(cell.width()));
        let cell = |(column, (cell, width)): (usize, (&str, &usize))| fill(column, cell, &room(cell, *width));
        let filled: String = cells.zip(&widths).enumerate().map(cell).collect();
        cut(filled.trim_end(), width)
    };
    let head = row(&mut header.iter().copied());
    let mut text = if colored { format!("\u{1b}[2m{head}\u{1b}[0m\n") } else { head + "\n" };
    for cells in &rows {
        text += &row(&mut cells.iter().map(String::as_str));
        text.push('\n');
    }
    text
}

/// The text, or its beginning and three dots, in so many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(3);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or_default();
        left.checked_sub(wide).map(|rest| left = rest).is_some()
    };
    text.chars().take_while(fits).chain("...".chars()).collect()
}

/// Columns of the terminal.
fn width() -> usize {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|w| *w > 0)
        .unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cells: &[&[&str]]) -> Vec<Vec<String>> {
        cells.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_line_up_and_lines_end_at_the_edge() {
        let rows = rows(&[&["Ana", "ana@shop.example"], &["李雷", "li@shop.example, and more than there is room for"]]);
        let table = columns(&["NAME", "LOGIN"], &rows, Look { width: 30, colored: false });
        assert_eq!(table, "NAME  LOGIN\nAna   ana@shop.example\n李雷  li@shop.example, and ...\n");
    }

    #[test]
    fn what_people_write_cannot_leave_its_cell() {
        let rows = rows(&[&["\u{1b}]0;owned\u{7}Ana\tLi\nLeo", "x"]]);
        assert_eq!(tabs(&["A", "B"], &rows, true), "]0;ownedAna Li Leo\tx\n");
        assert!(!columns(&["A", "B"], &rows, Look { width: 80, colored: false }).contains('\u{1b}'));
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        let sizes = [0, 1_023, 1_024, 1_536, 5 << 20, (1 << 30) - 1, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "1023.9 MiB", "17179869183.9 GiB"]);
    }

    #[test]
    fn one_long_cell_does_not_make_the_others_long() {
        let rows = vec![vec!["x".repeat(1 << 20), "y".to_owned()], vec!["a".to_owned(), "b".to_owned()]];
        let table = columns(&["A", "B"], &rows, Look { width: 20, colored: false });
        let row = |cell: &str| format!("{cell:<17}...\n");
        assert_eq!(table, row("A") + &row(&"x".repeat(17)) + &row("a"));
    }
}
