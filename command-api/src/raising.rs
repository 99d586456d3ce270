//! Raising a finding: where its stream is, and whether the device it names is there.
//!
//! The device is looked up once and its stream is no condition of the append: every status report moves a device's
//! version, so a condition would make findings conflict with heartbeats, while a device retired in the same instant is
//! no worse than one retired a moment later. One indexed read is the cheaper of the two.

use domain::device::Device;
use domain::finding::{Command, Finding, Report};
use domain::vocabulary::{DeviceId, FindingId, TenantId};
use uuid::Uuid;

use crate::error::Error;
use crate::handle::{Done, Handler, Order, Start};
use crate::idempotency::Idempotency;
use crate::origin::Origin;

pub async fn raise(
    handler: &Handler,
    tenant: TenantId,
    report: Report,
    key: Option<Idempotency>,
    origin: &Origin,
) -> Result<Done, Error> {
    if let Some(done) = handler.replay(key.as_ref()).await? {
        return Ok(done);
    }
    if let Some(device) = report.device
        && let Err(error) = check_device(handler, tenant, device).await
    {
        // It may have been retired after another request with this key was answered.
        return handler.replay(key.as_ref()).await?.ok_or(error);
    }
    let stream = finding_id(tenant, &report).into();
    let command = Command::Raise(report);
    let order: Order<'_, Finding> =
        Order { tenant, stream, command, start: Start::New, version: None, key, extra: None, origin };
    handler.execute(order).await
}

/// Two scanners that see the same weakness meet in one stream; what nothing identifies gets a stream of its own.
pub fn finding_id(tenant: TenantId, report: &Report) -> FindingId {
    match report.identity() {
        Some(identity) => FindingId::natural(tenant, report.device, &identity),
        None => FindingId::new(Uuid::now_v7()),
    }
}

async fn check_device(handler: &Handler, tenant: TenantId, device: DeviceId) -> Result<(), Error> {
    match handler.load::<Device>(tenant, device.into()).await?.state {
        Device::Live(_) => Ok(()),
        Device::Unregistered => Err(Error::field("/device_id", "unknown-device", "there is no such device")),
        Device::Retired => Err(Error::field("/device_id", "device-retired", "the device is retired")),
    }
}
