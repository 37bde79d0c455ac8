//! Tests the smoke test with right responses, wrong responses and no response.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use super::text;

/// A service with these responses of `/readyz` and `/quote`. `/quote` with the key has status 200.
fn service(ready: &'static str, quote: &'static str) -> SocketAddr {
    refusing(
        ready,
        quote,
        r#"{"type":"urn:parcels:problem:unauthorized","title":"Unauthorized","status":401}"#,
    )
}

/// The same with this body for status 401.
fn refusing(ready: &'static str, quote: &'static str, refusal: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut head, mut length, mut key) = (String::new(), 0, false);
            reader.read_line(&mut head).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let lower = line.trim().to_lowercase();
                if lower.is_empty() {
                    break;
                }
                length =
                    lower.strip_prefix("content-length: ").map_or(length, |n| n.parse().unwrap());
                key |= lower == "x-api-key: a-test-key";
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let (status, answer) = match head.split_whitespace().nth(1).unwrap() {
                "/readyz" => (ready, ""),
                "/quote" if key => ("200 OK", quote),
                "/quote" => ("401 Unauthorized", refusal),
                _ => ("404 Not Found", ""),
            };
            let _ = write!(
                reader.get_mut(),
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
                answer.len()
            );
        }
    });
    address
}

fn smoke(url: &str, key: Option<&str>) -> Output {
    // A repository with one service.
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("services/parcels");
    fs::create_dir_all(&folder).unwrap();
    fs::copy("../contract/parcels/openapi.json", folder.join("openapi.json")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(["release", "smoke", "--retries", "1", "--pause", "0", url, "--root"]);
    command.arg(root.path()).env("SERVICE", "parcels");
    command.env("GITHUB_ACTIONS", "true").env("NO_PROXY", "*").env_remove("SMOKE_API_KEY");
    if let Some(key) = key {
        command.env("SMOKE_API_KEY", key);
    }
    command.output().unwrap()
}

#[test]
fn right_responses_pass() {
    let url = format!("http://{}", service("200 OK", r#"{"cents":495}"#));
    let output = smoke(&url, Some("a-test-key"));
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output).matches("ok      ").count(), 4, "{}", text(&output));
    let output = smoke(&url, None);
    let said = text(&output);
    assert!(output.status.success() && said.contains("SKIPPED: smoke: SMOKE_API_KEY"), "{said}");
    assert!(said.contains("`cargo ops key add CLIENT` adds one"), "{said}");
}

#[test]
fn wrong_response_fails() {
    for (ready, quote, key, found) in [
        ("503 Service Unavailable", "", None, "readyz: expected 200, found 503"),
        ("200 OK", r#"{"cents":"495"}"#, Some("a-test-key"), "found 200 {"),
        ("200 OK", r#"{"price":495}"#, Some("a-test-key"), "found 200 {"),
        ("200 OK", r#"{"cents":495}"#, Some("another-key"), "quote: expected 200, found 401"),
    ] {
        let output = smoke(&format!("http://{}", service(ready, quote)), key);
        let said = text(&output);
        assert!(!output.status.success() && said.contains(found), "{said}");
        assert!(!said.contains("a-test-key"), "no key in the log: {said}");
    }
}

/// Such a 401 comes from something in front of the service, such as a proxy. It does not show that the service requires
/// a key.
#[test]
fn status_401_in_another_format_fails() {
    for refusal in [
        "",
        "<h1>401</h1>",
        r#"{"message":"Unauthorized"}"#,
        r#"{"type":"x","title":"y","status":403}"#,
    ] {
        let output = smoke(&format!("http://{}", refusing("200 OK", "", refusal)), None);
        let said = text(&output);
        assert!(
            !output.status.success() && said.contains("without a key: expected 401, found 401"),
            "{said}"
        );
    }
}

#[test]
fn connection_without_a_response_fails() {
    let stub = contract::stub::Stub::start(contract::stub::Behavior::Close);
    let output = smoke(&format!("http://{}", stub.address), None);
    assert!(
        !output.status.success() && text(&output).contains("FAILED  readyz"),
        "{}",
        text(&output)
    );
}

/// With `certificate_arn` and without `domain_name`, callers use the balancer's own name.
#[test]
fn certificate_for_another_name_skips_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=sum.example.com",
        "-keyout",
        "key",
        "-out",
        "crt",
    ])
    .status()
    .unwrap();
    assert!(made.success(), "openssl made no certificate");
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let port = address.port().to_string();
    let mut server =
        openssl(&["s_server", "-accept", &port, "-key", "key", "-cert", "crt", "-www"])
            .spawn()
            .unwrap();
    for _ in 0..100 {
        if TcpStream::connect(address).is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let output = smoke(&format!("https://{address}"), Some("a-test-key"));
    server.kill().unwrap();
    server.wait().unwrap();
    let said = text(&output);
    assert!(output.status.success() && said.contains("SKIPPED: smoke: "), "{said}");
    assert!(said.contains("certificate"), "{said}");
}

#[test]
fn unreachable_service_is_skipped_with_a_warning() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let plain = service("200 OK", "");
    for url in [
        format!("http://{closed}"),
        "http://no-such-name.invalid".to_owned(),
        // A server without TLS, like a certificate for another name, shows nothing about the release.
        format!("https://{plain}"),
    ] {
        let output = smoke(&url, Some("a-test-key"));
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("SKIPPED: smoke: ") && said.contains("::warning "), "{said}");
        assert!(!said.contains("ok      "), "{said}");
    }
}
