//! The way from the tasks to the log group.

use crate::drill::incident::{Alarm, DO_NOT_NOTICE, Incident, Injected, RECOVERED, SIGN};

/// Every metric that is made of the log ends with its lines, and with it every alarm on one.
pub(super) const STOPPED: Incident = Incident {
    name: "logs-stopped",
    what: "no line of the sidecars reaches CloudWatch, and the tasks go on answering",
    inject: |drill| {
        Box::pin(async {
            drill.recorder.deliver_logs(false);
            Ok(Injected::now(|drill| {
                drill.recorder.deliver_logs(true);
                Box::pin(async { Ok(()) })
            }))
        })
    },
    // Longer than the three periods of five minutes that the alarm waits.
    hold: 18,
    sign: (SIGN, "RequestCount, and no line of a sidecar"),
    shows: |s| s.target[0] > 0 && s.sidecar.is_empty(),
    alarms: &[("logs-stopped", Alarm::Metric("logs-stopped"))],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "what the lines met on their way is mended (here: they are read again)"),
    ..Incident::COMMON
};
