//! The written events of an organization.

pub mod v1;

use domain::organization::{Event, Plan};
use domain::vocabulary::{Justification, Name, Slug};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, optional, text};

written_events! {
    Organization in crate::Written = crate::Written::Organization {
        "organization.founded" => Founded(v1::Founded) 1;
        "organization.plan-changed" => PlanChanged(v1::PlanChanged) 1;
        "organization.suspended" => Suspended(v1::Suspended) 1;
        "organization.resumed" => Resumed(v1::Resumed) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::Organization(match self {
            Self::Founded { slug, name, plan, device_limit } => Written::Founded(v1::Founded {
                slug: slug.to_string(),
                name: name.to_string(),
                plan: plan.to_string(),
                device_limit: *device_limit,
            }),
            Self::PlanChanged { plan, device_limit } => {
                Written::PlanChanged(v1::PlanChanged { plan: plan.to_string(), device_limit: *device_limit })
            }
            Self::Suspended { reason } => {
                Written::Suspended(v1::Suspended { reason: reason.as_ref().map(ToString::to_string) })
            }
            Self::Resumed => Written::Resumed(v1::Resumed {}),
        }))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Organization(written) = written else {
            return Err(Broken::of_another_kind("an organization", written.type_name()));
        };
        Ok(match written {
            Written::Founded(event) => Self::Founded {
                slug: text("/slug", &event.slug, Slug::parse)?,
                name: text("/name", &event.name, Name::parse)?,
                plan: text("/plan", &event.plan, Plan::parse)?,
                device_limit: event.device_limit,
            },
            Written::PlanChanged(event) => {
                Self::PlanChanged { plan: text("/plan", &event.plan, Plan::parse)?, device_limit: event.device_limit }
            }
            Written::Suspended(event) => {
                Self::Suspended { reason: optional("/reason", event.reason.as_ref(), Justification::parse)? }
            }
            Written::Resumed(v1::Resumed {}) => Self::Resumed,
        })
    }
}
