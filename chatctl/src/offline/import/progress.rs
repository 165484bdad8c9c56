use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::source::Source;
use crate::output::Style;

/// A bar for people who watch: first over the bytes that are read, then over the messages that come, with
/// their files.
pub(super) struct Progress {
    bar: ProgressBar,
    read: Arc<AtomicU64>,
    files: AtomicU64,
    file_bytes: AtomicU64,
}

impl Progress {
    pub(super) fn new(sources: &[Source], style: &Style) -> Self {
        let bytes = sources.iter().map(|source| source.bytes).sum();
        let is_watched = io::stderr().is_terminal() && !style.quiet && !style.json;
        let target = if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        bar.set_style(look("{msg:<10} {bar:30} {bytes}/{total_bytes}  {eta}"));
        bar.set_message("reading");
        Self { bar, read: Arc::default(), files: AtomicU64::new(0), file_bytes: AtomicU64::new(0) }
    }

    /// Counts what is read of the files.
    pub(super) fn read(&self) -> &Arc<AtomicU64> {
        &self.read
    }

    /// More was read.
    pub(super) fn on(&self) {
        self.bar.set_position(self.read.load(Ordering::Relaxed));
    }

    /// From now on so many messages come.
    pub(super) fn transfer(&self, messages: u64) {
        self.bar.set_style(look("{msg:<10} {bar:30} {human_pos}/{human_len}  {eta}"));
        self.bar.set_message("importing");
        self.bar.set_position(0);
        self.bar.set_length(messages);
    }

    /// So many more have come.
    pub(super) fn came(&self, messages: u64) {
        self.bar.inc(messages);
    }

    /// A file of so many bytes has come.
    pub(super) fn file_came(&self, bytes: u64) {
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.file_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.bar.set_message(format!("importing ({files} files, {})", HumanBytes(bytes)));
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn look(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
