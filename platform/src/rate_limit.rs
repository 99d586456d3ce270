//! How often somebody may ask: by address where nobody is known, by user or key and by organization where somebody is.
//!
//! The processes of a deployment count together in Redis, in one round trip a request; without Redis each counts for
//! itself. So the limits are never open and never what brings a service down. Who is limited reads a 429 that says when to
//! come back; everybody reads how much is left (`RateLimit`, `RateLimit-Policy`: draft-ietf-httpapi-ratelimit-headers-10).

mod cell;
mod fields;
mod local;
mod metrics;
mod middleware;
mod settings;
mod shared;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use uuid::Uuid;

use crate::auth::Principal;
use crate::redis::Redis;
use cell::Count;
pub use cell::{Limit, NotALimit};
use local::Local;
pub use metrics::Metrics;
pub use middleware::middleware;
pub use settings::Settings;
use shared::Shared;

/// The network that one subscriber usually holds.
const IPV6_PREFIX_BITS: u32 = 64;

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Everybody at one address who is not known.
    Address,
    /// Those of them that try a password or an invitation, which costs far more to refuse.
    LogIn,
    User,
    Key,
    Organization,
}

impl Class {
    pub const ALL: [Self; 5] = [Self::Address, Self::LogIn, Self::User, Self::Key, Self::Organization];

    /// How fields, metrics and keys name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::LogIn => "log-in",
            Self::User => "user",
            Self::Key => "key",
            Self::Organization => "organization",
        }
    }
}

/// One who is counted, within the group whose counts lie together in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    class: Class,
    who: Who,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    /// A user, a key or the organization itself, and the organization they belong to.
    Member {
        tenant: Uuid,
        id: Uuid,
    },
}

/// The limits of this process. Cheap to clone; the clones count together.
#[derive(Clone)]
pub struct RateLimits {
    settings: Arc<Settings>,
    local: Arc<Local>,
    shared: Option<Shared>,
    metrics: Metrics,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// By class, as it was asked.
    pub(crate) counts: Vec<(Class, Limit, Count)>,
}

impl RateLimits {
    pub fn new(settings: Settings, redis: Option<Redis>, metrics: Metrics) -> Self {
        Self {
            settings: Arc::new(settings),
            local: Arc::new(Local::default()),
            shared: redis.map(Shared::new),
            metrics,
        }
    }

    /// One request of somebody who is not known.
    pub(crate) async fn stranger(&self, address: IpAddr, logs_in: bool) -> Verdict {
        let who = Who::Address(network(address));
        let log_in = logs_in.then_some(Subject { class: Class::LogIn, who });
        self.count([Some(Subject { class: Class::Address, who }), log_in].into_iter().flatten()).await
    }

    /// One request of somebody who is. The operator is never limited: whoever mends the deployment must get in.
    pub(crate) async fn caller(&self, caller: &Principal) -> Option<Verdict> {
        let member = |class, tenant, id| Subject { class, who: Who::Member { tenant, id } };
        let (tenant, subject) = match *caller {
            Principal::User { tenant, user, .. } => (tenant, member(Class::User, tenant, user)),
            Principal::Scanner { tenant, key } => (tenant, member(Class::Key, tenant, key)),
            Principal::Operator => return None,
        };
        Some(self.count([subject, member(Class::Organization, tenant, tenant)].into_iter()).await)
    }

    /// All or nothing: a request that one class refuses is counted by none.
    async fn count(&self, subjects: impl Iterator<Item = Subject>) -> Verdict {
        let limited = subjects.filter_map(|subject| Some((subject, self.settings.of(subject.class)?)));
        let limited: Vec<(Subject, Limit)> = limited.collect();
        let counts = match &self.shared {
            Some(shared) => match shared.count(&limited).await {
                Ok(counts) => counts,
                Err(_) => {
                    self.metrics.fallbacks.inc();
                    self.local.count(&limited)
                }
            },
            None => self.local.count(&limited),
        };
        let allowed = counts.iter().all(|count| count.retry.is_zero());
        let classes = limited.iter().zip(counts);
        let counts: Vec<_> = classes.map(|((subject, limit), count)| (subject.class, *limit, count)).collect();
        for (class, _, count) in &counts {
            let outcome = if count.retry.is_zero() { "allowed" } else { "limited" };
            self.metrics.requests.with_label_values(&[class.as_str(), outcome]).inc();
        }
        Verdict { allowed, counts }
    }
}

/// Who holds an IPv6 address usually holds the whole network around it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - IPV6_PREFIX_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
