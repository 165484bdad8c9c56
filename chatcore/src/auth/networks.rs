//! Networks in connection with accounts, remembered for a day, in memory only.

use std::collections::HashMap;
use std::time::Duration;

use chat_proto::Timestamp;

use crate::pace::Network;

const REMEMBERED_FOR: Duration = Duration::from_hours(24);
/// Networks of one account; beyond it the oldest goes.
pub(super) const MOST_OF_ACCOUNT: usize = 1_000;
/// Networks of all accounts together; beyond it the older half goes.
const MOST: usize = 20_000;

/// Which networks had to do with which account, by its folded address, and when the last time.
#[derive(Debug, Default)]
pub(super) struct Networks {
    of: HashMap<String, Vec<(Network, Timestamp)>>,
    count: usize,
}

impl Networks {
    pub(super) fn contains(&self, account: &str, network: Network, now: Timestamp) -> bool {
        self.lasting(account, now).any(|known| known == network)
    }

    /// How many there are of this account.
    pub(super) fn count(&self, account: &str, now: Timestamp) -> usize {
        self.lasting(account, now).count()
    }

    pub(super) fn add(&mut self, account: &str, network: Network, now: Timestamp) {
        self.remove(account, network);
        if self.count >= MOST {
            self.make_room(now);
        }
        let networks = self.of.entry(account.to_owned()).or_default();
        if networks.len() >= MOST_OF_ACCOUNT {
            networks.remove(0);
            self.count -= 1;
        }
        networks.push((network, now));
        self.count += 1;
    }

    pub(super) fn remove(&mut self, account: &str, network: Network) {
        let Some(networks) = self.of.get_mut(account) else { return };
        let before = networks.len();
        networks.retain(|(known, _)| *known != network);
        self.count -= before - networks.len();
        if networks.is_empty() {
            self.of.remove(account);
        }
    }

    fn lasting(&self, account: &str, now: Timestamp) -> impl Iterator<Item = Network> {
        let all = self.of.get(account).into_iter().flatten();
        all.filter(move |(_, at)| now.since(*at) < REMEMBERED_FOR).map(|(network, _)| *network)
    }

    /// Forgets what is old, and if that is not enough, the older half.
    fn make_room(&mut self, now: Timestamp) {
        self.keep(|at| now.since(at) < REMEMBERED_FOR);
        if self.count >= MOST {
            let mut moments: Vec<Timestamp> = self.of.values().flatten().map(|(_, at)| *at).collect();
            moments.sort_unstable();
            let median = moments[moments.len() / 2];
            self.keep(|at| at > median);
        }
    }

    fn keep(&mut self, keeps: impl Fn(Timestamp) -> bool) {
        self.of.retain(|_, networks| {
            networks.retain(|(_, at)| keeps(*at));
            !networks.is_empty()
        });
        self.count = self.of.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> Network {
        Network::of(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + second * 1_000)
    }

    #[test]
    fn they_are_forgotten_after_a_day() {
        let mut networks = Networks::default();
        networks.add("ana", network(1), at(0));
        networks.add("ana", network(1), at(10));
        assert!(networks.contains("ana", network(1), at(86_409)) && !networks.contains("ana", network(1), at(86_410)));
        assert!(!networks.contains("ana", network(2), at(10)) && !networks.contains("leo", network(1), at(10)));
        assert_eq!((networks.count("ana", at(10)), networks.count("ana", at(86_410))), (1, 0));
        networks.remove("ana", network(1));
        assert!(networks.of.is_empty() && networks.count == 0);
    }

    #[test]
    fn they_are_bounded_for_one_account_and_in_all() {
        let mut networks = Networks::default();
        for number in 0..2_000 {
            networks.add("ana", network(number), at(i64::from(number)));
        }
        assert_eq!((networks.count("ana", at(2_000)), networks.count), (MOST_OF_ACCOUNT, MOST_OF_ACCOUNT));
        assert!(
            networks.contains("ana", network(1_999), at(2_000)) && !networks.contains("ana", network(0), at(2_000))
        );
        for number in 0..30_000_u32 {
            networks.add(&format!("user{number}"), network(1), at(2_000 + i64::from(number)));
            assert!(networks.count <= MOST);
        }
        assert_eq!(networks.count, networks.of.values().map(Vec::len).sum::<usize>());
        assert!(networks.contains("user29999", network(1), at(32_000)));
    }
}
