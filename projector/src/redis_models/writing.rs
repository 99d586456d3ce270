//! Copies in Redis: a hash of what it holds and how new it is, replaced only by a newer one.

use platform::redis::{Away, Redis, Script};
use uuid::Uuid;

use super::debts::Copy;

/// Orders are texts of one length that sort as the moments they stand for.
const REPLACE: &str = r"
local known = redis.call('HGET', KEYS[1], 'order')
if known and known >= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'order', ARGV[1], 'rows', ARGV[2])
return 1";

/// A mark never goes back.
const MARK: &str = r"
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if known < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return known";

/// Whether it replaced what was there.
pub(crate) async fn summary(redis: &Redis, tenant: Uuid, copy: &Copy) -> Result<bool, Away> {
    let key = platform::redis::copy_key(redis.prefix(), tenant, "summary");
    let replaced: i64 = redis.run(&Script::new(REPLACE), &[key], &[copy.order.as_str(), &copy.rows]).await?;
    Ok(replaced == 1)
}

/// What was written there last; zero where nothing is.
pub(crate) async fn mark(redis: &Redis) -> Result<i64, Away> {
    redis.run(&Script::new(MARK), &[mark_key(redis)], &["0"]).await
}

pub(crate) async fn set_mark(redis: &Redis, mark: i64) -> Result<(), Away> {
    redis.run::<i64>(&Script::new(MARK), &[mark_key(redis)], &[mark.to_string()]).await.map(drop)
}

fn mark_key(redis: &Redis) -> String {
    format!("{}copies:mark", redis.prefix())
}
