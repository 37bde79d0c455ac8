//! Loads keys from SSM: from a stub with scripted answers, and from an emulated SSM (moto).

use crate::moto::{Moto, moto_server};
use crate::process::{Server, run};
use crate::support::skipped;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LIST: &str = "web:Ssm-Key-1,web:Ssm-Key-2";
/// An invalid list with a text that must not be in any output.
const MALFORMED: &str = "web:Hush-Hush-1 ";

fn environment(endpoint: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL_SSM", format!("http://{endpoint}")),
        ("AWS_REGION", "eu-central-1".into()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "Credential-To-Hide".into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ("API_KEY_PARAMETER", "/parcels/keys".into()),
        ("LOG_LEVEL", "trace".into()),
    ]
}

fn start(environment: &[(&'static str, String)]) -> Server {
    let environment: Vec<_> = environment.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Server::start(&[], &environment)
}

/// Expects exit code 78, an error in the log, and a line with these words on standard error.
fn refused(environment: &[(&'static str, String)], words: &[&str]) {
    let environment: Vec<_> = environment.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let output = run(&["--listen", "127.0.0.1:0"], &environment);
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(78), "{stdout}{stderr}");
    let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["level"], "ERROR");
    for word in words.iter().chain(&["/parcels/keys"]) {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
        assert!(last["cause"].as_str().unwrap().contains(word), "{last}");
    }
    for text in [&stdout, &stderr] {
        assert!(!text.contains("Hush") && !text.contains("Credential-To-Hide"), "{text}");
    }
}

/// The behaviour of the stub on one connection.
#[derive(Clone)]
enum Act {
    Answer(u16, String),
    Silence,
    Reset,
}

fn value(list: &str) -> Act {
    Act::Answer(200, format!("{{\"Parameter\":{{\"Name\":\"x\",\"Value\":\"{list}\"}}}}"))
}

fn failure(status: u16, code: &str) -> Act {
    Act::Answer(status, format!("{{\"__type\":\"{code}\",\"message\":\"words of SSM\"}}"))
}

fn refusal(code: &str, message: &str) -> Act {
    Act::Answer(400, format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}"))
}

/// Plays one act per connection, and repeats the last one. Returns its address and its count of connections.
fn stub(acts: Vec<Act>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let act = &acts[counter.fetch_add(1, Ordering::SeqCst).min(acts.len() - 1)];
            let mut stream = stream.unwrap();
            match act {
                Act::Answer(status, body) => {
                    let _ = stream.read(&mut [0; 8192]);
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\n\
                         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                }
                Act::Silence => held.push(stream),
                Act::Reset => drop(stream),
            }
        }
    });
    (address, count)
}

#[test]
fn refusal_of_ssm_exits_with_78() {
    for (act, words) in [
        (failure(400, "ParameterNotFound"), &["ParameterNotFound", "words of SSM"][..]),
        (failure(400, "AccessDeniedException"), &["AccessDeniedException", "words of SSM"]),
        (failure(400, "InvalidKeyId"), &["InvalidKeyId"]),
        (
            refusal(
                "InvalidSignatureException",
                "The request signature we calculated does not match",
            ),
            &["InvalidSignatureException", "does not match"],
        ),
        (failure(403, "SomethingNew"), &["SomethingNew"]),
        (Act::Answer(403, "<html>".into()), &["403"]),
        (value(MALFORMED), &["the value of", "entry 1", "A-Z a-z 0-9 . _ -"]),
        (value(""), &["the value of", "is empty"]),
        (value("Hush-Hush-1,Hush-Hush-1"), &["the value of", "entry 2 repeats"]),
        (Act::Answer(200, "{}".into()), &["the value of", "is empty"]),
    ] {
        let (address, count) = stub(vec![act]);
        refused(&environment(address), words);
        assert_eq!(count.load(Ordering::SeqCst), 1, "a refusal is not retried: {words:?}");
    }
}

#[test]
fn temporary_failure_is_retried_until_keys_are_loaded() {
    for acts in [
        vec![failure(500, "InternalServerError"), failure(400, "ThrottlingException")],
        vec![Act::Reset, failure(503, "ServiceUnavailable")],
        // This machine's clock is wrong.
        vec![
            refusal(
                "InvalidSignatureException",
                "Signature expired: 20261126T100000Z is now earlier",
            ),
            refusal(
                "InvalidSignatureException",
                "Signature not yet current: 20261126T100000Z is still",
            ),
        ],
        vec![failure(400, "RequestExpired"), failure(403, "RequestTimeTooSkewed")],
        vec![failure(400, "RequestInTheFuture"), failure(400, "ExpiredToken")],
        // An answer cut short, with a key in it.
        vec![
            Act::Answer(200, "{\"Parameter\":{\"Value\":\"Ssm-Key-1".into()),
            failure(400, "ExpiredTokenException"),
        ],
    ] {
        let (address, _) = stub([acts, vec![value(LIST)]].concat());
        let mut server = start(&environment(address));
        for attempt in 1..=2 {
            let event = server.event("SSM is away");
            assert_eq!((&event["attempt"], &event["level"]), (&attempt.into(), &"WARN".into()));
            assert_ne!(event["cause"], "");
            assert!(event["pause_ms"].is_u64(), "{event}");
        }
        let ready = server.event("ready");
        assert_eq!((&ready["keys"], &ready["clients"]), (&2.into(), &"web".into()));
        assert_eq!(server.quote("Ssm-Key-2").0, 200);
        server.signal("TERM");
        let (_, log) = server.end();
        let log = format!("{log:?}");
        assert!(!log.contains("Ssm-Key") && !log.contains("Credential-To-Hide"), "{log}");
    }
}

