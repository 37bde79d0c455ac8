//! Makes self-signed certificates for the emulated balancer, and imports them into the emulated ACM.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::Testbed;
use crate::aws::Client;

/// The host name of the certificate, which callers use.
pub const HOST: &str = "rehearsal.example.com";

/// A certificate and its key in one PEM file.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Key and certificate.
    pub pem: PathBuf,
    /// Only the certificate, for the callers that trust it.
    pub public: PathBuf,
}

/// Makes a certificate that is valid for `days` days from now.
pub async fn make(folder: &Path, name: &str, days: u32) -> anyhow::Result<Certificate> {
    let path = |end: &str| folder.join(format!("{name}.{end}"));
    let (key, public, pem) = (path("key"), path("crt"), path("pem"));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
    ]);
    command
        .arg(format!("/CN={HOST}"))
        .args(["-addext", &format!("subjectAltName=DNS:{HOST},DNS:rehearsal")]);
    command.args(["-days", &days.to_string()]).arg("-keyout").arg(&key).arg("-out").arg(&public);
    finish(command, Certificate { pem, public }).await
}

/// Makes a certificate that expired yesterday.
pub async fn make_expired(folder: &Path, name: &str) -> anyhow::Result<Certificate> {
    let certificate = make(folder, name, 1).await?;
    // `req` cannot make an expired certificate, so `x509` signs it again with an earlier end date.
    let mut command = Command::new("openssl");
    command.arg("x509").arg("-in").arg(&certificate.public);
    command.arg("-signkey").arg(certificate.public.with_extension("key")).args(["-days", "-1"]);
    command.arg("-out").arg(&certificate.public);
    finish(command, certificate).await
}

async fn finish(mut command: Command, certificate: Certificate) -> anyhow::Result<Certificate> {
    let output = command.output().await.context("cannot run openssl: is it installed?")?;
    if !output.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&output.stderr));
    }
    let key = std::fs::read(certificate.public.with_extension("key"))?;
    std::fs::write(&certificate.pem, [key, std::fs::read(&certificate.public)?].concat())?;
    Ok(certificate)
}

/// Imports a certificate into the emulated ACM. Returns its ARN.
pub async fn import(client: &Client, certificate: &Certificate) -> anyhow::Result<String> {
    let file = |path: &Path| format!("fileb://{}", path.display());
    let key = file(&certificate.pem.with_extension("key"));
    let public = file(&certificate.public);
    let import = ["--certificate", &public, "--private-key", &key, "--query", "CertificateArn"];
    client.call(&[&["acm", "import-certificate"], &import[..]].concat()).await
}

/// Calls the HTTPS listener and trusts only this certificate. Returns curl's error when the call fails.
pub async fn refused(testbed: &Testbed, trusted: &Path) -> anyhow::Result<Option<String>> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "5", "--output", "/dev/null", "--cacert"])
        .arg(trusted)
        .args(["--resolve", &format!("{HOST}:443:{}", testbed.place.node)])
        .arg(format!("https://{HOST}{}", testbed.call.live))
        .output()
        .await
        .context("cannot run curl: is it installed?")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().to_owned();
    Ok((!output.status.success()).then_some(said))
}
