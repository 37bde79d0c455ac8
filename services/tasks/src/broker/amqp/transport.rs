//! The bytes of a connection: TCP, with TLS if the URL says so.
//!
//! `lapin` reads and writes in a thread of its own, until the connection ends. A task between it and the socket can end the
//! connection at any time, also one to a server that never answers.

use async_compat::{Compat, CompatExt as _};
use async_rs::traits::Reactor;
use async_rs::util::DummyIO;
use futures_util::{Stream, stream};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{self, Duration};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional, duplex};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The bytes that wait for the socket, and for `lapin`.
const BUFFER: usize = 16 * 1024;

/// Connects `lapin` with one server.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    /// `None` without TLS.
    tls: Option<Tls>,
    lives: watch::Receiver<()>,
}

/// How the server proves that it is the right one.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    /// The name in its certificate.
    pub(super) name: String,
    /// A file with authorities, in addition to those of the system.
    pub(super) authorities: Option<PathBuf>,
}

impl Transport {
    /// The connection ends when the sender of `lives` is dropped.
    pub(super) fn new(tls: Option<Tls>, lives: watch::Receiver<()>) -> Self {
        Self { tls, lives }
    }

    async fn connect(self, address: SocketAddr) -> io::Result<DuplexStream> {
        let mut lives = self.lives.clone();
        tokio::select! {
            _ = lives.changed() => Err(io::ErrorKind::ConnectionAborted.into()),
            stream = self.connect_now(address) => stream,
        }
    }

    async fn connect_now(self, address: SocketAddr) -> io::Result<DuplexStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = self.tls else { return Ok(relay(stream, self.lives)) };
        let settings = Arc::new(tls.settings()?);
        let name = ServerName::try_from(tls.name).map_err(io::Error::other)?;
        let stream = TlsConnector::from(settings).connect(name, stream).await?;
        Ok(relay(stream, self.lives))
    }
}

/// Copies between the socket and `lapin`.
fn relay(
    mut socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut lives: watch::Receiver<()>,
) -> DuplexStream {
    let (near, mut far) = duplex(BUFFER);
    tokio::spawn(async move {
        tokio::select! {
            _ = lives.changed() => {}
            _ = copy_bidirectional(&mut socket, &mut far) => {}
        }
    });
    near
}

impl Tls {
    /// Reads files, which may take a while. `lapin` connects in a thread of its own.
    fn settings(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = &self.authorities {
            let text = std::fs::read(file)
                .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// The part of a runtime that `lapin` asks for connections and timers.
impl Reactor for Transport {
    type TcpStream = Compat<DuplexStream>;
    type Sleep = tokio::time::Sleep;

    #[expect(refining_impl_trait, reason = "`lapin` does not call it")]
    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<DummyIO> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = time::Instant> + Send + 'static {
        stream::unfold(tokio::time::interval(duration), |mut timer| async {
            let now = timer.tick().await;
            Some((now.into_std(), timer))
        })
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connect = self.clone().connect(address);
        async move { Ok(connect.await?.compat()) }
    }
}
