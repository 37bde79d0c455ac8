//! The requests to SQS, and answers that moto does not give.

use super::hint;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tasks::broker::sqs::Sqs;
use tasks::broker::{Broker as _, Message, Target};

/// The bodies of requests.
type Requests = Arc<Mutex<Vec<Value>>>;

/// A server that gives the same answer to each request.
fn stub(status: &'static str, answer: Value) -> (Sqs, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/123456789012/tasks", listener.local_addr().unwrap());
    let requests = Requests::default();
    let received = Arc::clone(&requests);
    thread::spawn(move || {
        let body = answer.to_string();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read(&stream);
            received.lock().unwrap().push(request);
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\n\
                 connection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    (Sqs::new(&Target::parse(&url).unwrap()), requests)
}

/// The body of a request.
fn read(stream: &TcpStream) -> Value {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_is_waited_for_and_hidden_until_its_renewal() {
    let body = hint().text();
    let message = json!({ "MessageId": "m", "ReceiptHandle": "handle", "Body": body });
    let (broker, requests) = stub("200 OK", json!({ "Messages": [message] }));
    for (wait, seconds) in [(0, 0), (400, 0), (600, 1), (5_000, 5), (60_000, 20)] {
        let message = broker.receive(Duration::from_millis(wait)).await.unwrap();
        assert_eq!(message, Some(Message("handle".into())));
        let request = requests.lock().unwrap().pop().unwrap();
        assert_eq!(request["WaitTimeSeconds"], seconds, "{wait} ms: {request}");
        assert_eq!(
            (&request["VisibilityTimeout"], &request["MaxNumberOfMessages"]),
            (&json!(30), &json!(1))
        );
    }
    let (broker, requests) = stub("200 OK", json!({ "Successful": [], "Failed": [] }));
    broker.extend(&vec![Message("handle".into()); 11]).await.unwrap();
    let mut sizes: Vec<_> = requests
        .lock()
        .unwrap()
        .iter()
        .map(|request| {
            let entries = request["Entries"].as_array().unwrap();
            assert!(entries.iter().all(|entry| entry["VisibilityTimeout"] == 30), "{request}");
            entries.len()
        })
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 10]);
}

fn entry(id: &str, is_fault_of_sender: bool) -> Value {
    json!({ "Id": id, "Code": "InternalError", "Message": "words of SQS", "SenderFault": is_fault_of_sender })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_that_sqs_refuses_is_an_error() {
    let sent = json!({ "Id": "0", "MessageId": "m", "MD5OfMessageBody": "x" });
    for is_fault in [true, false] {
        let failed = [entry("1", is_fault)];
        let (broker, requests) = stub("200 OK", json!({ "Successful": [sent], "Failed": failed }));
        let error = broker.publish(&[hint(), hint()]).await.unwrap_err();
        assert_eq!(error.to_string(), "the broker is away: InternalError: words of SQS");
        assert_eq!(requests.lock().unwrap().len(), 1);
    }
    let (broker, requests) = stub("200 OK", json!({ "Successful": [sent], "Failed": [] }));
    // 21 messages need three requests.
    broker.publish(&[hint(); 21]).await.unwrap();
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_that_is_gone_is_no_error_of_an_extension() {
    let messages = [Message("a".into()), Message("b".into())];
    for (is_fault, is_error) in [(true, false), (false, true)] {
        let failed = [entry("0", is_fault)];
        let (broker, requests) = stub("200 OK", json!({ "Successful": [], "Failed": failed }));
        assert_eq!(broker.extend(&messages).await.is_err(), is_error);
        assert_eq!(requests.lock().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_request_is_repeated_once() {
    let answer = json!({ "__type": "com.amazonaws.sqs#RequestThrottled", "message": "too many" });
    let (broker, requests) = stub("400 Bad Request", answer);
    let error = broker.receive(Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().contains("RequestThrottled: too many"), "{error}");
    assert_eq!(requests.lock().unwrap().len(), 2);
}
