//! `send_email` with a real mail server, and with servers that misbehave.

use super::jobs::{Bench, Ended, files_below, run};
use super::smtp::{MailServer, Tls, can_receive};
use chassis::databases::certificates;
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tasks::jobs::context::{Stop, Unfinished};
use tasks::mail::{Server, Way};
use tasks::model::mail::{DailyLimit, Domain, Recipients};
use tasks::model::task::Task;

const FROM: &str = "tasks@example.com";
const LONG: Duration = Duration::from_secs(50);

fn server(url: &str) -> Way {
    Way::Server(Box::new(Server::parse(url).unwrap()))
}

fn plain(port: u16) -> Way {
    server(&format!("smtp://127.0.0.1:{port}"))
}

fn task(bench: &Bench, subject: &str, body: &str) -> Task {
    let payload = json!({ "to": "ada@example.org", "subject": subject, "body": body });
    bench.task("send_email", payload)
}

/// Sends a mail from this sender.
async fn send(bench: &Bench, task: &Task, from: &str, way: Way) -> Ended {
    run(bench.context(task, from, way, LONG).0).await
}

fn failed(text: &str) -> Ended {
    Err(Unfinished::Failed(text.into()))
}

#[tokio::test]
async fn mail_arrives_as_it_was_written() {
    if !can_receive("mail::mail_arrives_as_it_was_written") {
        return;
    }
    let (bench, mails) = (Bench::in_memory().await, MailServer::start(Tls::None));
    let (long_subject, long_line) = ("Grüße 世界 ".repeat(20), "x".repeat(3000));
    let smuggled = "a\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<eve@evil.example>\r\n";
    let rows = [
        ("Hello", "Hello, Ada"),
        ("", ""),
        ("Grüße, 世界", "Grüße\n\n世界 🎉\n"),
        (long_subject.trim(), &*long_line),
        ("Bcc: eve@evil.example", ".\n..\n.a\n\n."),
        ("=?utf-8?q?=41?=", "a\rb\r\nc\nd\r\r\ne"),
        (&*format!("=?utf-8?b?QQ==?= {}", "世界".repeat(60)), "a"),
        ("a", smuggled),
        ("a", "a \nb\t\n=41 \u{7}\u{0}\u{85} From \nFrom x"),
    ];
    for (subject, body) in rows {
        let sent = send(&bench, &task(&bench, subject, body), FROM, plain(mails.port)).await;
        assert_eq!(sent, Ok(None), "{subject}");
    }
    let received = mails.received();
    assert_eq!(received.len(), rows.len());
    for ((subject, body), mail) in rows.into_iter().zip(&received) {
        assert_eq!(mail.read["sender"], FROM);
        assert_eq!(mail.read["recipients"], json!(["ada@example.org"]));
        assert_eq!(mail.headers("subject"), [subject]);
        // The end of the data is the end of a line.
        let expected = body.replace("\r\n", "\n").replace('\r', "\n") + "\n";
        assert_eq!(mail.read["body"].as_str().unwrap().replace("\r\n", "\n"), expected);
        assert_eq!(mail.headers("from"), [FROM]);
        assert_eq!(mail.headers("to"), ["ada@example.org"]);
        assert_eq!(mail.headers("content-type"), ["text/plain; charset=\"utf-8\""]);
        assert_eq!(mail.headers("date"), ["Fri, 15 Jan 2027 09:00:00 +0000"]);
        let names = mail.read["headers"].as_array().unwrap();
        assert_eq!(names.len(), 7, "no other header: {names:?}");
        assert!(mail.bytes.is_ascii());
        for line in mail.bytes.split(|byte| *byte == b'\n') {
            assert!(line.len() <= 79, "{}", String::from_utf8_lossy(line));
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            assert!(line.is_empty() || text.len() < line.len(), "each line ends with CR LF");
            assert!(!text.contains(&b'\r'));
        }
    }
}

