use std::io::ErrorKind;

use clap::{Args, Subcommand};

use super::{ConfigFlags, Exit, complain, print};

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Give the data folder a new key, while the server is stopped
    Rotate(Rotate),
}

#[derive(Debug, Args)]
struct Rotate {
    #[command(flatten)]
    config: ConfigFlags,
    /// Take nothing that the old key signed, since somebody else may have it
    #[arg(long)]
    at_once: bool,
}

pub(super) fn run(args: &KeyArgs) -> Exit {
    let Action::Rotate(rotate) = &args.action;
    let loaded = match rotate.config.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            complain(error);
            return Exit::Config;
        }
    };
    let folder = &loaded.config.data_dir;
    match chatcore::rotate_server_key(folder, !rotate.at_once) {
        Ok(()) => print("The data folder has a new key. Start the server.\n"),
        Err(error) if error.kind() == ErrorKind::ResourceBusy => {
            complain("the server has the data folder open; stop it first");
            Exit::Locked
        }
        Err(error) => {
            complain(format_args!("{}: {error}", folder.display()));
            Exit::Failed
        }
    }
}
