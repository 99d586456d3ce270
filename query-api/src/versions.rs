//! Which state of the read models an answer shows, so that a list has a tag and work done for one state is not done again.
//!
//! A state is the live generations of the projections that a route reads and how often each was repaired, the tenant's last event in each, and what is
//! parked. One small question within the page's own snapshot, so that tag and page agree. Where a projection has not
//! said how far it is for the tenant, nothing is known: no tag, and nothing is kept.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    cache::TotalCache,
    error::Failure,
    page::{Ask, Pager, Total},
    tenant_tx::{Reader, TenantTx},
};

/// Goes up when answers of one state are written otherwise than before.
const FORMAT: u8 = 1;
/// Half a SHA-256 tells states apart.
const STATE_BYTES: usize = 16;

/// A state of the read models, as one number.
pub type State = [u8; STATE_BYTES];

/// How far a projection's live generation is for the tenant.
#[derive(Debug)]
struct Version {
    projection: String,
    generation: i32,
    /// Changes of rows that moved no seq.
    repairs: i32,
    seq: Option<i64>,
    parked_streams: i64,
    parked_seqs: i64,
    parked_micros: Option<i64>,
}

/// The moment a page shows.
#[derive(Debug)]
pub struct Moment<'a> {
    totals: &'a TotalCache,
    read: Vec<Version>,
    /// Those that the page does not show and that may still help to count it.
    beside: Vec<Version>,
    state: Option<State>,
}

impl<'a> Moment<'a> {
    pub async fn of(tx: &mut TenantTx, projections: &[&str], totals: &'a TotalCache) -> Result<Self, Failure> {
        Self::beside(tx, projections, &[], totals).await
    }

    /// The same, and how far `beside` are, on which neither tag nor page depend.
    pub async fn beside(
        tx: &mut TenantTx,
        projections: &[&str],
        beside: &[&str],
        totals: &'a TotalCache,
    ) -> Result<Self, Failure> {
        let versions = versions(tx, &[projections, beside].concat()).await?;
        let (read, beside): (Vec<_>, Vec<_>) =
            versions.into_iter().partition(|version| projections.contains(&version.projection.as_str()));
        let state = if read.len() == projections.len() { state(tx.tenant(), &read) } else { None };
        Ok(Self { totals, read, beside, state })
    }

    /// Whether something of the projections read is parked for the tenant, so that its lists may lack rows.
    pub fn is_degraded(&self) -> bool {
        self.read.iter().any(|version| version.parked_streams > 0)
    }

    /// What may be kept for this state may be kept under it; nothing if it is not known.
    pub const fn state(&self) -> Option<State> {
        self.state
    }

    /// Whether all that was asked about shows the tenant's events up to the same one, and all of them.
    pub fn is_in_step(&self) -> bool {
        let all = || self.read.iter().chain(&self.beside);
        let seq = all().next().and_then(|version| version.seq);
        seq.is_some() && all().all(|version| version.seq == seq && version.parked_streams == 0)
    }

    /// The weak tag of a page: of this state, to somebody with these rights.
    pub fn tag<K: Serialize>(&self, rights: &str, pager: &Pager<'_>, ask: &Ask<K>) -> Option<String> {
        Some(tag(&self.state?, rights, pager, ask))
    }

    /// The total that a former page or a former request has counted.
    pub async fn known_total<K>(&self, pager: &Pager<'_>, ask: &Ask<K>) -> Option<Total> {
        match (ask.known_total(), self.state) {
            (Some(total), _) => Some(total),
            (None, Some(state)) => self.totals.get(&pager.identity, state).await,
            (None, None) => None,
        }
    }

    pub async fn keep_total(&self, pager: &Pager<'_>, total: Total) -> Total {
        if let Some(state) = self.state {
            self.totals.keep(&pager.identity, state, total).await;
        }
        total
    }
}