#[tokio::test]
async fn server_is_verified() {
    if !can_receive("mail::server_is_verified") {
        return;
    }
    let (bench, folder) = (Bench::in_memory().await, tempfile::tempdir().unwrap());
    certificates(folder.path());
    let file = folder.path().join("server.pem");
    let parts =
        ["server.key", "server.crt"].map(|name| fs::read(folder.path().join(name)).unwrap());
    fs::write(&file, parts.concat()).unwrap();
    let authority = format!("sslrootcert={}", folder.path().join("ca.pem").display());
    let (wrapped, upgraded, plain) = (
        MailServer::start(Tls::Wrapped(&file)),
        MailServer::start(Tls::Upgraded(&file)),
        MailServer::start(Tls::None),
    );
    let user = "me:correct%3A%20horse%2Fbattery@";
    let unreachable = failed("the mail server cannot be reached");
    let refused = failed("the mail server refused the login (status 5xx)");
    for (url, expected) in [
        (format!("smtps://{user}localhost:{}?{authority}", wrapped.port), Ok(None)),
        (format!("smtps://{user}127.0.0.1:{}?{authority}", wrapped.port), unreachable.clone()),
        (format!("smtps://{user}localhost:{}", wrapped.port), unreachable.clone()),
        (format!("smtps://me:hunter2@localhost:{}?{authority}", wrapped.port), refused.clone()),
        (format!("smtps://localhost:{}?{authority}", plain.port), unreachable.clone()),
        (format!("smtp://{user}localhost:{}?tls=required&{authority}", upgraded.port), Ok(None)),
        (
            format!("smtp://{user}127.0.0.1:{}?tls=required&{authority}", upgraded.port),
            unreachable.clone(),
        ),
        (format!("smtp://{user}localhost:{}?tls=required", upgraded.port), unreachable.clone()),
        (
            format!("smtp://me:hunter2@localhost:{}?tls=required&{authority}", upgraded.port),
            refused,
        ),
        (format!("smtp://{user}localhost:{}?tls=required&{authority}", plain.port), unreachable),
        (
            format!("smtp://127.0.0.1:{}", upgraded.port),
            failed("the mail server refused the sender (status 5xx)"),
        ),
    ] {
        let sent = send(&bench, &task(&bench, "a", "b"), FROM, server(&url)).await;
        assert_eq!(sent, expected, "{url}");
    }
    for server in [&wrapped, &upgraded] {
        let received = server.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].read["user"], "me");
        assert_eq!(received[0].read["is_encrypted"], true);
    }
    assert_eq!(plain.received().len(), 0);
}

#[tokio::test]
async fn refusal_names_the_step_and_the_class() {
    if !can_receive("mail::refusal_names_the_step_and_the_class") {
        return;
    }
    let (bench, mails) = (Bench::in_memory().await, MailServer::start(Tls::None));
    for (from, expected) in [
        ("mail-451", failed("the mail server refused the sender (status 4xx)")),
        ("mail-550", failed("the mail server refused the sender (status 5xx)")),
        ("rcpt-450", failed("the mail server refused the recipient (status 4xx)")),
        ("rcpt-553", failed("the mail server refused the recipient (status 5xx)")),
        ("data-452", failed("the mail server refused the mail (status 4xx)")),
        ("data-554", failed("the mail server refused the mail (status 5xx)")),
        ("mail-close", failed("the mail server broke off")),
        ("rcpt-close", failed("the mail server broke off")),
        ("data-close", failed("the mail server broke off")),
        ("mail-354", failed("the mail server broke off")),
        ("data-xyz", failed("the mail server broke off")),
    ] {
        let from = format!("{from}@example.com");
        let sent = send(&bench, &task(&bench, "a", "b"), &from, plain(mails.port)).await;
        assert_eq!(sent, expected, "{from}");
    }
    assert_eq!(mails.received().len(), 0);
    let closed = mails.port;
    drop(mails);
    let sent = send(&bench, &task(&bench, "a", "b"), FROM, plain(closed)).await;
    assert_eq!(sent, failed("the mail server cannot be reached"));
}

#[tokio::test]
async fn silent_server_is_left() {
    if !can_receive("mail::silent_server_is_left") {
        return;
    }
    let (bench, mails) = (Bench::in_memory().await, MailServer::start(Tls::None));
    // The kernel accepts its connections.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let task = task(&bench, "a", "b");
    for (from, port) in [
        ("mail-hang", mails.port),
        ("rcpt-hang", mails.port),
        ("data-hang", mails.port),
        ("tasks", silent),
    ] {
        let from = format!("{from}@example.com");
        let second = Duration::from_secs(1);
        let (context, _stop) = bench.context(&task, &from, plain(port), second);
        assert_eq!(run(context).await, failed("the mail server did not answer in time"), "{from}");
        let (context, stop) = bench.context(&task, &from, plain(port), LONG);
        let start = Instant::now();
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stop.send(Some(Stop::Cancelled)).unwrap();
        };
        let (ended, ()) = tokio::join!(run(context), stopping);
        assert_eq!(ended, Err(Unfinished::Stopped), "{from}");
        assert!(start.elapsed() < LONG / 2);
    }
    assert_eq!(mails.received().len(), 0);
    // A mail that was accepted is sent, even if the server is silent after it.
    let sent = send(&bench, &task, "quit-hang@example.com", plain(mails.port)).await;
    assert_eq!(sent, Ok(None));
    assert_eq!(mails.received().len(), 1);
}

