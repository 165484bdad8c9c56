//! The log: the screen belongs to the conversation.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;

/// Bytes from which on the log begins anew at the next start.
const LONGEST: u64 = 1024 * 1024;

/// Opens the log, readable by its owner only. Without one the program runs as well.
pub(crate) fn open(file: Option<PathBuf>) {
    let Some(file) = file else { return };
    if let Some(folder) = file.parent() {
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
    let long = std::fs::metadata(&file).is_ok_and(|about| about.len() > LONGEST);
    let mut options = OpenOptions::new();
    let options = if long { options.write(true).truncate(true) } else { options.append(true) };
    if let Ok(file) = options.create(true).mode(0o600).open(file) {
        let log = tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false);
        // There is no other.
        let _ = log.with_max_level(LevelFilter::INFO).try_init();
    }
}
