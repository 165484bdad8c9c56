//! Passwords and tokens.

pub(crate) mod identity;
mod passwords;
mod refresh;
mod tokens;

pub(crate) use passwords::{Cost, Passwords};
pub(crate) use refresh::RefreshToken;
pub(crate) use tokens::{TokenKeys, Tokens};
