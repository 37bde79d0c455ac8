//! Reads from a Dockerfile how a container of its image runs.
//!
//! Only some instructions of the last stage count. A file that is copied from another stage is a result of the build.
//! The runner replaces it with the program of this machine.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use parse_dockerfile::{Command, HealthcheckArguments, Instruction, Source};

/// The settings of the image that decide how a container runs.
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
    /// `HEALTHCHECK`'s command, exec form. ECS does not read it. It shows a program that the image has.
    pub health_command: Vec<String>,
    /// `COPY`, one entry for each source.
    pub files: Vec<Copied>,
}

/// One `COPY`ed file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Path in the build context, or in the other stage.
    pub source: String,
    /// Whether it comes from another stage or image.
    pub built: bool,
    /// Absolute path in the image. For a folder (a source that ends in `/`), the path of its contents.
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
    let dockerfile = parse_dockerfile::parse(text)?;
    let stage = dockerfile.stages().last().context("it has no stage")?;
    let mut image = Image::default();
    for instruction in stage.instructions {
        match instruction {
            Instruction::Entrypoint(entry_point) => {
                image.entry_point = exec_form(&entry_point.arguments)?;
            }
            Instruction::Cmd(command) => image.command = exec_form(&command.arguments)?,
            Instruction::User(user) => image.user = Some(user.arguments.value.to_string()),
            Instruction::Stopsignal(signal) => {
                image.stop_signal = Some(signal.arguments.value.to_string());
            }
            Instruction::Env(env) => image.environment.extend(variables(&env.arguments.value)?),
            Instruction::Healthcheck(check) => {
                if let HealthcheckArguments::Cmd { arguments, .. } = &check.arguments {
                    image.health_command = exec_form(arguments)?;
                }
            }
            Instruction::Copy(copy) => {
                let built = copy.options.iter().any(|flag| flag.name.value == "from");
                image.files.extend(copied(&copy.src, &copy.dest.value, built)?);
            }
            Instruction::Add(add) => image.files.extend(copied(&add.src, &add.dest.value, false)?),
            _ => {}
        }
    }
    if let Some(file) = image.files.iter().find(|f| f.destination.is_relative()) {
        bail!("COPY {} has a relative destination: the runner needs an absolute path", file.source);
    }
    Ok(image)
}

fn exec_form(command: &Command<'_>) -> anyhow::Result<Vec<String>> {
    match command {
        Command::Exec(words) => Ok(words.value.iter().map(|w| w.value.to_string()).collect()),
        _ => bail!("not in exec form (a JSON array): {command:?}"),
    }
}

fn variables(arguments: &str) -> anyhow::Result<Vec<(String, String)>> {
    arguments
        .split_whitespace()
        .map(|pair| {
            let (name, value) =
                pair.split_once('=').with_context(|| format!("ENV without `=`: {pair}"))?;
            Ok((name.to_owned(), value.trim_matches('"').to_owned()))
        })
        .collect()
}

fn copied(sources: &[Source<'_>], to: &str, built: bool) -> anyhow::Result<Vec<Copied>> {
    let is_folder = to.ends_with('/') || sources.len() > 1;
    let copy = |source: &Source<'_>| {
        let Source::Path(source) = source else {
            bail!("COPY of a here-document is not supported")
        };
        let source = source.value.to_string();
        let name = Path::new(&source)
            .file_name()
            .with_context(|| format!("COPY {source} has no file name"))?;
        let into = is_folder && !source.ends_with('/');
        let destination = if into { Path::new(to).join(name) } else { PathBuf::from(to) };
        Ok(Copied { source, built, destination })
    };
    sources.iter().map(copy).collect()
}

/// The digest of an image reference; `None` when the image is not named by digest.
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
    fn shell_form_is_refused() {
        assert!(parse("FROM x\nENTRYPOINT /service serve\n").is_err());
    }

    #[test]
    fn tag_is_no_digest() {
        assert_eq!(digest("repo/api:v1"), None);
        assert_eq!(digest("repo/api@sha256:12"), None);
        assert!(digest(&format!("repo/api@sha256:{}", "a".repeat(64))).is_some());
    }
}
