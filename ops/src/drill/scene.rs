//! Doing an incident to the stage, and undoing it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::recorder::Recorder;
use super::traffic::Traffic;
use crate::group::Group;
use crate::stage::Stage;
use crate::stage::key::Key;
use crate::stage::service::Live;
use crate::task::definition::TaskDefinition;
use crate::task::network;
use crate::task::running::Running;

/// The stage with its callers and its observers.
pub(super) struct Scene {
    /// The stage.
    pub(super) stage: Stage,
    /// What the service runs when all is well.
    pub(super) definition: TaskDefinition,
    /// Callers with keys.
    pub(super) traffic: Traffic,
    /// What is seen of it all.
    pub(super) recorder: Recorder,
    /// A client that calls only in the drill of that name.
    pub(super) flooder: Key,
}

/// What keeps an incident going; dropping it ends what can be ended so.
#[derive(Debug, Default)]
pub(super) struct Injected {
    callers: Option<Traffic>,
    pulse: Option<JoinHandle<()>>,
    hog: Option<(Child, Group)>,
    new: Vec<Live>,
}

/// A process that answers its probes as if it were healthy, and everything else with 500.
fn failing(live: &str, ready: &str) -> String {
    format!(
        r#"exec haproxy -db -f /dev/stdin <<END
defaults
  mode http
  timeout client 60s
  timeout connect 1s
  timeout server 60s
frontend api
  bind $LISTEN
  http-request return status 200 content-type application/json string '{{"status":"ready"}}' if {{ path {live} {ready} }}
  http-request return status 500 content-type application/problem+json string '{{"status":500}}'
END"#
    )
}

impl Scene {
    fn containers(&self, name: &str) -> Vec<&Running> {
        self.stage.service.tasks.iter().filter_map(|l| l.task.container(name)).collect()
    }

    /// Does it.
    pub(super) async fn inject(&mut self, incident: &str) -> anyhow::Result<Injected> {
        let mut injected = Injected::default();
        let call = &self.stage.call;
        match incident {
            "key-guessing" => {
                let keys = (0..40).map(|_| Key::random("nobody")).collect::<anyhow::Result<_>>()?;
                injected.callers =
                    Some(Traffic::start(self.stage.tunnel(), keys, call, call.limit.rate + 1));
            }
            "client-floods" => {
                injected.callers = Some(Traffic::start(
                    self.stage.tunnel(),
                    vec![self.flooder.clone()],
                    call,
                    16 * call.limit.rate,
                ));
            }
            "disk-full" => {
                self.inside_sidecars("cat /dev/zero > /run/sidecar/full 2>/dev/null || true")
                    .await?;
            }
            "memory-limit" => injected.hog = Some(self.hog()?),
            "ssm-away-at-start" => {
                self.stage.balancer.endpoint(false).await?;
                injected.new = self.stage.service.begin(&self.definition).await?;
                self.recorder.watch(&injected.new);
            }
            "api-slow" => injected.pulse = Some(self.pulse()),
            "api-failing" => {
                let mut bad = self.definition.clone();
                let api = bad.container_definitions.iter_mut().find(|c| c.name == "api");
                api.context("no container api")?.entry_point =
                    vec!["/bin/sh".into(), "-c".into(), failing(&call.live, &call.ready)];
                self.stage.service.deploy(&bad).await?;
                self.recorder.watch(&self.stage.service.tasks);
            }
            "api-stopped" => self.signal("api", Signal::STOP)?,
            "api-killed" => self.signal("api", Signal::KILL)?,
            "sidecar-killed" => self.signal("nginx", Signal::KILL)?,
            "stale-upstream" => {
                for live in &self.stage.service.tasks {
                    let namespace = &live.task.network.namespace;
                    network::run(&format!("ip netns exec {namespace} iptables -A INPUT -p tcp --dport {} -m tcp ! --syn -j DROP", self.stage.port)).await?;
                }
            }
            other => bail!("no incident {other}"),
        }
        Ok(injected)
    }

    /// Undoes it, as the section says.
    pub(super) async fn mitigate(
        &mut self,
        incident: &str,
        mut injected: Injected,
    ) -> anyhow::Result<()> {
        if let Some(pulse) = injected.pulse.take() {
            pulse.abort();
        }
        match incident {
            "disk-full" => self.inside_sidecars("rm /run/sidecar/full").await?,
            "ssm-away-at-start" => {
                self.stage.balancer.endpoint(true).await?;
                self.stage.service.finish(std::mem::take(&mut injected.new)).await?;
            }
            "api-failing" => {
                self.stage.service.deploy(&self.definition).await?;
            }
            "api-slow" | "api-stopped" | "api-killed" | "sidecar-killed" | "stale-upstream" => {
                self.stage.service.replace(&self.definition).await?;
            }
            _ => {}
        }
        drop(injected);
        self.recorder.watch(&self.stage.service.tasks);
        Ok(())
    }

    fn signal(&self, name: &str, signal: Signal) -> anyhow::Result<()> {
        self.containers(name).iter().try_for_each(|container| container.signal(signal))
    }

    async fn inside_sidecars(&self, script: &str) -> anyhow::Result<()> {
        for nginx in self.containers("nginx") {
            let argv = ["/bin/sh", "-c", script].map(str::to_owned);
            if !nginx.exec(&argv).status().await?.success() {
                bail!("`{script}` failed in the sidecar");
            }
        }
        Ok(())
    }

    /// A process in the first task's control group that holds nine tenths of what the task may have.
    fn hog(&self) -> anyhow::Result<(Child, Group)> {
        let task = &self.stage.service.tasks.first().context("no task")?.task;
        let group = task.cgroup.as_deref().context("no control group")?;
        let memory: u64 = task.definition.memory.as_deref().context("no memory limit")?.parse()?;
        // `tail` keeps all of a line that does not end.
        let script = format!(
            "echo $$ > {}/cgroup.procs; (head -c {}m /dev/zero; sleep 600) | tail",
            group.display(),
            memory * 9 / 10
        );
        let child =
            Command::new("sh").args(["-c", &script]).process_group(0).kill_on_drop(true).spawn()?;
        let group = Group::of(child.id());
        Ok((child, group))
    }

    /// Freezes and thaws every API.
    fn pulse(&self) -> JoinHandle<()> {
        let apis: Vec<_> = self.containers("api").iter().map(|c| c.pid).collect();
        tokio::spawn(async move {
            let send = |signal| {
                for pid in &apis {
                    // One that has ended meanwhile needs no signal.
                    let _ = kill_process(*pid, signal);
                }
            };
            loop {
                send(Signal::STOP);
                sleep(Duration::from_millis(1400)).await;
                send(Signal::CONT);
                sleep(Duration::from_millis(100)).await;
            }
        })
    }
}
