//! Pages of a list: how many rows, from where on, and how many there are in all.
//!
//! A page is found by the key of the row before it, never by an offset: a row that arrives while somebody pages
//! neither repeats another nor hides it. Totals are counted up to a bound, because counting millions of rows costs
//! more than anybody gains from the number. This module holds no SQL.

pub mod cursor;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::parameters::{Fault, Parameters};
pub use cursor::{CursorKey, QueryIdentity};

/// Rows of a page when the caller names no limit.
pub const PAGE_DEFAULT_ROWS: u32 = 50;
/// The most rows one page may hold.
pub const PAGE_MAX_ROWS: u32 = 500;
/// Rows that are counted one by one; a longer list answers `at_least` this many.
pub const TOTAL_EXACT_MAX_ROWS: i64 = 10_000;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    #[schema(max_items = 500)]
    pub items: Vec<T>,
    /// Send it as `cursor` to get the next page; null on the last one.
    #[schema(required = true)]
    pub next: Option<String>,
    pub total: Total,
    /// True while some event of this list's history could not be applied: rows may lag behind or be missing.
    pub degraded: bool,
}

/// How many rows match, counted when the first page was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Total {
    #[schema(minimum = 0)]
    pub value: i64,
    pub kind: TotalKind,
}

/// Whether a total is the number itself or its lower bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TotalKind {
    Exact,
    AtLeast,
}

impl Total {
    /// Reads a count that stopped at one row past the bound.
    pub const fn from_bounded_count(count: i64) -> Self {
        if count > TOTAL_EXACT_MAX_ROWS {
            Self { value: TOTAL_EXACT_MAX_ROWS, kind: TotalKind::AtLeast }
        } else {
            Self { value: count, kind: TotalKind::Exact }
        }
    }
}

/// Which page a caller asked for. `K` is the key of the row before it, in the order of the list.
#[derive(Debug)]
pub struct Ask<K> {
    pub limit: u32,
    pub after: Option<After<K>>,
}

/// What a cursor carries: the last row's key, and the total, so that later pages need not count again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct After<K> {
    pub key: K,
    pub total: Total,
}

impl<K> Ask<K> {
    /// Rows to fetch: one more than the page holds tells whether there is a next one.
    pub fn rows_to_fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The total that a former page has counted.
    pub fn known_total(&self) -> Option<Total> {
        self.after.as_ref().map(|after| after.total)
    }
}

fn parse_limit(text: &str) -> Result<u32, Fault> {
    match text.parse() {
        Ok(rows) if (1..=PAGE_MAX_ROWS).contains(&rows) => Ok(rows),
        Ok(_) | Err(_) => Err(Fault::new("out-of-range", format!("must be a number from 1 to {PAGE_MAX_ROWS}"))),
    }
}

/// Signs and reads the cursors of one query: its caller's tenant, its route, its filters and its order.
#[derive(Debug)]
pub struct Pager<'a> {
    pub key: &'a CursorKey,
    pub identity: QueryIdentity,
}

impl Pager<'_> {
    /// Takes `limit` and `cursor` out of the parameters.
    pub fn ask<K: DeserializeOwned>(&self, parameters: &mut Parameters) -> Ask<K> {
        let limit = parameters.one("limit", parse_limit).unwrap_or(PAGE_DEFAULT_ROWS);
        Ask { limit, after: self.after(parameters) }
    }

    /// A cursor that was altered, or that belongs to another query, is a fault.
    fn after<K: DeserializeOwned>(&self, parameters: &mut Parameters) -> Option<After<K>> {
        parameters.one("cursor", |text| {
            self.key
                .open(&self.identity, text)
                .ok_or_else(|| Fault::new("invalid-cursor", "is not the `next` of a page of this very query"))
        })
    }

    /// Makes a page of the rows fetched, one of which may be past its end.
    pub fn page<K: Serialize, R>(
        &self,
        ask: &Ask<K>,
        mut rows: Vec<R>,
        total: Total,
        degraded: bool,
        key_of: impl Fn(&R) -> K,
    ) -> Page<R> {
        let limit = ask.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(last) if more => Some(self.key.sign(&self.identity, &After { key: key_of(last), total })),
            Some(_) | None => None,
        };
        Page { items: rows, next, total, degraded }
    }
}

impl<R> Page<R> {
    /// The same page with its rows shown.
    pub fn try_map<T, E>(self, show: impl FnMut(R) -> Result<T, E>) -> Result<Page<T>, E> {
        let items = self.items.into_iter().map(show).collect::<Result<_, E>>()?;
        Ok(Page { items, next: self.next, total: self.total, degraded: self.degraded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_exact_up_to_its_bound_and_a_lower_bound_past_it() {
        assert_eq!(Total::from_bounded_count(10_000), Total { value: 10_000, kind: TotalKind::Exact });
        assert_eq!(Total::from_bounded_count(10_001), Total { value: 10_000, kind: TotalKind::AtLeast });
    }

    #[test]
    fn a_limit_of_no_rows_too_many_or_not_a_number_is_a_fault() {
        for text in ["0", "501", "-1", "ten", "", "1e2", "99999999999999999999"] {
            assert!(parse_limit(text).is_err(), "{text}");
        }
        assert_eq!(parse_limit("500").ok(), Some(500));
    }
}
