//! Passwords and tokens.

mod passwords;
mod tokens;

pub(crate) use passwords::{Cost, Passwords};
pub(crate) use tokens::Tokens;
