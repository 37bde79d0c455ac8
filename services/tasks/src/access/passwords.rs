//! Hashing of passwords: argon2id with the parameters that OWASP recommends, a bounded number at once.
//!
//! A hash takes a processor for tens of milliseconds and 19 MiB of memory. So a flood of logins must not run as many
//! hashes as it has requests: a few run, some wait, and the others are refused.

use super::Denied;
use crate::model::password::Password;
use crate::model::user::PasswordHash;
use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Requests that may wait for each one that hashes.
const WAITING_PER_HASH: usize = 4;

/// Computes hashes. The tests count the calls.
pub trait Hasher: Debug + Send + Sync {
    /// The hash of a password with a fresh salt.
    fn hash(&self, password: &Password) -> Result<PasswordHash, String>;
    /// Whether the hash is that of the password.
    fn verify(&self, hash: &PasswordHash, password: &Password) -> bool;
}

/// The hasher of production.
#[derive(Debug, Clone, Copy, Default)]
pub struct Argon2id;

/// Computes the value of a hash. Its memory goes back to the system afterwards: glibc keeps freed blocks of up to 32 MiB
/// for each thread, so this asks for more than that and uses only the beginning.
fn compute(params: &Params, salt: &[u8], password: &Password) -> Option<Output> {
    const KEPT: usize = 32 * 1024 * 1024;
    let context = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks + KEPT / Block::SIZE);
    memory.resize(blocks, Block::new());
    let mut value = [0; Params::DEFAULT_OUTPUT_LEN];
    let filled = &mut memory[..];
    context.hash_password_into_with_memory(password.as_bytes(), salt, &mut value, filled).ok()?;
    Output::new(&value).ok()
}

impl Hasher for Argon2id {
    fn hash(&self, password: &Password) -> Result<PasswordHash, String> {
        let salt: [u8; 16] = super::random::bytes().map_err(|error| format!("{error:?}"))?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| e.to_string())?;
        let value = compute(&params, &salt, password).ok_or("argon2 failed")?;
        let hash = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(|error| error.to_string())?,
            salt: Some(Salt::new(&salt).map_err(|error| error.to_string())?),
            hash: Some(value),
        };
        Ok(PasswordHash(hash.to_string()))
    }

    fn verify(&self, hash: &PasswordHash, password: &Password) -> bool {
        let Ok(hash) = phc::PasswordHash::new(&hash.0) else {
            return false;
        };
        let known = hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into());
        let (true, Ok(params), Some(salt)) = (known, Params::try_from(&hash), hash.salt) else {
            return false;
        };
        // The comparison takes the same time for each value.
        compute(&params, &salt, password).is_some_and(|value| hash.hash == Some(value))
    }
}

/// Hashes passwords within bounds.
#[derive(Debug)]
pub struct Passwords {
    hasher: Arc<dyn Hasher>,
    /// The hash that is compared when a name is unknown, so that the answer takes the same work.
    decoy: PasswordHash,
    free: Arc<Semaphore>,
    admitted: Arc<AtomicUsize>,
    most: usize,
}

/// A place among those that hash or wait.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Passwords {
    /// At most `concurrency` hashes at once.
    pub fn new(hasher: Arc<dyn Hasher>, concurrency: usize) -> Result<Self, Denied> {
        let unguessable: [u8; 16] = super::random::bytes()?;
        let decoy =
            Password::given(unguessable.map(|byte| char::from(b'a' + byte % 26)).iter().collect());
        Ok(Self {
            decoy: hasher.hash(&decoy).map_err(Denied::Internal)?,
            hasher,
            free: Arc::new(Semaphore::new(concurrency)),
            admitted: Arc::default(),
            most: concurrency * (1 + WAITING_PER_HASH),
        })
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Denied> {
        self.run(move |hasher| hasher.hash(&password)).await?.map_err(Denied::Internal)
    }

    /// Whether the password is correct. Without a hash it does the same work and returns `false`.
    pub async fn verify(
        &self,
        hash: Option<PasswordHash>,
        password: Password,
    ) -> Result<bool, Denied> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let correct = self.run(move |hasher| hasher.verify(&hash, &password)).await?;
        Ok(correct && is_known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Hasher) -> T + Send + 'static,
    ) -> Result<T, Denied> {
        let admitted = self.admitted.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&self.admitted));
        if admitted >= self.most {
            return Err(Denied::Busy);
        }
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let permit = permit.map_err(|_| Denied::Internal("the hashes are closed".into()))?;
        let hasher = Arc::clone(&self.hasher);
        // The closure holds the permit: a caller that gives up does not stop the hash.
        let done = tokio::task::spawn_blocking(move || {
            let _held = (permit, place);
            work(&*hasher)
        });
        done.await.map_err(|error| Denied::Internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_has_the_recommended_parameters_and_verifies() {
        let password = Password::given("correct horse".into());
        let hash = Argon2id.hash(&password).unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(Argon2id.verify(&hash, &password));
        assert!(!Argon2id.verify(&hash, &Password::given("correct house".into())));
        assert!(!Argon2id.verify(&PasswordHash("damaged".into()), &password));
        assert_ne!(Argon2id.hash(&password).unwrap(), hash, "each hash has its own salt");
    }
}
