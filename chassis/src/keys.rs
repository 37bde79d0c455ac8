//! The keys that callers present in `X-Api-Key`, and the clients that own them.
//!
//! A list is parsed once, by the rules of the contract. Commas separate the entries. Each entry is `key` or
//! `client:key`; a key without a client belongs to the client `default`. The word `none` alone is a list without a
//! key. A new service has it until its first client gets a key: it starts and refuses every caller. The sidecar uses
//! the same rules and the same table of cases, `contract/data/keys.json`.
//!
//! An error contains the number of the entry and the rule, but not the entry itself, because it is logged.
//!
//! Keys are compared in constant time. Each key is stored as 128 bytes, padded with zeros, a byte that no key may
//! contain. A caller's key is always compared with every key: its bytes and its length. The time depends on the
//! length of the caller's key and on the number of keys, but not on the stored keys.

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

/// Shortest key, in characters.
const MIN_KEY: usize = 8;
/// Longest key, in characters.
const MAX_KEY: usize = 128;
/// Longest client name, in characters.
const MAX_CLIENT: usize = 32;
/// The list without a key. It is too short to be a key.
pub const NO_KEYS: &str = "none";
/// The owner of a key without a client name.
const DEFAULT_CLIENT: &str = "default";

/// A key in eight-byte words, so that `subtle` compares at most 16 values instead of 128.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Packed {
    length: usize,
    words: [u64; MAX_KEY / 8],
}

impl Packed {
    fn unpack(&self) -> String {
        let bytes = self.words.iter().flat_map(|word| word.to_le_bytes()).take(self.length);
        bytes.map(char::from).collect()
    }
}

impl Zeroize for Packed {
    fn zeroize(&mut self) {
        self.length.zeroize();
        self.words.zeroize();
    }
}

/// Why a list of keys is refused. Entries are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyListError {
    /// The list is empty.
    #[error("is empty; it must hold one or more keys separated by commas, or none")]
    Empty,
    /// Nothing between two commas, or at the start or the end.
    #[error("entry {0} is empty; entries are separated by single commas")]
    EmptyEntry(usize),
    /// The part before the colon is invalid.
    #[error("entry {0}: a client name is 1 to {MAX_CLIENT} of a-z 0-9 -")]
    ClientName(usize),
    /// A character outside the alphabet.
    #[error("entry {0}: a key is made of A-Z a-z 0-9 . _ - only")]
    KeyCharacters(usize),
    /// Too short or too long.
    #[error("entry {0}: a key is {MIN_KEY} to {MAX_KEY} characters long")]
    KeyLength(usize),
    /// An earlier entry has the same key, for this client or another.
    #[error("entry {0} repeats the key of entry {1}")]
    DuplicateKey(usize, usize),
}

impl KeyListError {
    /// The rule's short name in `contract/data/keys.json`.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::EmptyEntry(_) => "empty-entry",
            Self::ClientName(_) => "client-name",
            Self::KeyCharacters(_) => "key-characters",
            Self::KeyLength(_) => "key-length",
            Self::DuplicateKey(..) => "duplicate-key",
        }
    }
}

/// All valid keys. Its `Debug` shows the clients and no key.
#[derive(Debug)]
pub struct KeyRing {
    keys: SecretBox<Vec<Packed>>,
    /// The client of the key at the same place in `keys`.
    owners: Vec<Box<str>>,
}

impl KeyRing {
    /// Reads a list such as `CHANGEME`, `web:KEY1,web:KEY2,batch:KEY3` or `none`.
    pub fn parse(list: &str) -> Result<Self, KeyListError> {
        if list.is_empty() {
            return Err(KeyListError::Empty);
        }
        let entries = if list == NO_KEYS { None } else { Some(list.split(',')) };
        let mut keys: Vec<Packed> = Vec::with_capacity(list.split(',').count());
        let mut owners = Vec::new();
        for (entry, number) in entries.into_iter().flatten().zip(1..) {
            let parsed = parse_entry(entry, number).and_then(|(client, key)| {
                match keys.iter().position(|known| *known == key) {
                    Some(earlier) => Err(KeyListError::DuplicateKey(number, earlier + 1)),
                    None => Ok((client, key)),
                }
            });
            match parsed {
                Ok((client, key)) => {
                    keys.push(key);
                    owners.push(client.into());
                }
                Err(error) => {
                    keys.zeroize();
                    return Err(error);
                }
            }
        }
        Ok(Self { keys: SecretBox::new(Box::new(keys)), owners })
    }

