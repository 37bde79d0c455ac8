//! Chooses the images of a deployment: from the build, or from another environment.
//!
//! The build makes an image for each architecture. This module takes the one for the architecture in the environment's
//! values.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::environment::Environment;
use super::promote;
use super::stack::Target;
use super::values::Values;
use crate::release::images::Images;
use crate::release::{Platform, github};
use crate::variable::given;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The outputs of the build as a JSON object, such as `{"amd64_api_image": "…"}`
    #[arg(long, env = "BUILT", default_value = "")]
    built: String,
    /// Take the running images of this environment instead of a build
    #[arg(long, env = "FROM", default_value = "")]
    from: String,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        self.target.check_service()?;
        let images = if self.from.is_empty() {
            of_build(&self.built, platform(&self.target)?)?
        } else {
            let from: Environment = self.from.parse()?;
            promote::images(&self.target, &from)?
        };
        github::output(&images.to_string())?;
        Ok(true)
    }
}

/// The architecture of the service's tasks. If the values are outside of the repository, `PLATFORM` must name it.
pub(super) fn platform(target: &Target) -> anyhow::Result<Platform> {
    if let Some(text) = given("PLATFORM") {
        return text.parse();
    }
    if let Some(text) = given("TF_VARS") {
        ensure!(
            !text.contains("cpu_architecture"),
            "TF_VARS sets cpu_architecture: also set PLATFORM to linux/amd64 or linux/arm64"
        );
        return Ok(Platform::Amd64);
    }
    Values::of(&target.root, &target.environment)?.platform(&target.service)
}

fn of_build(outputs: &str, platform: Platform) -> anyhow::Result<Images> {
    let outputs: Value = serde_json::from_str(outputs).context("BUILT must be a JSON object")?;
    let image = |container: &str| {
        let name = format!("{}_{container}_image", platform.architecture());
        let image = outputs[&name].as_str().map(str::to_owned);
        image.with_context(|| format!("the build has no output {name}"))
    };
    let (api, nginx) = (image("api")?, image("nginx")?);
    Images::from_containers([("api", api.as_str()), ("nginx", nginx.as_str())])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn choose_takes_the_images_of_the_architecture() {
        let image = |digit: &str| format!("r/x@sha256:{}", digit.repeat(64));
        let outputs = json!({ "amd64_api_image": image("1"), "amd64_nginx_image": image("2"),
            "arm64_api_image": image("3"), "arm64_nginx_image": image("4") })
        .to_string();
        for (platform, api, nginx) in [(Platform::Amd64, "1", "2"), (Platform::Arm64, "3", "4")] {
            let found = of_build(&outputs, platform).unwrap();
            let expected = format!("api_image={}\nnginx_image={}", image(api), image(nginx));
            assert_eq!(found.to_string(), expected);
        }
        let one =
            json!({ "amd64_api_image": image("1"), "amd64_nginx_image": image("2") }).to_string();
        let missing = of_build(&one, Platform::Arm64).unwrap_err().to_string();
        assert!(missing.contains("arm64_api_image"), "{missing}");
        of_build("", Platform::Amd64).unwrap_err();
    }
}
