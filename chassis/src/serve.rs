//! The command `serve`: the life of the process, from the socket to the exit code.
//!
//! The order matters. The signals are caught and the socket is bound before anything is awaited, so
//! `/healthz` answers at once and a stop signal is obeyed while SSM is still away.

use crate::app::App;
use crate::config::{Config, KeySource};
use crate::connections::Handler;
use crate::document::Document;
use crate::failure::Failure;
use crate::service::{Answer, Build, Service};
use crate::{server, ssm};
use hyper::Request;
use hyper::body::Incoming;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Connections that the kernel holds for us while we are busy or full.
const BACKLOG: u32 = 1024;

impl<S: Service> Handler for App<S> {
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send {
        self.handle(request)
    }

    fn connections(&self, open: usize) {
        self.metrics().connections(open);
    }
}

/// Serves until a stop signal, and drains. Must run inside a runtime.
pub(crate) async fn serve<S: Service>(
    service: S,
    document: &Document,
    config: Config,
) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(Failure::Signals)?;
    let listener =
        bind(config.listen).map_err(|error| Failure::CannotListen(config.listen, error))?;
    let address = listener.local_addr().unwrap_or(config.listen);
    log_start(&config, S::BUILD, address);

    let app = Arc::new(match config.keys {
        KeySource::None => App::open(service, document, config.body_timeout),
        _ => App::keyed(service, document, config.body_timeout),
    }?);
    let stop = {
        let app = Arc::clone(&app);
        async move {
            let signal = signals.next().await;
            app.drain();
            tracing::info!(signal, "drain begins");
        }
    };
    let server = server::run(listener, Arc::clone(&app), config.limits, stop);
    let drained = tokio::select! {
        drained = server => drained,
        refused = supply_keys(config.keys, &app) => return Err(refused.into()),
    };
    if drained.cut > 0 {
        tracing::warn!(cut = drained.cut, "drain timed out, connections were cut");
    }
    tracing::info!(cut = drained.cut, "drain ends");
    Ok(())
}

/// Comes back only with bad news.
async fn supply_keys<S: Service>(source: KeySource, app: &App<S>) -> ssm::Refused {
    match source {
        KeySource::None => tracing::info!("ready"),
        KeySource::Environment(keys) => set_keys(app, keys),
        KeySource::Parameter(name) => match ssm::load(&name).await {
            Ok(keys) => set_keys(app, keys),
            Err(refused) => return refused,
        },
    }
    pending().await
}

fn set_keys<S: Service>(app: &App<S>, keys: crate::keys::KeyRing) {
    let (count, clients) = (keys.len(), keys.clients().join(","));
    app.set_keys(keys);
    tracing::info!(keys = count, clients, "ready");
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A new process may take the port while old connections of the last one are still dying.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn log_start(config: &Config, build: Build, address: SocketAddr) {
    tracing::info!(
        version = build.version,
        revision = build.revision.unwrap_or("unknown"),
        address = %address,
        worker_threads = config.worker_threads,
        log_format = config.log_format.name(),
        log_level = %config.log_level,
        keys_from = config.keys.name(),
        keep_alive_timeout = %humantime::format_duration(config.limits.keep_alive_timeout),
        body_timeout = %humantime::format_duration(config.body_timeout),
        max_connections = config.limits.max_connections,
        drain_grace = %humantime::format_duration(config.limits.drain_grace),
        drain_timeout = %humantime::format_duration(config.limits.drain_timeout),
        "listening"
    );
}

/// The two signals that mean "stop": SIGTERM from the container's engine, SIGINT from a person.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
