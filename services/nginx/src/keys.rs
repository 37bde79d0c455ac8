//! The keys as the configuration holds them, or marks in their place for people.

use chassis::keys::KeyRing;
use secrecy::{ExposeSecret, SecretString};

/// A key and its client.
#[derive(Debug)]
pub struct Entry {
    /// The client's name.
    pub client: String,
    /// The key, or a mark.
    pub key: SecretString,
}

/// All keys, for nginx.
#[must_use]
pub fn real(ring: Option<&KeyRing>) -> Vec<Entry> {
    let entries = ring.into_iter().flat_map(KeyRing::entries);
    entries.map(|(client, key)| Entry { client: client.into(), key }).collect()
}

/// As many marks, for people: `KEY-1`, `KEY-2` and so on. Without keys, one of the client `default`.
#[must_use]
pub fn marks(ring: Option<&KeyRing>) -> Vec<Entry> {
    let mut clients: Vec<String> = real(ring).into_iter().map(|entry| entry.client).collect();
    if clients.is_empty() {
        clients.push("default".into());
    }
    let mark = |(client, number): (String, u32)| Entry {
        client,
        key: SecretString::from(format!("KEY-{number}")),
    };
    clients.into_iter().zip(1..).map(mark).collect()
}

impl Entry {
    /// The text that nginx compares.
    #[must_use]
    pub fn text(&self) -> &str {
        self.key.expose_secret()
    }
}
