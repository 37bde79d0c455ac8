//! Logs panics. None is expected. A panic must not end the process, and it must be in the log.

use std::any::Any;
use std::panic::{self, PanicHookInfo};

/// Logs every panic as one event with its place, instead of plain text on standard error.
pub(crate) fn log_them() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(cause = message(info.payload()), place, "panic");
    }));
}

/// The message of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("no message"))
}
