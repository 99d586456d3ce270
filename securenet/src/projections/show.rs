//! Lists as a person or a program reads them: a table on a terminal, one JSON object a line elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;

use serde_json::Value;

use crate::console;

pub(super) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// One thing to say.
pub(super) fn line(object: &Value, sentence: &str) {
    if is_terminal() { console::say(sentence) } else { console::print(&format!("{object}\n")) }
}

pub(super) fn projections(answer: &Value) {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if is_terminal() {
        console::print(&table(&rows(items)));
    } else {
        items.iter().for_each(|item| console::print(&format!("{item}\n")));
    }
}

/// A row a generation, and what is being done beside the first.
fn rows(items: &[Value]) -> Vec<Vec<String>> {
    let heading = ["projection", "generation", "state", "behind", "seconds", "parked", "doing"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    for item in items {
        for (index, generation) in item["generations"].as_array().into_iter().flatten().enumerate() {
            let doing = if index == 0 { doing(&item["operations"]) } else { String::new() };
            rows.push(vec![
                if index == 0 { text(&item["name"]) } else { String::new() },
                text(&generation["generation"]),
                state(generation),
                text(&generation["lag_events"]),
                format!("{:.1}", generation["lag_seconds"].as_f64().unwrap_or_default()),
                text(&generation["parked_streams"]),
                doing,
            ]);
        }
    }
    rows
}

fn state(generation: &Value) -> String {
    let mut state = text(&generation["state"]);
    for (name, word) in [("paused", "paused"), ("frozen", "frozen")] {
        if generation[name] == true {
            write!(state, ", {word}").expect("writing into a string does not fail");
        }
    }
    state
}

fn doing(operations: &Value) -> String {
    let one = |operation: &Value| {
        let (kind, state, step) = (text(&operation["kind"]), text(&operation["state"]), text(&operation["step"]));
        match (operation["events_done"].as_i64(), operation["events_total"].as_i64()) {
            (Some(done), Some(total)) if total > 0 => format!("{kind}: {step} {}%", done * 100 / total),
            (_, _) if step.is_empty() => format!("{kind}: {state}"),
            (_, _) => format!("{kind}: {step}"),
        }
    };
    let all: Vec<String> = operations.as_array().into_iter().flatten().map(one).collect();
    all.join(", ")
}

/// Parked streams, page by page.
#[derive(Default)]
pub(super) struct ParkedTable {
    rows: Vec<Vec<String>>,
}

impl ParkedTable {
    pub(super) fn add(&mut self, items: &Value) {
        for item in items.as_array().into_iter().flatten() {
            if !is_terminal() {
                console::print(&format!("{item}\n"));
                continue;
            }
            let columns = ["generation", "tenant", "stream", "kind", "first_event", "waiting_events", "reason"];
            if self.rows.is_empty() {
                self.rows.push(columns.map(|column| column.replace('_', " ")).to_vec());
            }
            self.rows.push(columns.map(|column| text(&item[column])).to_vec());
        }
    }

    pub(super) fn end(self) {
        if is_terminal() {
            let said = if self.rows.is_empty() { "no stream is parked\n".to_owned() } else { table(&self.rows) };
            console::print(&said);
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut table = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_for_each_generation_and_what_is_done_beside_the_first() {
        let generation = |number, state, paused| {
            json!({ "generation": number, "state": state, "paused": paused, "frozen": false, "lag_events": 3,
                "lag_seconds": 0.25, "parked_streams": 0 })
        };
        let operation =
            json!({ "kind": "rebuild", "state": "running", "step": "filling", "events_done": 50, "events_total": 200 });
        let item = json!({ "name": "findings", "generations": [generation(1, "live", true), generation(2, "filling", false)],
            "operations": [operation] });
        let shown = table(&rows(&[item]));
        assert_eq!(
            shown,
            "projection  generation  state         behind  seconds  parked  doing\n\
             findings    1           live, paused  3       0.2      0       rebuild: filling 25%\n            \
             2           filling       3       0.2      0\n"
        );
    }
}
