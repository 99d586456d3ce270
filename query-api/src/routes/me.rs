//! The caller, as the service sees it.

use actix_web::{HttpRequest, web::Data};
use platform::auth::{Principal, Role};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{json, take_no_parameters};
use crate::{
    access::Anyone,
    error::{Answer, Failure},
    openapi::{AnswerProblems, ConsistencyHeader},
    server::State,
    views::{
        api_keys,
        organizations::{self, Organization},
        users,
    },
    vocabulary::UserRole,
};

/// Who is calling. What does not apply to the kind of caller, or has not reached the read models yet, is null.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub kind: CallerKind,
    /// The user, or the key of a scanner.
    #[schema(required = true)]
    pub id: Option<Uuid>,
    #[schema(required = true)]
    pub session_id: Option<Uuid>,
    #[schema(required = true)]
    pub role: Option<UserRole>,
    #[schema(required = true)]
    pub login: Option<String>,
    #[schema(required = true)]
    pub display_name: Option<String>,
    #[schema(required = true)]
    pub email: Option<String>,
    /// The name of a scanner's key.
    #[schema(required = true)]
    pub key_name: Option<String>,
    #[schema(required = true)]
    pub organization: Option<Organization>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallerKind {
    User,
    Scanner,
    Operator,
}

/// Shows who is calling.
#[utoipa::path(
    get, path = "/v1/me", operation_id = "show_me", tag = "me",
    params(ConsistencyHeader),
    responses((status = 200, description = "The caller", body = Me), AnswerProblems),
    security(("bearer" = []))
)]
pub async fn show(caller: Anyone, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    let Anyone(principal) = caller;
    let me = match principal {
        Principal::User { tenant, user, session, role } => {
            let me =
                Me { session_id: Some(session), role: Some(role.into()), ..Me::nobody(CallerKind::User, Some(user)) };
            as_user(&state, &request, tenant, user, me).await?
        }
        Principal::Scanner { tenant, key } => {
            let mut tx = state.read(&request, tenant, &["api_keys", "organizations"]).await?;
            Me {
                key_name: api_keys::name_of(&mut tx, key).await?,
                organization: organizations::own(&mut tx).await?,
                ..Me::nobody(CallerKind::Scanner, Some(key))
            }
        }
        Principal::Operator => {
            state.await_position(&request, None, &[]).await?;
            Me::nobody(CallerKind::Operator, None)
        }
    };
    json(&me)
}

async fn as_user(state: &State, request: &HttpRequest, tenant: Uuid, user: Uuid, me: Me) -> Result<Me, Failure> {
    let mut tx = state.read(request, tenant, &["users", "organizations"]).await?;
    let organization = organizations::own(&mut tx).await?;
    let names = users::names_of(tx, &state.keyring, user).await?;
    let (login, display_name, email) =
        names.map_or((None, None, None), |names| (names.login, names.display_name, names.email));
    Ok(Me { login, display_name, email, organization, ..me })
}

impl Me {
    const fn nobody(kind: CallerKind, id: Option<Uuid>) -> Self {
        Self {
            kind,
            id,
            session_id: None,
            role: None,
            login: None,
            display_name: None,
            email: None,
            key_name: None,
            organization: None,
        }
    }
}

impl From<Role> for UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Administrator => Self::Administrator,
            Role::Analyst => Self::Analyst,
            Role::Auditor => Self::Auditor,
            Role::Viewer => Self::Viewer,
        }
    }
}
