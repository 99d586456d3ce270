//! Arbitrary events of the domain, built through its own doors.

mod finding;
mod projection;

use std::net::IpAddr;

use domain::access::{AccountHash, LogInFailure, Operation};
use domain::api_key::PublicId;
use domain::device::{Identifiers, Profile, Registration};
use domain::organization::Plan;
use domain::scan::{Counts, Hosts, Record, Scope};
use domain::vocabulary::*;
use domain::{access, api_key, device, organization, scan, session, user};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

pub(super) use finding::{finding, largest_report, report};
pub(super) use projection::projection;

/// One line of anything that is not a control character.
const LINE: &str = "\\PC{1,40}";
/// Lines, tabs, and what JSON has to escape.
const PASSAGE: &str = "(\\PC|[\n\t\"\\\\]){1,80}";

fn parsed<T: std::fmt::Debug>(
    pattern: &'static str,
    parse: fn(&str) -> Result<T, Invalid>,
) -> impl Strategy<Value = T> {
    pattern.prop_filter_map("not in the vocabulary", move |raw| parse(&raw).ok())
}

fn id<T: std::fmt::Debug>(new: fn(Uuid) -> T) -> impl Strategy<Value = T> {
    any::<u128>().prop_map(move |id| new(Uuid::from_u128(id)))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_micros)
}

fn name() -> impl Strategy<Value = Name> {
    parsed(LINE, Name::parse)
}

fn label() -> impl Strategy<Value = Label> {
    parsed("[a-z0-9][a-z0-9_.-]{0,20}", Label::parse)
}

fn reason() -> impl Strategy<Value = Justification> {
    parsed(PASSAGE, Justification::parse)
}

fn note() -> impl Strategy<Value = Note> {
    parsed(PASSAGE, Note::parse)
}

fn sha256() -> impl Strategy<Value = Sha256> {
    any::<[u8; 32]>().prop_map(Sha256::new)
}

fn metadata() -> impl Strategy<Value = Metadata> {
    vec((LINE, PASSAGE), 0..4).prop_filter_map("not in the vocabulary", |entries| Metadata::parse(entries).ok())
}

fn few<T: Ord + std::fmt::Debug, const MAX: usize>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Few<T, MAX>> {
    vec(of, 0..4).prop_filter_map("too many", |values| Few::new(values).ok())
}

pub(super) fn organization() -> impl Strategy<Value = organization::Event> {
    use organization::Event as E;
    let plan = || select(Plan::ALL);
    prop_oneof![
        (parsed("[a-z0-9-]{2,20}", Slug::parse), name(), plan(), any::<u32>())
            .prop_map(|(slug, name, plan, device_limit)| E::Founded { slug, name, plan, device_limit }),
        (plan(), any::<u32>()).prop_map(|(plan, device_limit)| E::PlanChanged { plan, device_limit }),
        option::of(reason()).prop_map(|reason| E::Suspended { reason }),
        Just(E::Resumed),
    ]
}

pub(super) fn user() -> impl Strategy<Value = user::Event> {
    use user::Event as E;
    let role = || select(Role::ALL);
    let invited = (
        parsed("[a-zé.@]{1,20}", LoginName::parse).prop_map(Personal::Clear),
        option::of(name().prop_map(Personal::Clear)),
        option::of(parsed("[a-z]{1,9}@[a-z]{1,9}\\.org", EmailAddress::parse).prop_map(Personal::Clear)),
        role(),
        id(InvitationId::new),
        moment(),
    );
    prop_oneof![
        invited.prop_map(|(login, display_name, email, role, invitation, expires_at)| E::Invited {
            login,
            display_name,
            email,
            role,
            invitation,
            expires_at,
        }),
        id(CredentialId::new).prop_map(|credential| E::Accepted { credential }),
        role().prop_map(|role| E::RoleSet { role }),
        Just(E::Disabled),
        Just(E::Enabled),
    ]
}

pub(super) fn session() -> impl Strategy<Value = session::Event> {
    use session::Event as E;
    prop_oneof![
        (id(UserId::new), moment()).prop_map(|(user, expires_at)| E::Started { user, expires_at }),
        Just(E::LoggedOut),
        Just(E::Expired),
    ]
}

