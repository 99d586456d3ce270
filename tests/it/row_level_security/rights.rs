//! Who may do what with whose rows: the one table that the matrix is compared with.

use std::collections::BTreeMap;

use super::cells::{Cell, Operation, Outcome, Setting};
use super::relations::{Kind, Relation};

/// S(elect), I(nsert), U(pdate), D(elete): capital letters for the rows of every tenant, small ones for those of the
/// tenant that is set. A letter that is missing is a right that was not granted. The owner needs no grants, but FORCE
/// takes every row from it that no policy gives back: its letters are its policies.
///
/// A row stands for a table, for all generations of a read model, and for the view over them, which lets through the
/// S of its table and nothing else.
const RIGHTS: &str = "
    relation                      migrator  writer  relay  projector  reader
    store.partition_head          S         SU      S      S          S
    store.log_epochs              SI        S       S      S          S
    store.events                  S         SI      S      S          -
    store.streams                 -         SIU     -      -          s
    store.reservations            -         SID     -      -          -
    store.tallies                 -         SIU     -      -          -
    store.command_keys_0          -         SI      -      -          -
    store.command_keys_1          -         SI      -      -          -
    store.command_key_generation  SIUD      S       -      -          -
    store.credentials             -         SID     -      -          -
    store.invitations             -         SID     -      -          -
    store.api_key_secrets         S         SID     -      -          -
    store.tenant_keys             -         SI      -      -          s
    store.subject_keys            -         SID     -      -          s
    store.leases                  -         SIU     -      -          -
    store.relay_partitions        -         -       SU     -          -
    store.relay_members           -         -       SIUD   -          -
    read.checkpoints              SIUD      -       -      SIUD       S
    read.projections              SIUD      -       -      S          -
    read.projection_tables        SIUD      -       -      S          -
    read.generations              SIUD      -       -      SU         S
    read.operations               S         -       -      SIUD       -
    read.skips                    -         -       -      SIUD       -
    read.live_generations         SIUD      -       -      S          S
    read.live_checkpoints         S         -       -      S          S
    read.tenant_seqs              SIUD      -       -      SIUD       s
    read.redis_owed               -         -       -      SIUD       -
    read.redis_state              SIUD      -       -      SU         -
    read.parked_streams           SIUD      -       -      SIUD       s
    read.parked_events            SIUD      -       -      SIUD       s
    read.devices                  -         -       -      SIUD       s
    read.device_totals            -         -       -      SIUD       s
    read.findings                 -         -       -      SIUD       s
    read.finding_cves             -         -       -      SIUD       s
    read.finding_history          -         -       -      SIUD       s
    read.finding_totals           -         -       -      SIUD       s
    read.finding_search           S         -       -      SIUD       s
    read.scans                    -         -       -      SIUD       s
    read.scan_totals              -         -       -      SIUD       s
    read.users                    -         -       -      SIUD       s
    read.user_totals              -         -       -      SIUD       s
    read.api_keys                 -         -       -      SIUD       s
    read.api_key_totals           -         -       -      SIUD       s
    read.organizations            S         -       -      SIUD       s
    read.finding_counts           -         -       -      SIUD       s
    read.device_counts            -         -       -      SIUD       s
    read.daily_counts             -         -       -      SIUD       s
    read.device_risk              -         -       -      SIUD       s
    read.summary_findings         -         -       -      SIUD       -
    read.summary_devices          -         -       -      SIUD       -
    read.audit_trail              -         -       -      SIUD       s
    read.audit_trail_totals       -         -       -      SIUD       s
";

/// Role → letters, if anybody thought of this relation.
pub(super) fn of(relation: &Relation) -> Option<BTreeMap<&'static str, &'static str>> {
    let mut lines = RIGHTS.lines().map(str::split_whitespace).map(Iterator::collect::<Vec<_>>);
    let roles = lines.find(|words| words.first() == Some(&"relation"))?;
    let name = without_generation(&relation.name);
    let row = lines.find(|words| words.first() == Some(&name.as_str()))?;
    Some(roles.into_iter().zip(row).skip(1).collect())
}

/// What ought to come of an attempt.
pub(super) fn expected(relation: &Relation, cell: &Cell) -> Expected {
    let rights = of(relation).unwrap_or_else(|| panic!("nobody said who may do what with {}", relation.name));
    let letters = rights[cell.role];
    let is_view = relation.kind == Kind::View;
    let (all, own) = cell.operation.letters();
    let through_view = !is_view || cell.operation == Operation::Select;
    let owner = cell.role == "migrator";
    if is_view && !relation.insertable && cell.operation != Operation::Select {
        return Expected::one_of([Outcome::NotUpdatable, Outcome::NotGranted]);
    }
    if relation.name == "store.events" && owner && matches!(cell.operation, Operation::Update | Operation::Delete) {
        return Expected::one_of([Outcome::AppendOnly]);
    }
    let rows = if letters.contains(all) && (through_view || owner) {
        Some(relation.rows.clone())
    } else if letters.contains(own) && through_view {
        Some(relation.rows.iter().filter(|(tenant, _)| cell.setting.is(tenant)).map(|(t, n)| (t.clone(), *n)).collect())
    } else {
        owner.then(BTreeMap::new)
    };
    Expected::one_of([match (cell.operation, rows) {
        (_, None) => Outcome::NotGranted,
        (Operation::Insert, Some(rows)) => {
            let row_of = cell.inserted(relation);
            if letters.contains(all) || rows.contains_key(&row_of) {
                return Expected::one_of(through_to(is_view, BTreeMap::from([(row_of, 1)])));
            }
            Outcome::AgainstPolicy
        }
        (Operation::Select | Operation::Update | Operation::Delete, Some(rows)) => Outcome::Rows(rows),
    }])
}

#[derive(Debug)]
pub(super) struct Expected(Vec<Outcome>);

impl Expected {
    fn one_of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        Self(outcomes.into_iter().collect())
    }

    pub(super) fn admits(&self, found: &Outcome) -> bool {
        self.0.contains(found)
    }
}

/// A view may leave out what its table insists on.
fn through_to(is_view: bool, rows: BTreeMap<String, i64>) -> impl Iterator<Item = Outcome> {
    std::iter::once(Outcome::Rows(rows)).chain(is_view.then_some(Outcome::Incomplete))
}

fn without_generation(name: &str) -> String {
    match name.split_once('.') {
        Some((schema, table)) if is_generation(schema) => format!("read.{table}"),
        Some(_) | None => name.to_owned(),
    }
}

fn is_generation(schema: &str) -> bool {
    schema.strip_prefix("read_g").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn a_generation_is_no_part_of_a_name() {
    assert_eq!(without_generation("read_g12.devices"), "read.devices");
    assert_eq!(without_generation("store.command_key_generation"), "store.command_key_generation");
    assert!(Setting::ALL.iter().any(|setting| setting.is(super::TENANTS[0])));
}
