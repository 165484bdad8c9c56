//! The pure part, without a terminal or a server.

mod screen;
mod shop;
mod steps;
