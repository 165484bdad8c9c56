//! The pure part, without a terminal or a server.

mod hostile;
mod screens;
mod shop;
mod steps;
mod writing;
