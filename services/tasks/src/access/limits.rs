//! The limits of each user and of each address, in the memory of the process.

use super::bounded::{Bounded, Entry};
use crate::model::attempts::{Attempts, Window};
use crate::model::bucket::{Bucket, Preset};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most users or addresses that are counted at once.
const MOST: usize = 10_000;
const DAY: Duration = Duration::from_hours(24);

impl Entry for Bucket {
    fn ends_at(&self) -> Timestamp {
        self.full_at()
    }
}

/// The token buckets of all users.
#[derive(Debug)]
pub struct Buckets {
    preset: Preset,
    buckets: Mutex<Bounded<UserId, Bucket>>,
}

impl Buckets {
    /// Full buckets of this size.
    #[must_use]
    pub fn new(preset: Preset) -> Self {
        Self { preset, buckets: Mutex::new(Bounded::new(MOST)) }
    }

    /// Takes `cost` tokens of a user, or returns the time until they are there.
    pub fn take(&self, user: UserId, cost: u64, now: Timestamp) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.entry(&user, now, || Bucket::full(now)).take(self.preset, cost, now)
    }
}

#[derive(Debug, Default)]
struct Registered(Attempts);

impl Entry for Registered {
    fn ends_at(&self) -> Timestamp {
        self.0.last().unwrap_or(Timestamp::from_millis(0)).after(DAY)
    }
}

/// The registrations of all addresses in the last day.
#[derive(Debug)]
pub struct Registrations {
    window: Window,
    by_address: Mutex<Bounded<IpAddr, Registered>>,
}

impl Registrations {
    /// Admits this number of registrations of one address in a day.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let window = Window { most, period: DAY };
        Self { window, by_address: Mutex::new(Bounded::new(MOST)) }
    }

    /// Counts a registration, or returns the time until one is admitted.
    pub fn begin(&self, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let registered = &mut by_address.entry(&address, now, Registered::default).0;
        let wait = registered.wait(self.window, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        registered.add(self.window, now);
        Ok(())
    }

    /// The registration was not made.
    pub fn not_made(&self, address: IpAddr, at: Timestamp) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registered) = by_address.get_mut(&address) {
            registered.0.remove(at);
        }
    }
}

/// The address that limits count. A caller of IPv6 usually has a whole /64. A call that did not pass the sidecar has no
/// address: all of these share one.
#[must_use]
pub fn counted(address: Option<IpAddr>) -> IpAddr {
    match address {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        Some(address @ IpAddr::V4(_)) => address,
        None => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_of_ipv6_count_together() {
        let parse = |text: &str| Some(text.parse().unwrap());
        assert_eq!(counted(parse("2001:db8::1")), counted(parse("2001:db8::ffff:1")));
        assert_ne!(counted(parse("2001:db8::1")), counted(parse("2001:db8:0:1::1")));
        assert_ne!(counted(parse("192.0.2.1")), counted(parse("192.0.2.2")));
    }

    #[test]
    fn registrations_are_counted_for_a_day() {
        let registrations = Registrations::new(2);
        let address = [192, 0, 2, 1].into();
        let now = Timestamp::from_millis(1_800_000_000_000);
        assert!(registrations.begin(address, now).is_ok());
        assert!(registrations.begin(address, now).is_ok());
        assert_eq!(registrations.begin(address, now), Err(DAY));
        registrations.not_made(address, now);
        assert!(registrations.begin(address, now).is_ok());
        assert!(registrations.begin(address, now.after(DAY)).is_ok());
    }
}
