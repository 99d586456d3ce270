//! What administrators decide about people who are there: role, disable, enable.
//!
//! Two rules over many streams are kept here. Whoever decides is still an active administrator when it is appended: a
//! condition on their own stream lets only one of two win who shut each other out at once, so that an administrator is
//! left. And whoever is disabled has no open session left to come back with when they are enabled.

use domain::decider::Decider;
use domain::session::{self, Session};
use domain::user::{Command, User};
use domain::vocabulary::{Role, StreamId, StreamKind, TenantId, UserId};

use crate::appender::{AppendError, Condition};
use crate::error::Error;
use crate::handle::{AppendFault, Done, Draft, Handler, Order, TRIES_MAX, check_version};
use crate::keys;
use crate::origin::Origin;

/// Sessions ended in one append: each is an event, and one person seldom has more.
pub const SESSIONS_PER_APPEND_MAX: i64 = 100;

/// Carries out a command of an administrator for a user.
pub async fn change(handler: &Handler, order: Order<'_, User>, administrator: UserId) -> Result<Done, Error> {
    let (tenant, user, origin) = (order.tenant, order.stream, order.origin);
    if order.command == Command::Enable
        && matches!(handler.load::<User>(tenant, user).await?.state, User::Disabled { .. })
    {
        // A process that stopped midway may have left some open.
        end_sessions(handler, tenant, user, origin).await?;
    }
    let disables = matches!(order.command, Command::Disable { .. });
    let key = order.key.clone();
    let done = handler.once(key.as_ref(), Box::pin(attempt(handler, order, administrator))).await?;
    if disables {
        // More than one append holds, or begun between the look and the append; none can begin from now on.
        end_sessions(handler, tenant, user, origin).await?;
    }
    Ok(done)
}

async fn attempt(handler: &Handler, order: Order<'_, User>, administrator: UserId) -> Result<Done, Error> {
    for _ in 0..TRIES_MAX {
        let conditions = still_administrator(handler, &order, administrator).await?;
        let before = handler.load::<User>(order.tenant, order.stream).await?;
        check_version(&order, order.start, before.version)?;
        let events =
            before.state.decide(order.command.clone(), handler.now()).map_err(|refusal| Error::refused(&refusal))?;
        let mut draft = Draft::new(order.tenant);
        let version = draft.add(order.stream, &before, &events, &keys::none())?;
        if matches!(order.command, Command::Disable { .. }) {
            add_session_ends(&mut draft, handler, order.tenant, order.stream).await?;
        }
        match handler.settle(&order, (before.version, version), draft, conditions).await {
            Err(AppendFault::Store(AppendError::Conflict { .. })) => {}
            Err(fault) => return Err(fault.into()),
            Ok(done) => return Ok(done),
        }
    }
    Err(Error::Contended(TRIES_MAX))
}

/// The condition that the administrator is one when the order is carried out. Their own stream is judged by its write.
async fn still_administrator(
    handler: &Handler,
    order: &Order<'_, User>,
    administrator: UserId,
) -> Result<Vec<Condition>, Error> {
    let stream = StreamId::from(administrator);
    let known = handler.load::<User>(order.tenant, stream).await?;
    match known.state {
        User::Active { role: Role::Administrator, .. } if stream == order.stream => Ok(Vec::new()),
        User::Active { role: Role::Administrator, .. } => Ok(vec![Condition { stream, version: known.version }]),
        User::Uninvited | User::Invited { .. } | User::Active { .. } | User::Disabled { .. } => Err(Error::Forbidden),
    }
}

/// Ends every open session of a user.
async fn end_sessions(handler: &Handler, tenant: TenantId, user: StreamId, origin: &Origin) -> Result<(), Error> {
    let mut conflicts = 0;
    while conflicts < TRIES_MAX {
        let mut draft = Draft::new(tenant);
        add_session_ends(&mut draft, handler, tenant, user).await?;
        match handler.append(tenant, draft, origin, Vec::new(), None).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            // One of them ended by itself meanwhile.
            Err(AppendFault::Store(AppendError::Conflict { .. })) => conflicts += 1,
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Error::Contended(TRIES_MAX))
}

async fn add_session_ends(draft: &mut Draft, handler: &Handler, tenant: TenantId, user: StreamId) -> Result<(), Error> {
    let open = open_sessions(handler, tenant, user).await?;
    for (stream, before) in handler.store.load_many::<Session>(tenant, &open).await? {
        let events =
            before.state.decide(session::Command::LogOut, handler.now()).map_err(|refusal| Error::refused(&refusal))?;
        draft.add(stream, &before, &events, &keys::none())?;
    }
    Ok(())
}

async fn open_sessions(handler: &Handler, tenant: TenantId, user: StreamId) -> Result<Vec<StreamId>, Error> {
    let found = sqlx::query_scalar!(
        "SELECT stream_id FROM store.streams WHERE tenant_id = $1 AND parent_id = $2 AND kind = $3 AND open LIMIT $4",
        tenant.uuid(),
        user.uuid(),
        StreamKind::Session.as_str(),
        SESSIONS_PER_APPEND_MAX,
    )
    .fetch_all(handler.store.pool())
    .await?;
    Ok(found.into_iter().map(StreamId::new).collect())
}
