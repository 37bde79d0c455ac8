//! Random values from the operating system.

use super::Denied;
use crate::model::timestamp::Timestamp;
use uuid::{Builder, Uuid};

/// Random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], Denied> {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    filled.map(|()| bytes).map_err(|error| Denied::Internal(format!("no random bytes: {error}")))
}

/// A `UUIDv7` (RFC 9562, section 5.7): ids sort by time.
pub fn id(now: Timestamp) -> Result<Uuid, Denied> {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    Ok(Builder::from_unix_timestamp_millis(millis, &bytes()?).into_uuid())
}
