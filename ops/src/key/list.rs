//! The list of keys that the parameter holds, and its changes.
//!
//! The list is read with the parser of the service and of the sidecar, so all three accept the same text. The keys of a
//! client keep their order: the oldest comes first, and its number in the access log is 1.

use std::io::Read as _;

use anyhow::{Context as _, bail, ensure};
use chassis::keys::{KeyRing, NO_KEYS};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// What a standard parameter of SSM holds.
const LONGEST: usize = 4096;

/// What happens to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A new client gets its key.
    Add,
    /// The client gets a second key beside its key.
    Rotate,
    /// The client keeps its newest key.
    Finish,
    /// A new key takes the place of all keys of the client.
    Replace,
    /// The client goes.
    Remove,
}

/// Every client with its keys. Its `Debug` shows no key.
#[derive(Debug)]
pub(super) struct List(Vec<(String, SecretString)>);

impl List {
    /// Reads the value of the parameter. The error names an entry by its number, and repeats nothing.
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
            "the list would have {} characters, and SSM takes {LONGEST}: remove a client first",
            text.len()
        );
        Ok(text.into())
    }

    /// Changes one client. `new` makes a key; the one that the client now has besides is returned.
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
                bail!("{client} has a key already: `rotate` gives it another one")
            }
            (_, 0) => bail!("there is no client {client}: `list` shows the clients"),
            (Change::Rotate, _) => bail!(
                "{client} has {keys} keys already: end that rotation with `rotate {client} --finish`"
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

    /// Every client with the number of its keys, in the order of the list.
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

/// A new key: 24 random bytes of the operating system as 48 hexadecimal digits.
pub(super) fn new_key() -> anyhow::Result<SecretString> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = Zeroizing::new([0; 24]);
    let random = std::fs::File::open("/dev/urandom");
    random.and_then(|mut file| file.read_exact(&mut *bytes)).context("no randomness")?;
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
    fn each_change_touches_its_client_alone() {
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
            // The owner of a bare key gets its name.
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
    fn a_change_that_does_not_fit_is_refused_and_shows_no_key() {
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
    fn a_list_that_ssm_does_not_take_is_refused() {
        let longest = "k".repeat(120);
        let list = |clients: usize| {
            let entry = |n: usize| format!("client-{n:04}:{n:04}{longest}");
            List::parse(&(0..clients).map(entry).collect::<Vec<_>>().join(",")).unwrap()
        };
        assert_eq!(list(29).text().unwrap().expose_secret().len(), 29 * 137 - 1);
        assert!(list(30).text().unwrap_err().to_string().contains("4109 characters"));
    }

    #[test]
    fn a_new_key_is_random_and_long_and_in_the_alphabet() {
        let [one, other] = [new_key().unwrap(), new_key().unwrap()];
        assert_eq!(one.expose_secret().len(), 48);
        assert!(one.expose_secret().bytes().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(one.expose_secret(), other.expose_secret());
        // Every bit is drawn: in 64 keys each digit of each place takes more than one value.
        let keys: Vec<SecretString> = (0..64).map(|_| new_key().unwrap()).collect();
        for place in 0..48 {
            let digit = |key: &SecretString| key.expose_secret().as_bytes()[place];
            assert!(keys.iter().any(|key| digit(key) != digit(&keys[0])), "{place}");
        }
    }

    #[test]
    fn the_clients_are_counted_and_debug_shows_no_key() {
        let list = List::parse("web:web-key-0001,batch:batch-key-1,web:web-key-0002").unwrap();
        assert_eq!(list.clients(), [("web", 2), ("batch", 1)]);
        let shown = format!("{list:?}");
        assert!(shown.contains("batch") && !shown.contains("-key-"), "{shown}");
        assert!(List::parse("none").unwrap().clients().is_empty());
    }
}
