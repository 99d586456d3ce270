//! Sentences about devices.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};

use super::{
    Command::{self, *},
    DEVICES_TALLY, Device, Event, Identifiers, Refusal, Registration, STATUS_REFRESH_SECONDS,
};
use crate::{
    decider::{Decider, Reservation, fold},
    testing::{Given, given as given_events},
    vocabulary::{Address, Addresses, DeviceStatus, HostName, MacAddress, Network, Timestamp},
};

fn given(events: impl IntoIterator<Item = Event>) -> Given<Device> {
    given_events(events)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn addresses(texts: &[&str]) -> Addresses {
    Addresses::new(texts.iter().map(|text| Address::parse(text).unwrap())).unwrap()
}

fn known_by(texts: &[&str]) -> Identifiers {
    Identifiers::new(Network::default(), addresses(texts), None, None).unwrap()
}

fn mac() -> MacAddress {
    MacAddress::parse("00:1a:2b:3c:4d:5e").unwrap()
}

fn registration() -> Registration {
    Registration::new(known_by(&["10.0.0.7"]))
}

fn registered() -> Event {
    Event::Registered(registration())
}

fn report(status: DeviceStatus, seen_at: Timestamp) -> Command {
    ReportStatus { status, seen_at }
}

fn reported(status: DeviceStatus, seen_at: Timestamp) -> Event {
    Event::StatusReported { status, seen_at }
}

#[test]
fn a_device_is_registered_by_an_address_alone() {
    let device = given([]).when(Register(registration()), at(0)).then([registered()]);
    assert!(device.index().open);
    assert_eq!(device.counts(), [(DEVICES_TALLY, 1)]);
    assert_eq!(device.holds(), [Reservation::tenant("address:default:10.0.0.7")]);
}

#[test]
fn a_device_without_any_identifier_cannot_be_found_again() {
    let nothing = Identifiers::new(Network::default(), Addresses::default(), None, None);
    assert_eq!(nothing.unwrap_err().code, "no-identifier");
}

#[test]
fn an_address_is_held_once_however_it_is_spelt() {
    let spelt = known_by(&["::ffff:10.0.0.7", "10.0.0.7", "2001:DB8::0:1", "2001:db8::1"]);
    let held: Vec<String> = spelt.reservations().into_iter().map(|held| held.key).collect();
    assert_eq!(held, ["address:default:10.0.0.7", "address:default:2001:db8::1"]);
}

#[test]
fn the_same_address_in_another_network_is_another_key() {
    let plant = Network::parse("plant-2").unwrap();
    let there = Identifiers::new(plant, addresses(&["10.0.0.7"]), None, None).unwrap();
    assert_eq!(there.reservations(), [Reservation::tenant("address:plant-2:10.0.0.7")]);
}

#[test]
fn a_hardware_address_is_held_only_without_an_ip_address() {
    let network = Network::default;
    let bare = Identifiers::new(network(), Addresses::default(), Some(mac()), None).unwrap();
    assert_eq!(bare.reservations(), [Reservation::tenant("mac:default:00:1a:2b:3c:4d:5e")]);
    let both = Identifiers::new(network(), addresses(&["10.0.0.7"]), Some(mac()), None).unwrap();
    assert_eq!(both.reservations(), [Reservation::tenant("address:default:10.0.0.7")]);
}

#[test]
fn a_device_known_by_name_alone_holds_nothing() {
    let name = Some(HostName::parse("printer-3.example.org").unwrap());
    let named = Identifiers::new(Network::default(), Addresses::default(), None, name).unwrap();
    assert_eq!(named.reservations(), []);
}

#[test]
fn a_registered_device_is_not_registered_again() {
    given([registered()]).when(Register(registration()), at(1)).then_refused(Refusal::AlreadyRegistered);
}

#[test]
fn what_was_never_registered_takes_no_command() {
    given([]).when(Retire, at(1)).then_refused(Refusal::NotRegistered);
    given([]).when(report(DeviceStatus::Up, at(1)), at(1)).then_refused(Refusal::NotRegistered);
    given([]).when(ChangeIdentifiers(known_by(&["10.0.0.8"])), at(1)).then_refused(Refusal::NotRegistered);
    given([]).when(ChangeIdentifiersInPlace(known_by(&["10.0.0.8"])), at(1)).then_refused(Refusal::NotRegistered);
}

#[test]
fn the_first_status_is_news() {
    given([registered()])
        .when(report(DeviceStatus::Unknown, at(1)), at(1))
        .then([reported(DeviceStatus::Unknown, at(1))]);
}

#[test]
fn a_changed_status_is_news_at_once() {
    given([registered(), reported(DeviceStatus::Up, at(1))])
        .when(report(DeviceStatus::Down, at(2)), at(2))
        .then([reported(DeviceStatus::Down, at(2))]);
}

#[test]
fn an_unchanged_status_is_news_after_fifteen_minutes() {
    let up = |seconds| report(DeviceStatus::Up, at(seconds));
    let seen = || [registered(), reported(DeviceStatus::Up, at(0))];
    assert_eq!(STATUS_REFRESH_SECONDS, 900);
    given(seen()).when(up(899), at(2000)).then([]);
    given(seen()).when(up(900), at(2000)).then([reported(DeviceStatus::Up, at(900))]);
}

#[test]
fn an_older_report_never_moves_the_status_back() {
    given([registered(), reported(DeviceStatus::Up, at(5000))])
        .when(report(DeviceStatus::Down, at(1000)), at(6000))
        .then([]);
}

#[test]
fn a_device_is_not_seen_in_the_future() {
    given([registered()]).when(report(DeviceStatus::Up, at(301)), at(0)).then_refused(Refusal::SeenInFuture);
    given([registered()]).when(report(DeviceStatus::Up, at(300)), at(0)).then([reported(DeviceStatus::Up, at(300))]);
}

#[test]
fn new_identifiers_replace_the_old_ones_and_free_their_addresses() {
    let to = known_by(&["10.0.0.8", "10.0.0.9"]);
    let device = given([registered()]).when(ChangeIdentifiers(to.clone()), at(1)).then([Event::IdentifiersChanged(to)]);
    let held: Vec<String> = device.holds().into_iter().map(|held| held.key).collect();
    assert_eq!(held, ["address:default:10.0.0.8", "address:default:10.0.0.9"]);
}

#[test]
fn identifiers_changed_in_place_stay_in_the_network_of_the_device() {
    let network = Network::parse("lisbon").unwrap();
    let lisbon = |texts: &[&str]| known_by(texts).within(network.clone());
    let device = [Event::Registered(Registration::new(lisbon(&["10.0.0.7"])))];
    given(device.clone())
        .when(ChangeIdentifiersInPlace(known_by(&["10.0.0.8"])), at(1))
        .then([Event::IdentifiersChanged(lisbon(&["10.0.0.8"]))]);
    given(device).when(ChangeIdentifiersInPlace(known_by(&["10.0.0.7"])), at(1)).then([]);
}

#[test]
fn the_same_identifiers_in_another_order_change_nothing() {
    let device = Event::Registered(Registration::new(known_by(&["10.0.0.8", "10.0.0.9"])));
    given([device]).when(ChangeIdentifiers(known_by(&["10.0.0.9", "10.0.0.8"])), at(1)).then([]);
}

#[test]
fn a_retired_device_frees_its_addresses_and_its_place_in_the_plan() {
    let device = given([registered()]).when(Retire, at(1)).then([Event::Retired]);
    assert_eq!(device.holds(), []);
    assert_eq!(device.counts(), []);
    assert!(!device.index().open);
}

#[test]
fn a_retired_device_accepts_nothing_but_to_be_retired_again() {
    let retired = || [registered(), Event::Retired];
    given(retired()).when(Retire, at(1)).then([]);
    given(retired()).when(Register(registration()), at(1)).then_refused(Refusal::Retired);
    given(retired()).when(report(DeviceStatus::Up, at(1)), at(1)).then_refused(Refusal::Retired);
    given(retired()).when(ChangeIdentifiers(known_by(&["10.0.0.8"])), at(1)).then_refused(Refusal::Retired);
    given(retired()).when(ChangeIdentifiersInPlace(known_by(&["10.0.0.8"])), at(1)).then_refused(Refusal::Retired);
}

fn any_identifiers() -> impl Strategy<Value = Identifiers> {
    prop::sample::subsequence(vec!["10.0.0.1", "10.0.0.2", "fe80::1"], 1..=3).prop_map(|texts| known_by(&texts))
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => any_identifiers().prop_map(|identifiers| Register(Registration::new(identifiers))),
        8 => (prop::sample::select(DeviceStatus::ALL), 0_u64..5000)
            .prop_map(|(status, seconds)| report(status, at(seconds))),
        4 => any_identifiers().prop_map(ChangeIdentifiers),
        4 => any_identifiers().prop_map(ChangeIdentifiersInPlace),
        1 => Just(Retire),
    ]
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed_and_deciding_it_again_yields_no_event(
        commands in vec((any_command(), 0_u64..5000), 0..40),
    ) {
        let mut history = vec![registered()];
        let mut device: Device = fold(&history).unwrap();
        for (command, seconds) in commands {
            let Ok(events) = device.decide(command.clone(), at(seconds)) else { continue };
            device = events.iter().try_fold(device, Device::evolve).unwrap();
            history.extend(events);
            prop_assert_eq!(device.decide(command, at(seconds)).unwrap_or_default(), []);
        }
        prop_assert_eq!(fold::<Device>(&history).unwrap(), device);
    }
}