    /// The client that `candidate` belongs to, or `None`.
    ///
    /// The time depends only on the number of keys and the length of the candidate.
    #[must_use]
    pub fn client_of(&self, candidate: &[u8]) -> Option<&str> {
        let candidate = pack(candidate)?;
        let mut found = Choice::from(0);
        let mut place = 0_u32;
        let used = candidate.length.div_ceil(8);
        for (key, index) in self.keys.expose_secret().iter().zip(0_u32..) {
            let equal = key.length.ct_eq(&candidate.length)
                & key.words[..used].ct_eq(&candidate.words[..used]);
            place.conditional_assign(&index, equal);
            found |= equal;
        }
        bool::from(found).then(|| self.owners[place as usize].as_ref())
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether the list was `none`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Each client with one of its keys, in the order of the list. The sidecar writes them into nginx's
    /// configuration.
    pub fn entries(&self) -> impl Iterator<Item = (&str, SecretString)> {
        let keys = self.keys.expose_secret().iter().map(|key| SecretString::from(key.unpack()));
        self.owners.iter().map(AsRef::as_ref).zip(keys)
    }

    /// The clients, in the order of their first key.
    #[must_use]
    pub fn clients(&self) -> Vec<&str> {
        let mut clients: Vec<&str> = Vec::new();
        for owner in &self.owners {
            if !clients.contains(&owner.as_ref()) {
                clients.push(owner);
            }
        }
        clients
    }
}

fn parse_entry(entry: &str, number: usize) -> Result<(&str, Packed), KeyListError> {
    if entry.is_empty() {
        return Err(KeyListError::EmptyEntry(number));
    }
    let (client, key) = entry.split_once(':').unwrap_or((DEFAULT_CLIENT, entry));
    if !is_client_name(client) {
        return Err(KeyListError::ClientName(number));
    }
    if !key
        .bytes()
        .all(|byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    {
        return Err(KeyListError::KeyCharacters(number));
    }
    pack(key.as_bytes()).map(|key| (client, key)).ok_or(KeyListError::KeyLength(number))
}

/// Whether this is a client's name: 1 to 32 of `a-z 0-9 -`.
#[must_use]
pub fn is_client_name(name: &str) -> bool {
    (1..=MAX_CLIENT).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Pads a key with zeros. `None` if the length is invalid.
fn pack(key: &[u8]) -> Option<Packed> {
    if !(MIN_KEY..=MAX_KEY).contains(&key.len()) {
        return None;
    }
    let mut packed = Packed { length: key.len(), words: [0; MAX_KEY / 8] };
    let mut padded = [0; MAX_KEY];
    padded[..key.len()].copy_from_slice(key);
    for (word, bytes) in packed.words.iter_mut().zip(padded.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_can_have_two_keys() {
        let ring = KeyRing::parse("web:old-key-1,batch:other-key,web:new-key-2").unwrap();
        assert_eq!(ring.client_of(b"old-key-1"), Some("web"));
        assert_eq!(ring.client_of(b"new-key-2"), Some("web"));
        assert_eq!(ring.client_of(b"other-key"), Some("batch"));
        assert_eq!(ring.clients(), ["web", "batch"]);
        assert_eq!(ring.len(), 3);
    }

    #[test]
    fn only_exact_key_matches() {
        let ring = KeyRing::parse("CHANGEME").unwrap();
        assert_eq!(ring.client_of(b"CHANGEME"), Some("default"));
        for wrong in
            ["changeme", "CHANGEM", "CHANGEMEE", "CHANGEME\0", "", "CHANGEME ", "default:CHANGEME"]
        {
            assert_eq!(ring.client_of(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(ring.client_of(&[b'C'; 129]), None);
    }

    #[test]
    fn every_byte_of_longest_key_is_compared() {
        let key = "k".repeat(MAX_KEY);
        let ring = KeyRing::parse(&key).unwrap();
        assert_eq!(ring.client_of(key.as_bytes()), Some("default"));
        for place in 0..MAX_KEY {
            let mut wrong = key.clone().into_bytes();
            wrong[place] = b'K';
            assert_eq!(ring.client_of(&wrong), None, "byte {place}");
        }
    }

    #[test]
    fn entries_equal_list() {
        let longest = "k".repeat(MAX_KEY);
        let ring = KeyRing::parse(&format!("web:old-key-1,OTHER_K.2,web:{longest}")).unwrap();
        let entries: Vec<(&str, String)> =
            ring.entries().map(|(client, key)| (client, key.expose_secret().to_owned())).collect();
        let expected = [("web", "old-key-1"), ("default", "OTHER_K.2"), ("web", &longest)];
        assert_eq!(entries, expected.map(|(client, key)| (client, key.to_owned())));
        assert!(!format!("{:?}", ring.entries().collect::<Vec<_>>()).contains("old-key-1"));
    }

    #[test]
    fn list_without_key_matches_nothing() {
        let ring = KeyRing::parse(NO_KEYS).unwrap();
        assert!(ring.is_empty() && ring.entries().next().is_none());
        for key in ["", "none", "default", "nonenone"] {
            assert_eq!(ring.client_of(key.as_bytes()), None, "{key:?}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = KeyRing::parse("web:SECRET-KEY-1").unwrap();
        let shown = format!("{ring:?}");
        assert!(shown.contains("web") && !shown.contains("SECRET"), "{shown}");
    }
}
