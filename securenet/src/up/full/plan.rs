//! Which processes there are, on which ports, and what each is told.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::console::say;
use crate::server::listen;
use crate::supervisor::Program;
use crate::up::Up;

/// A process of this binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Projector1,
    Projector2,
    Relay,
    CommandApi,
    QueryApi,
}

/// What belongs to this deployment, and to some of its processes alone.
const OWNED: [&str; 10] = [
    "SECURENET_KAFKA_BROKERS",
    "SECURENET_WRITER_URL",
    "SECURENET_RELAY_URL",
    "SECURENET_PROJECTOR_URL",
    "SECURENET_READER_URL",
    "SECURENET_ROOT_KEY",
    "SECURENET_TOKEN_KEY",
    "SECURENET_CURSOR_KEY",
    "SECURENET_OPERATOR_TOKEN",
    "SECURENET_SERVICE_TOKEN",
];

impl Service {
    /// In the order of their start.
    pub(super) const ALL: [Self; 5] =
        [Self::Projector1, Self::Projector2, Self::Relay, Self::CommandApi, Self::QueryApi];

    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Projector1 => "projector-1",
            Self::Projector2 => "projector-2",
            Self::Relay => "relay",
            Self::CommandApi => "command-api",
            Self::QueryApi => "query-api",
        }
    }

    const fn subcommand(self) -> &'static str {
        match self {
            Self::Projector1 | Self::Projector2 => "projector",
            Self::Relay => "relay",
            Self::CommandApi => "command-api",
            Self::QueryApi => "query-api",
        }
    }

    /// Which of the deployment's own settings it needs.
    const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Projector1 | Self::Projector2 => &["SECURENET_PROJECTOR_URL", "SECURENET_KAFKA_BROKERS"],
            Self::Relay => &["SECURENET_RELAY_URL", "SECURENET_KAFKA_BROKERS"],
            Self::CommandApi => &[
                "SECURENET_WRITER_URL",
                "SECURENET_ROOT_KEY",
                "SECURENET_TOKEN_KEY",
                "SECURENET_OPERATOR_TOKEN",
                "SECURENET_SERVICE_TOKEN",
            ],
            Self::QueryApi => &[
                "SECURENET_READER_URL",
                "SECURENET_ROOT_KEY",
                "SECURENET_TOKEN_KEY",
                "SECURENET_CURSOR_KEY",
                "SECURENET_OPERATOR_TOKEN",
                "SECURENET_SERVICE_TOKEN",
            ],
        }
    }

    /// From the proxy's port and from the first port of the metrics on.
    const fn offsets(self) -> (u16, u16) {
        match self {
            Self::CommandApi => (1, 0),
            Self::QueryApi => (2, 1),
            Self::Relay => (3, 2),
            Self::Projector1 => (4, 3),
            Self::Projector2 => (5, 4),
        }
    }
}

pub(super) struct Plan {
    pub(super) home: PathBuf,
    proxy: u16,
    redis: u16,
    /// In the order of [`Service::ALL`]: its own port and that of its metrics.
    services: Vec<(u16, u16)>,
}

impl Plan {
    /// Takes the wanted ports, or where they are taken the next free ones. They are let go again before anybody uses
    /// them; whoever is faster makes that process fail and try again.
    pub(super) fn make(options: &Up, home: &Path) -> io::Result<Self> {
        let mut held = Vec::new();
        let mut take = |wanted: u16| -> io::Result<u16> {
            let listener = listen(wanted)?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        };
        let proxy = take(options.port)?;
        if proxy != options.port {
            say(&format!("port {} is taken; using {proxy}", options.port));
        }
        let mut services = Vec::new();
        for service in Service::ALL {
            let (own, metrics) = service.offsets();
            let own = take(options.port.saturating_add(own))?;
            services.push((own, take(options.metrics_port.saturating_add(metrics))?));
        }
        let redis = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Ok(Self { home: home.to_owned(), proxy, redis, services })
    }

    pub(super) fn address(&self, service: Service) -> String {
        local(self.ports(service).0)
    }

    pub(super) fn metrics(&self, service: Service) -> String {
        local(self.ports(service).1)
    }

    pub(super) fn proxy_address(&self) -> String {
        local(self.proxy)
    }

    pub(super) fn redis_address(&self) -> String {
        local(self.redis)
    }

    /// This binary, as that service.
    pub(super) fn service(&self, service: Service, settings: &[(String, String)]) -> io::Result<Program> {
        let told = settings.iter().filter(|(name, _)| {
            let name = name.strip_suffix("_FILE").unwrap_or(name);
            !OWNED.contains(&name) || service.needs().contains(&name)
        });
        let mut environment: Vec<(String, String)> = told.cloned().collect();
        let mut tell = |name: &str, value: String| environment.push((name.to_owned(), value));
        tell("SECURENET_LISTEN", self.address(service));
        tell("SECURENET_METRICS_LISTEN", self.metrics(service));
        tell("SECURENET_LOG_FORMAT", "json".to_owned());
        tell("SECURENET_TRUSTED_PROXIES", "127.0.0.1".to_owned());
        tell("SECURENET_REDIS_URL", format!("redis://{}", self.redis_address()));
        if service == Service::QueryApi {
            tell("SECURENET_COMMAND_URL", format!("http://{}", self.address(Service::CommandApi)));
        }
        Ok(Program {
            role: service.role().to_owned(),
            program: std::env::current_exe()?,
            arguments: vec![service.subcommand().into()],
            environment,
            stop_signal: "TERM",
        })
    }

    /// A cache that forgets everything with its end.
    pub(super) fn redis(&self) -> Program {
        let port = self.redis.to_string();
        let arguments =
            ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--daemonize", "no"];
        Program {
            role: "redis".to_owned(),
            program: PathBuf::from("redis-server"),
            arguments: arguments.map(Into::into).to_vec(),
            environment: Vec::new(),
            stop_signal: "TERM",
        }
    }

    fn ports(&self, service: Service) -> (u16, u16) {
        let at = Service::ALL.iter().position(|known| *known == service).expect("ALL holds every service");
        self.services[at]
    }
}

fn local(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let services = (1..).map(|n| (n, 100 + n)).take(Service::ALL.len()).collect();
        Plan { home: PathBuf::from("/nowhere"), proxy: 8080, redis: 6379, services }
    }

    #[test]
    fn a_process_is_told_no_secret_that_it_does_not_need() {
        let settings: Vec<_> = OWNED.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        for service in Service::ALL {
            let told = plan().service(service, &settings).unwrap().environment;
            let owned: Vec<_> = told.iter().filter(|(name, _)| OWNED.contains(&name.as_str())).collect();
            assert_eq!(owned.len(), service.needs().len(), "{service:?}");
        }
    }

    #[test]
    fn what_is_set_from_outside_reaches_every_process() {
        let settings = [("SECURENET_SESSION_SECONDS".to_owned(), "5".to_owned())];
        for service in Service::ALL {
            assert!(plan().service(service, &settings).unwrap().environment.contains(&settings[0]));
        }
    }
}
