//! The projections there are, each named once, and the generations they fill. From here on a projection is a value, so
//! that one loop, one sieve and one transaction serve them all.

use std::cmp::Ordering;
use std::fmt;
use std::pin::Pin;

use domain::vocabulary::StreamKind;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::{Event, Fault};
use crate::failure::Failure;
use crate::projection::Projection;
use crate::projections::{
    api_keys::ApiKeys, audit_trail::AuditTrail, devices::Devices, finding_search::FindingSearch, findings::Findings,
    operations::Operations, organizations::Organizations, scans::Scans, summary::Summary, users::Users,
};

/// Every projection of this program.
pub(crate) static ALL: [Registered; 10] = [
    Registered::of::<Organizations>(),
    Registered::of::<Users>(),
    Registered::of::<ApiKeys>(),
    Registered::of::<Devices>(),
    Registered::of::<Findings>(),
    Registered::of::<FindingSearch>(),
    Registered::of::<Scans>(),
    Registered::of::<Summary>(),
    Registered::of::<AuditTrail>(),
    Registered::of::<Operations>(),
];

/// [`Projection::apply`] of any projection.
pub(crate) type Apply = for<'a> fn(&'a [&'a Event], &'a mut PgConnection) -> BoxFuture<'a, Result<(), Failure>>;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Projection`] as a value.
pub(crate) struct Registered {
    pub name: &'static str,
    pub apply_version: i16,
    pub reads: fn(StreamKind) -> bool,
    pub hangs_below: fn(&Event) -> Option<Uuid>,
    pub fault: fn(&Event) -> Option<&Fault>,
    pub apply: Apply,
}

/// One generation of a projection: what a checkpoint, a parked stream and a metric belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub projection: &'static Registered,
    pub generation: i32,
}

/// The projection of that name, if this program applies events to it in that way.
pub(crate) fn find(name: &str, apply_version: i16) -> Option<&'static Registered> {
    ALL.iter().find(|projection| projection.name == name && projection.apply_version == apply_version)
}

impl Registered {
    const fn of<P: Projection>() -> Self {
        Self {
            name: P::NAME,
            apply_version: P::APPLY_VERSION,
            reads: P::reads,
            hangs_below: P::hangs_below,
            fault: P::fault,
            apply: boxed::<P>,
        }
    }

    /// An event of a kind that is newer than this program could concern any projection.
    pub(crate) fn reads(&self, event: &Event) -> bool {
        event.kind.is_none_or(self.reads)
    }
}

fn boxed<'a, P: Projection>(
    events: &'a [&'a Event],
    transaction: &'a mut PgConnection,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(P::apply(events, transaction))
}

impl Target {
    pub(crate) const fn name(&self) -> &'static str {
        self.projection.name
    }

    /// For metrics, in the order of their labels.
    pub(crate) fn labels(&self) -> [String; 2] {
        [self.name().to_owned(), self.generation.to_string()]
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.generation)
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of version {}", self.name, self.apply_version)
    }
}

impl PartialEq for Registered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Registered {}

impl PartialOrd for Registered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Registered {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.name, self.apply_version).cmp(&(other.name, other.apply_version))
    }
}
