//! How many sockets are open: of each address, and of those who have not said who they are.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::ErrorCode;
use chatcore::Network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Refused;
use crate::tally::{Counted, Tally};

/// The open sockets, as far as they are limited in number.
#[derive(Debug)]
pub(crate) struct Seats {
    per_address: usize,
    by_address: Tally,
    before_hello: Arc<Semaphore>,
}

/// One open socket; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    _of_address: Option<Counted>,
    before_hello: Option<OwnedSemaphorePermit>,
}

/// A place before `hello` is free again after ten seconds at the latest.
const COME_BACK: Duration = Duration::from_secs(2);

impl Seats {
    pub(crate) fn new(per_address: usize, before_hello: usize) -> Self {
        let before_hello = Arc::new(Semaphore::new(before_hello.min(Semaphore::MAX_PERMITS)));
        Self { per_address, by_address: Tally::default(), before_hello }
    }

    /// Takes one for a socket that has not said who it is. This machine has as many as it likes, and so has whoever
    /// comes from nowhere in particular.
    pub(crate) fn take(&self, from: Option<IpAddr>) -> Result<Seat, Refused> {
        let come_back = |code, detail| Refused { retry_after: Some(COME_BACK), ..Refused::new(code, detail) };
        let Ok(before_hello) = Arc::clone(&self.before_hello).try_acquire_owned() else {
            let detail = "Too many sockets have not said `hello` yet: the limit is `sockets_before_hello`.";
            return Err(come_back(ErrorCode::Unavailable, detail));
        };
        let network = from.filter(|ip| !ip.is_loopback()).map(Network::of);
        let of_address = network.map(|network| self.by_address.add(network, self.per_address).ok_or(()));
        let Ok(of_address) = of_address.transpose() else {
            let detail = "Too many sockets are open from this address: the limit is `sockets_per_address`.";
            return Err(come_back(ErrorCode::RateLimited, detail));
        };
        Ok(Seat { _of_address: of_address, before_hello: Some(before_hello) })
    }
}

impl Seat {
    /// It has said who it is.
    pub(crate) fn welcome(&mut self) {
        self.before_hello = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_free_again_and_leave_nothing_behind() {
        let seats = Seats::new(2, 3);
        let [here, there, nearby] = ["192.0.2.1", "2001:db8::1", "2001:db8::2"].map(|ip| ip.parse().ok());
        let mut first = seats.take(here).unwrap();
        let second = seats.take(here).unwrap();
        assert_eq!(seats.take(here).unwrap_err().code, ErrorCode::RateLimited);
        let third = seats.take(there).unwrap();
        assert_eq!(seats.take(nearby).unwrap_err().code, ErrorCode::Unavailable, "three have not said hello");
        first.welcome();
        let fourth = seats.take(nearby).unwrap();
        first.welcome();
        assert_eq!(seats.take(None).unwrap_err().code, ErrorCode::Unavailable);
        drop(second);
        seats.take(here).unwrap();
        drop((first, third, fourth));
        assert!(seats.by_address.is_empty());
        assert_eq!(seats.before_hello.available_permits(), 3);
    }

    #[test]
    fn this_machine_has_as_many_as_it_likes() {
        let seats = Seats::new(1, 100);
        let open: Vec<Seat> = (0..50).map(|_| seats.take("127.0.0.1".parse().ok()).unwrap()).collect();
        assert_eq!(open.len(), 50);
    }
}
