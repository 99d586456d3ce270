//! A TCP proxy between a service and what it needs, whose connections can all be broken at once. It runs in a thread with
//! a runtime of its own, so that a busy test does not slow down the system it watches.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards from its port to wherever its target is at the moment of a connection.
pub struct Proxy {
    port: u16,
    open: watch::Sender<bool>,
}

/// Where a connection is to go: asked anew for each, since a server may come back elsewhere. None: it is refused.
pub type Target = Arc<dyn Fn() -> Option<u16> + Send + Sync>;

impl Proxy {
    pub fn start(target: Target) -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        listener.set_nonblocking(true).expect("a socket can be made so");
        let (open, seen) = watch::channel(true);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(accept(listener, target, seen));
        });
        Self { port, open }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every connection breaks, and new ones are closed as soon as they are made.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

/// Ends with the proxy.
async fn accept(listener: StdListener, target: Target, mut open: watch::Receiver<bool>) {
    let listener = TcpListener::from_std(listener).expect("a listening socket");
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if *open.borrow() && let Some(port) = target() {
                    tokio::spawn(forward(client, port, open.clone()));
                }
            }
            changed = open.changed() => if changed.is_err() { return },
        }
    }
}

async fn forward(mut client: TcpStream, port: u16, mut open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
