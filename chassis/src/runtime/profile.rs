//! CPU profiles of the running process, one at a time.
//!
//! A timer of the process's CPU time interrupts it 99 times a second and notes the stack, so an idle process has an
//! empty profile and pays nothing. Without a profile there is no timer and no memory for one.

use pprof::protos::Message;
use pprof::{ProfilerGuard, ProfilerGuardBuilder};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Samples a second. Not 100, so that the samples do not fall together with work that recurs every 10 ms.
const FREQUENCY: i32 = 99;
/// Code whose stack cannot be read while it runs: the unwinder itself, and the kernel's page of clock functions.
const NOT_UNWOUND: [&str; 2] = ["libgcc", "vdso"];

/// Why there is no profile.
#[derive(Debug)]
pub(crate) enum ProfileError {
    /// Another one is being taken.
    Busy,
    /// The system has no timer for it, or the profile cannot be put together.
    Failed(String),
}

/// Takes profiles.
#[derive(Debug)]
pub(crate) struct Profiler(Semaphore);

impl Default for Profiler {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl Profiler {
    /// A profile of the time from now on, in the format of pprof (`profile.proto`). Dropped, it stops.
    pub(crate) async fn take(&self, duration: Duration) -> Result<Vec<u8>, ProfileError> {
        let _only = self.0.try_acquire().map_err(|_| ProfileError::Busy)?;
        let failed = |error: &dyn std::fmt::Display| ProfileError::Failed(error.to_string());
        let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&NOT_UNWOUND);
        let guard = builder.build().map_err(|error| failed(&error))?;
        sleep(duration).await;
        // Finding the names takes long enough to hold up requests.
        let encoded = spawn_blocking(move || encode(&guard)).await;
        encoded.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

fn encode(guard: &ProfilerGuard<'_>) -> pprof::Result<Vec<u8>> {
    let profile = guard.report().build()?.pprof()?;
    Ok(profile.encode_to_vec())
}
