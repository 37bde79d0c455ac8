//! The requests. Every server gets the same bytes.

/// Number of clients that share a load, because one client can send at most 10,000 requests per second through the
/// sidecar.
pub const CLIENTS: usize = 4;

/// The key of client number `client`. All keys have the same length, because a longer key costs more.
#[must_use]
pub fn key(client: usize) -> String {
    format!("bench-key-{client:05}")
}

/// An `API_KEY` with this number of clients.
#[must_use]
pub fn key_list(clients: usize) -> String {
    let entry = |client| format!("c{client}:{}", key(client));
    (0..clients).map(entry).collect::<Vec<_>>().join(",")
}

/// `POST /sum` with this body, by client number `client`.
#[must_use]
pub fn post(client: usize, body: &str) -> Vec<u8> {
    format!(
        "POST /sum HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Api-Key: {}\r\nContent-Length: {}\r\n\r\n{body}",
        key(client),
        body.len()
    )
    .into_bytes()
}

/// The request of all comparisons: two small whole numbers.
#[must_use]
pub fn usual(client: usize) -> Vec<u8> {
    post(client, r#"{"a":2,"b":40}"#)
}

/// One request for each connection. The clients take turns.
#[must_use]
pub fn usual_for(connections: usize) -> Vec<Vec<u8>> {
    (0..connections).map(|place| usual(place % CLIENTS)).collect()
}
