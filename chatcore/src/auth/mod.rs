//! Passwords and tokens.

pub(crate) mod identity;
mod link;
mod passwords;
mod refresh;
mod tokens;

pub(crate) use link::{LinkKey, LinkToken, Purpose};
pub(crate) use passwords::{Cost, Passwords};
pub(crate) use refresh::RefreshToken;
pub(crate) use tokens::{TokenKeys, Tokens};
