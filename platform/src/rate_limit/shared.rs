//! Counting in Redis, for all processes together: one script, one round trip, Redis's clock.

use std::net::IpAddr;

use super::cell::Count;
use super::{Limit, Subject, Who};
use crate::redis::{Away, Redis, Script};

/// `cell::judge` for each key; all are written, or none where one refuses. A key lives until its debts are paid off.
pub(super) const JUDGE: &str = r"
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local next_of, answer, allowed = {}, {}, true
for i, key in ipairs(KEYS) do
    local cost, depth = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local paid_off = tonumber(redis.call('GET', key) or now)
    paid_off = math.min(math.max(paid_off, now), now + depth)
    local over = paid_off + cost - (now + depth)
    if over > 0 then allowed = false else over = 0 end
    next_of[i] = paid_off + cost
    answer[2 * i - 1], answer[2 * i] = paid_off - now, over
end
if allowed then
    for i, key in ipairs(KEYS) do
        redis.call('SET', key, string.format('%.0f', next_of[i]), 'PX', math.ceil((next_of[i] - now) / 1000))
        answer[2 * i - 1] = next_of[i] - now
    end
end
return answer";

#[derive(Clone)]
pub(super) struct Shared {
    redis: Redis,
    script: Script,
}

impl Shared {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis, script: Script::new(JUDGE) }
    }

    #[cfg(test)]
    pub(super) fn redis(&self) -> &Redis {
        &self.redis
    }

    pub(super) async fn count(&self, subjects: &[(Subject, Limit)]) -> Result<Vec<Count>, Away> {
        if subjects.is_empty() {
            return Ok(vec![]);
        }
        let keys: Vec<String> = subjects.iter().map(|(subject, _)| self.key(subject)).collect();
        let limits = subjects.iter().flat_map(|(_, limit)| [limit.cost_micros(), limit.depth_micros()]);
        let limits: Vec<String> = limits.map(|micros| micros.to_string()).collect();
        let answer: Vec<u64> = self.redis.run(&self.script, &keys, &limits).await?;
        let pairs = answer.chunks_exact(2).zip(subjects);
        Ok(pairs.map(|(pair, (_, limit))| Count::at(*limit, pair[0], pair[1])).collect())
    }

    /// What is in braces decides where in a Cluster a key lies, and is one for all keys of one request.
    fn key(&self, subject: &Subject) -> String {
        let (prefix, class) = (self.redis.prefix(), subject.class.as_str());
        match subject.who {
            Who::Address(IpAddr::V4(address)) => format!("{prefix}limit:{{{address}}}:{class}"),
            Who::Address(IpAddr::V6(address)) => format!("{prefix}limit:{{{:x}}}:{class}", address.to_bits()),
            Who::Member { tenant, id } => format!("{prefix}limit:{{{tenant}}}:{class}:{id}"),
        }
    }
}
