//! The images of a plan: the given ones for the target's service, and the running ones for every other service.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::stack::{Stack, Target};
use crate::release::images::Images;

/// Prints the service's running images; nothing before its first deployment.
pub(super) fn run(target: &Target) -> anyhow::Result<bool> {
    target.check_service()?;
    if let Some(images) = target.open()?.running()? {
        println!("{images}");
    }
    Ok(true)
}

/// The images that a caller names.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Given {
    /// Image of the API, by digest; without both images, the service keeps its running images
    #[arg(long, env = "API_IMAGE", default_value = "")]
    api_image: String,
    /// Image of the sidecar, by digest
    #[arg(long, env = "NGINX_IMAGE", default_value = "")]
    nginx_image: String,
}

impl Given {
    pub(super) fn images(&self) -> anyhow::Result<Option<Images>> {
        let (api, nginx) = (self.api_image.as_str(), self.nginx_image.as_str());
        if api.is_empty() && nginx.is_empty() {
            return Ok(None);
        }
        ensure!(
            !api.is_empty() && !nginx.is_empty(),
            "set both API_IMAGE and NGINX_IMAGE, or neither"
        );
        Images::from_containers([("api", api), ("nginx", nginx)]).map(Some)
    }
}

impl Stack {
    /// The running images of the target's service, from ECS. The state can contain a version that ECS rolled back.
    pub(super) fn running(&self) -> anyhow::Result<Option<Images>> {
        self.running_of(&self.target.service)
    }

    fn running_of(&self, folder: &str) -> anyhow::Result<Option<Images>> {
        self.ecs(folder)?.map_or(Ok(None), |service| service.running())
    }

    /// Sets the images for every plan: these for the target's service, and the running ones for every other service.
    /// Without `images`, the target's service keeps its running images too.
    pub(super) fn use_images(&mut self, images: Option<Images>) -> anyhow::Result<()> {
        let own = match images {
            Some(images) => Some(images),
            None => self.running()?,
        };
        let mut all = BTreeMap::new();
        all.extend(own.map(|images| (self.target.service.clone(), images)));
        for folder in self.deployed()? {
            if folder == self.target.service {
                continue;
            }
            let Some(running) = self.running_of(&folder)? else {
                // Without its images, the plan would remove the service.
                bail!(
                    "the Terraform state has the service {folder}, but ECS has no running deployment of it: deploy it first"
                );
            };
            all.insert(folder, running);
        }
        self.write_images(&variable(&all))
    }

    /// Sets placeholder images for a destroy, which needs the variable but reads no image.
    pub(super) fn use_no_images(&mut self) -> anyhow::Result<()> {
        let unused = "000000000000.dkr.ecr.us-east-1.amazonaws.com/unused@sha256:";
        let image = format!("{unused}{}", "0".repeat(64));
        let folders = self.deployed()?;
        let folders = if folders.is_empty() { vec![self.target.service.clone()] } else { folders };
        let images = Images::from_containers([("api", image.as_str()), ("nginx", image.as_str())])?;
        let all = folders.into_iter().map(|folder| (folder, images.clone())).collect();
        self.write_images(&variable(&all))
    }

    fn write_images(&mut self, variable: &Value) -> anyhow::Result<()> {
        let file = self.terraform.scratch.join("images.tfvars.json");
        fs::write(&file, variable.to_string()).context("the variable `images`")?;
        self.terraform.read_variables(&file)
    }
}

/// The variable `images`; not set without any service, because the configuration must set it then.
fn variable(images: &BTreeMap<String, Images>) -> Value {
    if images.is_empty() {
        return json!({});
    }
    let of = |images: &Images| json!({ "api": images.api.to_string(), "nginx": images.nginx.to_string() });
    let images: serde_json::Map<String, Value> =
        images.iter().map(|(folder, images)| (folder.clone(), of(images))).collect();
    json!({ "images": images })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_has_the_images_of_every_service() {
        let image = |digit: &str| format!("r/x@sha256:{}", digit.repeat(64));
        let of = |digit: &str| {
            let image = image(digit);
            Images::from_containers([("api", image.as_str()), ("nginx", image.as_str())]).unwrap()
        };
        let all = BTreeMap::from([("sum".to_owned(), of("1")), ("orders".to_owned(), of("2"))]);
        assert_eq!(
            variable(&all),
            json!({ "images": { "sum": { "api": image("1"), "nginx": image("1") }, "orders": { "api": image("2"), "nginx": image("2") } } })
        );
        assert_eq!(variable(&BTreeMap::new()), json!({}));
    }

    #[test]
    fn one_image_without_the_other_is_refused() {
        let given = |api: &str, nginx: &str| Given {
            api_image: api.to_owned(),
            nginx_image: nginx.to_owned(),
        };
        assert!(given("", "").images().unwrap().is_none());
        let image = format!("r/x@sha256:{}", "1".repeat(64));
        assert!(given(&image, &image).images().unwrap().is_some());
        for (api, nginx) in
            [(image.as_str(), ""), ("", image.as_str()), (image.as_str(), "r/x:tag")]
        {
            assert!(given(api, nginx).images().is_err(), "{api} {nginx}");
        }
    }
}
