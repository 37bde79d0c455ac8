//! The list of keys in the parameter, and its changes.
//!
//! This module uses the parser of the service and of the sidecar, so all three accept the same text. The keys of a
//! client keep their order: the oldest is the first, with the number 1 in the access log.

use std::io::Read as _;

use anyhow::{Context as _, bail, ensure};
use chassis::keys::{KeyRing, NO_KEYS};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// The maximum length of a standard parameter of SSM.
const LONGEST: usize = 4096;

/// A change for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Adds a client with a key.
    Add,
    /// Adds a second key.
    Rotate,
    /// Removes all keys except the newest.
    Finish,
    /// Replaces all keys with a new one.
    Replace,
    /// Removes the client.
    Remove,
}

/// Every client with its keys. Its `Debug` shows no key.
#[derive(Debug)]
pub(super) struct List(Vec<(String, SecretString)>);

impl List {
    /// Parses the value of the parameter. The error names the entry by its number and contains no part of it.
    pub(super) fn parse(value: &str) -> anyhow::Result<Self> {
        let ring = KeyRing::parse(value).context("the list of keys in SSM is malformed")?;
        Ok(Self(ring.entries().map(|(client, key)| (client.to_owned(), key)).collect()))
    }

    /// The value of the parameter.
    pub(super) fn text(&self) -> anyhow::Result<SecretString> {
        let entry = |(client, key): &(String, SecretString)| {
            Zeroizing::new(format!("{client}:{}", key.expose_secret()))
        };
        let entries: Vec<_> = self.0.iter().map(entry).collect();
        let entries: Vec<&str> = entries.iter().map(|entry| entry.as_str()).collect();
        let text = if entries.is_empty() { NO_KEYS.to_owned() } else { entries.join(",") };
        ensure!(
            text.len() <= LONGEST,
            "the list would have {} characters, but SSM accepts {LONGEST}: remove a client first",
            text.len()
        );
        Ok(text.into())
    }

    /// Changes one client. `new` makes a key. Returns the new key, if the change adds one.
    pub(super) fn change(
        &mut self,
        change: Change,
        client: &str,
        new: impl FnOnce() -> anyhow::Result<SecretString>,
    ) -> anyhow::Result<Option<SecretString>> {
        let keys = self.0.iter().filter(|(owner, _)| owner == client).count();
        match (change, keys) {
            (Change::Add, 0) | (Change::Rotate, 1) | (Change::Finish, 2..) => {}
            (Change::Add, _) => {
                bail!("{client} has a key already: use `rotate` to add another one")
            }
            (_, 0) => bail!("there is no client {client}: use `list` to show the clients"),
            (Change::Rotate, _) => bail!(
                "{client} has {keys} keys already: finish that rotation with `rotate {client} --finish`"
            ),
            (Change::Finish, _) => bail!("{client} has one key: there is no rotation to finish"),
            (Change::Replace | Change::Remove, _) => {}
        }
        match change {
            Change::Add | Change::Rotate => {}
            Change::Finish => {
                let mut old = keys - 1;
                self.0.retain(|(owner, _)| {
                    let goes = owner == client && old > 0;
                    old -= usize::from(goes);
                    !goes
                });
                return Ok(None);
            }
            Change::Replace | Change::Remove => self.0.retain(|(owner, _)| owner != client),
        }
        if change == Change::Remove {
            return Ok(None);
        }
        let key = new()?;
        self.0.push((client.to_owned(), key.clone()));
        Ok(Some(key))
    }

    /// All clients with the number of their keys, in the order of the list.
    #[must_use]
    pub(super) fn clients(&self) -> Vec<(&str, usize)> {
        let mut found: Vec<(&str, usize)> = Vec::new();
        for (client, _) in &self.0 {
            match found.iter_mut().find(|(known, _)| known == client) {
                Some((_, keys)) => *keys += 1,
                None => found.push((client, 1)),
            }
        }
        found
    }
}

