//! Prints the OpenAPI documents as they are committed and served.

use clap::ValueEnum;

use crate::{Failure, console};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Document {
    CommandApi,
    QueryApi,
}

pub(crate) fn show(document: Document) -> Result<(), Failure> {
    let openapi = match document {
        Document::CommandApi => command_api::openapi(),
        Document::QueryApi => query_api::openapi(),
    };
    console::print(&format!("{}\n", openapi.to_pretty_json()?));
    Ok(())
}
