//! Keys that must not leak. A part of a key in Terraform's files or output is a defect.

use std::path::Path;

use anyhow::ensure;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};

use crate::command::{from_line, output};
use crate::emulator::Emulator;

/// Number of digits in a part of a key. The search is for each part separately.
const PART: usize = 12;

/// A key from `ops key`.
#[derive(Debug, Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// Accepts at least 4 parts of hexadecimal digits.
    pub(super) fn new(key: &str) -> anyhow::Result<Self> {
        let digits = key.bytes().all(|digit| digit.is_ascii_hexdigit());
        ensure!(
            digits && key.len() >= 4 * PART && key.len().is_multiple_of(PART),
            "the output of `ops key` is not a key"
        );
        Ok(Self(key.to_owned()))
    }

    /// The key that `ops key` gives the client `proof` of this environment.
    pub(super) fn of_new_client(
        emulator: &Emulator,
        repository: &Path,
        environment: &str,
    ) -> anyhow::Result<Self> {
        let id = format!("sum-api-{environment}");
        let mut add = from_line("cargo run --quiet --locked --package ops -- key add proof");
        add.args(["--cluster", &id, "--ecs-service", &id, "--parameter"]);
        add.arg(format!("/sum-api/{environment}/api-key")).current_dir(repository);
        emulator.connect(&mut add);
        Self::new(output(&mut add)?.trim())
    }

    /// The entry in the list of keys.
    pub(super) fn of_client(&self) -> String {
        // The prefix has 6 letters, a multiple of 3, so base64 of the entry ends with base64 of the key.
        format!("proof:{}", self.0)
    }

    /// Fails if one of the contents includes a part of the key, or the key in base64.
    pub(super) fn is_nowhere(&self, contents: &[(&str, &[u8])]) -> anyhow::Result<()> {
        let encoded = BASE64_STANDARD_NO_PAD.encode(&self.0);
        let parts = self.0.as_bytes().chunks(PART).chain([encoded.as_bytes()]);
        for part in parts {
            for (name, content) in contents {
                ensure!(!content.is_empty(), "{name} is empty");
                let found = content.windows(part.len()).any(|window| window == part);
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
    fn search_finds_a_part_and_the_encoded_key() {
        let secret = Secret::new(&"0123456789ab".repeat(4)).unwrap();
        let word = &secret.0[24..36];
        let encoded = BASE64_STANDARD_NO_PAD.encode(secret.of_client());
        for text in [format!("a {word} b"), format!("a {encoded} b")] {
            secret.is_nowhere(&[("here", b"clean"), ("there", text.as_bytes())]).unwrap_err();
        }
        secret.is_nowhere(&[("here", b"clean")]).unwrap();
        secret.is_nowhere(&[("here", b"")]).unwrap_err();
        for other in ["", "none", &"x".repeat(48), &"a".repeat(50)] {
            Secret::new(other).unwrap_err();
        }
    }
}
