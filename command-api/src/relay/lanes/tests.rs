use proptest::prelude::*;

use super::*;

/// More than the tests have under way.
const WINDOW: usize = 1_000;

fn lanes<const N: usize>(lanes: [(i16, i64); N]) -> Lanes {
    let mut all = Lanes::default();
    for (partition, seq) in lanes {
        all.insert(Lease { partition, lease_epoch: 1, seq });
        all.checked(partition);
    }
    all
}

fn heads<const N: usize>(heads: [(i16, i64); N]) -> BTreeMap<i16, i64> {
    BTreeMap::from(heads)
}

fn range(partition: i16, after: i64, upto: i64) -> Range {
    Range { partition, after, upto }
}

/// What would be written as checkpoints.
fn points(lanes: &Lanes) -> Vec<(i16, i64)> {
    lanes.points(&Epochs::default()).into_iter().map(|(held, point)| (held.partition, point.seq)).collect()
}

#[test]
fn a_busy_partition_leaves_the_others_their_share() {
    let mut lanes = lanes([(1, 10), (2, 0), (3, 0)]);
    assert_eq!(lanes.observe(&heads([(1, 1_000), (2, 3)])), None);
    assert_eq!(lanes.next(100, WINDOW, Instant::now()), [range(1, 10, 107), range(2, 0, 3)]);
    assert_eq!(lanes.under_way(), 100);
    assert_eq!(
        lanes.next(100, WINDOW, Instant::now()),
        [range(1, 107, 207)],
        "what is asked for is not asked for again"
    );
}

#[test]
fn partitions_that_get_nothing_acknowledged_leave_room_for_the_others() {
    let mut lanes = lanes([(1, 0), (2, 0), (3, 0), (4, 0)]);
    lanes.observe(&heads([(1, 9_999), (2, 9_999)]));
    while !lanes.next(50, WINDOW, Instant::now()).is_empty() {}
    let stuck = lanes.under_way();
    assert!((500..=800).contains(&stuck), "{stuck} of {WINDOW}");
    lanes.observe(&heads([(1, 9_999), (2, 9_999), (3, 100)]));
    assert_eq!(lanes.next(500, WINDOW, Instant::now()), [range(3, 0, 100)]);
}

#[test]
fn only_the_contiguous_prefix_becomes_a_checkpoint() {
    let mut lanes = lanes([(1, 0)]);
    lanes.observe(&heads([(1, 5)]));
    lanes.next(5, WINDOW, Instant::now());
    for seq in 1..=5 {
        assert!(lanes.send(1, seq));
    }
    lanes.acknowledge(1, 2);
    lanes.acknowledge(1, 3);
    lanes.acknowledge(1, 5);
    assert_eq!(points(&lanes), []);
    lanes.acknowledge(1, 1);
    assert_eq!(points(&lanes), [(1, 3)]);
    lanes.checkpointed(1, 3);
    assert_eq!(points(&lanes), []);
    lanes.rewind();
    assert_eq!(lanes.next(9, WINDOW, Instant::now()), [range(1, 3, 5)], "the fifth is sent again behind the fourth");
    lanes.acknowledge(1, 5);
    assert_eq!(points(&lanes), [], "an acknowledgement of before the rewind means nothing");
}

#[test]
fn nothing_is_sent_out_of_turn_or_of_a_partition_that_is_not_held() {
    let mut lanes = lanes([(1, 0)]);
    lanes.observe(&heads([(1, 5)]));
    assert!(!lanes.send(1, 1), "it was not asked for");
    lanes.next(3, WINDOW, Instant::now());
    assert!(!lanes.send(1, 2));
    assert!(!lanes.send(2, 1));
    assert!(lanes.send(1, 1));
    lanes.unsend(1, 1);
    assert!(lanes.send(1, 1));
}

