//! Checks the composed stack: the limits of its containers, their responses, and their stop.

use std::fs::{self, File};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::image::{contains, without_key};
use super::{KEY, REVISION, Run};
use crate::checks::{Checks, equal};
use crate::command::{output, passes, said};
use crate::test::{Counts, checked};

const ATTEMPTS: u32 = 120;
const LIMITS: &str = "{{with .HostConfig}}{{.ReadonlyRootfs}} {{.CapDrop}} {{.SecurityOpt}} {{json .Memory}} {{json .PidsLimit}}{{end}}";
/// One test at a time: the suite pauses between all requests, and another test would change a list between GET and HEAD.
const CONTRACT: &str =
    "timeout 1200 cargo test --locked -p contract -- --show-output --test-threads=1";
/// The minimum number of black-box tests that start no process.
const FEWEST: u32 = 8;

pub(super) fn check(run: &Run, checks: &Checks) -> anyhow::Result<()> {
    let service = run.service.folder.as_str();
    let id = |name: &str| -> anyhow::Result<String> {
        Ok(output(&mut run.compose(&format!("ps --quiet {name}")))?.trim().to_owned())
    };
    let sidecar = format!("{service}-nginx");
    let (api, nginx) = (id(service)?, id(&sidecar)?);
    check_container(run, checks, &api, service, &run.api, "/service");
    check_container(run, checks, &nginx, &sidecar, &run.nginx, "nginx");
    checks.check(format!("{service}: the log line of its start contains the built commit"), || {
        let log = said(run.engine.command("docker logs").arg(&api))?;
        let start = log.lines().find(|line| line.contains("\"listening\""));
        contains(start.unwrap_or_default(), &format!("\"revision\":\"{REVISION}\""))
    });
    checks.check(format!("{sidecar}: only its owner can read the rendered configuration"), || {
        let line = format!("exec {nginx} stat -c %a:%u /run/sidecar/nginx.conf");
        equal("600:101", &run.engine.docker(&line, &[])?)
    });
    let [api_port, sidecar_port] = run.ports;
    let status = |port, key| anyhow::Ok(run.service.call(port, key, Duration::ZERO)?.status);
    if run.service.call_requires_key() {
        checks.check("the sidecar requires a key", || equal(&401, &status(sidecar_port, None)?));
    }
    checks.check("the sidecar answers with a key", || {
        equal(&run.service.success, &status(sidecar_port, Some(KEY))?)
    });
    checks.check("the service answers without a key, on this machine only", || {
        equal(&run.service.success, &status(api_port, None)?)
    });
    run_contract(run, checks, &api)?;
    check_stop(run, checks, &api, &nginx)
}

fn check_container(run: &Run, checks: &Checks, id: &str, name: &str, image: &str, program: &str) {
    let inspect = |format| run.engine.docker("inspect --format", &[format, id]);
    checks.check(format!("{name}: healthy"), || {
        for _ in 0..ATTEMPTS {
            if inspect("{{.State.Health.Status}}")? == "healthy" {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(250));
        }
        let log = said(run.engine.command("docker logs --tail 20").arg(id))?;
        bail!("{log}{}", inspect("{{json .State}}")?)
    });
    let bounds = "read-only root, no capability, no new privileges, memory and processes bounded";
    checks.check(format!("{name}: {bounds}"), || is_bounded(&inspect(LIMITS)?));
    checks.check(format!("{name}: every process runs as the user of the image"), || {
        let user = run.engine.docker("image inspect --format {{.Config.User}}", &[image])?;
        let processes = run.engine.docker("top", &[id, "-eo", "pid,uid,gid"])?;
        let users = processes
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(":"));
        let users: Vec<String> = users.collect();
        ensure!(!users.is_empty() && users.iter().all(|found| *found == user), "{processes}");
        Ok(())
    });
    checks.check(format!("{name}: no key in any argument list"), || {
        without_key(program, &run.engine.docker("top", &[id, "-eo", "pid,args"])?)
    });
}

