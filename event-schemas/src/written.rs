//! An event of any aggregate in its newest written form: what readers of the log match on.

use domain::vocabulary::StreamKind;

use crate::{access, api_key, device, finding, organization, projection, scan, session, user};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    Organization(organization::Written),
    User(user::Written),
    Session(session::Written),
    ApiKey(api_key::Written),
    Access(access::Written),
    Device(device::Written),
    Finding(finding::Written),
    Scan(scan::Written),
    Projection(projection::Written),
}

impl Written {
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Organization(event) => event.type_name(),
            Self::User(event) => event.type_name(),
            Self::Session(event) => event.type_name(),
            Self::ApiKey(event) => event.type_name(),
            Self::Access(event) => event.type_name(),
            Self::Device(event) => event.type_name(),
            Self::Finding(event) => event.type_name(),
            Self::Scan(event) => event.type_name(),
            Self::Projection(event) => event.type_name(),
        }
    }

    pub const fn schema_version(&self) -> i16 {
        match self {
            Self::Organization(event) => event.schema_version(),
            Self::User(event) => event.schema_version(),
            Self::Session(event) => event.schema_version(),
            Self::ApiKey(event) => event.schema_version(),
            Self::Access(event) => event.schema_version(),
            Self::Device(event) => event.schema_version(),
            Self::Finding(event) => event.schema_version(),
            Self::Scan(event) => event.schema_version(),
            Self::Projection(event) => event.schema_version(),
        }
    }

    pub const fn kind(&self) -> StreamKind {
        match self {
            Self::Organization(_) => StreamKind::Organization,
            Self::User(_) => StreamKind::User,
            Self::Session(_) => StreamKind::Session,
            Self::ApiKey(_) => StreamKind::ApiKey,
            Self::Access(_) => StreamKind::Access,
            Self::Device(_) => StreamKind::Device,
            Self::Finding(_) => StreamKind::Finding,
            Self::Scan(_) => StreamKind::Scan,
            Self::Projection(_) => StreamKind::Projection,
        }
    }

    pub(crate) fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Organization(event) => event.body(),
            Self::User(event) => event.body(),
            Self::Session(event) => event.body(),
            Self::ApiKey(event) => event.body(),
            Self::Access(event) => event.body(),
            Self::Device(event) => event.body(),
            Self::Finding(event) => event.body(),
            Self::Scan(event) => event.body(),
            Self::Projection(event) => event.body(),
        }
    }
}
