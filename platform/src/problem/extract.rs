//! What actix's own extractors answer when a path or a query cannot be read: problems, like everything else.

use actix_web::error::{PathError, PayloadError, QueryPayloadError};
use actix_web::web::{PathConfig, QueryConfig, ServiceConfig};

use super::{Code, Problem};

/// Registers the error handlers; every `App` calls it once (`App::configure`).
pub fn configure_extractors(config: &mut ServiceConfig) {
    config
        .app_data(PathConfig::default().error_handler(|error, _| from_path(&error).into()))
        .app_data(QueryConfig::default().error_handler(|error, _| from_query(&error).into()));
}

pub fn from_path(error: &PathError) -> Problem {
    let reason = match error {
        PathError::Deserialize(reason) => reason.to_string(),
        _ => "it cannot be read".to_owned(),
    };
    Problem::new(Code::MalformedRequest).detail(format!("The path does not name a resource: {reason}."))
}

pub fn from_query(error: &QueryPayloadError) -> Problem {
    let reason = match error {
        QueryPayloadError::Deserialize(reason) => reason.to_string(),
        _ => "it cannot be read".to_owned(),
    };
    Problem::new(Code::MalformedRequest).detail(format!("The query string cannot be read: {reason}."))
}

/// A body that broke off or was too long, for those who stream it themselves.
pub fn from_payload(error: &PayloadError) -> Problem {
    if matches!(error, PayloadError::Overflow) {
        return Problem::new(Code::PayloadTooLarge);
    }
    Problem::new(Code::MalformedRequest).detail("The body broke off before its end.")
}
