//! The private listener of the real process: metrics, profiles and their password.

use crate::process::{Server, ask, parcels, run};
use std::net::SocketAddr;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const KEYED: (&str, &str) = ("API_KEY", "tests:Test-Key-1");
const PASSWORD: (&str, &str) = ("METRICS_PASSWORD", "Open-Sesame-2026");
/// `metrics:Open-Sesame-2026` in base64.
const BASIC: &str = "authorization: Basic bWV0cmljczpPcGVuLVNlc2FtZS0yMDI2\r\n";

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let (status, answer) = ask(address, &request("GET", path, ""));
    (status, String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn metrics_are_only_on_private_listener() {
    let mut server = Server::start(&[], &[KEYED]);
    server.event("ready");
    server.quote("Test-Key-1");
    assert_eq!(server.get("/metrics").0, 404);
    let (status, answer) = get(server.metrics, "/metrics");
    assert_eq!(status, 200);
    assert!(
        answer.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{answer}"
    );
    assert!(answer.contains("cache-control: no-store"), "{answer}");
    assert!(
        answer.contains("operation=\"quote\",http_response_status_code=\"200\"} 1\n"),
        "{answer}"
    );
    for (method, path, status, says) in [
        ("POST", "/metrics", 405, "allow: GET, HEAD\r\n"),
        ("HEAD", "/metrics", 200, "openmetrics"),
        ("POST", "/debug/pprof/profile", 405, "allow: GET\r\n"),
        ("GET", "/debug/pprof/profile?seconds=61", 400, "from 1 to 60"),
        ("GET", "/debug/pprof/heap", 404, "There is no such route."),
        ("GET", "/quote", 404, "\"type\":\"about:blank\""),
        ("GET", "/healthz", 200, "{\"status\":\"ok\"}"),
        ("GET", "/readyz", 200, "{\"status\":\"ready\"}"),
        ("POST", "/readyz", 405, "allow: GET, HEAD\r\n"),
    ] {
        let (found, answer) = ask(server.metrics, &request(method, path, "x-request-id: id-1\r\n"));
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert!(answer.contains(says) && answer.contains("x-request-id: id-1\r\n"), "{answer}");
    }
}

#[test]
fn private_address_beyond_loopback_needs_password() {
    let refused = |environment: &[(&str, &str)], words: &[&str]| {
        let output = run(&["--listen", "127.0.0.1:0"], &[&[KEYED], environment].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(64), 1), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
        }
        assert!(!stderr.contains("Sesame"), "{stderr}");
    };
    for address in ["0.0.0.0:0", "[::]:0", "[::ffff:127.0.0.1]:0", "192.0.2.1:9090"] {
        refused(
            &[("METRICS_LISTEN", address)],
            &["METRICS_LISTEN is", "METRICS_PASSWORD is not set"],
        );
    }
    // A short password is refused on loopback too.
    for weak in ["", "Sesame", "Open-Sesame-202"] {
        refused(&[("METRICS_PASSWORD", weak)], &["METRICS_PASSWORD must be 16 to 128"]);
    }
    refused(&[("METRICS_LISTEN", "9090")], &["--metrics-listen"]);

    let environment = [KEYED, PASSWORD, ("METRICS_LISTEN", "0.0.0.0:0"), ("LOG_LEVEL", "trace")];
    let server = Server::start(&[], &environment);
    let address = SocketAddr::from(([127, 0, 0, 1], server.metrics.port()));
    for path in ["/metrics", "/debug/pprof/profile?seconds=1", "/nothing"] {
        for headers in ["", &BASIC.replace("Basic b", "Basic c"), &BASIC.replace("Basic", "Bearer")]
        {
            let (status, answer) = ask(address, &request("GET", path, headers));
            let answer = String::from_utf8(answer).unwrap();
            assert_eq!(status, 401, "{path} {headers}");
            assert!(answer.contains("www-authenticate: Basic realm=\"parcels\"\r\n"), "{answer}");
        }
    }
    assert_eq!(ask(address, &request("GET", "/metrics", BASIC)).0, 200);
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(get(address, probe).0, 200, "{probe} needs no password");
    }
    server.signal("TERM");
    let log = format!("{:?}", server.end().1);
    assert!(!log.contains("Sesame") && !log.contains("bWV0cmljcz"), "{log}");
}

#[test]
fn user_of_private_listener_is_a_setting() {
    // `operator:Open-Sesame-2026` in base64.
    let operator = "authorization: Basic b3BlcmF0b3I6T3Blbi1TZXNhbWUtMjAyNg==\r\n";
    let server = Server::start(&[], &[KEYED, PASSWORD, ("METRICS_USERNAME", "operator")]);
    for (headers, status) in [(operator, 200), (BASIC, 401)] {
        assert_eq!(ask(server.metrics, &request("GET", "/metrics", headers)).0, status);
    }
    for wrong in ["", "a:b", "two words", &"x".repeat(65)] {
        let output = run(&["--listen", "127.0.0.1:0"], &[KEYED, ("METRICS_USERNAME", wrong)]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(64), 1), "{stderr}");
        assert!(stderr.contains("--metrics-username"), "{stderr}");
    }
}

#[test]
fn port_in_use_exits_with_69_and_names_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", "127.0.0.1:0"], &[KEYED, ("METRICS_LISTEN", &address)]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(69), 1), "{stderr}");
    assert!(stderr.contains(&address) && stderr.contains("METRICS_LISTEN"), "{stderr}");
}

#[test]
fn profile_lists_functions_and_second_profile_gets_409() {
    let server = Server::start(&[], &[KEYED]);
    let (metrics, public) = (server.metrics, server.address);
    let profile =
        thread::spawn(move || ask(metrics, &request("GET", "/debug/pprof/profile?seconds=2", "")));
    thread::sleep(Duration::from_millis(300));
    let (status, answer) = get(metrics, "/debug/pprof/profile?seconds=1");
    assert_eq!(status, 409, "{answer}");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        ask(public, &request("GET", "/openapi.json", ""));
    }
    assert_eq!(get(metrics, "/metrics").0, 200, "requests are answered during the profile");
    let (status, answer) = profile.join().unwrap();
    assert_eq!(status, 200);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("content-type: application/octet-stream"), "{text}");
    // The profile contains names as plain text: `profile.proto` has a table of strings.
    for name in ["tokio::", "hyper::", "chassis::", "samples", "nanoseconds"] {
        assert!(text.contains(name), "no {name} in a profile of {} bytes", answer.len());
    }
    assert_eq!(get(metrics, "/debug/pprof/profile?seconds=1").0, 200, "the profiler is free again");
}

#[test]
fn profile_ends_with_its_caller_or_process() {
    let mut server = Server::start(&[], &[KEYED]);
    server.event("ready");
    let start = || {
        use std::io::Write;
        let mut caller = std::net::TcpStream::connect(server.metrics).unwrap();
        caller.write_all(request("GET", "/debug/pprof/profile?seconds=60", "").as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(300));
        caller
    };
    drop(start());
    thread::sleep(Duration::from_millis(300));
    let _held = start();
    assert_eq!(get(server.metrics, "/debug/pprof/profile?seconds=1").0, 409, "the first has ended");
    let begun = Instant::now();
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn default_is_documented_port_on_loopback() {
    let help = parcels(&["serve", "--help"], &[]).output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("127.0.0.1:9090"));
}
