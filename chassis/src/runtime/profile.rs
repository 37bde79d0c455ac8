//! CPU profiles of the running process, one at a time.
//!
//! A timer interrupts the process 99 times per second of its CPU time and stores the stack. An idle process has an
//! empty profile. The timer and its memory exist only while a profile is taken.

use pprof::protos::Message;
use pprof::{ProfilerGuard, ProfilerGuardBuilder};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Samples per second. Not 100, so that the samples do not coincide with work that repeats every 10 ms.
const FREQUENCY: i32 = 99;
/// Code whose stack cannot be read while it runs: the unwinder itself, and the kernel's page of clock functions.
const NOT_UNWOUND: [&str; 2] = ["libgcc", "vdso"];

/// Why taking a profile failed.
#[derive(Debug)]
pub(crate) enum ProfileError {
    /// Another one is being taken.
    Busy,
    /// The system has no timer for it, or building the profile failed.
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
    /// A profile of the next `duration`, in the format of pprof (`profile.proto`). It stops if the future is dropped.
    pub(crate) async fn take(&self, duration: Duration) -> Result<Vec<u8>, ProfileError> {
        let _only = self.0.try_acquire().map_err(|_| ProfileError::Busy)?;
        let failed = |error: &dyn std::fmt::Display| ProfileError::Failed(error.to_string());
        let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&NOT_UNWOUND);
        let guard = builder.build().map_err(|error| failed(&error))?;
        sleep(duration).await;
        // Resolving the names takes so long that it would delay requests.
        let encoded = spawn_blocking(move || encode(&guard)).await;
        encoded.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

fn encode(guard: &ProfilerGuard<'_>) -> pprof::Result<Vec<u8>> {
    let profile = guard.report().build()?.pprof()?;
    Ok(profile.encode_to_vec())
}
