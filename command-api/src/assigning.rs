//! Giving a finding to somebody: whether they can be given it. Asked once and no condition of the append, for the same
//! reason as a finding's device: somebody disabled a moment later holds findings, too.

use domain::decider::Decider;
use domain::finding::Finding;
use domain::user::User;
use domain::vocabulary::{TenantId, UserId};

use crate::error::Error;
use crate::handle::{Done, Handler, Order};

/// Carries out the order to assign, if `assignee` is there.
pub async fn assign(handler: &Handler, order: Order<'_, Finding>, assignee: Option<UserId>) -> Result<Done, Error> {
    if let Some(done) = handler.replay(order.key.as_ref()).await? {
        return Ok(done);
    }
    if let Err(error) = check(handler, order.tenant, assignee).await {
        // They may have been disabled after another request with this key was answered.
        return handler.replay(order.key.as_ref()).await?.ok_or(error);
    }
    handler.execute(order).await
}

async fn check(handler: &Handler, tenant: TenantId, assignee: Option<UserId>) -> Result<(), Error> {
    let Some(user) = assignee else { return Ok(()) };
    match handler.load::<User>(tenant, user.into()).await?.state.index().open {
        true => Ok(()),
        false => Err(Error::field("/assignee", "unknown-user", "there is no such active user")),
    }
}
