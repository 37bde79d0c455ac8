//! What a Dockerfile declares about the image that ECS would pull.
//!
//! Only the last stage counts, and of it the instructions that decide how a container runs. Files
//! that are copied from another stage are what the build makes; the runner knows where those lie on
//! this machine and refuses the ones that it does not know.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The image, as far as running it goes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Image {
    /// `ENTRYPOINT`, exec form.
    pub entry_point: Vec<String>,
    /// `CMD`, exec form.
    pub command: Vec<String>,
    /// `USER`.
    pub user: Option<String>,
    /// `STOPSIGNAL`; SIGTERM when absent.
    pub stop_signal: Option<String>,
    /// `ENV`.
    pub environment: Vec<(String, String)>,
    /// `HEALTHCHECK`'s command, exec form. ECS does not read it, but it says what the image can run.
    pub health_command: Vec<String>,
    /// `COPY`, one entry a source.
    pub files: Vec<Copied>,
}

/// One `COPY`ed file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Path in the build context, or in the other stage.
    pub source: String,
    /// Whether it comes from another stage or image.
    pub built: bool,
    /// Absolute path in the image; of a folder (a source that ends in `/`), where its contents go.
    pub destination: PathBuf,
}

/// Reads a Dockerfile. `service` is the value of its argument `SERVICE`: the folder of the service.
pub fn read(dockerfile: &Path, service: &str) -> anyhow::Result<Image> {
    let text =
        std::fs::read_to_string(dockerfile).with_context(|| dockerfile.display().to_string())?;
    parse(&text.replace("${SERVICE}", service)).with_context(|| dockerfile.display().to_string())
}

/// Parses a Dockerfile's text.
pub fn parse(text: &str) -> anyhow::Result<Image> {
    let mut image = Image::default();
    for line in logical_lines(text) {
        let (instruction, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let rest = rest.trim();
        match instruction.to_ascii_uppercase().as_str() {
            "FROM" => image = Image::default(),
            "ENTRYPOINT" => image.entry_point = exec_form(rest)?,
            "CMD" => image.command = exec_form(rest)?,
            "USER" => image.user = Some(rest.to_owned()),
            "STOPSIGNAL" => image.stop_signal = Some(rest.to_owned()),
            "ENV" => image.environment.extend(variables(rest)?),
            "HEALTHCHECK" if rest.contains("CMD ") => {
                image.health_command = exec_form(rest.split_once("CMD ").unwrap_or_default().1)?;
            }
            "COPY" | "ADD" => image.files.extend(copied(rest)?),
            _ => {}
        }
    }
    // Earlier stages copy to where they work; only the image itself is put together here.
    if let Some(file) = image.files.iter().find(|f| f.destination.is_relative()) {
        bail!("COPY {} goes to a relative path: the runner wants an absolute one", file.source);
    }
    Ok(image)
}

/// Lines with continuations joined and comments gone.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim).filter(|l| !l.starts_with('#') && !l.is_empty()) {
        if let Some(continued) = line.strip_suffix('\\') {
            open.push_str(continued);
            open.push(' ');
        } else {
            open.push_str(line);
            lines.push(std::mem::take(&mut open));
        }
    }
    lines
}

fn exec_form(rest: &str) -> anyhow::Result<Vec<String>> {
    serde_json::from_str(rest).with_context(|| format!("not in exec form (a JSON array): {rest}"))
}

fn variables(rest: &str) -> anyhow::Result<Vec<(String, String)>> {
    rest.split_whitespace()
        .map(|pair| {
            let (name, value) =
                pair.split_once('=').with_context(|| format!("ENV without `=`: {pair}"))?;
            Ok((name.to_owned(), value.trim_matches('"').to_owned()))
        })
        .collect()
}

fn copied(rest: &str) -> anyhow::Result<Vec<Copied>> {
    let mut built = false;
    let mut paths = Vec::new();
    for word in rest.split_whitespace() {
        if let Some(flag) = word.strip_prefix("--") {
            built |= flag.starts_with("from=");
        } else {
            paths.push(word.to_owned());
        }
    }
    let Some(destination) = paths.pop() else { bail!("COPY without paths") };
    let folder = destination.ends_with('/') || paths.len() > 1;
    paths
        .into_iter()
        .map(|source| {
            let name = Path::new(&source)
                .file_name()
                .with_context(|| format!("COPY {source} has no file name"))?;
            let destination = Path::new(&destination);
            let destination = if folder && !source.ends_with('/') {
                destination.join(name)
            } else {
                destination.to_path_buf()
            };
            Ok(Copied { source, built, destination })
        })
        .collect()
}

/// Whether the reference names its image by digest, so that it can only be one image.
#[must_use]
pub fn digest(reference: &str) -> Option<&str> {
    let (_, digest) = reference.split_once("@sha256:")?;
    (digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
        .then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_stage_counts() {
        let image = parse(
            "FROM rust AS build\nCOPY Cargo.toml ./\nUSER root\nENTRYPOINT [\"/wrong\"]\nFROM scratch\n# a comment\nCOPY --from=build \\\n  /out/service /service\n\
             COPY a.sh b.template /etc/service/\nENV LISTEN=127.0.0.1:1 MODE=\"x\"\nUSER 65532:65532\nSTOPSIGNAL SIGTERM\nHEALTHCHECK --interval=5s CMD [\"/service\", \"healthcheck\"]\nENTRYPOINT [\"/service\"]\nCMD [\"serve\"]\n",
        )
        .unwrap();
        assert_eq!(image.entry_point, ["/service"]);
        assert_eq!(image.command, ["serve"]);
        assert_eq!(image.health_command, ["/service", "healthcheck"]);
        assert_eq!(image.user.as_deref(), Some("65532:65532"));
        assert_eq!(image.environment[1], ("MODE".to_owned(), "x".to_owned()));
        assert_eq!(
            image.files[0],
            Copied { source: "/out/service".into(), built: true, destination: "/service".into() }
        );
        assert_eq!(image.files[2].destination, Path::new("/etc/service/b.template"));
    }

    #[test]
    fn a_shell_form_is_refused() {
        assert!(parse("FROM x\nENTRYPOINT /service serve\n").is_err());
    }

    #[test]
    fn a_tag_is_no_digest() {
        assert_eq!(digest("repo/api:v1"), None);
        assert_eq!(digest("repo/api@sha256:12"), None);
        assert!(digest(&format!("repo/api@sha256:{}", "a".repeat(64))).is_some());
    }
}
