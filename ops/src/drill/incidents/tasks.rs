//! Incidents in the running tasks.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Signal, kill_process};
use tokio::process::Command;
use tokio::time::sleep;

use crate::drill::incident::{Alarm, DO_NOT_NOTICE, Incident, Injected, RECOVERED, SIGN, Step};
use crate::drill::procedure::Drill;
use crate::group::Group;
use crate::task::network;

const REPLACED: (&str, &str) = (RECOVERED, "the tasks are replaced");
const BY_ECS: (&str, &str) = (RECOVERED, "none: ECS starts new tasks");

pub(super) const DISK_FULL: Incident = Incident {
    name: "disk-full",
    what: "the tmpfs of the sidecars is full",
    inject: |drill| {
        Box::pin(async {
            let fill = "cat /dev/zero > /run/sidecar/full 2>/dev/null || true";
            inside_sidecars(drill, fill).await?;
            Ok(Injected::now(|drill| Box::pin(inside_sidecars(drill, "rm /run/sidecar/full"))))
        })
    },
    hold: 5,
    sign: (SIGN, "requests succeed: nginx writes nothing there after its start"),
    shows: |s| s.target[0] > 0,
    alarms: &[("memory-high", Alarm::None)],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "the file is removed (a new task has an empty tmpfs)"),
    ..Incident::COMMON
};

pub(super) const MEMORY_LIMIT: Incident = Incident {
    name: "memory-limit",
    what: "a process in one task uses 90 % of the memory limit",
    impossible: |drill| {
        let task = &drill.testbed.service.tasks.first()?.task;
        task.cgroup.is_none().then_some("no control group with a memory limit can be made here")
    },
    inject: |drill| {
        Box::pin(async {
            let task = &drill.testbed.service.tasks.first().context("no task")?.task;
            let group = task.cgroup.as_deref().context("no control group")?.display();
            let memory = task.definition.memory.as_deref().context("no memory limit")?;
            let most = memory.parse::<u64>()? * 9 / 10;
            // `tail` keeps an unfinished line in memory.
            let script = format!(
                "mkdir -p {group}/hog; echo $$ > {group}/hog/cgroup.procs; (head -c {most}m /dev/zero; sleep 600) | tail"
            );
            let mut command = Command::new("sh");
            command.args(["-c", &script]).process_group(0).kill_on_drop(true);
            let child = command.spawn()?;
            let group = Group::from_leader(child.id());
            Ok(Injected::while_held((child, group)))
        })
    },
    hold: 14,
    sign: (SIGN, "MemoryUtilization over 85 %"),
    shows: |s| s.memory.is_some_and(|percent| percent >= 85.0),
    alarms: &[("memory-high", Alarm::Metric("memory-high"))],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "the task is replaced (here: the process ends)"),
    ..Incident::COMMON
};

pub(super) const API_SLOW: Incident = Incident {
    name: "api-slow",
    what: "every API stops for 1.4 s and runs for 0.1 s, repeatedly (SIGSTOP, SIGCONT)",
    inject: |drill| {
        let apis: Vec<_> = drill.containers("api").iter().map(|api| api.pid).collect();
        let send = move |signal| {
            for pid in &apis {
                // An error means that the process has ended. It needs no signal.
                let _ = kill_process(*pid, signal);
            }
        };
        let pulse = tokio::spawn(async move {
            loop {
                send(Signal::STOP);
                sleep(Duration::from_millis(1400)).await;
                send(Signal::CONT);
                sleep(Duration::from_millis(100)).await;
            }
        });
        Box::pin(async move {
            Ok(Injected::now(move |drill| {
                pulse.abort();
                replace(drill)
            }))
        })
    },
    hold: 14,
    sign: (SIGN, "TargetResponseTime over 1 s"),
    shows: |s| s.latencies.iter().any(|latency| *latency > 1.0),
    alarms: &[
        ("latency-p99", Alarm::Metric("latency-p99")),
        ("slo-latency", Alarm::Metric("slo-latency-fast")),
    ],
    recovery: REPLACED,
    ..Incident::COMMON
};

