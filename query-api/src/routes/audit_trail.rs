//! The audit trail: who did what when, from where.

use actix_web::{HttpRequest, web::Data};

use super::json;
use crate::{
    access::Overseer,
    error::Answer,
    openapi::{ConsistencyHeader, ListProblems, PageParameters},
    page::Page,
    parameters::Parameters,
    server::State,
    views::audit_trail::{self, AuditEntry, AuditFilter},
};

/// Lists the audit trail, the latest entry first. For administrators and auditors.
///
/// A filter may be repeated or list its values separated by commas: any of them matches. All filters must match.
#[utoipa::path(
    get, path = "/v1/audit-trail", operation_id = "list_audit_trail", tag = "audit-trail",
    params(AuditFilter, PageParameters, ConsistencyHeader),
    responses((status = 200, description = "A page of the audit trail", body = Page<AuditEntry>), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(overseer: Overseer, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let filter = AuditFilter::take(&mut parameters);
    let pager = state.pager(overseer.tenant, "/v1/audit-trail", &filter);
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let tx = state.read(&request, overseer.tenant, &["audit_trail"]).await?;
    json(&audit_trail::page(tx, &state.keyring, &filter, &pager, &ask).await?)
}
