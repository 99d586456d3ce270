use std::collections::BTreeSet;

use domain::access::LogInFailure;
use domain::organization::Plan;
use domain::vocabulary::{Criticality, DeviceStatus, Role, Severity, encoded_len};
use proptest::prelude::*;

use crate::words;

fn same(listed: &[&'static str], known: impl IntoIterator<Item = &'static str>) {
    let set = |words: &mut dyn Iterator<Item = &'static str>| words.collect::<BTreeSet<_>>();
    assert_eq!(set(&mut listed.iter().copied()), set(&mut known.into_iter()));
}

#[test]
fn the_schemas_list_exactly_the_words_the_domain_knows() {
    same(&words::PLANS, Plan::ALL.iter().map(|word| word.as_str()));
    same(&words::ROLES, Role::ALL.iter().map(|word| word.as_str()));
    same(&words::LOG_IN_FAILURES, LogInFailure::ALL.iter().map(|word| word.as_str()));
    same(&words::CRITICALITIES, Criticality::ALL.iter().map(|word| word.as_str()));
    same(&words::DEVICE_STATUSES, DeviceStatus::ALL.iter().map(|word| word.as_str()));
    same(&words::SEVERITIES, Severity::ALL.iter().map(|word| word.as_str()));
}

proptest! {
    /// The domain limits texts by the bytes they take in an event, and counts them without knowing JSON.
    #[test]
    fn the_domain_counts_bytes_as_json_writes_them(text in any::<String>(), control in "[\u{0}-\u{20}\"\\\\\u{7f}-\u{9f}]{0,8}") {
        let text = text + &control;
        prop_assert_eq!(encoded_len(&text), serde_json::to_string(&text).unwrap().len() - 2);
    }
}