pub(super) fn api_key() -> impl Strategy<Value = api_key::Event> {
    use api_key::Event as E;
    prop_oneof![
        (name(), parsed("[0-9A-Za-z]{12}", PublicId::parse), option::of(moment()))
            .prop_map(|(name, public_id, expires_at)| E::Issued { name, public_id, expires_at }),
        Just(E::Revoked),
        Just(E::Expired),
    ]
}

pub(super) fn access() -> impl Strategy<Value = access::Event> {
    use access::Event as E;
    let account = || any::<[u8; 32]>().prop_map(AccountHash::new);
    let operation = || parsed("[ -~]{1,40}", Operation::parse);
    prop_oneof![
        (account(), select(LogInFailure::ALL))
            .prop_map(|(account_hash, reason)| E::LogInFailed { account_hash, reason }),
        (account(), any::<u64>(), moment(), moment()).prop_map(|(account_hash, count, from, until)| E::LogInsFailed {
            account_hash,
            count,
            from,
            until
        }),
        (operation(), option::of(select(Role::ALL))).prop_map(|(operation, role)| E::Denied { operation, role }),
        (operation(), any::<u64>(), moment(), moment()).prop_map(|(operation, count, from, until)| E::Denials {
            operation,
            count,
            from,
            until
        }),
    ]
}

pub(super) fn device() -> impl Strategy<Value = device::Event> {
    use device::Event as E;
    prop_oneof![
        (identifiers(), profile(), select(Criticality::ALL), metadata()).prop_map(
            |(identifiers, profile, criticality, metadata)| {
                E::Registered(Registration { identifiers, profile, criticality, metadata })
            }
        ),
        identifiers().prop_map(E::IdentifiersChanged),
        (select(DeviceStatus::ALL), moment()).prop_map(|(status, seen_at)| E::StatusReported { status, seen_at }),
        Just(E::Retired),
    ]
}

fn identifiers() -> impl Strategy<Value = Identifiers> {
    let address = any::<IpAddr>().prop_filter_map("no device's", |ip| Address::new(ip).ok());
    let parts = (
        parsed("[a-z0-9][a-z0-9.-]{0,20}", Network::parse),
        few(address),
        option::of(parsed("([0-9a-f]{2}:){5}[0-9a-f]{2}", MacAddress::parse)),
        option::of(parsed("[a-z][a-z0-9]{0,9}(\\.[a-z]{2,5}){0,2}", HostName::parse)),
    );
    parts.prop_filter_map("without an identifier", |(network, addresses, mac, host_name)| {
        Identifiers::new(network, addresses, mac, host_name).ok()
    })
}

prop_compose! {
    fn profile()(
        name in option::of(name()),
        kind in option::of(label()),
        vendor in option::of(name()),
        model in option::of(name()),
        os in option::of(name()),
        place in option::of(name()),
        coordinates in option::of((-90_000_000..=90_000_000, -180_000_000..=180_000_000)),
    ) -> Profile {
        let coordinates = coordinates.map(|(latitude, longitude)| Coordinates::new(latitude, longitude).unwrap());
        Profile { name, kind, vendor, model, os, place, coordinates }
    }
}

pub(super) fn scan() -> impl Strategy<Value = scan::Event> {
    (record(), counts()).prop_map(|(record, counts)| scan::Event::Recorded(Record { counts, ..record }))
}

prop_compose! {
    fn record()(
        (tool, lane) in (label(), label()),
        tool_version in option::of(parsed(LINE, ToolVersion::parse)),
        devices: u32,
        hosts in vec(name(), 0..4),
        sha256 in sha256(),
        bytes: u64,
        observed_at in moment(),
    ) -> Record {
        let scope = Scope { devices, hosts: Hosts::new(hosts).unwrap() };
        Record { tool, tool_version, lane, scope, sha256, bytes, observed_at, counts: Counts::default() }
    }
}

fn counts() -> impl Strategy<Value = Counts> {
    any::<[u32; 6]>().prop_map(
        |[hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused]| Counts {
            hosts_up,
            devices_registered,
            devices_updated,
            findings_raised,
            findings_known,
            refused,
        },
    )
}
