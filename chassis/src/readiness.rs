//! What `/readyz` says: starting, then ready, then draining, and never back.

use std::sync::atomic::{AtomicU8, Ordering};

/// A stage of the process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The keys are not loaded yet.
    Starting = 0,
    /// Everything is there.
    Ready = 1,
    /// A stop signal came: finish what is here, send nothing new.
    Draining = 2,
}

/// Moves forward only, so keys that arrive after the stop signal cannot make a stopping process ready.
#[derive(Debug)]
pub struct Readiness(AtomicU8);

impl Default for Readiness {
    fn default() -> Self {
        Self(AtomicU8::new(Stage::Starting as u8))
    }
}

impl Readiness {
    /// The stage now.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            0 => Stage::Starting,
            1 => Stage::Ready,
            _ => Stage::Draining,
        }
    }

    /// Moves on to `stage`, or stays where it is when that is further on.
    pub fn advance(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_is_final() {
        let readiness = Readiness::default();
        assert_eq!(readiness.stage(), Stage::Starting);
        readiness.advance(Stage::Ready);
        assert_eq!(readiness.stage(), Stage::Ready);
        readiness.advance(Stage::Draining);
        readiness.advance(Stage::Ready);
        assert_eq!(readiness.stage(), Stage::Draining);
    }
}
