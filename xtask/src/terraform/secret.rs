//! Keys that a proof looks for afterwards: in what Terraform keeps and prints, a part of one is a defect.

use std::fs::File;
use std::io::Read as _;

use anyhow::ensure;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};

/// Words of a key. Each is looked for by itself.
const WORDS: usize = 4;

/// A random key.
#[derive(Debug, Clone)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn random() -> anyhow::Result<Self> {
        let mut random = [[0; 8]; WORDS];
        File::open("/dev/urandom")?.read_exact(random.as_flattened_mut())?;
        let words = random.map(|word| format!("{:016x}", u64::from_ne_bytes(word)));
        Ok(Self(words.join(".")))
    }

    /// An entry of the list of keys.
    pub(super) fn of_client(&self) -> String {
        // Six letters: base64 of the entry then ends with base64 of the key.
        format!("proof:{}", self.0)
    }

    /// Nothing, when neither the key, nor a word of it, nor the key in base64 is in any of these contents.
    pub(super) fn is_nowhere(&self, contents: &[(&str, &[u8])]) -> anyhow::Result<()> {
        let encoded = BASE64_STANDARD_NO_PAD.encode(&self.0);
        let parts = self.0.split('.').chain([encoded.as_str()]);
        for part in parts {
            for (name, content) in contents {
                ensure!(!content.is_empty(), "nothing to look into: {name}");
                let found = content.windows(part.len()).any(|window| window == part.as_bytes());
                ensure!(!found, "a part of the key is in {name}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_the_encoded_key_are_found() {
        let secret = Secret::random().unwrap();
        let word = secret.0.split('.').nth(2).unwrap();
        let encoded = BASE64_STANDARD_NO_PAD.encode(secret.of_client());
        for text in [format!("a {word} b"), format!("a {encoded} b")] {
            secret.is_nowhere(&[("here", b"clean"), ("there", text.as_bytes())]).unwrap_err();
        }
        secret.is_nowhere(&[("here", b"clean")]).unwrap();
        secret.is_nowhere(&[("here", b"")]).unwrap_err();
        assert_ne!(secret.0, Secret::random().unwrap().0);
    }
}
