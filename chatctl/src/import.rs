//! What another system holds, brought into a data folder. What is done with the folder is in [`crate::offline`].

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `chatctl import …`
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Bring over people, conversations, messages and their files from what mongodump or mongoexport wrote
    Mongo(Mongo),
}

/// Which dump, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
DUMP is what `mongodump --out` wrote (or the folder of one database in it), or a folder with files of `mongoexport`: \
users, conversations and messages, as .bson or .json, also with .gz.

Nothing is asked of a server: say --data-dir, and stop chatd while it runs. What is there already is passed over, so it \
can be run again after it was broken off, or with a newer dump.

Files come with their messages: say --uploads at the first run. Nothing is taken from outside of that folder. They are \
looked at as if they were uploaded: what they are is seen in them, and pictures lose where and with what they were taken.

Exit codes: 0 all of it is there, 9 some records or files were left out (each is named), 7 the folder is in use

Begin with: chatctl --data-dir D import mongo DUMP --dry-run")]
pub(crate) struct Mongo {
    /// The folder with the dump
    #[arg(value_name = "DUMP")]
    pub(crate) dump: PathBuf,
    /// Bring the files of messages too, from this folder: what the old backend kept under `uploads`
    #[arg(long, value_name = "DIR")]
    pub(crate) uploads: Option<PathBuf>,
    /// The largest file that comes, bytes; without it 5 MiB, as over the network
    #[arg(long, value_name = "BYTES", requires = "uploads", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_file_bytes: Option<u64>,
    /// Read and check everything, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write each record that is left out or changed into this file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Make everybody a customer, whatever they were: where anybody could sign up as anything
    #[arg(long)]
    pub(crate) staff_as_customers: bool,
}
