//! The pure part, without a terminal or a server.

mod files;
mod hostile;
mod list;
mod screens;
pub(crate) mod shop;
mod steps;
mod writing;
