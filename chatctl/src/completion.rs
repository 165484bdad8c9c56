use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man as Page;

use crate::Cli;
use crate::exit::{Exit, Failure, print};

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// For this shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(crate) fn complete(args: &Completion) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "chatctl", &mut script);
    print(&String::from_utf8_lossy(&script), Exit::Ok)
}

pub(crate) fn man(args: &Man) -> Result<Exit, Failure> {
    if let Some(folder) = &args.dir {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command(), folder)?;
        return Ok(Exit::Ok);
    }
    let mut page = Vec::new();
    Page::new(Cli::command()).render(&mut page).map_err(|error: io::Error| Failure::from(error))?;
    Ok(print(&String::from_utf8_lossy(&page), Exit::Ok))
}
