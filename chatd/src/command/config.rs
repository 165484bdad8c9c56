use clap::{Args, Subcommand};

use crate::config::DEFAULTS;

use super::{ConfigFlags, Exit, complain, print};

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read the configuration and say what is wrong with it
    Check(ConfigFlags),
    /// Print every value in effect and where it came from; secrets as ***
    Show(ConfigFlags),
    /// Print the commented defaults, which are the reference
    Default,
}

pub(super) fn run(args: &ConfigArgs) -> Exit {
    match &args.action {
        Action::Default => print(DEFAULTS),
        Action::Show(flags) => match flags.load() {
            Ok(loaded) => print(&loaded.show()),
            Err(error) => refuse(error),
        },
        Action::Check(flags) => match flags.load().and_then(|loaded| loaded.check().map(|()| loaded)) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    complain(warning);
                }
                print("The configuration is good.\n")
            }
            Err(error) => refuse(error),
        },
    }
}

fn refuse(error: impl std::fmt::Display) -> Exit {
    complain(error);
    Exit::Config
}
