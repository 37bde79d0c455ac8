//! The keys in the configuration. Marks replace them in the configuration for people.

use chassis::keys::KeyRing;
use secrecy::{ExposeSecret, SecretString};

/// A key and its client.
#[derive(Debug)]
pub struct Entry {
    /// The client's name.
    pub client: String,
    /// Its number among the keys of this client, from 1. The oldest key is first.
    pub number: usize,
    /// The key, or a mark.
    pub key: SecretString,
}

/// All keys, for nginx.
#[must_use]
pub fn real(ring: Option<&KeyRing>) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for (client, key) in ring.into_iter().flat_map(KeyRing::entries) {
        let number = 1 + found.iter().filter(|entry| entry.client == client).count();
        found.push(Entry { client: client.into(), number, key });
    }
    found
}

/// One mark for each key, for people: `KEY-1`, `KEY-2` and so on. Without a list, one mark of the client `default`.
#[must_use]
pub fn marks(ring: Option<&KeyRing>) -> Vec<Entry> {
    let default = || vec![Entry { client: "default".into(), number: 1, key: String::new().into() }];
    let entries = if ring.is_some() { real(ring) } else { default() };
    let mark = |(entry, place): (Entry, u32)| Entry { key: format!("KEY-{place}").into(), ..entry };
    entries.into_iter().zip(1..).map(mark).collect()
}

impl Entry {
    /// The text that nginx compares.
    #[must_use]
    pub fn text(&self) -> &str {
        self.key.expose_secret()
    }
}
