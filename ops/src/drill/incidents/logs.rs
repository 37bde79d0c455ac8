//! The logs of the tasks do not reach the log group.

use crate::drill::incident::{Alarm, DO_NOT_NOTICE, Incident, Injected, RECOVERED, SIGN};

/// `CloudWatch` makes metrics from the log. Without log lines, these metrics and their alarms stop.
pub(super) const STOPPED: Incident = Incident {
    name: "logs-stopped",
    what: "no log line of the sidecars reaches CloudWatch, and the tasks serve",
    inject: |drill| {
        Box::pin(async {
            drill.recorder.deliver_logs(false);
            Ok(Injected::now(|drill| {
                drill.recorder.deliver_logs(true);
                Box::pin(async { Ok(()) })
            }))
        })
    },
    // Longer than the three periods of five minutes of the alarm.
    hold: 18,
    sign: (SIGN, "RequestCount, and no line of a sidecar"),
    shows: |s| s.target[0] > 0 && s.sidecar.is_empty(),
    alarms: &[("logs-stopped", Alarm::Metric("logs-stopped"))],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "the delivery of the log is repaired (here: its lines are read again)"),
    ..Incident::COMMON
};