/// The SDK would log a warning with the whole answer of a provider of credentials. The stub plays the metadata service,
/// so the test sends nothing to other machines.
#[test]
fn answer_of_credentials_provider_is_not_logged() {
    let (provider, asked) = stub(vec![Act::Answer(403, "Hush-Credential".into())]);
    let mut environment = environment(([127, 0, 0, 1], 1).into());
    environment.retain(|(name, _)| {
        !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"].contains(name)
    });
    environment.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{provider}")));
    let mut server = start(&environment);
    server.event("SSM is away");
    server.signal("TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(asked.load(Ordering::SeqCst) > 0, "the stub got no request");
    let log = format!("{log:?}");
    assert!(!log.contains("Hush") && !log.contains("72, 117, 115, 104"), "{log}");
}

#[test]
fn silent_endpoint_does_not_block_start() {
    let (address, _) = stub(vec![Act::Silence, value(LIST)]);
    let begun = Instant::now();
    let mut server = start(&environment(address));
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.get("/readyz").0, 503);
    let (status, problem) = server.quote("Ssm-Key-1");
    assert_eq!(status, 503);
    assert!(problem.contains("application/problem+json"), "{problem}");
    let failed = server.event("request failed");
    assert_eq!(failed["cause"], "the keys are not loaded yet");
    assert!(problem.contains(failed["request_id"].as_str().unwrap()));
    server.event("ready");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(8), "{took:?}");
    assert_eq!(server.quote("Ssm-Key-1").0, 200);
}

/// Opens `front` and forwards its connections to `back`. Before this, `front` refuses connections.
fn forward(front: SocketAddr, back: SocketAddr) {
    let listener = TcpListener::bind(front).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut client, mut server) = (stream.unwrap(), TcpStream::connect(back).unwrap());
            let (mut from_client, mut to_client) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from_client, &mut server));
            thread::spawn(move || std::io::copy(&mut to_client, &mut client));
        }
    });
}

#[test]
fn emulated_ssm_returns_keys_or_reason() {
    let Some(program) = moto_server() else {
        return skipped("ssm::emulated_ssm_returns_keys_or_reason", "moto_server is not installed");
    };
    let moto = Moto::start(&program, None);

    refused(&environment(moto.address), &["ParameterNotFound"]);
    moto.put(MALFORMED);
    refused(&environment(moto.address), &["entry 1"]);

    // Away, then back.
    moto.put(LIST);
    let front = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = start(&environment(front));
    server.event("SSM is away");
    assert_eq!(server.get("/readyz").0, 503);
    assert_eq!(server.get("/healthz").0, 200);
    forward(front, moto.address);
    server.event("ready");
    assert_eq!(server.get("/readyz").0, 200);
    for (key, status) in [("Ssm-Key-1", 200), ("Ssm-Key-2", 200), ("ssm-key-1", 401)] {
        assert_eq!(server.quote(key).0, status, "{key}");
    }

    // A changed parameter does not change the running process: the keys change only by deployment.
    moto.put("web:Ssm-Key-3");
    assert_eq!(server.quote("Ssm-Key-1").0, 200);
    assert_eq!(server.quote("Ssm-Key-3").0, 401);
}

#[test]
fn emulated_iam_denies_access() {
    let Some(program) = moto_server() else {
        return skipped("ssm::emulated_iam_denies_access", "moto_server is not installed");
    };
    let moto = Moto::start(&program, Some(3));
    moto.put(LIST);
    moto.iam("Action=CreateUser&Version=2010-05-08&UserName=nobody");
    let answer = moto.iam("Action=CreateAccessKey&Version=2010-05-08&UserName=nobody");
    let field = |name: &str| {
        let rest = answer.split(&format!("<{name}>")).nth(1).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let mut environment = environment(moto.address);
    environment
        .retain(|(name, _)| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    environment.push(("AWS_ACCESS_KEY_ID", field("AccessKeyId")));
    environment.push(("AWS_SECRET_ACCESS_KEY", field("SecretAccessKey")));
    // moto answers in XML, unlike SSM. Only the status counts.
    refused(&environment, &["403"]);
}
