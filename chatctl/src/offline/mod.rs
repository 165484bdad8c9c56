//! Without a server: the data folder itself, while no chatd runs on it. For whoever has the folder anyway, to make the
//! first account of a shop, and to bring over what another system holds. In builds with the feature `offline` only (it
//! is on by default), since it brings the whole engine along.

#[cfg(feature = "offline")]
mod folder;
#[cfg(feature = "offline")]
mod import;

use std::path::Path;

use crate::Command;
use crate::exit::{Exit, Failure};
use crate::output::Style;

/// Carries a command out on this folder.
#[cfg(feature = "offline")]
pub(crate) async fn run(command: &Command, folder: &Path, style: &Style) -> Result<Exit, Failure> {
    use crate::user::User;
    match command {
        Command::User(User::Create(args)) => folder::create(args, folder, style).await,
        Command::User(User::Show(who)) => folder::show(who, folder, style).await,
        Command::Import(crate::import::Import::Mongo(args)) => import::mongo(args, folder, style).await,
        _ => Err(Failure::usage(
            "With --data-dir there are `user create`, `user show` and `import`. Everything else asks a running chatd: leave \
             --data-dir away.",
        )),
    }
}

/// Says that there is no such thing here.
#[cfg(not(feature = "offline"))]
#[expect(clippy::unused_async, reason = "the same as with the feature")]
pub(crate) async fn run(_: &Command, _: &Path, _: &Style) -> Result<Exit, Failure> {
    Err(Failure::usage(
        "This chatctl was built without its offline mode. Build it with the default features (`cargo build --release -p \
         chatctl`), or start chatd and leave --data-dir away.",
    ))
}
