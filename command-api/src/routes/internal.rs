//! What other processes of the deployment hand in: refusals of a query-api that may write nothing itself. Not part of the
//! API, in no document, and behind the service token.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, guard};
use platform::auth::{Service, ServiceToken};
use platform::denials::{BODY_MAX_BYTES, Batch, PATH};
use platform::json::Json;
use platform::problem::{Problem, unknown_route};

use crate::origin::Origin;
use crate::server::Services;

/// For an app that also has the other routes. Without it there is no such path.
pub fn configure(token: ServiceToken) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let resource = web::resource(PATH).guard(guard::Post()).app_data(Data::new(token));
        config.service(resource.route(web::post().to(note_denials)).default_service(web::to(unknown_route)));
    }
}

/// Noted, not yet written: like a refusal of this process itself.
async fn note_denials(
    _service: Service,
    services: Data<Services>,
    batch: Json<Batch, BODY_MAX_BYTES>,
) -> Result<HttpResponse, Problem> {
    for denial in batch.into_inner().denials {
        let origin = Origin::of_principal(&denial.principal, &denial.context());
        services.denials.note_denial(&denial.principal, &denial.operation, origin);
    }
    Ok(HttpResponse::NoContent().finish())
}