/// A new key: 24 random bytes from the operating system, as 48 hexadecimal digits.
pub(super) fn new_key() -> anyhow::Result<SecretString> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = Zeroizing::new([0; 24]);
    let random = std::fs::File::open("/dev/urandom");
    random.and_then(|mut file| file.read_exact(&mut *bytes)).context("cannot read /dev/urandom")?;
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "web:web-key-0001,batch:batch-key-1";

    fn changed(
        list: &str,
        change: Change,
        client: &str,
    ) -> Result<(String, Option<String>), String> {
        let mut list = List::parse(list).unwrap();
        let new = list.change(change, client, || Ok("new-key-0001".to_owned().into()));
        let new = new.map_err(|error| error.to_string())?;
        let text = list.text().unwrap().expose_secret().to_owned();
        Ok((text, new.map(|key| key.expose_secret().to_owned())))
    }

    #[test]
    fn each_change_affects_only_its_client() {
        let new = || Some("new-key-0001".to_owned());
        let rotating = "web:web-key-0001,batch:batch-key-1,web:web-key-0002,web:web-key-0003";
        for (list, change, client, text, key) in [
            ("none", Change::Add, "web", "web:new-key-0001", new()),
            (TWO, Change::Add, "app", &format!("{TWO},app:new-key-0001"), new()),
            (TWO, Change::Rotate, "web", &format!("{TWO},web:new-key-0001"), new()),
            (rotating, Change::Finish, "web", "batch:batch-key-1,web:web-key-0003", None),
            (rotating, Change::Replace, "web", "batch:batch-key-1,web:new-key-0001", new()),
            (TWO, Change::Replace, "batch", "web:web-key-0001,batch:new-key-0001", new()),
            (rotating, Change::Remove, "web", "batch:batch-key-1", None),
            ("web:web-key-0001", Change::Remove, "web", "none", None),
            // A key without a name belongs to the client `default`.
            (
                "web-key-0001",
                Change::Rotate,
                "default",
                "default:web-key-0001,default:new-key-0001",
                new(),
            ),
        ] {
            let found = changed(list, change, client);
            assert_eq!(found, Ok((text.to_owned(), key)), "{change:?} {client} of {list}");
        }
    }

    #[test]
    fn error_of_an_impossible_change_shows_no_key() {
        let rotating = "web:web-key-0001,web:web-key-0002";
        for (list, change, client, words) in [
            (TWO, Change::Add, "web", "has a key already"),
            (TWO, Change::Rotate, "app", "no client app"),
            (rotating, Change::Rotate, "web", "rotate web --finish"),
            (TWO, Change::Finish, "web", "no rotation to finish"),
            (TWO, Change::Finish, "app", "no client app"),
            (TWO, Change::Replace, "app", "no client app"),
            ("none", Change::Remove, "web", "no client web"),
        ] {
            let refusal = changed(list, change, client).unwrap_err();
            assert!(refusal.contains(words), "{change:?} {client}: {refusal}");
            assert!(!refusal.contains("-key-"), "{refusal}");
        }
        let malformed = format!("{:#}", List::parse("web:secret!").unwrap_err());
        assert!(malformed.contains("entry 1") && !malformed.contains("secret"), "{malformed}");
    }

    #[test]
    fn list_longer_than_a_parameter_is_refused() {
        let longest = "k".repeat(120);
        let list = |clients: usize| {
            let entry = |n: usize| format!("client-{n:04}:{n:04}{longest}");
            List::parse(&(0..clients).map(entry).collect::<Vec<_>>().join(",")).unwrap()
        };
        assert_eq!(list(29).text().unwrap().expose_secret().len(), 29 * 137 - 1);
        assert!(list(30).text().unwrap_err().to_string().contains("4109 characters"));
    }

    #[test]
    fn new_key_is_48_random_hexadecimal_digits() {
        let [one, other] = [new_key().unwrap(), new_key().unwrap()];
        assert_eq!(one.expose_secret().len(), 48);
        assert!(one.expose_secret().bytes().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(one.expose_secret(), other.expose_secret());
        // Every digit is random: each place has more than one value in 64 keys.
        let keys: Vec<SecretString> = (0..64).map(|_| new_key().unwrap()).collect();
        for place in 0..48 {
            let digit = |key: &SecretString| key.expose_secret().as_bytes()[place];
            assert!(keys.iter().any(|key| digit(key) != digit(&keys[0])), "{place}");
        }
    }

    #[test]
    fn clients_are_counted_and_debug_shows_no_key() {
        let list = List::parse("web:web-key-0001,batch:batch-key-1,web:web-key-0002").unwrap();
        assert_eq!(list.clients(), [("web", 2), ("batch", 1)]);
        let shown = format!("{list:?}");
        assert!(shown.contains("batch") && !shown.contains("-key-"), "{shown}");
        assert!(List::parse("none").unwrap().clients().is_empty());
    }
}
