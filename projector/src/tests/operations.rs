//! Operators' decisions, carried out: what is live equals the fold of the log, whatever is stopped in between.

mod parked;
mod rebuilding;
mod verifying;

use domain::vocabulary::{ProjectionName, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::running::Running;
use super::world::{Fact, World};

#[test]
fn every_projection_can_be_named_by_operators_but_the_one_that_hears_them() {
    let registered: Vec<&str> = crate::registry::ALL.iter().map(|known| known.name).collect();
    let mut named: Vec<&str> = ProjectionName::ALL.iter().map(|name| name.as_str()).chain(["operations"]).collect();
    named.sort_unstable();
    let mut sorted = registered;
    sorted.sort_unstable();
    assert_eq!(sorted, named);
}

/// A projector that carries operations out, over a world.
struct Stage {
    world: World,
    running: Option<Running>,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new().await;
        world.some_history().await;
        let running = Some(Running::start(&world));
        Self { world, running }
    }

    /// Writes a decision into the log, as command-api does.
    async fn decide(&self, name: ProjectionName, decision: &str, mut body: Value) {
        body["projection"] = json!(name.as_str());
        let (tenant, stream) = (TenantId::DEPLOYMENT.uuid(), name.stream().uuid());
        self.world.append_fact(Fact::json(tenant, stream, &format!("projection.{decision}"), body)).await;
    }

    /// What the last of all operations came to.
    async fn outcome(&self) -> (String, String) {
        self.world.caught_up().await;
        self.world.until("SELECT count(*) > 0 AND bool_and(state IN ('done', 'failed')) FROM read.operations").await;
        self.last().await
    }

    async fn last(&self) -> (String, String) {
        let last =
            "SELECT state, coalesce(outcome, '') AS outcome FROM read.operations ORDER BY requested_at DESC LIMIT 1";
        let row: Value = serde_json::from_str(&self.world.rows(last).await[0]).unwrap();
        (row["state"].as_str().unwrap().to_owned(), row["outcome"].as_str().unwrap().to_owned())
    }

    async fn done(&self) -> String {
        let (state, outcome) = self.outcome().await;
        assert_eq!(state, "done", "{outcome}");
        outcome
    }

    async fn failed(&self) -> String {
        let (state, outcome) = self.outcome().await;
        assert_eq!(state, "failed", "{outcome}");
        outcome
    }

    async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// As kill -9 would: nothing is given back. Whoever comes next need not wait for the claims.
    async fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
            let _ = running.task.await;
        }
        // A dead process has no connections; what they were at is rolled back.
        self.world
            .execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                 WHERE usename = 'projector' AND datname = current_database()",
            )
            .await;
        self.world
            .execute("UPDATE read.operations SET claimed_until = clock_timestamp() WHERE claimed_until IS NOT NULL")
            .await;
    }

    fn start_again(&mut self) {
        self.running = Some(Running::start(&self.world));
    }

    async fn assert_equal(&self, one: &str, two: &str, tables: &[&str]) {
        for table in tables {
            let rows = |schema| self.world.rows_of(format!("SELECT * FROM {schema}.{table}"));
            assert_eq!(rows(one).await, rows(two).await, "{table}");
        }
    }
}

const FINDINGS: [&str; 4] = ["findings", "finding_history", "finding_cves", "finding_totals"];

fn tenant_stream(tenant: Uuid, stream: Uuid) -> Value {
    json!({ "tenant": tenant, "stream": stream })
}
