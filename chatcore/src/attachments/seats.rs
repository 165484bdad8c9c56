//! How many files come at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_proto::{ErrorCode, UserId};

use crate::error::{Error, Result};

/// Of everybody together: each takes a piece of memory and a file.
const MOST: usize = 256;
/// Of one person.
const MOST_OF_ONE: usize = 32;
const COME_BACK_IN: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<UserId, usize>,
}

/// A file that is coming; the place is free when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    taken: Arc<Mutex<Taken>>,
    user: UserId,
}

impl Seats {
    pub(super) fn take(&self, user: UserId) -> Result<Seat> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= MOST {
            let detail = "Too many files are coming at the same time.";
            return Err(Error::new(ErrorCode::Unavailable, detail).retry_in(COME_BACK_IN));
        }
        let theirs = taken.by.entry(user).or_default();
        if *theirs >= MOST_OF_ONE {
            let detail = format!("You can upload {MOST_OF_ONE} files at the same time.");
            return Err(Error::new(ErrorCode::RateLimited, detail).retry_in(COME_BACK_IN));
        }
        *theirs += 1;
        taken.all += 1;
        Ok(Seat { taken: Arc::clone(&self.0), user })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(theirs) = taken.by.get_mut(&self.user) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.by.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_does_not_take_all_places() {
        let (seats, user) = (Seats::default(), |byte| UserId::from_bytes([byte; 16]));
        let mut held: Vec<Seat> = (0..MOST_OF_ONE).map(|_| seats.take(user(1)).unwrap()).collect();
        assert_eq!(seats.take(user(1)).unwrap_err().code(), ErrorCode::RateLimited);
        held.pop();
        held.push(seats.take(user(1)).unwrap());
        let others = MOST.div_ceil(MOST_OF_ONE) - 1;
        for other in 0..others {
            held.extend((0..MOST_OF_ONE).map(|_| seats.take(user(2 + u8::try_from(other).unwrap())).unwrap()));
        }
        assert_eq!(seats.take(user(99)).unwrap_err().code(), ErrorCode::Unavailable);
        held.clear();
        assert!(seats.take(user(99)).is_ok() && seats.0.lock().unwrap().by.is_empty());
    }
}
