//! Passwords and tokens.

mod bcrypt;
mod guard;
pub(crate) mod identity;
mod link;
mod networks;
mod passwords;
mod refresh;
mod slowed;
pub(crate) mod strength;
mod tokens;

pub use bcrypt::Bcrypt;
pub(crate) use guard::Guard;
pub(crate) use link::{LinkKey, LinkToken, Purpose};
pub(crate) use passwords::{Cost, Passwords, Verdict};
pub(crate) use refresh::RefreshToken;
pub(crate) use tokens::{TokenKeys, Tokens};
