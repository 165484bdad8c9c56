//! A test by name for each hole that chat back ends are known for. What has a whole file of its own stands there:
//!
//! | hole | tests |
//! |---|---|
//! | foreign conversations on every route and by every frame | `strangers`, `access` |
//! | forged, foreign and expired tokens | `bad_input::tokens` |
//! | bodies, queries and frames of the wrong form | `bad_input` |
//! | readers that take nothing | `slow_readers` |
//! | too much of anything | `limits`, `floods` |
//! | secrets in the log | `log_secrets` |
//! | the same in the dialect of the replaced backend | `compat`, in each file by the hole's number |

mod access;
mod accounts;
mod browsers;
mod http;
mod injection;
mod raw;
mod sockets;