#[tokio::test]
async fn repeated_attempt_has_the_same_message_id() {
    if !can_receive("mail::repeated_attempt_has_the_same_message_id") {
        return;
    }
    let (bench, mails) = (Bench::in_memory().await, MailServer::start(Tls::None));
    let (one, other) = (task(&bench, "a", "b"), task(&bench, "a", "b"));
    // The server has the mail, and its answer is lost.
    let lost = send(&bench, &one, "data-lost@example.com", plain(mails.port)).await;
    assert_eq!(lost, failed("the mail server broke off"));
    for task in [&one, &other] {
        assert_eq!(send(&bench, task, FROM, plain(mails.port)).await, Ok(None));
    }
    let received = mails.received();
    let ids: Vec<_> = received.iter().flat_map(|mail| mail.headers("message-id")).collect();
    let id = |task: &Task| format!("<{}@example.com>", task.summary.id);
    assert_eq!(ids, [id(&one), id(&one), id(&other)]);
}

#[tokio::test]
async fn every_attempt_counts() {
    let mut bench = Bench::in_memory().await;
    bench.limit = DailyLimit { user: 2, all: 10 };
    let task = task(&bench, "a", "b");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sent = send(&bench, &task, FROM, plain(closed)).await;
    assert_eq!(sent, failed("the mail server cannot be reached"));
    assert_eq!(send(&bench, &task, FROM, bench.files()).await, Ok(None));
    let over = failed("the daily limit of mails of a user is reached; it ends at 00:00 UTC");
    assert_eq!(send(&bench, &task, FROM, bench.files()).await, over);
    bench.limit = DailyLimit { user: 5, all: 2 };
    let over = failed("the daily limit of mails of all users is reached; it ends at 00:00 UTC");
    assert_eq!(send(&bench, &task, FROM, bench.files()).await, over);
}

#[tokio::test]
async fn mail_without_a_server_is_a_file_of_its_owner() {
    let mut bench = Bench::in_memory().await;
    let task = task(&bench, "Grüße", "Hello\n");
    for _ in 0..2 {
        assert_eq!(send(&bench, &task, "tasks@localhost", bench.files()).await, Ok(None));
    }
    let folder = bench.folder.path().join("mails");
    let files = files_below(&folder);
    assert_eq!(files, [folder.join(format!("{}.eml", task.summary.id))]);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&files[0])), (0o700, 0o600));
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nHello\r\n"), "{text}");

    // The operator can change the rule after the creation.
    bench.recipients = Recipients::of(vec![Domain::parse("example.com").unwrap()]);
    let refused = send(&bench, &task, FROM, bench.files()).await;
    let text = "the member to must be an address of a domain to which this service sends mails; ask its operator";
    assert_eq!(refused, failed(text));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    let refused = Way::into_folder(&folder).unwrap_err().to_string();
    assert!(refused.contains("chmod 700"), "{refused}");
}

/// The payload was stored by an older release that did not check it.
#[tokio::test]
async fn header_injection_is_also_rejected_in_the_run() {
    let bench = Bench::in_memory().await;
    for (to, subject, text) in [
        ("ada@example.org\r\nBcc: eve@example.org", "a", "the member to must be one plain address"),
        ("ada@example.org", "a\r\nBcc: eve@example.org", "the mail cannot be built"),
        ("ada@example.org", "a\nb", "the mail cannot be built"),
    ] {
        let task = bench.task("send_email", json!({ "to": to, "subject": subject, "body": "b" }));
        match send(&bench, &task, FROM, bench.files()).await {
            Err(Unfinished::Failed(found)) => assert!(found.starts_with(text), "{found}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(files_below(&bench.folder.path().join("mails")).len(), 0);
}
