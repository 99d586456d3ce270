//! The rules of one schema about single values: types, lists of values, bounds, and rules in words.

use serde_json::{Map, Value};

use super::What;

type Rules = Map<String, Value>;

/// Bounds from below: more of it leaves less room.
const LEAST: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// Bounds from above: less of it leaves less room.
const MOST: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/// Rules that cannot be compared, only told apart.
const WORDING: [&str; 8] =
    ["pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "dependentRequired", "not", "allOf"];

pub(super) fn check_types(old: &Rules, new: &Rules, found: &mut Vec<What>) {
    let Some(allowed) = types(new) else { return };
    let Some(before) = types(old) else {
        found.push(What::TypeRemoved("any".into()));
        return;
    };
    let accepts =
        |wanted: &str| allowed.iter().any(|have| *have == wanted || (*have == "number" && wanted == "integer"));
    let removed = before.into_iter().filter(|wanted| !accepts(wanted));
    found.extend(removed.map(|wanted| What::TypeRemoved(wanted.to_owned())));
}

pub(super) fn check_values(old: &Rules, new: &Rules, found: &mut Vec<What>) {
    let Some(allowed) = values(new) else { return };
    match values(old) {
        None => found.push(What::ValuesListed),
        Some(before) => {
            let removed = before.into_iter().filter(|value| !allowed.contains(value));
            found.extend(removed.map(What::ValueRemoved));
        }
    }
}

pub(super) fn check_bounds(old: &Rules, new: &Rules, found: &mut Vec<What>) {
    let number = |rules: &Rules, name| rules.get(name).and_then(Value::as_f64);
    for name in LEAST {
        let before = number(old, name).unwrap_or(f64::NEG_INFINITY);
        if number(new, name).is_some_and(|now| now > before && !is_no_bound(name, now)) {
            found.push(What::Narrowed(name));
        }
    }
    for name in MOST {
        let before = number(old, name).unwrap_or(f64::INFINITY);
        if number(new, name).is_some_and(|now| now < before) {
            found.push(What::Narrowed(name));
        }
    }
}

pub(super) fn check_wording(old: &Rules, new: &Rules, found: &mut Vec<What>) {
    for name in WORDING {
        if new.get(name).is_some_and(|now| old.get(name) != Some(now)) {
            found.push(What::Changed(name));
        }
    }
}

/// Nothing is shorter than zero.
fn is_no_bound(name: &str, bound: f64) -> bool {
    matches!(name, "minLength" | "minItems" | "minProperties") && bound <= 0.0
}

fn types(rules: &Rules) -> Option<Vec<&str>> {
    let stated = rules.get("type")?;
    let listed = stated.as_array().map(|names| names.iter().filter_map(Value::as_str).collect());
    Some(listed.unwrap_or_else(|| stated.as_str().into_iter().collect()))
}

fn values(rules: &Rules) -> Option<Vec<Value>> {
    let listed = rules.get("enum").and_then(Value::as_array).cloned();
    listed.or_else(|| rules.get("const").map(|value| vec![value.clone()]))
}
