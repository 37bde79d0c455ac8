//! One TCP connection, which can send single bytes.

use crate::http::{Request, Response};
use crate::wait::PATIENCE;
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

const MAX_HEADERS: usize = 64;

/// A connection to the service.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    host: String,
}

impl Connection {
    /// Connects. A read fails after [`PATIENCE`].
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Self::open_from(Ipv4Addr::UNSPECIFIED.into(), address)
    }

    /// Connects from a local address. On Linux all of 127.0.0.0/8 is local.
    pub fn open_from(source: IpAddr, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if !source.is_unspecified() {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        socket.connect_timeout(&address.into(), PATIENCE)?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, received: Vec::new(), host: address.to_string() })
    }

    /// Sets the `Host` of requests. The default is the address.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Sets the time limit of a read.
    pub fn patience(&self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Closes the sending side.
    pub fn end(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Sends a request and waits for its response.
    pub fn ask(&mut self, request: &Request) -> io::Result<Response> {
        let bytes = request.bytes(&self.host);
        let sent = self.send(&bytes);
        self.answer(request, sent)
    }

    /// Waits for the response to a request. `sent` is the result of sending it.
    pub fn answer(&mut self, request: &Request, sent: io::Result<()>) -> io::Result<Response> {
        // The server can answer and close before it has read the whole request. In this case the answer counts.
        let answer = if request.is_head() { self.receive_head() } else { self.receive() };
        match (sent, answer) {
            (_, Ok(Some(response))) => Ok(response),
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(()), Ok(None)) => {
                Err(io::Error::new(ErrorKind::UnexpectedEof, "closed without an answer"))
            }
        }
    }

    /// The next response. `None` if the server closes the connection. Interim (1xx) responses are skipped.
    pub fn receive(&mut self) -> io::Result<Option<Response>> {
        self.response(true)
    }

    /// The next response, to a `HEAD`.
    pub fn receive_head(&mut self) -> io::Result<Option<Response>> {
        self.response(false)
    }

    /// All bytes until the end of the connection.
    pub fn receive_rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? {}
        Ok(std::mem::take(&mut self.received))
    }

    /// The next bytes: at least one, or none at the end of the connection.
    pub fn receive_some(&mut self) -> io::Result<Vec<u8>> {
        self.fill()?;
        Ok(std::mem::take(&mut self.received))
    }

    /// Whether the server closes the connection within `limit` without another byte.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let waited = self.patience(limit).and_then(|()| self.fill());
        let _ = self.patience(PATIENCE);
        match waited {
            Ok(more) => !more && self.received.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    fn response(&mut self, has_body: bool) -> io::Result<Option<Response>> {
        loop {
            let Some(mut response) = self.read_head()? else { return Ok(None) };
            if response.status >= 200 {
                if has_body && !matches!(response.status, 204 | 304) {
                    response.body = self.read_body(&response)?;
                }
                return Ok(Some(response));
            }
        }
    }

    fn read_head(&mut self) -> io::Result<Option<Response>> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut head = httparse::Response::new(&mut headers);
            match head.parse(&self.received).map_err(|error| self.bad(&error.to_string()))? {
                httparse::Status::Complete(length) => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let headers = head
                        .headers
                        .iter()
                        .map(|header| (header.name.to_owned(), text(header.value)))
                        .collect();
                    let status = head.code.expect("a complete head has a status");
                    self.received.drain(..length);
                    return Ok(Some(Response { status, headers, body: Vec::new() }));
                }
                httparse::Status::Partial if self.fill()? => {}
                httparse::Status::Partial if self.received.is_empty() => return Ok(None),
                httparse::Status::Partial => return Err(self.bad("the head ends early")),
            }
        }
    }

    fn read_body(&mut self, response: &Response) -> io::Result<Vec<u8>> {
        // A stream does not end. Use its first bytes as the body.
        if response.all("Content-Type") == ["text/event-stream"] {
            if self.received.is_empty() {
                self.fill()?;
            }
            return Ok(std::mem::take(&mut self.received));
        }
        if response
            .header("Transfer-Encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            return self.read_chunks();
        }
        match response.header("Content-Length").map(str::parse) {
            Some(Ok(length)) => self.take(length),
            Some(Err(_)) => Err(self.bad("the length is not a number")),
            None => self.receive_rest(),
        }
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            match httparse::parse_chunk_size(&self.received) {
                Ok(httparse::Status::Complete((start, size))) => {
                    self.take(start)?;
                    let size = usize::try_from(size)
                        .map_err(|_| self.bad("a chunk larger than memory"))?;
                    body.extend(self.take(size)?);
                    if self.take(2)? != b"\r\n" {
                        return Err(self.bad("a chunk without its end"));
                    }
                    if size == 0 {
                        return Ok(body);
                    }
                }
                Ok(httparse::Status::Partial) if self.fill()? => {}
                _ => return Err(self.bad("broken chunks")),
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < length {
            if !self.fill()? {
                return Err(self.bad("the body ends early"));
            }
        }
        Ok(self.received.drain(..length).collect())
    }

    /// Reads once. Returns false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let mut block = [0; 16 * 1024];
        let length = self.stream.read(&mut block)?;
        self.received.extend_from_slice(&block[..length]);
        Ok(length > 0)
    }

    fn bad(&self, why: &str) -> io::Error {
        let received = String::from_utf8_lossy(&self.received);
        io::Error::new(ErrorKind::InvalidData, format!("{why}: {received:?}"))
    }
}
