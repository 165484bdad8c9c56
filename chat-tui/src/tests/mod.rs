//! The pure part, without a terminal or a server.

mod hostile;
mod list;
mod screens;
mod shop;
mod steps;
mod writing;
