//! Reports of Nmap, from real runs and from the corners: what they become, and what they may cost.

mod corners;
mod live;
pub(crate) mod reports;
mod sizes;

use acceptance::callers::{Answer, Client};
use acceptance::eventually::see;
use serde_json::Value;

/// Everything a list holds, for organizations small enough to fit a page.
async fn all(client: &Client, path: &str, sent: &Answer) -> Vec<Value> {
    let list = see(client, &format!("{path}?limit=500"), &sent.position()).await.expect(200).json();
    assert_eq!(list["next"], Value::Null, "{path} is longer than a page");
    list["items"].as_array().unwrap().clone()
}

/// One number of what the answer says came of a report.
#[track_caller]
fn count(sent: &Answer, name: &str) -> i64 {
    let body = sent.json();
    body[name].as_i64().unwrap_or_else(|| panic!("no {name} in {body}"))
}
