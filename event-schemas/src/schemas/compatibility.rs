//! What a change of a schema breaks. Two readers count: today's, which must accept everything that was stored under the
//! old schema, and yesterday's, which must not miss what it relies on. Adding an optional property breaks neither.
//!
//! Patterns and formats are not compared but only told apart: any change of one is a break.

mod values;

use serde_json::{Map, Value};

use values::{check_bounds, check_types, check_values, check_wording};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// JSON pointer of the value meant, with `*` for what is in a list or a map.
    pub path: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Stored events lack it.
    RequiredAdded(String),
    /// Yesterday's readers rely on it.
    RequiredDropped(String),
    /// Yesterday's readers rely on it, or on being told where it went.
    PropertyRemoved(String),
    /// Stored events hold values of this type.
    TypeRemoved(String),
    /// Stored events hold this value.
    ValueRemoved(Value),
    /// The values were free and are a list now.
    ValuesListed,
    /// This bound leaves less room than before.
    Narrowed(&'static str),
    /// This rule is another one, or new.
    Changed(&'static str),
    /// None of the alternatives accepts what one of the old ones did.
    AlternativeRemoved,
}

pub fn breaking_changes(old: &Value, new: &Value) -> Vec<Break> {
    let mut breaks = vec![];
    Comparison { old_root: old, new_root: new, breaks: &mut breaks }.schemas("", old, new);
    breaks
}

/// Both documents, since a reference is looked up in its own.
struct Comparison<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
    breaks: &'a mut Vec<Break>,
}

/// A schema that says nothing accepts everything.
static ANYTHING: Value = Value::Bool(true);

impl Comparison<'_> {
    fn schemas(&mut self, path: &str, old: &Value, new: &Value) {
        let (old, new) = (resolve(self.old_root, old), resolve(self.new_root, new));
        let (old_ways, new_ways) = (alternatives(old), alternatives(new));
        if old_ways.len() == 1 && new_ways.len() == 1 {
            return self.one_way(path, old_ways[0], new_ways[0]);
        }
        for old_way in old_ways {
            if !new_ways.iter().any(|new_way| self.accepts(path, old_way, new_way)) {
                self.breaks.push(Break { path: path.into(), what: What::AlternativeRemoved });
            }
        }
    }

    fn accepts(&self, path: &str, old: &Value, new: &Value) -> bool {
        let mut breaks = vec![];
        Comparison { breaks: &mut breaks, ..*self }.schemas(path, old, new);
        breaks.is_empty()
    }

    fn one_way(&mut self, path: &str, old: &Value, new: &Value) {
        let nothing = Map::new();
        let rules = |schema: &'_ Value| schema.as_object().cloned().unwrap_or_else(|| nothing.clone());
        let (old_rules, new_rules) = (rules(old), rules(new));
        let mut found = vec![];
        if new == &Value::Bool(false) {
            found.push(What::TypeRemoved("any".into()));
        }
        check_types(&old_rules, &new_rules, &mut found);
        check_values(&old_rules, &new_rules, &mut found);
        check_bounds(&old_rules, &new_rules, &mut found);
        check_wording(&old_rules, &new_rules, &mut found);
        check_required(&old_rules, &new_rules, &mut found);
        self.breaks.extend(found.into_iter().map(|what| Break { path: path.into(), what }));
        self.properties(path, &old_rules, &new_rules);
        for keyword in ["items", "additionalProperties", "propertyNames", "contains"] {
            let (old, new) = (old_rules.get(keyword), new_rules.get(keyword));
            if let Some(new) = new {
                self.schemas(&format!("{path}/*"), old.unwrap_or(&ANYTHING), new);
            }
        }
    }

    fn properties(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let of = |rules: &Map<String, Value>| rules.get("properties").cloned().unwrap_or_default();
        let (old, new) = (of(old), of(new));
        for (name, old) in old.as_object().into_iter().flatten() {
            match new.get(name) {
                Some(new) => self.schemas(&format!("{path}/{name}"), old, new),
                None => {
                    let what = What::PropertyRemoved(name.clone());
                    self.breaks.push(Break { path: path.into(), what });
                }
            }
        }
    }
}

fn check_required(old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<What>) {
    let of = |rules: &Map<String, Value>| -> Vec<String> {
        let names = rules.get("required").and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (old, new) = (of(old), of(new));
    let without = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    found.extend(without(&new, &old).into_iter().map(What::RequiredAdded));
    found.extend(without(&old, &new).into_iter().map(What::RequiredDropped));
}

/// Our own schemas have no references, but a reader's tool may give them some.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn alternatives(schema: &Value) -> Vec<&Value> {
    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    branches.map_or_else(|| vec![schema], |branches| branches.iter().collect())
}

#[cfg(test)]
mod tests;
