//! nginx with the project's own configuration, and the two files in which deployments differ.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::plan::{Plan, Service};
use crate::supervisor::Program;

/// The very file that containers use.
const CONFIGURATION: &str = include_str!("../../../../compose/nginx.conf");

pub(super) fn program(plan: &Plan) -> io::Result<Program> {
    let home = plan.home.join("nginx");
    fs::create_dir_all(&home)?;
    fs::write(home.join("nginx.conf"), CONFIGURATION)?;
    fs::write(home.join("listen.conf"), format!("listen {};\n", plan.proxy_address()))?;
    fs::write(home.join("upstreams.conf"), upstreams(plan))?;
    let mut arguments: Vec<_> = ["-e", "stderr", "-p"].map(Into::into).to_vec();
    arguments.extend([home.clone().into(), "-c".into(), home.join("nginx.conf").into()]);
    // One process: a worker that outlived its master would hold the port.
    arguments.extend(["-g".into(), "daemon off; master_process off;".into()]);
    Ok(Program {
        role: "nginx".to_owned(),
        program: PathBuf::from("nginx"),
        arguments,
        environment: Vec::new(),
        stop_signal: "QUIT",
    })
}

fn upstreams(plan: &Plan) -> String {
    let upstream = |name: &str, service| {
        let server = plan.address(service);
        format!("upstream {name} {{\n    server {server};\n    keepalive 64;\n    keepalive_timeout 3s;\n}}\n")
    };
    upstream("commands", Service::CommandApi) + &upstream("queries", Service::QueryApi)
}
