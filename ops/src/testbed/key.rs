//! Keys of the rehearsal's callers: made fresh for each run, in the contract's form.

use std::fmt::Write as _;
use std::io::Read as _;

use anyhow::Context as _;

/// A client and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Client's name.
    pub client: String,
    /// The key. There is no `Debug`: it is a secret.
    pub value: String,
}

impl Key {
    /// A random key of 40 hexadecimal digits.
    pub fn random(client: &str) -> anyhow::Result<Self> {
        let mut bytes = [0; 20];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut f| f.read_exact(&mut bytes))
            .context("no randomness")?;
        let value = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Ok(Self { client: client.to_owned(), value })
    }

    /// Random keys of so many callers.
    pub fn for_callers(count: usize) -> anyhow::Result<Vec<Self>> {
        (0..count).map(|number| Self::random(&format!("caller-{number}"))).collect()
    }
}

/// The value of `API_KEY`.
#[must_use]
pub fn joined<'a>(keys: impl IntoIterator<Item = &'a Key>) -> String {
    keys.into_iter().map(|k| format!("{}:{}", k.client, k.value)).collect::<Vec<_>>().join(",")
}
