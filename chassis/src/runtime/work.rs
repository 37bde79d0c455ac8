//! The command `worker`: a process without an API. It has the private listener only.

use crate::cli::ProcessArgs;
use crate::config::ProcessConfig;
use crate::context::Context;
use crate::document::Document;
use crate::failure::Failure;
use crate::metrics::Exposition;
use crate::port::PrivateListener;
use crate::private::Private;
use crate::process::{Signals, address, bind};
use crate::program::Program;
use crate::readiness::Phase;
use crate::service::Service;
use crate::worker::Worker;
use std::sync::Arc;

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
    let private = PrivateListener::serve::<P::Service>(listener, private);
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
    private.end().await;
    tracing::info!("drain ends");
    Ok(())
}
