//! An emulated AWS: moto's server, and the calls that prepare it.

use crate::process::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// An emulated SSM. Dropping this stops it.
pub(crate) struct Moto {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds it on the path or in the repository's own tools.
pub(crate) fn moto_server() -> Option<PathBuf> {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = ["python/bin", "venv/bin"].map(|place| tools.join(place));
    places
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|p| p.join("moto_server"))
        .find(|p| p.is_file())
}

impl Moto {
    /// Starts it; its first `open` actions need no permission, all others do (`None`: no action does).
    pub(crate) fn start(program: &PathBuf, open: Option<u32>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        if let Some(open) = open {
            command.env("INITIAL_NO_AUTH_ACTION_COUNT", open.to_string());
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moto = Self { child, address: ([127, 0, 0, 1], port).into() };
        let deadline = Instant::now() + PATIENCE * 3;
        while TcpStream::connect(moto.address).is_err() {
            assert!(Instant::now() < deadline, "moto_server does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        moto
    }

    /// An unsigned call that contains the service name like a signature.
    fn call(&self, service: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: {service}.eu-central-1.amazonaws.com\r\nconnection: close\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n{headers}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    pub(crate) fn put(&self, value: &str) {
        let headers =
            "content-type: application/x-amz-json-1.1\r\nx-amz-target: AmazonSSM.PutParameter";
        let body = serde_json::json!({
            "Name": "/parcels/keys", "Value": value, "Type": "SecureString", "Overwrite": true
        });
        self.call("ssm", headers, &body.to_string());
    }

    pub(crate) fn iam(&self, query: &str) -> String {
        self.call("iam", "content-type: application/x-www-form-urlencoded", query)
    }
}
