//! The incidents: what is done, by what it shows itself, which section of the runbook it belongs to.

use super::recorder::Second;

/// One kind of incident whose signal is a metric.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incident {
    /// Name on the command line and in the table.
    pub(super) name: &'static str,
    /// Heading in the runbook.
    pub(super) section: &'static str,
    /// Alarm that must go off, without the stack's prefix; `None` when nothing may.
    pub(super) alarm: Option<&'static str>,
    /// Alarms of other sections that go off as well.
    pub(super) also: &'static [(&'static str, &'static str)],
    /// What is done.
    pub(super) what: &'static str,
    /// What ends it, as the section says.
    pub(super) mitigation: &'static str,
    /// Seconds between the two.
    pub(super) hold: u64,
    /// Whether a second shows it.
    pub(super) signal: fn(&Second) -> bool,
    /// What of the second shows it.
    pub(super) shows: &'static str,
    /// Whether callers with keys must not notice.
    pub(super) unnoticed: bool,
}

/// Every incident that shows itself in metrics, mildest first.
pub(super) const ALL: [Incident; 11] = [
    Incident {
        name: "key-guessing",
        section: "unauthorized-burst",
        alarm: Some("unauthorized-burst"),
        also: &[],
        what: "240 requests a second with made-up keys, from one address",
        mitigation: "the address is blocked (WAF; here: it stops)",
        hold: 8,
        signal: |s| s.of_sidecar("Unauthorized") + s.of_sidecar("AddressThrottled") > 20.0,
        shows: "Unauthorized and AddressThrottled in the sidecar's records",
        unnoticed: true,
    },
    Incident {
        name: "client-floods",
        section: "client-throttled",
        alarm: Some("client-throttled"),
        also: &[],
        what: "one client with a valid key calls 80 times a second",
        mitigation: "the client is told to slow down (here: it stops)",
        hold: 17,
        signal: |s| s.of_sidecar("ClientThrottled") > 10.0,
        shows: "ClientThrottled in the sidecar's records",
        unnoticed: true,
    },
    Incident {
        name: "disk-full",
        section: "memory-high",
        alarm: None,
        also: &[],
        what: "the sidecars' tmpfs is filled to its last byte",
        mitigation: "the file is taken away (a new task has an empty tmpfs)",
        hold: 5,
        signal: |s| s.target[0] > 0,
        shows: "requests go on: nothing is written there after the start",
        unnoticed: true,
    },
    Incident {
        name: "memory-limit",
        section: "memory-high",
        alarm: Some("memory-high"),
        also: &[],
        what: "a process in one task takes memory up to nine tenths of the limit",
        mitigation: "the task is replaced (here: the process ends)",
        hold: 9,
        signal: |s| s.memory.is_some_and(|m| m >= 85.0),
        shows: "MemoryUtilization over 85 %",
        unnoticed: true,
    },
    Incident {
        name: "ssm-away-at-start",
        section: "unhealthy-target",
        alarm: Some("unhealthy-target"),
        also: &[],
        what: "a deployment while the API cannot reach SSM",
        mitigation: "none: the API goes on asking, and is ready when SSM is back",
        hold: 26,
        signal: |s| s.hosts.1 > 0,
        shows: "UnHealthyHostCount: the new targets never become healthy",
        unnoticed: true,
    },
    Incident {
        name: "api-slow",
        section: "latency-p99",
        alarm: Some("latency-p99"),
        also: &[("slo-latency", "slo-latency-fast")],
        what: "every API is frozen for 1.4 s, let run for 0.1 s, and so on (SIGSTOP, SIGCONT)",
        mitigation: "the tasks are replaced",
        hold: 14,
        signal: |s| s.latencies.iter().any(|l| *l > 1.0),
        shows: "TargetResponseTime over 1 s",
        unnoticed: false,
    },
    Incident {
        name: "api-failing",
        section: "target-5xx",
        alarm: Some("target-5xx"),
        also: &[],
        what: "a release whose API answers 500 (a stand-in process in its place)",
        mitigation: "the deployment is rolled back",
        hold: 7,
        signal: |s| s.target[2] > 0,
        shows: "HTTPCode_Target_5XX_Count; upstream_status 500 in the sidecar's line",
        unnoticed: false,
    },
    Incident {
        name: "api-stopped",
        section: "slo-availability",
        alarm: Some("slo-availability-fast"),
        also: &[],
        what: "every API is frozen (SIGSTOP)",
        mitigation: "the tasks are replaced",
        hold: 14,
        signal: |s| s.target[2] > 0,
        shows: "HTTPCode_Target_5XX_Count; status 504 in the sidecar's line",
        unnoticed: false,
    },
    Incident {
        name: "api-killed",
        section: "elb-5xx",
        alarm: Some("elb-5xx"),
        also: &[],
        what: "every API is killed: essential, so ECS stops the tasks",
        mitigation: "none: ECS starts new tasks",
        hold: 1,
        signal: |s| s.elb_5xx > 0,
        shows: "HTTPCode_ELB_5XX_Count, RunningTaskCount 0",
        unnoticed: false,
    },
    Incident {
        name: "sidecar-killed",
        section: "no-healthy-target",
        alarm: Some("no-healthy-target"),
        also: &[],
        what: "every nginx is killed: essential, so ECS stops the tasks",
        mitigation: "none: ECS starts new tasks",
        hold: 1,
        signal: |s| s.hosts.0 == 0,
        shows: "HealthyHostCount 0",
        unnoticed: false,
    },
    Incident {
        name: "stale-upstream",
        section: "target-5xx",
        alarm: Some("target-5xx"),
        also: &[],
        what: "packets of the connections between sidecar and API are dropped, in every task",
        mitigation: "the tasks are replaced",
        hold: 14,
        signal: |s| s.target[2] > 0,
        shows: "HTTPCode_Target_5XX_Count; 504 with an upstream_connect_time of 0",
        unnoticed: false,
    },
];
