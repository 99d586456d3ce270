//! `securenet healthcheck`: asks the process beside it, as a container's health check. The image has no curl, and needs
//! none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use platform::env::Env;

use crate::Failure;

/// Shorter than a container engine's patience with us.
const ANSWER_MAX: Duration = Duration::from_secs(4);
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Succeeds where the service at `SECURENET_LISTEN` is ready.
pub(crate) async fn check() -> Result<(), Failure> {
    let env = Env::from_process();
    let listens = env.parse("SECURENET_LISTEN", LISTEN_DEFAULT);
    env.finish()?;
    let url = format!("http://{}/health/ready", reachable(listens));
    // A proxy of the machine has nothing to do with our own address.
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
    let status = client.get(&url).send().await?.status();
    if status.is_success() { Ok(()) } else { Err(format!("{url} answered {status}").into()) }
}

/// Whoever listens everywhere is found at home.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let home = match listens.ip() {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address @ (IpAddr::V4(_) | IpAddr::V6(_)) => address,
    };
    SocketAddr::new(home, listens.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_at_home() {
        let asked = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:81"), "[::1]:81");
        assert_eq!(asked("10.0.0.7:8082"), "10.0.0.7:8082");
    }
}
