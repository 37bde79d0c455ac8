//! A group of processes that ends with its owner.
//!
//! What is started here may start others (nginx its workers, Terraform its provider). Each gets a
//! process group of its own, and dropping the owner ends the whole group, however the owner ends.

use rustix::process::{Pid, Signal, kill_process_group};

/// Ends the group of the process with this id when it is dropped.
#[derive(Debug)]
pub struct Group(Option<u32>);

impl Group {
    /// The group that this process was started as the leader of.
    #[must_use]
    pub fn from_leader(process: Option<u32>) -> Self {
        Self(process)
    }

    /// Sends a signal to every process of the group; an empty group is fine.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }

    /// The group's leader has ended by itself, and what it left is ended: nothing more to do.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