async fn versions(tx: &mut TenantTx, projections: &[&str]) -> Result<Vec<Version>, sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Version,
        r#"SELECT l.projection, l.generation, l.repairs, t.seq AS "seq?",
                  p.streams AS "parked_streams!", p.seqs AS "parked_seqs!", p.micros AS "parked_micros?"
           FROM read.generations l
           LEFT JOIN read.tenant_seqs t
               ON t.tenant_id = $1 AND t.projection = l.projection AND t.generation = l.generation
           CROSS JOIN LATERAL (
               SELECT count(*) AS streams, coalesce(sum(s.first_seq), 0)::bigint AS seqs,
                      (extract(epoch FROM max(s.parked_at)) * 1000000)::bigint AS micros
               FROM read.parked_streams s
               WHERE s.tenant_id = $1 AND s.projection = l.projection AND s.generation = l.generation
           ) p
           WHERE l.state = 'live' AND l.projection = ANY ($2::text[]) ORDER BY l.projection"#,
        tenant,
        projections as &[&str]
    )
    .fetch_all(tx.connection())
    .await
}

fn state(tenant: Uuid, versions: &[Version]) -> Option<State> {
    let mut digest = Sha256::new().chain_update([FORMAT]).chain_update(tenant);
    for version in versions {
        let Version { projection, generation, repairs, seq, parked_streams, parked_seqs, parked_micros } = version;
        let seq = (*seq)?;
        let line =
            format!("{projection} {generation} {repairs} {seq} {parked_streams} {parked_seqs} {parked_micros:?}\n");
        digest.update(line);
    }
    Some(shortened(digest))
}

/// The state of a projection for all tenants, which only the operator's lists show. Taken before the page is read: a
/// page that is newer than its tag is asked for once more, one that is older would be kept.
pub async fn state_of_all(reader: &Reader, projection: &str) -> Result<State, sqlx::Error> {
    let checkpoints = sqlx::query!(
        "SELECT c.partition, c.generation, g.repairs, c.epoch, c.seq
         FROM read.checkpoints c JOIN read.generations g USING (projection, generation)
         WHERE g.state = 'live' AND projection = $1 ORDER BY c.partition",
        projection
    )
    .fetch_all(reader.tenantless())
    .await?;
    let mut digest = Sha256::new().chain_update([FORMAT]).chain_update(projection);
    for at in checkpoints {
        digest.update(format!("{} {} {} {} {}\n", at.partition, at.generation, at.repairs, at.epoch, at.seq));
    }
    Ok(shortened(digest))
}

fn shortened(digest: Sha256) -> State {
    let mut state = State::default();
    state.copy_from_slice(&digest.finalize()[..STATE_BYTES]);
    state
}

/// `W/"…"` over state, rights and question.
pub fn tag<K: Serialize>(state: &State, rights: &str, pager: &Pager<'_>, ask: &Ask<K>) -> String {
    let mut question = format!("{rights}\0{}\0", ask.limit);
    if let Some(after) = &ask.after {
        let after = serde_json::to_string(after).expect("sort keys are numbers, texts and ids");
        write!(question, "{after}").expect("writing into a string does not fail");
    }
    let digest = Sha256::new().chain_update(state).chain_update(pager.identity.bytes()).chain_update(question);
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(shortened(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(seq: Option<i64>) -> Version {
        let projection = "findings".to_owned();
        Version { projection, generation: 1, repairs: 0, seq, parked_streams: 0, parked_seqs: 0, parked_micros: None }
    }

    #[test]
    fn a_state_changes_with_all_that_a_page_depends_on() {
        let tenant = Uuid::from_u128(1);
        let known = state(tenant, &[version(Some(7))]).unwrap();
        assert_eq!(state(tenant, &[version(Some(7))]), Some(known));
        for other in [
            state(Uuid::from_u128(2), &[version(Some(7))]),
            state(tenant, &[version(Some(8))]),
            state(tenant, &[Version { generation: 2, ..version(Some(7)) }]),
            state(tenant, &[Version { repairs: 1, ..version(Some(7)) }]),
            state(tenant, &[Version { parked_streams: 1, ..version(Some(7)) }]),
            state(tenant, &[Version { parked_seqs: 3, ..version(Some(7)) }]),
            state(tenant, &[Version { parked_micros: Some(1), ..version(Some(7)) }]),
            state(tenant, &[version(Some(7)), version(Some(7))]),
        ] {
            assert_ne!(other, Some(known));
        }
    }

    #[test]
    fn what_a_projection_has_not_said_is_not_guessed() {
        assert_eq!(state(Uuid::nil(), &[version(Some(1)), version(None)]), None);
    }
}
