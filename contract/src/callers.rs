//! The callers of one stack: which requests share the values of one setup.
//!
//! A setup can be slow, because a service hashes passwords, and a service can limit how often one user calls. So the
//! operations share a caller, but not for many requests. An operation that spends values has a caller for each use.

use crate::service::Service;
use crate::values::Values;
use chassis::document::Operation;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// The uses of one setup. Fewer than any limit for one user, also if each use is a GET and a HEAD.
const USES: usize = 8;

/// The latest shared caller of a stack.
#[derive(Debug, Default)]
pub struct Callers(Mutex<Option<(Values, usize)>>);

impl Callers {
    /// The values for one use of an operation. `new` runs the setup:
    ///
    /// - for each use of an operation that spends values
    /// - for every eighth use of the others
    /// - never for an operation whose valid case contains no value of the setup
    pub fn values_for(
        &self,
        service: &Service,
        operation: &Operation,
        key: &str,
        new: impl FnOnce() -> Values,
    ) -> Values {
        if service.case(operation).spends {
            return new();
        }
        self.shared(service, operation, key, new)
    }

    /// Like [`Callers::values_for`], but an operation that spends values also shares.
    pub fn shared(
        &self,
        service: &Service,
        operation: &Operation,
        key: &str,
        new: impl FnOnce() -> Values,
    ) -> Values {
        if !service.needs_setup(operation) {
            return Values::without_setup(key);
        }
        let mut shared = self.0.lock().expect("a setup that fails ends the test");
        let (values, uses) = match shared.take() {
            Some((values, uses)) if uses < USES => (values, uses),
            _ => (new(), 0),
        };
        *shared = Some((values.clone(), uses + 1));
        values
    }
}

/// An address that no other caller has, for a limit of the service that counts addresses.
pub(crate) fn new_address() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    Ipv4Addr::from_bits(
        Ipv4Addr::new(10, 0, 0, 0).to_bits() + COUNT.fetch_add(1, Ordering::Relaxed),
    )
}
