//! The shape of production on one machine: command-api, query-api, relay and two projectors as processes of their own, with
//! Kafka and Redis, behind nginx.
//!
//! Every process is this binary or a server of this deployment alone, reached only from this machine. What each is told is
//! what it would be told in production, and no secret that is not its own.

mod broker;
mod plan;
mod proxy;

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use self::broker::Broker;
use self::plan::{Plan, Service};
use super::Here;
use crate::Failure;
use crate::console::{ProcessLine, Running, say};
use crate::interrupts::Interrupts;
use crate::supervisor::Supervisor;

/// Between two looks at a service that is starting.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Which process is where, for people and for tests: role, address, address of the metrics; what a process lacks is `-`.
const PROCESSES_FILE: &str = "processes";

pub(super) async fn run(
    here: &Here<'_>,
    settings: &[(String, String)],
    postgres_pid_file: &Path,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    let mut supervisor = Supervisor::open(here.directory.path(), postgres_pid_file)?;
    let outcome = tokio::select! {
        outcome = serve(here, settings, &mut supervisor) => outcome,
        () = interrupts.wait() => Ok(()),
    };
    say("stopping");
    supervisor.stop().await;
    outcome
}

/// Ends only with a failure. Started from the back to the front, and so stopped from the front to the back.
async fn serve(here: &Here<'_>, settings: &[(String, String)], supervisor: &mut Supervisor) -> Result<(), Failure> {
    let plan = Plan::make(here.options, here.directory.path())?;
    say("starting Kafka and Redis");
    let broker = Broker::prepare(here).await?;
    supervisor.start(broker.program());
    supervisor.start(plan.redis());
    broker.make_topic().await?;
    let settings = &[settings, &broker.settings()].concat();
    for service in Service::ALL {
        supervisor.start(plan.service(service, settings)?);
    }
    say("starting the services");
    let http = reqwest::Client::builder().no_proxy().build()?;
    for service in Service::ALL {
        until_ready(&http, &plan.address(service)).await;
    }
    supervisor.start(proxy::program(&plan)?);
    until_ready(&http, &plan.proxy_address()).await;
    here.directory.write(PROCESSES_FILE, &processes_file(&plan, &broker))?;
    here.open_doors(&running(&plan, &broker, supervisor)).await?;
    std::future::pending().await
}

/// One that dies on the way says so itself.
async fn until_ready(http: &reqwest::Client, address: &str) {
    let url = format!("http://{address}/health/ready");
    while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
        sleep(LOOK_INTERVAL).await;
    }
}

fn running(plan: &Plan, broker: &Broker, supervisor: &Supervisor) -> Running {
    let services = Service::ALL.map(|service| (service.role(), plan.address(service), plan.metrics(service)));
    let line = |role: &str, address: String, metrics: &str| ProcessLine {
        role: role.to_owned(),
        pid: supervisor.pid(role),
        address,
        metrics: metrics.to_owned(),
    };
    let mut scrapes: Vec<_> = services.iter().map(|(_, _, metrics)| format!("http://{metrics}/metrics")).collect();
    scrapes.sort(); // by port
    let mut processes = vec![line("nginx", plan.proxy_address(), "-")];
    processes.extend(services.iter().rev().map(|(role, address, metrics)| line(role, address.clone(), metrics)));
    processes.push(line("redis", plan.redis_address(), "-"));
    processes.push(line("kafka", broker.address().to_owned(), "-"));
    Running { apis: format!("http://{}", plan.proxy_address()), metrics: scrapes, processes }
}

fn processes_file(plan: &Plan, broker: &Broker) -> String {
    let (proxy, redis, kafka) = (plan.proxy_address(), plan.redis_address(), broker.address());
    let mut text = format!("nginx\t{proxy}\t-\nredis\t{redis}\t-\nkafka\t{kafka}\t-\n");
    for service in Service::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}\t{}\t{}", service.role(), plan.address(service), plan.metrics(service));
    }
    text
}
