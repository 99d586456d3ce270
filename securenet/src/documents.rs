//! Prints the OpenAPI and AsyncAPI documents as they are committed.

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

pub(crate) fn show_asyncapi() -> Result<(), Failure> {
    console::print(&format!("{:#}\n", command_api::asyncapi()));
    Ok(())
}
