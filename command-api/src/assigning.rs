//! Whether somebody can be given a finding. Asked once and no condition of the append, for the same reason as a
//! finding's device: somebody disabled a moment later holds findings, too.

use domain::decider::Decider;
use domain::user::User;
use domain::vocabulary::{TenantId, UserId};

use crate::error::Error;
use crate::handle::Handler;

pub async fn check(handler: &Handler, tenant: TenantId, assignee: Option<UserId>) -> Result<(), Error> {
    let Some(user) = assignee else { return Ok(()) };
    match handler.load::<User>(tenant, user.into()).await?.state.index().open {
        true => Ok(()),
        false => Err(Error::field("/assignee", "unknown-user", "there is no such active user")),
    }
}
