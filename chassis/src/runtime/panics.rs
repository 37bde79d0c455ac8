//! Panics: none is expected, and one must neither end the process nor pass unseen.

use std::any::Any;
use std::panic::{self, PanicHookInfo};

/// Sends every panic to the log, as one event with its place, rather than to standard error as plain text.
pub(crate) fn log_them() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(cause = message(info.payload()), place, "panic");
    }));
}

/// What a panic said.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("no message"))
}
