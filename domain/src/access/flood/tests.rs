//! The flood rule, minute by minute.

use proptest::prelude::*;

use super::*;

const ANA: &str = "ana";
const BEN: &str = "ben";

#[test]
fn the_first_twenty_in_a_minute_are_single_and_the_rest_are_counted() {
    let mut flood = Flood::default();
    let verdicts: Vec<_> = (0..25).map(|second| flood.note(&ANA, at(second))).collect();
    assert_eq!(verdicts[..20], [Verdict::Single; 20]);
    assert_eq!(verdicts[20..], [Verdict::Counted; 5]);
}

#[test]
fn what_was_counted_comes_out_once_a_minute_after_the_first_of_it() {
    let mut flood = flooded();
    assert_eq!(flood.due(at(79)), []);
    let tally = tally(5, at(20), at(24));
    assert_eq!(flood.due(at(80)), [Aggregate { key: Some(ANA), tally }]);
    assert_eq!(flood.due(at(81)), []);
}

#[test]
fn the_next_minute_begins_with_single_events_again() {
    let mut flood = flooded();
    assert_eq!(flood.note(&ANA, at(59)), Verdict::Counted);
    assert_eq!(flood.note(&ANA, at(60)), Verdict::Single);
}

#[test]
fn one_source_in_flood_does_not_silence_another() {
    let mut flood = flooded();
    assert_eq!(flood.note(&BEN, at(24)), Verdict::Single);
}

#[test]
fn a_source_too_many_is_counted_without_a_name() {
    let mut flood = Flood::with_room_for(1);
    assert_eq!(flood.note(&ANA, at(0)), Verdict::Single);
    assert_eq!(flood.note(&BEN, at(1)), Verdict::Counted);
    assert_eq!(flood.note(&"eve", at(2)), Verdict::Counted);
    assert_eq!(flood.note(&ANA, at(3)), Verdict::Single);
    let tally = tally(2, at(1), at(2));
    assert_eq!(flood.due(at(61)), [Aggregate { key: None, tally }]);
}

#[test]
fn a_quiet_source_makes_room_for_another() {
    let mut flood = Flood::with_room_for(1);
    flood.note(&ANA, at(0));
    flood.due(at(59));
    assert_eq!(flood.note(&BEN, at(59)), Verdict::Counted);
    flood.due(at(60));
    assert_eq!(flood.note(&BEN, at(60)), Verdict::Single);
}

#[test]
fn a_flood_that_goes_on_yields_one_aggregate_a_minute() {
    let mut flood = Flood::default();
    let mut aggregates = 0;
    for second in 0..600 {
        for _ in 0..10 {
            flood.note(&ANA, at(second));
        }
        aggregates += flood.due(at(second)).len();
    }
    assert!((8..=10).contains(&aggregates), "{aggregates} aggregates in ten minutes");
}

#[test]
fn a_clock_that_steps_back_grants_no_new_minute() {
    let mut flood = flooded();
    assert_eq!(flood.note(&ANA, at(-3_600)), Verdict::Counted);
    let tally = tally(6, at(-3_600), at(24));
    assert_eq!(flood.drain(), [Aggregate { key: Some(ANA), tally }]);
}

#[test]
fn a_million_invented_names_take_no_more_memory_than_the_room_given() {
    let mut flood = Flood::default();
    for name in 0..1_000_000_u32 {
        flood.note(&name, at(0));
    }
    assert_eq!(flood.sources(), KEYS_MAX);
    let counted: u64 = flood.drain().iter().map(|aggregate| aggregate.tally.count()).sum();
    assert_eq!(counted, 1_000_000 - KEYS_MAX as u64);
}

#[test]
fn what_could_not_be_recorded_comes_out_again_with_what_followed() {
    let mut flood = flooded();
    let mut aggregates = flood.due(at(80));
    flood.note(&ANA, at(80));
    flood.put_back(aggregates.remove(0), at(81));
    let single = Aggregate { key: Some(ANA), tally: Tally::one(at(80)) };
    flood.put_back(single, at(82));
    let together = tally(6, at(20), at(80));
    assert_eq!(flood.due(at(140)), [], "not every second, but a minute after it was put back");
    assert_eq!(flood.due(at(141)), [Aggregate { key: Some(ANA), tally: together }]);
}

#[test]
fn what_is_put_back_again_and_again_comes_out_once_a_minute() {
    let mut flood = flooded();
    let mut tries = 0;
    for second in 25..325 {
        for aggregate in flood.due(at(second)) {
            tries += 1;
            flood.put_back(aggregate, at(second));
        }
    }
    assert_eq!(tries, 5);
}

#[test]
fn what_is_put_back_takes_no_more_room_than_was_given() {
    let mut flood = Flood::with_room_for(1);
    flood.note(&ANA, at(0));
    flood.put_back(Aggregate { key: Some(BEN), tally: tally(3, at(1), at(2)) }, at(2));
    flood.put_back(Aggregate { key: None, tally: tally(4, at(0), at(1)) }, at(2));
    assert_eq!(flood.sources(), 1);
    assert_eq!(flood.drain(), [Aggregate { key: None, tally: tally(7, at(0), at(2)) }]);
}

#[derive(Debug, Clone)]
enum Step {
    Note { source: u8, after_seconds: i64 },
    Due { after_seconds: i64 },
    DueButNotRecorded,
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let note = (0..4_u8, -1..3_i64).prop_map(|(source, after_seconds)| Step::Note { source, after_seconds });
    let due = (0..90_i64).prop_map(|after_seconds| Step::Due { after_seconds });
    prop::collection::vec(prop_oneof![40 => note, 1 => due, 1 => Just(Step::DueButNotRecorded)], 0..600)
}

proptest! {
    #[test]
    fn no_attempt_is_ever_lost(steps in any_steps(), room in 0..5_usize) {
        let mut flood = Flood::with_room_for(room);
        let (mut now, mut noted, mut single, mut aggregated) = (0, 0_u64, 0_u64, 0_u64);
        for step in steps {
            match step {
                Step::Note { source, after_seconds } => {
                    now += after_seconds;
                    noted += 1;
                    single += u64::from(flood.note(&source, at(now)) == Verdict::Single);
                }
                Step::Due { after_seconds } => {
                    now += after_seconds;
                    aggregated += total(&flood.due(at(now)));
                }
                Step::DueButNotRecorded => {
                    for aggregate in flood.due(at(now)) {
                        flood.put_back(aggregate, at(now));
                    }
                }
            }
            prop_assert!(flood.sources() <= room);
        }
        aggregated += total(&flood.drain());
        prop_assert_eq!(noted, single + aggregated);
        prop_assert_eq!(flood.sources(), 0);
    }

    #[test]
    fn no_source_gets_more_than_twenty_single_events_within_its_minute(
        offsets in prop::collection::vec(0..60_i64, 0..200),
    ) {
        let mut flood = Flood::default();
        let singles = offsets.iter().filter(|&&second| flood.note(&ANA, at(second)) == Verdict::Single).count();
        prop_assert!(singles <= 20);
    }
}

fn flooded() -> Flood<&'static str> {
    let mut flood = Flood::default();
    for second in 0..25 {
        flood.note(&ANA, at(second));
    }
    flood
}

const fn tally(count: u64, from: Timestamp, until: Timestamp) -> Tally {
    Tally { count, from, until }
}

fn total(aggregates: &[Aggregate<u8>]) -> u64 {
    aggregates.iter().map(|aggregate| aggregate.tally.count()).sum()
}

const fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}
