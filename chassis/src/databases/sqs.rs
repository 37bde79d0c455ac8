//! An emulated Amazon SQS: the server of moto, from `PyPI`, behind a gate that a test can close.
//!
//! moto keeps its queues in its memory, so they would not survive its end. SQS does not end: it is reachable or not.

use super::gate::Gate;
use super::{Process, free_port};
use serde_json::{Value, json};
use std::env;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The account of moto.
const ACCOUNT: &str = "123456789012";
/// The time in which moto must answer a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// The one that `cargo xtask tools emulator` installs, or one on the path.
fn program() -> Option<PathBuf> {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.tools/emulator/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = [tools].into_iter().chain(env::split_paths(&path));
    places.find_map(|place| Some(place.join("moto_server")).filter(|program| program.is_file()))
}

/// A server with its queues.
#[derive(Debug)]
pub struct Sqs {
    /// The clients come through it.
    pub gate: Gate,
    _process: Process,
    port: u16,
    _folder: TempDir,
}

impl Sqs {
    /// Whether moto is installed. If it is not, prints that the test is skipped.
    #[must_use]
    pub fn can_start(test: &str) -> bool {
        if program().is_none() {
            println!("SKIPPED: {test}: moto_server is not installed");
            return false;
        }
        true
    }

    /// A new server without queues.
    #[must_use]
    pub fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT", "--"]).arg(program().unwrap());
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env_clear();
        let process = Process::start(&mut command, port, &folder.path().join("log"));
        Self { gate: Gate::open(port), _process: process, port, _folder: folder }
    }

    /// The URL of a queue, for a client.
    #[must_use]
    pub fn url(&self, queue: &str) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}/{queue}", self.gate.port())
    }

    /// Makes a queue, with the queue `NAME-dead` for messages that were received this often.
    pub fn create(&self, queue: &str, deliveries: u32) {
        let dead = format!("{queue}-dead");
        self.call("CreateQueue", &json!({ "QueueName": dead }));
        let policy = json!({
            "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{dead}"),
            "maxReceiveCount": deliveries,
        });
        let attributes = json!({ "RedrivePolicy": policy.to_string() });
        self.call("CreateQueue", &json!({ "QueueName": queue, "Attributes": attributes }));
    }

    /// A call about a queue, not through the gate, with these fields.
    pub fn tell(&self, action: &str, queue: &str, fields: Value) {
        drop(self.ask(action, queue, fields));
    }

    /// The answer to a call about a queue.
    #[must_use]
    pub fn ask(&self, action: &str, queue: &str, mut fields: Value) -> Value {
        fields["QueueUrl"] = format!("http://127.0.0.1:{}/{ACCOUNT}/{queue}", self.port).into();
        self.call(action, &fields)
    }

    /// A request without a signature, which moto does not check.
    fn call(&self, action: &str, fields: &Value) -> Value {
        let body = fields.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: sqs.us-east-1.amazonaws.com\r\nconnection: close\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, \
             SignedHeaders=host, Signature=0\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AmazonSQS.{action}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{action}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() }
    }
}
