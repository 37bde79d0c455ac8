//! The handlers of the listeners, and the life of the private one.

use crate::answer::Answer;
use crate::app::App;
use crate::connections::{Handler, Seat};
use crate::private::{self, Private};
use crate::server::{self, Drained};
use crate::service::Service;
use futures_util::future::Either;
use hyper::Request;
use hyper::body::Incoming;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

impl<S: Service> Handler for App<S> {
    fn handle(
        &self,
        request: Request<Incoming>,
        seat: Seat,
    ) -> impl Future<Output = Answer> + Send {
        self.handle(request, seat)
    }

    fn connections(&self, open: usize) {
        self.metrics().connections(open);
    }
}

/// The handler of a listener. Both handlers are one type, because with two types the compiler makes a second copy of
/// the server and inlines less of it. That costs every request one percent.
pub(crate) enum Port<S: Service> {
    Public(Arc<App<S>>),
    Private(Private),
}

impl<S: Service> Handler for Port<S> {
    fn handle(
        &self,
        request: Request<Incoming>,
        seat: Seat,
    ) -> impl Future<Output = Answer> + Send {
        match self {
            Self::Public(app) => Either::Left(app.handle(request, seat)),
            Self::Private(private) => Either::Right(Box::pin(private.handle(request))),
        }
    }

    fn connections(&self, open: usize) {
        if let Self::Public(app) = self {
            app.metrics().connections(open);
        }
    }
}

/// The private listener. It serves until this value is dropped.
pub(crate) struct PrivateListener {
    stop: oneshot::Sender<()>,
    served: JoinHandle<Drained>,
}

impl PrivateListener {
    /// Serves in a separate task, so that events of a public server do not wake it.
    pub(crate) fn serve<S: Service>(listener: TcpListener, private: Private) -> Self {
        let (stop, stops) = oneshot::channel();
        let private = Arc::new(Port::<S>::Private(private));
        let served = tokio::spawn(server::run(listener, private, private::LIMITS, async {
            let _ = stops.await;
        }));
        Self { stop, served }
    }

    /// Ends it, and waits for that.
    pub(crate) async fn end(self) {
        drop(self.stop);
        let _ = self.served.await;
    }
}
