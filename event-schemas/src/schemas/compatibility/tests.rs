use serde_json::json;

use super::*;

fn breaks(old: Value, new: Value) -> Vec<(String, What)> {
    breaking_changes(&old, &new).into_iter().map(|found| (found.path, found.what)).collect()
}

/// The break of a property `p` whose schema changes so.
fn property(old: Value, new: Value) -> Vec<What> {
    let object = |schema| json!({"type": "object", "properties": {"p": schema}, "required": ["p"]});
    let found = breaks(object(old), object(new));
    assert!(found.iter().all(|(path, _)| path == "/p"), "{found:?}");
    found.into_iter().map(|(_, what)| what).collect()
}

#[test]
fn a_new_optional_property_breaks_nobody() {
    let old = json!({"properties": {"a": {"type": "string"}}, "required": ["a"]});
    let new = json!({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]});
    assert_eq!(breaks(old, new), []);
}

#[test]
fn more_room_breaks_nobody() {
    assert_eq!(property(json!({"type": "integer", "maximum": 5}), json!({"type": "number", "maximum": 6})), []);
    assert_eq!(property(json!({"type": "string", "minLength": 2}), json!({"type": "string"})), []);
    assert_eq!(property(json!({"enum": ["a"]}), json!({"enum": ["b", "a"]})), []);
    assert_eq!(property(json!({"type": "string"}), json!({"type": ["string", "null"]})), []);
    assert_eq!(property(json!({"type": "string"}), json!({"anyOf": [{"type": "null"}, {"type": "string"}]})), []);
    assert_eq!(property(json!({"type": "string"}), json!(true)), []);
}

#[test]
fn a_new_required_property_is_a_break() {
    let old = json!({"properties": {"a": {"type": "string"}}});
    let new = json!({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["b"]});
    assert_eq!(breaks(old.clone(), new), [(String::new(), What::RequiredAdded("b".into()))]);
    let tightened = json!({"properties": {"a": {"type": "string"}}, "required": ["a"]});
    assert_eq!(breaks(old, tightened), [(String::new(), What::RequiredAdded("a".into()))]);
}

#[test]
fn a_property_that_is_no_longer_certain_is_a_break() {
    let old = json!({"properties": {"a": {}}, "required": ["a"]});
    let new = json!({"properties": {"a": {}}});
    assert_eq!(breaks(old, new), [(String::new(), What::RequiredDropped("a".into()))]);
}

#[test]
fn a_removed_property_is_a_break() {
    let old = json!({"properties": {"a": {}, "b": {}}});
    let new = json!({"properties": {"a": {}}});
    assert_eq!(breaks(old, new), [(String::new(), What::PropertyRemoved("b".into()))]);
}

#[test]
fn a_removed_type_is_a_break() {
    let string = || json!({"type": "string"});
    assert_eq!(property(string(), json!({"type": "integer"})), [What::TypeRemoved("string".into())]);
    assert_eq!(property(json!({"type": ["string", "null"]}), string()), [What::TypeRemoved("null".into())]);
    assert_eq!(property(json!({"type": "number"}), json!({"type": "integer"})), [What::TypeRemoved("number".into())]);
    assert_eq!(property(json!({}), string()), [What::TypeRemoved("any".into())]);
    assert_eq!(property(string(), json!(false)), [What::TypeRemoved("any".into())]);
}

#[test]
fn a_removed_value_is_a_break() {
    assert_eq!(property(json!({"enum": ["a", "b"]}), json!({"enum": ["a"]})), [What::ValueRemoved(json!("b"))]);
    assert_eq!(property(json!({"const": 1}), json!({"const": 2})), [What::ValueRemoved(json!(1))]);
    assert_eq!(property(json!({"enum": ["a", "b"]}), json!({"const": "a"})), [What::ValueRemoved(json!("b"))]);
    assert_eq!(property(json!({}), json!({"enum": ["a"]})), [What::ValuesListed]);
}

#[test]
fn each_narrowed_bound_is_a_break() {
    for name in ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"] {
        assert_eq!(property(json!({name: 1}), json!({name: 2})), [What::Narrowed(name)]);
        assert_eq!(property(json!({}), json!({name: 1})), [What::Narrowed(name)]);
        assert_eq!(property(json!({name: 2}), json!({name: 1})), []);
    }
    for name in ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"] {
        assert_eq!(property(json!({name: 2}), json!({name: 1})), [What::Narrowed(name)]);
        assert_eq!(property(json!({}), json!({name: 1})), [What::Narrowed(name)]);
        assert_eq!(property(json!({name: 1}), json!({name: 2})), []);
    }
}

#[test]
fn a_changed_rule_is_a_break() {
    for name in ["pattern", "format", "contentEncoding"] {
        assert_eq!(property(json!({name: "a"}), json!({name: "b"})), [What::Changed(name)]);
        assert_eq!(property(json!({}), json!({name: "b"})), [What::Changed(name)]);
        assert_eq!(property(json!({name: "a"}), json!({})), []);
    }
}

#[test]
fn a_removed_alternative_is_a_break() {
    let old = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
    assert_eq!(property(old.clone(), json!({"type": "string"})), [What::AlternativeRemoved]);
    assert_eq!(
        property(old.clone(), json!({"oneOf": [{"type": "null"}, {"type": "integer"}]})),
        [What::AlternativeRemoved]
    );
    assert_eq!(property(old, json!({"type": ["null", "string"]})), []);
}

#[test]
fn a_break_is_found_where_it_is() {
    let within =
        |schema| json!({"properties": {"list": {"items": {"properties": {"map": {"additionalProperties": schema}}}}}});
    let found = breaks(within(json!({"type": "string"})), within(json!({"type": "string", "maxLength": 9})));
    assert_eq!(found, [("/list/*/map/*".into(), What::Narrowed("maxLength"))]);
}

#[test]
fn closing_an_open_object_is_a_break() {
    let found = breaks(json!({"type": "object"}), json!({"type": "object", "additionalProperties": false}));
    assert_eq!(found, [("/*".into(), What::TypeRemoved("any".into()))]);
}

#[test]
fn references_are_followed_in_their_own_document() {
    let old = json!({"$defs": {"x": {"type": "string"}}, "properties": {"p": {"$ref": "#/$defs/x"}}});
    let new = json!({"$defs": {"x": {"type": "integer"}}, "properties": {"p": {"$ref": "#/$defs/x"}}});
    assert_eq!(breaks(old.clone(), new), [("/p".into(), What::TypeRemoved("string".into()))]);
    assert_eq!(breaks(old, json!({"properties": {"p": {"type": "string"}}})), []);
}
