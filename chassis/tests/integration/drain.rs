//! Real signals to the real process, and its log.

use crate::process::{PATIENCE, Server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const KEYED: (&str, &str) = ("API_KEY", "tests:Test-Key-1");

#[test]
fn both_signals_end_idle_process_at_once_with_0() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[], &[KEYED]);
        server.event("ready");
        let begun = Instant::now();
        server.signal(signal);
        let (code, log) = server.end();
        assert_eq!(code, Some(0));
        assert!(begun.elapsed() < Duration::from_secs(2), "nothing was open");
        let messages: Vec<_> = log.iter().map(|event| event["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["listening", "ready", "drain begins", "drain ends"]);
        assert_eq!(log[2]["signal"], format!("SIG{signal}"));
        for event in log {
            let time = event["timestamp"].as_str().unwrap();
            assert!(
                time.len() == 27 && time.ends_with('Z') && time.as_bytes()[10] == b'T',
                "{time}"
            );
            assert!(event["level"].is_string() && event["target"].is_string());
            assert!(
                event.as_object().unwrap().values().all(|v| !v.is_object() && !v.is_array()),
                "{event}"
            );
        }
    }
}

#[test]
fn start_logs_configuration_without_keys() {
    let mut server = Server::start(&["--log-level", "trace"], &[KEYED]);
    server.event("ready");
    server.quote("Test-Key-1");
    server.quote("Test-Key-2");
    server.signal("TERM");
    let (_, log) = server.end();
    let listening = &log[0];
    assert_eq!(listening["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(listening["keys_from"], "API_KEY");
    assert_eq!(listening["keep_alive_timeout"], "1m 15s");
    let ready = log.iter().find(|event| event["message"] == "ready").unwrap();
    assert_eq!((&ready["keys"], &ready["clients"]), (&1.into(), &"tests".into()));
    let answered: Vec<_> = log.iter().filter(|event| event["message"] == "answered").collect();
    assert_eq!(answered.len(), 2, "at `debug` each request has a line");
    let all = format!("{log:?}");
    assert!(!all.contains("Test-Key"), "{all}");
}

#[test]
fn drain_finishes_request_in_flight_and_fails_readiness() {
    let mut server = Server::start(&["--drain-grace", "500ms"], &[KEYED]);
    server.event("ready");
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.write_all(
        b"POST /quote HTTP/1.1\r\nhost: x\r\nx-api-key: Test-Key-1\r\ncontent-type: application/json\r\n\
          content-length: 13\r\n\r\n{\"grams\":",
    )
    .unwrap();
    // An answer to a later request shows that the earlier one has been accepted.
    assert_eq!(server.get("/readyz").0, 200);
    server.signal("TERM");
    server.event("drain begins");
    let (status, answer) = server.get("/readyz");
    assert_eq!(status, 503);
    assert!(answer.ends_with("{\"status\":\"draining\"}"), "{answer}");
    assert_eq!(server.get("/healthz").0, 200);

    std::thread::sleep(Duration::from_millis(700));
    assert!(TcpStream::connect(server.address).is_err(), "the grace is over");
    slow.write_all(b"250}").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("{\"cents\":495}"),
        "{answer}"
    );
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn drain_timeout_cuts_requests_with_warning_and_exit_0() {
    let mut server = Server::start(
        &["--drain-grace", "0s", "--drain-timeout", "300ms", "--body-timeout", "30s"],
        &[KEYED],
    );
    server.event("ready");
    let mut stuck = TcpStream::connect(server.address).unwrap();
    stuck.set_read_timeout(Some(PATIENCE)).unwrap();
    stuck
        .write_all(
            b"POST /quote HTTP/1.1\r\nhost: x\r\nx-api-key: Test-Key-1\r\ncontent-type: application/json\r\n\
              content-length: 13\r\n\r\n{",
        )
        .unwrap();
    assert_eq!(server.get("/readyz").0, 200);
    server.signal("TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    let warning = log.iter().find(|event| event["level"] == "WARN").expect("a warning");
    assert_eq!(warning["cut"], 1);
}

#[test]
fn stop_signal_works_while_ssm_is_away() {
    let server = Server::start(
        &["--api-key-parameter", "/keys"],
        &[
            ("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ],
    );
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.get("/readyz").0, 503);
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn pretty_log_is_plain_text() {
    let mut child =
        crate::process::parcels(&["--listen", "127.0.0.1:0", "--log-format", "pretty"], &[KEYED])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("INFO listening version=") && !line.contains('\u{1b}'), "{line:?}");
}
