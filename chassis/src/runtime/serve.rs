//! The command `serve`: the life of the process, from the socket to the exit code.
//!
//! The order matters. The process catches signals and binds the socket before it waits for anything. So `/healthz`
//! answers at once, and a stop signal works while SSM is still away.

use crate::app::App;
use crate::auth::{Credentials, Keys};
use crate::bearer::Issuer;
use crate::cli::ServeArgs;
use crate::config::{Config, ProcessConfig, Source, Tokens};
use crate::context::Context;
use crate::document::Document;
use crate::failure::Failure;
use crate::keys::KeyRing;
use crate::port::{Port, PrivateListener};
use crate::private::Private;
use crate::process::{Signals, address, bind};
use crate::program::Program;
use crate::service::{Build, Service};
use crate::{server, ssm};
use std::future::pending;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until a stop signal, then drains. Must run inside a runtime.
pub(crate) async fn serve<P: Program>(
    program: P,
    settings: P::Settings,
    document: &Document,
    args: ServeArgs,
) -> Result<(), Failure> {
    let context = Context::default();
    let secret = |name: &str| std::env::var(name).map(Into::into);
    // Before the service opens anything.
    let process = ProcessConfig::new(&args.process, secret)?;
    let started = program.start(settings, &args, &context).await?;
    let config = Config::new(args, process, document, started.signing_keys, secret)?;
    let mut signals = Signals::catch()?;
    let listener = bind("LISTEN", config.listen)?;
    let private_listener = bind("METRICS_LISTEN", config.process.metrics_listen)?;
    log_start(&config, P::Service::BUILD, &listener, &private_listener);

    let app = App::with_context(started.service, document, config.body_timeout, &context)?;
    let app = Arc::new(app);
    let stop = {
        let app = Arc::clone(&app);
        async move {
            let signal = signals.next().await;
            app.drain();
            tracing::info!(signal, "drain begins");
        }
    };
    let exposition = Arc::clone(app.metrics().exposition());
    let password = config.process.metrics_password;
    let private = Private::new(app.name(), Arc::clone(&context.readiness), exposition, password);
    let private = PrivateListener::serve::<P::Service>(private_listener, private);
    let server =
        server::run(listener, Arc::new(Port::Public(Arc::clone(&app))), config.limits, stop);
    let drained = tokio::select! {
        drained = server => drained,
        failure = prepare(config.keys, config.tokens, &app) => return Err(failure),
    };
    app.service().close().await;
    private.end().await;
    if drained.cut > 0 {
        tracing::warn!(cut = drained.cut, "drain timed out, connections were cut");
    }
    tracing::info!(cut = drained.cut, "drain ends");
    Ok(())
}

/// Loads the credentials, waits for the service, and starts the app. Returns only a failure.
async fn prepare<S: Service>(
    keys: Source<KeyRing>,
    tokens: Option<Tokens>,
    app: &App<S>,
) -> Failure {
    let credentials = async { Ok(tokio::try_join!(load_keys(keys), load_issuer(tokens))?) };
    match tokio::try_join!(credentials, app.service().prepare()) {
        Ok(((keys, issuer), ())) => {
            log_ready(&keys, issuer.as_ref());
            app.start(Credentials { keys, issuer });
        }
        Err(failure) => return failure,
    }
    pending().await
}

async fn load_keys(source: Source<KeyRing>) -> Result<Keys, ssm::Refused> {
    Ok(match source {
        Source::None => Keys::Sidecar,
        Source::Environment(keys) | Source::Service(keys) => Keys::Here(keys),
        Source::Parameter(name) => Keys::Here(ssm::load(&name, KeyRing::parse).await?),
    })
}

async fn load_issuer(tokens: Option<Tokens>) -> Result<Option<Issuer>, ssm::Refused> {
    let Some(Tokens { issuer, iss, aud }) = tokens else { return Ok(None) };
    Ok(match issuer {
        Source::None => None,
        Source::Environment(issuer) | Source::Service(issuer) => Some(issuer),
        Source::Parameter(name) => {
            Some(ssm::load(&name, |list| Issuer::new(list, &iss, &aud)).await?)
        }
    })
}

fn log_start(config: &Config, build: Build, public: &TcpListener, private: &TcpListener) {
    let tokens = config.tokens.as_ref();
    tracing::info!(
        version = build.version,
        revision = build.revision.unwrap_or("unknown"),
        address = address(public),
        metrics_address = address(private),
        metrics_password = config.process.metrics_password.is_some(),
        worker_threads = config.worker_threads,
        log_format = config.process.log_format.name(),
        log_level = %config.process.log_level,
        keys_from = config.keys.name("API_KEY", "API_KEY_PARAMETER"),
        signing_keys_from = tokens.map(|tokens| tokens.issuer.name("JWT_KEYS", "JWT_KEYS_PARAMETER")),
        keep_alive_timeout = %humantime::format_duration(config.limits.keep_alive_timeout),
        body_timeout = %humantime::format_duration(config.body_timeout),
        max_connections = config.limits.max_connections,
        drain_grace = %humantime::format_duration(config.limits.drain_grace),
        drain_timeout = %humantime::format_duration(config.limits.drain_timeout),
        "listening"
    );
}

/// Logs the clients and the names of the signing keys. Omits members that do not apply.
fn log_ready(keys: &Keys, issuer: Option<&Issuer>) {
    let ring = match keys {
        Keys::Sidecar => None,
        Keys::Here(ring) => Some(ring),
    };
    tracing::info!(
        keys = ring.map(KeyRing::len),
        clients = ring.map(|ring| ring.clients().join(",")),
        signing_keys = issuer.map(|issuer| issuer.kids().collect::<Vec<_>>().join(",")),
        "ready"
    );
}
