//! The flood rule for failed log-ins: an account's window within its network's. Whoever guesses passwords of one account
//! shows up under that account; whoever tries ever new names fills the network's window, and the rest is one aggregate a
//! minute of various accounts. It counts no attempt twice.

use super::{Aggregate, Flood, KEYS_MAX, Verdict};
use crate::access::{AccountHash, LogInSource};
use crate::vocabulary::Timestamp;

/// Of one network prefix at one tenant, whatever the accounts: an office that mistypes on a Monday stays below it.
pub const NETWORK_SINGLES_PER_WINDOW: u32 = 60;

/// The counters of one process for failed log-ins.
#[derive(Debug, Clone)]
pub struct LogInFlood {
    accounts: Flood<LogInSource>,
    /// Their sources are of various accounts.
    networks: Flood<LogInSource>,
}

impl Default for LogInFlood {
    fn default() -> Self {
        let networks = Flood::with_limits(KEYS_MAX, NETWORK_SINGLES_PER_WINDOW);
        Self { accounts: Flood::default(), networks }
    }
}

impl LogInFlood {
    /// What the network's window turns away never takes room among the accounts; what an account's own window turns away
    /// takes nothing from the network's. So a network yields at most sixty single events a minute, an aggregate for each
    /// of the three accounts that could use up their twenty, and one more for the rest.
    pub fn note(&mut self, source: &LogInSource, now: Timestamp) -> Verdict {
        if self.accounts.is_spent(source, now) {
            return self.accounts.note(source, now);
        }
        let network = LogInSource { account_hash: AccountHash::VARIOUS, ..source.clone() };
        match self.networks.note(&network, now) {
            Verdict::Single => self.accounts.note(source, now),
            Verdict::Counted => Verdict::Counted,
        }
    }

    /// As [`Flood::due`].
    pub fn due(&mut self, now: Timestamp) -> Vec<Aggregate<LogInSource>> {
        [self.accounts.due(now), self.networks.due(now)].concat()
    }

    /// As [`Flood::drain`].
    pub fn drain(&mut self) -> Vec<Aggregate<LogInSource>> {
        [self.accounts.drain(), self.networks.drain()].concat()
    }

    /// As [`Flood::put_back`].
    pub fn put_back(&mut self, aggregate: Aggregate<LogInSource>, now: Timestamp) {
        let various = aggregate.key.as_ref().is_none_or(|source| source.account_hash == AccountHash::VARIOUS);
        let flood = if various { &mut self.networks } else { &mut self.accounts };
        flood.put_back(aggregate, now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::access::NetworkPrefix;
    use crate::access::flood::Tally;
    use crate::vocabulary::TenantId;

    fn source(network: u8, account: u8) -> LogInSource {
        let network = NetworkPrefix::of(IpAddr::V4(Ipv4Addr::new(203, 0, network, 1)));
        LogInSource { tenant: TenantId::DEPLOYMENT, account_hash: AccountHash::new([account; 32]), network }
    }

    fn various(network: u8) -> LogInSource {
        LogInSource { account_hash: AccountHash::VARIOUS, ..source(network, 0) }
    }

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn counted(aggregates: Vec<Aggregate<LogInSource>>) -> Vec<(Option<LogInSource>, u64)> {
        aggregates.into_iter().map(|aggregate| (aggregate.key, aggregate.tally.count())).collect()
    }

    #[test]
    fn ever_new_names_from_one_network_become_sixty_events_and_one_aggregate() {
        let mut flood = LogInFlood::default();
        let singles = (1..=200).filter(|&name| flood.note(&source(1, name), at(0)) == Verdict::Single).count();
        assert_eq!(singles, 60);
        assert_eq!(flood.accounts.sources(), 60, "names turned away take no room");
        assert_eq!(flood.note(&source(2, 1), at(0)), Verdict::Single, "another network is not concerned");
        assert_eq!(counted(flood.due(at(60))), [(Some(various(1)), 140)]);
        assert_eq!(flood.note(&source(1, 1), at(60)), Verdict::Single);
    }

    #[test]
    fn guesses_at_one_account_are_counted_for_it_and_leave_room_for_its_neighbours() {
        let mut flood = LogInFlood::default();
        let singles = (0..500).filter(|_| flood.note(&source(1, 1), at(0)) == Verdict::Single).count();
        assert_eq!(singles, 20);
        assert_eq!(flood.note(&source(1, 2), at(1)), Verdict::Single);
        assert_eq!(counted(flood.drain()), [(Some(source(1, 1)), 480)]);
    }

    #[test]
    fn no_attempt_is_counted_twice_or_lost() {
        let mut flood = LogInFlood::default();
        let (mut noted, mut single, mut aggregated) = (0, 0, 0);
        for second in 0..300_i64 {
            for attempt in 0..7 {
                let account = u8::try_from((second * attempt) % 90 + 1).unwrap();
                noted += 1;
                single += u64::from(flood.note(&source(account % 2, account), at(second)) == Verdict::Single);
            }
            for aggregate in flood.due(at(second)) {
                match second % 2 {
                    0 => flood.put_back(aggregate, at(second)),
                    _ => aggregated += aggregate.tally.count(),
                }
            }
        }
        aggregated += flood.drain().iter().map(|aggregate| aggregate.tally.count()).sum::<u64>();
        assert_eq!(noted, single + aggregated);
        assert!(single <= 2 * 60 * 6, "{single} single events of two networks in five minutes");
    }

    #[test]
    fn what_is_put_back_goes_where_it_was_counted() {
        let mut flood = LogInFlood::default();
        let aggregates =
            [Some(source(1, 1)), Some(various(1)), None].map(|key| Aggregate { key, tally: Tally::one(at(0)) });
        aggregates.iter().cloned().for_each(|aggregate| flood.put_back(aggregate, at(0)));
        assert_eq!((flood.accounts.sources(), flood.networks.sources()), (1, 1));
        assert_eq!(flood.drain(), aggregates);
    }
}
