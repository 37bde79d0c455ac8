//! The command `worker`: a process without an API. It has the private listener only.

use crate::answer::Answer;
use crate::cli::ProcessArgs;
use crate::config::ProcessConfig;
use crate::connections::{Handler, Seat};
use crate::context::Context;
use crate::document::Document;
use crate::failure::Failure;
use crate::metrics::Exposition;
use crate::private::{self, Private};
use crate::process::{Signals, bind};
use crate::program::Program;
use crate::readiness::Phase;
use crate::server;
use crate::service::Service;
use crate::worker::Worker;
use hyper::Request;
use hyper::body::Incoming;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

impl Handler for Private {
    fn handle(&self, request: Request<Incoming>, _: Seat) -> impl Future<Output = Answer> + Send {
        self.handle(request)
    }

    fn connections(&self, _: usize) {}
}

/// Works until a stop signal, then drains. Must run inside a runtime.
pub(crate) async fn work<P: Program>(
    program: P,
    settings: P::WorkerSettings,
    document: &Document,
    args: ProcessArgs,
) -> Result<(), Failure> {
    let context = Context::default();
    // Before the worker opens anything.
    let config = ProcessConfig::new(&args, |name| std::env::var(name).map(Into::into))?;
    let worker = program.start_worker(settings, &args, &context).await?;
    let mut signals = Signals::catch()?;
    let listener = bind("METRICS_LISTEN", config.metrics_listen)?;
    let build = P::Service::BUILD;
    tracing::info!(
        version = build.version,
        revision = build.revision.unwrap_or("unknown"),
        metrics_address = address(&listener),
        metrics_password = config.metrics_password.is_some(),
        log_format = config.log_format.name(),
        log_level = %config.log_level,
        drain_timeout = %humantime::format_duration(args.drain_timeout),
        "listening"
    );
    let name = &document.service.name;
    let exposition = Arc::new(Exposition::new(name, build, Arc::clone(&context.metrics)));
    let readiness = Arc::clone(&context.readiness);
    let private = Private::new(name, readiness, exposition, config.metrics_password);
    let (stop_private, private_stops) = oneshot::channel::<()>();
    let private = tokio::spawn(server::run(listener, Arc::new(private), private::LIMITS, async {
        let _ = private_stops.await;
    }));
    let ready = async {
        worker.prepare().await?;
        context.readiness.advance(Phase::Ready);
        tracing::info!("ready");
        std::future::pending::<Result<(), Failure>>().await
    };
    let signal = tokio::select! {
        signal = signals.next() => signal,
        failure = ready => return failure,
    };
    context.readiness.advance(Phase::Draining);
    tracing::info!(signal, "drain begins");
    worker.close().await;
    drop(stop_private);
    let _ = private.await;
    tracing::info!("drain ends");
    Ok(())
}

/// With port 0 in the setting, the system chooses the port.
fn address(listener: &TcpListener) -> Option<tracing::field::DisplayValue<std::net::SocketAddr>> {
    listener.local_addr().ok().map(tracing::field::display)
}