fn is_bounded(limits: &str) -> anyhow::Result<()> {
    let bounds = limits.strip_prefix("true [ALL] [no-new-privileges:true] ");
    let bounds: Vec<u64> = bounds
        .into_iter()
        .flat_map(|text| text.split(' '))
        .filter_map(|n| n.parse().ok())
        .collect();
    ensure!(bounds.len() == 2 && bounds.iter().all(|bound| *bound > 0), "{limits}");
    Ok(())
}

/// Runs the black-box tests. Their log goes to a separate file, because the last line of this command counts them too.
fn run_contract(run: &Run, checks: &Checks, api: &str) -> anyhow::Result<()> {
    let path = run.folder.join("contract.log");
    let log = File::create(&path)?;
    // The commands of setup.json run in the container.
    let mut contract = run.engine.command(CONTRACT);
    contract
        .current_dir(&run.root)
        .env("CONTRACT_URL", format!("http://127.0.0.1:{}", run.ports[1]))
        .env("CONTRACT_KEY", KEY)
        .env("CONTRACT_COMMAND", format!("docker exec {api} /service"))
        .env("CONTRACT_SERVICE", &run.service.folder);
    let succeeded = passes(&mut contract, &log)?;
    let text = fs::read_to_string(&path)?;
    let Counts { passed, failed, skipped } = checked(&text, succeeded).unwrap_or_default();
    let name = "the black-box tests against the composed stack";
    if succeeded && passed >= FEWEST {
        checks.pass(&format!("{name} ({passed})"), passed);
    } else {
        checks.add(Counts { passed, failed: failed.saturating_sub(1), skipped: 0 });
        checks.fail(name, &text);
    }
    if skipped > 0 {
        let reason = "they start processes of their own, as in `make test` without containers (names: .run/containers/contract.log)";
        checks.skip(&format!("containers: {skipped} of the black-box tests: {reason}"), skipped);
    }
    Ok(())
}

fn check_stop(run: &Run, checks: &Checks, api: &str, nginx: &str) -> anyhow::Result<()> {
    let stop =
        |id: &str| said(&mut run.engine.command(&format!("timeout 25 docker stop --time 30 {id}")));
    let exit_code = |id: &str| run.engine.docker("inspect --format {{.State.ExitCode}}", &[id]);
    // Wait until the burst of the rate limit is available again after the tests.
    thread::sleep(Duration::from_secs(1));
    let call = |pause| run.service.call(run.ports[1], Some(KEY), pause);
    let expected = call(Duration::ZERO)?;
    thread::scope(|scope| {
        // The client sends its last bytes after the stop of the sidecar has begun.
        let slow = scope.spawn(|| call(Duration::from_secs(2)));
        thread::sleep(Duration::from_millis(500));
        checks.check("the sidecar stops within its grace period", || stop(nginx));
        checks.check("a request in flight is answered while the sidecar stops", || {
            let answer = slow.join().ok().context("the call panicked")??;
            equal(&run.service.success, &answer.status)?;
            equal(&expected, &answer)
        });
    });
    checks.check("the sidecar exits 0", || equal("0", &exit_code(nginx)?));
    checks.check("the API stops within its grace period", || stop(api));
    checks.check("the API exits 0", || equal("0", &exit_code(api)?));
    checks
        .check("docker-compose down", || said(&mut run.compose("down --volumes --remove-orphans")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_without_a_limit_is_an_error() {
        is_bounded("true [ALL] [no-new-privileges:true] 134217728 64").unwrap();
        for limits in [
            "false [ALL] [no-new-privileges:true] 134217728 64",
            "true [] [no-new-privileges:true] 134217728 64",
            "true [ALL] [] 134217728 64",
            "true [ALL] [no-new-privileges:true] 0 64",
            "true [ALL] [no-new-privileges:true] 134217728 null",
        ] {
            is_bounded(limits).unwrap_err();
        }
    }
}
