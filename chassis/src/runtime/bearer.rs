//! Bearer tokens: JSON Web Tokens (RFC 7519) that are signed with HMAC SHA-256.
//!
//! The algorithm is fixed, so a token cannot choose `none` or the algorithm of another kind of key. `kid` in the token
//! is the name of its key. All keys verify and the first one signs. A key rotation therefore refuses no request:
//!
//! 1. Deploy the new key in second place.
//! 2. Deploy it in first place.
//! 3. Remove the old key after the last token that it signed has expired.
//!
//! The caller of this module passes the time, so that tests control it.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The largest accepted difference between two clocks, in seconds.
const LEEWAY: u64 = 5;
/// Longest key name, in characters.
const MAX_KID: usize = 32;
/// Shortest secret, in bytes: the length of the output of SHA-256 (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer: one for each environment.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The user.
    pub sub: String,
    /// The session that it belongs to.
    pub sid: String,
    /// Its own id.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: u64,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
}

/// Why a list of signing keys is refused. Entries are numbered from 1. It contains no part of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SigningKeysError {
    /// Not `kid:secret`.
    #[error("entry {0} must be `kid:secret`")]
    Form(usize),
    /// The name of a key is invalid.
    #[error("entry {0}: a key name is 1 to {MAX_KID} of A-Z a-z 0-9 . _ -")]
    Kid(usize),
    /// An earlier entry has the same name.
    #[error("entry {0} repeats the key name of another entry")]
    Duplicate(usize),
    /// The secret is invalid.
    #[error(
        "entry {0}: a secret is base64url, without padding, of {MIN_SECRET} random bytes or more"
    )]
    Secret(usize),
}

/// Why a token is refused. The response does not contain the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Rejected {
    /// Not a token, another algorithm, or no key name.
    #[error("the token is malformed, or its algorithm is not HS256")]
    Malformed,
    /// Signed with a key that is not in the list.
    #[error("the key of the token is not known")]
    UnknownKey,
    /// The signature is wrong, or a claim is missing or wrong.
    #[error("the signature, issuer or audience of the token is wrong")]
    Invalid,
    /// `exp` is in the past.
    #[error("the token has expired")]
    Expired,
    /// `iat` is in the future.
    #[error("the token is not valid yet")]
    TooEarly,
}

struct Key {
    kid: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

/// Signs and verifies the tokens of one issuer for one audience.
pub struct Issuer {
    keys: Vec<Key>,
    iss: String,
    aud: String,
    validation: Validation,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kids: Vec<&str> = self.kids().collect();
        f.debug_struct("Issuer")
            .field("iss", &self.iss)
            .field("kids", &kids)
            .finish_non_exhaustive()
    }
}

impl Issuer {
    /// An issuer with the keys of a list, `kid:secret` separated by commas.
    pub fn new(list: &str, iss: &str, aud: &str) -> Result<Self, SigningKeysError> {
        let mut keys: Vec<Key> = Vec::new();
        for (number, entry) in list.split(',').enumerate() {
            let key = key(entry, number + 1)?;
            if keys.iter().any(|known| known.kid == key.kid) {
                return Err(SigningKeysError::Duplicate(number + 1));
            }
            keys.push(key);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[iss]);
        validation.set_audience(&[aud]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would read the clock. [`Issuer::verify`] gets the time as a parameter.
        validation.validate_exp = false;
        Ok(Self { keys, iss: iss.into(), aud: aud.into(), validation })
    }

    /// The names of its keys.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.kid.as_str())
    }

    /// A token of a session that ends `lifetime` seconds after `now`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the expectations cannot fail")]
    pub fn sign(&self, sub: &str, sid: &str, jti: &str, now: u64, lifetime: u64) -> String {
        let key = self.keys.first().expect("a list has at least one entry");
        let claims = Claims {
            iss: self.iss.clone(),
            aud: self.aud.clone(),
            sub: sub.into(),
            sid: sid.into(),
            jti: jti.into(),
            iat: now,
            exp: now + lifetime,
        };
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &key.signs)
            .expect("claims of text and numbers serialise")
    }

    /// The claims of a valid token.
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, Rejected> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Rejected::Malformed)?;
        let (Algorithm::HS256, Some(kid)) = (header.alg, header.kid) else {
            return Err(Rejected::Malformed);
        };
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or(Rejected::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifies, &self.validation)
            .map_err(|_| Rejected::Invalid)?
            .claims;
        if claims.exp + LEEWAY <= now {
            return Err(Rejected::Expired);
        }
        if claims.iat > now + LEEWAY {
            return Err(Rejected::TooEarly);
        }
        Ok(claims)
    }
}

fn key(entry: &str, number: usize) -> Result<Key, SigningKeysError> {
    let (kid, secret) = entry.split_once(':').ok_or(SigningKeysError::Form(number))?;
    let named = (1..=MAX_KID).contains(&kid.len())
        && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !named {
        return Err(SigningKeysError::Kid(number));
    }
    // Four characters of base64url are three bytes.
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if secret.len() * 3 / 4 < MIN_SECRET || secret.len() % 4 == 1 || !secret.bytes().all(alphabet) {
        return Err(SigningKeysError::Secret(number));
    }
    // The library decodes the other alphabet of base64, with padding.
    let mut standard = secret.replace('-', "+").replace('_', "/");
    while standard.len() % 4 != 0 {
        standard.push('=');
    }
    let wrong = |_| SigningKeysError::Secret(number);
    Ok(Key {
        kid: kid.into(),
        signs: EncodingKey::from_base64_secret(&standard).map_err(wrong)?,
        verifies: DecodingKey::from_base64_secret(&standard).map_err(wrong)?,
    })
}
