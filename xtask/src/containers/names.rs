//! Checks that the API's image resolves host names. A static or trimmed libc often cannot.
//!
//! The API reads its keys from a parameter store that it reaches only by name. It is ready after it resolved the name.

use std::thread;
use std::time::Duration;

use anyhow::bail;

use super::Run;
use crate::checks::Checks;
use crate::command::said;

const ATTEMPTS: u32 = 40;

/// The nginx configuration of a parameter store with one parameter. It runs in the sidecar's image. The value of the
/// parameter replaces `KEYS`.
const STORE: &str = r#"pid /tmp/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/client-body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {
        listen 8000;
        default_type application/x-amz-json-1.1;
        return 200 '{"Parameter":{"Name":"/keys-of/the-test","Type":"SecureString","Value":"KEYS"}}';
    }
}
"#;
const ENVIRONMENT: &str = "--env AWS_ENDPOINT_URL_SSM=http://ssm.test:8000 \
    --env AWS_REGION=eu-central-1 --env AWS_ACCESS_KEY_ID=none --env AWS_SECRET_ACCESS_KEY=none";

pub(super) fn check(run: &Run, checks: &Checks) {
    checks.check(
        "names resolve in the API's image: it reads keys from a parameter store by name",
        || resolve(run),
    );
}

impl Run {
    /// The settings of the service's container, if it has some.
    fn env_file(&self) -> String {
        let file = self.root.join("services").join(&self.service.folder).join("compose.env");
        if file.exists() { format!("--env-file {}", file.display()) } else { String::new() }
    }
}

fn resolve(run: &Run) -> anyhow::Result<()> {
    let Run { project, api, nginx, engine, service, .. } = run;
    let (store, caller) = (format!("{project}-ssm"), format!("{project}-caller"));
    engine.docker("network create", &[project])?;
    let create = format!(
        "create --name {store} --network {project} --network-alias ssm.test --entrypoint nginx {nginx}"
    );
    engine.docker(&create, &["-c", "/tmp/ssm.conf", "-e", "stderr", "-g", "daemon off;"])?;
    let file = run.folder.join("ssm.conf");
    let (parameter, keys) = if service.requires_key {
        ("API_KEY_PARAMETER", "only-in-this-test".to_owned())
    } else {
        ("JWT_KEYS_PARAMETER", format!("only-in-this-test:{}", "A".repeat(43)))
    };
    std::fs::write(&file, STORE.replace("KEYS", &keys))?;
    engine.docker("cp", &[&file.to_string_lossy(), &format!("{store}:/tmp/ssm.conf")])?;
    engine.docker("start", &[&store])?;
    let port = service.port;
    let start = format!(
        "run --detach --name {caller} --network {project} --network-alias api.test --read-only --cap-drop ALL \
         --tmpfs /state:uid=65532,gid=65532,mode=0700 {} --env LISTEN=0.0.0.0:{port} \
         --env {parameter}=/keys-of/the-test {ENVIRONMENT} {api}",
        run.env_file()
    );
    engine.docker(&start, &[])?;
    let ready = format!("exec {store} wget -q -T 2 -O - http://api.test:{port}{}", service.ready);
    for _ in 0..ATTEMPTS {
        if engine.docker(&ready, &[]).is_ok_and(|answer| answer.contains("\"ready\"")) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(250));
    }
    let logs = |container: &str| said(engine.command("docker logs").arg(container));
    bail!("{}\n{}", logs(&caller)?, logs(&store)?)
}