pub(super) const API_STOPPED: Incident = Incident {
    name: "api-stopped",
    what: "every API is stopped (SIGSTOP)",
    inject: |drill| signal(drill, "api", Signal::STOP),
    hold: 14,
    sign: (SIGN, "HTTPCode_Target_5XX_Count; status 504 in the sidecar's line"),
    shows: |s| s.target[2] > 0,
    alarms: &[("slo-availability", Alarm::Metric("slo-availability-fast"))],
    recovery: REPLACED,
    ..Incident::COMMON
};

pub(super) const API_KILLED: Incident = Incident {
    name: "api-killed",
    what: "every API is killed: the container is essential, so ECS stops the tasks",
    inject: |drill| signal(drill, "api", Signal::KILL),
    hold: 1,
    sign: (SIGN, "HTTPCode_ELB_5XX_Count, RunningTaskCount 0"),
    shows: |s| s.elb_5xx > 0,
    alarms: &[("elb-5xx", Alarm::Metric("elb-5xx"))],
    recovery: BY_ECS,
    ..Incident::COMMON
};

pub(super) const SIDECAR_KILLED: Incident = Incident {
    name: "sidecar-killed",
    what: "every nginx is killed: the container is essential, so ECS stops the tasks",
    inject: |drill| signal(drill, "nginx", Signal::KILL),
    hold: 1,
    sign: (SIGN, "HealthyHostCount 0"),
    shows: |s| s.hosts.0 == 0,
    alarms: &[("no-healthy-target", Alarm::Metric("no-healthy-target"))],
    recovery: BY_ECS,
    ..Incident::COMMON
};

pub(super) const STALE_UPSTREAM: Incident = Incident {
    name: "stale-upstream",
    what: "in every task, the packets of open connections between sidecar and API are dropped",
    impossible: |drill| {
        let namespace = &drill.testbed.service.tasks.first()?.task.network.namespace;
        let mut command = std::process::Command::new("ip");
        command.args(["netns", "exec", namespace, "iptables", "-S", "INPUT"]);
        let works = command.output().is_ok_and(|output| output.status.success());
        (!works).then_some("iptables is not installed, or this kernel cannot filter packets")
    },
    inject: |drill| {
        Box::pin(async {
            let drop =
                format!("INPUT -p tcp --dport {} -m tcp ! --syn -j DROP", drill.testbed.port);
            for live in &drill.testbed.service.tasks {
                let namespace = &live.task.network.namespace;
                network::run(&format!("ip netns exec {namespace} iptables -A {drop}")).await?;
            }
            Ok(Injected::now(replace))
        })
    },
    hold: 14,
    sign: (SIGN, "HTTPCode_Target_5XX_Count; 504 with an upstream_connect_time of 0"),
    shows: |s| s.target[2] > 0,
    alarms: &[("target-5xx", Alarm::Metric("target-5xx"))],
    recovery: REPLACED,
    ..Incident::COMMON
};

fn replace(drill: &mut Drill) -> Step<'_> {
    Box::pin(async { drill.testbed.service.replace(&drill.definition).await })
}

/// Sends a signal to all processes of this container in every task.
fn signal<'a>(drill: &Drill, container: &str, signal: Signal) -> Step<'a, Injected> {
    let sent = drill.containers(container).iter().try_for_each(|c| c.signal(signal));
    Box::pin(async { sent.map(|()| Injected::now(replace)) })
}

async fn inside_sidecars(drill: &Drill, script: &str) -> anyhow::Result<()> {
    for nginx in drill.containers("nginx") {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned);
        let status = nginx.exec(&argv).status().await?;
        ensure!(status.success(), "`{script}` failed in the sidecar");
    }
    Ok(())
}
