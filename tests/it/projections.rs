//! Read models as a tool: rebuilt, switched, verified and mended from a terminal while people go on working.

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use acceptance::callers::{Organization, Person};
use acceptance::eventually::{get_at, until};
use acceptance::server::{Server, binary};
use serde_json::{Value, json};
use tokio::process::Command;

const ORGANIZATIONS: usize = 4;
/// Each raises findings, one after the other, and reads what it wrote.
const WORKERS_EACH: usize = 3;

async fn securenet(server: &Server, arguments: &[&str]) -> Output {
    Command::new(binary())
        .arg("projections")
        .args(arguments)
        .env("SECURENET_URL", server.base())
        .env("SECURENET_OPERATOR_TOKEN", server.credential("SECURENET_OPERATOR_TOKEN"))
        .output()
        .await
        .unwrap()
}

/// The JSON lines it printed, after it succeeded.
async fn succeeds(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let output = securenet(server, arguments).await;
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn outcome(lines: &[Value]) -> &str {
    lines.last().unwrap()["outcome"].as_str().unwrap()
}

/// Works until told to stop; answers how many findings it has raised.
async fn work(analyst: Arc<Person>, stop: Arc<AtomicBool>, raised: Arc<AtomicUsize>) -> usize {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let body = json!({ "type": "weakness", "title": "While it is rebuilt", "severity": "low" });
        let answer = analyst.post("/v1/findings", body).await.expect(201);
        let (id, position) = (answer.id(), answer.position());
        for path in [format!("/v1/findings/{id}"), "/v1/findings?limit=20&sort=last_change".to_owned()] {
            let seen = loop {
                let seen = get_at(&analyst, &path, &position).await;
                // Waiting is allowed, failing and being late without saying so are not.
                if seen.status != 425 {
                    break seen.expect(200);
                }
            };
            assert!(seen.text().contains(&id.to_string()), "{path} is older than {position}");
        }
        count += 1;
        raised.fetch_add(1, Ordering::Relaxed);
    }
    count
}

#[tokio::test]
async fn findings_are_rebuilt_and_switched_to_while_people_work_and_nobody_notices() {
    let server = Server::start_private().await;
    let (stop, raised) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut workers = vec![];
    let mut analysts = vec![];
    for _ in 0..ORGANIZATIONS {
        let analyst = Arc::new(Organization::found(&server).await.analyst().await);
        analysts.push(Arc::clone(&analyst));
        for _ in 0..WORKERS_EACH {
            workers.push(tokio::spawn(work(Arc::clone(&analyst), Arc::clone(&stop), Arc::clone(&raised))));
        }
    }
    let more = async |more: usize| {
        let goal = raised.load(Ordering::Relaxed) + more;
        until("more findings", async || (raised.load(Ordering::Relaxed) >= goal).then_some(())).await;
    };
    more(200).await;
    let rebuilt = succeeds(&server, &["rebuild", "findings", "--switch"]).await;
    assert!(outcome(&rebuilt).contains("generation 2 is live"), "{rebuilt:?}");
    more(100).await;
    let back = succeeds(&server, &["switch", "findings", "1"]).await;
    assert!(outcome(&back).contains("generation 1 is live"), "{back:?}");
    more(100).await;
    succeeds(&server, &["switch", "findings", "2"]).await;
    more(100).await;
    let verified = succeeds(&server, &["verify", "findings"]).await;
    assert!(outcome(&verified).contains("are the fold of the log"), "{verified:?}");
    stop.store(true, Ordering::Relaxed);
    let mut sum = 0;
    for worker in workers {
        sum += worker.await.unwrap();
    }
    let mut shown = 0;
    for analyst in analysts {
        let list = analyst.get("/v1/findings?limit=1").await.expect(200).json();
        shown += list["total"]["value"].as_u64().unwrap() as usize;
    }
    assert_eq!(shown, sum);
    succeeds(&server, &["retire", "findings", "1"]).await;
    let listed = succeeds(&server, &["list"]).await;
    let findings = listed.iter().find(|item| item["name"] == "findings").unwrap();
    assert_eq!((&findings["live_generation"], findings["generations"].as_array().unwrap().len()), (&json!(2), 1));
}

#[tokio::test]
async fn a_paused_projection_says_so_at_once_and_goes_on_when_it_is_resumed() {
    let server = Server::start_private().await;
    let analyst = Organization::found(&server).await.analyst().await;
    let raise = async || {
        let body = json!({ "type": "weakness", "title": "Meanwhile", "severity": "low" });
        analyst.post("/v1/findings", body).await.expect(201)
    };
    succeeds(&server, &["pause", "findings"]).await;
    let paused = until("findings rest", async || {
        let raised = raise().await;
        let answer = get_at(&analyst, "/v1/findings", &raised.position()).await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(paused.code(), "projection-paused");
    analyst.get("/v1/findings").await.expect(200);
    let again = succeeds(&server, &["pause", "findings"]).await;
    assert_eq!(again, [json!({ "state": "unchanged", "projection": "findings" })]);
    succeeds(&server, &["resume", "findings"]).await;
    let raised = raise().await;
    let path = format!("/v1/findings/{}", raised.id());
    until("findings go on", async || (get_at(&analyst, &path, &raised.position()).await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_the_servers_words_and_by_the_exit_code() {
    let server = Server::shared().await;
    for (arguments, told) in [
        (&["rebuild", "rumours"][..], "404"),
        (&["switch", "users", "77"], "no generation of this projection has that number"),
        (&["repair", "users", "64"], "/partition"),
        (
            &[
                "parked",
                "retry",
                "users",
                "00000000-0000-0000-0000-000000000001",
                "00000000-0000-0000-0000-000000000002",
            ],
            "the stream is not parked",
        ),
    ] {
        let output = securenet(server, arguments).await;
        assert!(!output.status.success(), "{arguments:?}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).to_lowercase();
        assert!(said.contains(told), "{arguments:?}: {said}");
        assert!(!said.contains(server.credential("SECURENET_OPERATOR_TOKEN")));
    }
    let parked = succeeds(server, &["parked", "list", "users"]).await;
    assert_eq!(parked, [json!(null); 0]);
}

#[tokio::test]
async fn what_operators_decide_stands_in_the_log_with_their_name() {
    let server = Server::shared().await;
    let operator = server.operator();
    let accepted = operator.post("/v1/projections/api_keys/verify", json!({ "sample": true })).await.expect(202);
    let operation = accepted.json()["operation"].as_str().unwrap().to_owned();
    let path = format!("/v1/operations/{operation}");
    let ended = until("the operation ends", async || {
        let shown = get_at(&operator, &path, &accepted.position()).await;
        let state = (shown.status == 200).then(|| shown.json())?;
        matches!(state["state"].as_str(), Some("done" | "failed")).then_some(state)
    })
    .await;
    assert_eq!((&ended["state"], &ended["requested_by"]), (&json!("done"), &json!("operator")), "{ended}");
}
