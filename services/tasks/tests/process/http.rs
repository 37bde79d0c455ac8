//! A client for HTTP/1.1 that keeps its connection.

use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any time limit of the service.
const TIMEOUT: Duration = Duration::from_secs(40);

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    head: String,
    body: String,
}

impl Request {
    /// A request of a method and a path.
    pub(crate) fn new(line: &str) -> Self {
        Self { head: format!("{line} HTTP/1.1\r\nHost: tasks\r\n"), body: String::new() }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// JSON, as the caller writes it.
    pub(crate) fn text(mut self, json: &str) -> Self {
        json.clone_into(&mut self.body);
        self.header("Content-Type", "application/json")
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { head, body } = self;
        let length = match body.len() {
            0 if head.starts_with("GET") => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        format!("{head}{length}\r\n{body}").into_bytes()
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A member of the body, which must be JSON.
    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member} in {}", self.body))
            .to_owned()
    }

    /// Fails the test if the status is another one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Whether the server closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A connection to a process.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn send(&mut self, request: &Request) -> io::Result<()> {
        self.0.get_mut().write_all(&request.bytes())
    }

    pub(crate) fn receive(&mut self) -> io::Result<Response> {
        let broken = |line: &str| io::Error::new(ErrorKind::InvalidData, line.to_owned());
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| broken(&first))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| broken(&line))?;
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut response = Response { status, headers, body: String::new() };
        let body = if response.header("Transfer-Encoding").is_some() {
            self.chunks()?
        } else {
            let length = response.header("Content-Length").map_or(Ok(0), str::parse);
            self.bytes(length.map_err(|_| broken("the length is no number"))?)?
        };
        response.body = String::from_utf8_lossy(&body).into_owned();
        Ok(response)
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line()?, 16);
            let length = length.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            body.extend(self.bytes(length)?);
            self.line()?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "closed without a response"));
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Sends a request on its own connection.
pub(crate) fn ask(address: SocketAddr, request: &Request) -> Response {
    let response = Connection::open(address).and_then(|mut connection| {
        connection.send(request)?;
        connection.receive()
    });
    response.unwrap_or_else(|error| panic!("{request:?}: {error}"))
}

/// Sends a `GET` without a token.
pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    ask(address, &Request::new(&format!("GET {path}")))
}