#[test]
fn a_new_lane_waits_for_its_check() {
    let mut lanes = Lanes::default();
    lanes.insert(Lease { partition: 4, lease_epoch: 1, seq: 0 });
    lanes.observe(&heads([(4, 1)]));
    assert_eq!(lanes.checking(), [4]);
    assert_eq!(lanes.next(9, WINDOW, Instant::now()), []);
    lanes.checked(4);
    assert_eq!(lanes.next(9, WINDOW, Instant::now()), [range(4, 0, 1)]);
}

#[test]
fn a_drained_lane_is_given_up_when_its_checkpoint_says_all() {
    let mut lanes = lanes([(1, 0), (2, 0)]);
    lanes.observe(&heads([(1, 2), (2, 0)]));
    lanes.next(1, WINDOW, Instant::now());
    lanes.send(1, 1);
    lanes.drain(2);
    assert_eq!(lanes.kept(), 0);
    assert_eq!(lanes.next(9, WINDOW, Instant::now()), []);
    assert_eq!(lanes.drained(), [Held { partition: 2, lease_epoch: 1 }]);
    lanes.acknowledge(1, 1);
    assert_eq!(lanes.drained().len(), 1);
    lanes.checkpointed(1, 1);
    assert_eq!(lanes.drained().len(), 2);
}

#[test]
fn a_refused_message_waits_longer_each_time_and_goes_alone() {
    let mut lanes = lanes([(1, 0), (2, 0)]);
    lanes.observe(&heads([(1, 5), (2, 5)]));
    let now = Instant::now();
    lanes.refuse(1, now);
    assert_eq!(lanes.next(99, WINDOW, now), [range(2, 0, 5)], "the others go on");
    assert_eq!(lanes.next_retry(now), Some(now + TROUBLE_MIN));
    let later = now + TROUBLE_MIN;
    assert_eq!(lanes.next(99, WINDOW, later), [range(1, 0, 1)], "nothing behind it");
    assert_eq!(lanes.next(99, WINDOW, later), []);
    lanes.send(1, 1);
    lanes.rewind();
    lanes.refuse(1, later);
    assert_eq!(lanes.next_retry(later), Some(later + 2 * TROUBLE_MIN));
    lanes.next(99, WINDOW, later + 2 * TROUBLE_MIN);
    lanes.send(1, 1);
    lanes.acknowledge(1, 1);
    let freed = lanes.next(99, WINDOW, later + 2 * TROUBLE_MIN);
    assert!(freed.contains(&range(1, 1, 5)), "{freed:?}");
}

#[test]
fn a_head_behind_what_was_acknowledged_is_told() {
    let mut lanes = lanes([(1, 7)]);
    assert_eq!(lanes.observe(&heads([(1, 6)])), Some((1, 7)));
}

proptest! {
    /// Whatever order acknowledgements come in, and whatever is lost in between: what is sent is contiguous behind what
    /// was acknowledged, and all of it arrives.
    #[test]
    fn every_event_is_sent_in_order_until_all_are_acknowledged(
        head in 1..60_i64,
        steps in proptest::collection::vec((0..4_u8, any::<prop::sample::Index>()), 1..200),
    ) {
        let mut lanes = lanes([(9, 0)]);
        lanes.observe(&heads([(9, head)]));
        let mut flying: Vec<i64> = vec![];
        let mut expected = 1;
        for (step, index) in steps {
            match step {
                0 | 1 => for range in lanes.next(7, WINDOW, Instant::now()) {
                    for seq in range.after + 1..=range.upto {
                        prop_assert!(lanes.send(9, seq));
                        prop_assert_eq!(seq, expected);
                        expected += 1;
                        flying.push(seq);
                    }
                },
                2 if !flying.is_empty() => {
                    let at = index.index(flying.len());
                    lanes.acknowledge(9, flying.swap_remove(at));
                }
                _ => {
                    lanes.rewind();
                    flying.clear();
                    expected = lanes.0[&9].acked + 1;
                }
            }
            prop_assert_eq!(lanes.under_way() as i64, expected - 1 - lanes.0[&9].acked);
        }
    }
}
