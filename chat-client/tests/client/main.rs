//! The client against small servers that say what each test wants.

/// Fails with the value itself when it does not match.
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        match $value {
            $pattern $(if $guard)? => {}
            other => panic!("{other:?} is not {}", stringify!($pattern)),
        }
    };
}

#[cfg(test)]
mod attachments;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod fake_daemon;
#[cfg(test)]
mod fake_http;
#[cfg(test)]
mod fake_socket;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod live;
#[cfg(test)]
mod live_end;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod seeded;
#[cfg(all(test, feature = "tls"))]
mod tls;
#[cfg(test)]
mod token;
#[cfg(test)]
mod values;
#[cfg(test)]
mod watch;
