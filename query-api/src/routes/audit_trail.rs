//! The audit trail: who did what when, from where.

use actix_web::{HttpRequest, web::Data};

use crate::{
    access::Overseer,
    conditional,
    error::Answer,
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters},
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
    params(AuditFilter, PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of the audit trail", body = Page<AuditEntry>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(overseer: Overseer, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let filter = AuditFilter::take(&mut parameters);
    let pager = state.pager(overseer.tenant, "/v1/audit-trail", &filter);
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, overseer.tenant, &["audit_trail"]).await?;
    let moment = state.moment(&mut tx, &["audit_trail"]).await?;
    let tag = moment.tag(&overseer.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &audit_trail::page(tx, &state.keyring, &filter, &moment, &pager, &ask).await?))
}
