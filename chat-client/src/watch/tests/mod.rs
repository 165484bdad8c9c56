//! The pure part of watching, without sockets or time.

mod copy;
mod histories;
mod passing;
mod session;
mod shop;
mod steps;
