//! The two images of a release, each named by its digest.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, ensure};

/// An image by digest: `REPOSITORY@sha256:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    repository: String,
    digest: Digest,
}

/// `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest(String);

/// An argument: a whole image, or a digest in the repository of the running image.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    repository: Option<String>,
    digest: Digest,
}

/// The images of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Images {
    /// The API's image.
    pub(crate) api: Image,
    /// The sidecar's image.
    pub(crate) nginx: Image,
}

impl Images {
    /// The images of a task's containers, given as name and image.
    pub(crate) fn from_containers<'a>(
        containers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> anyhow::Result<Self> {
        let (mut api, mut nginx) = (None, None);
        for (name, image) in containers {
            match name {
                "api" => api = Some(image.parse()?),
                "nginx" => nginx = Some(image.parse()?),
                _ => {}
            }
        }
        Ok(Self {
            api: api.context("no container `api`")?,
            nginx: nginx.context("no container `nginx`")?,
        })
    }

    /// These images, replaced by the desired ones where they are given.
    pub(crate) fn with(self, api: Option<Desired>, nginx: Option<Desired>) -> Self {
        Self { api: self.api.replaced_by(api), nginx: self.nginx.replaced_by(nginx) }
    }
}

impl Image {
    /// The image with this digest in a repository.
    pub(crate) fn new(repository: &str, digest: Digest) -> Self {
        Self { repository: repository.to_owned(), digest }
    }

    /// The digest only.
    pub(crate) const fn digest(&self) -> &Digest {
        &self.digest
    }

    fn replaced_by(self, desired: Option<Desired>) -> Self {
        let Some(Desired { repository, digest }) = desired else { return self };
        Self { repository: repository.unwrap_or(self.repository), digest }
    }

    /// The first digits of the digest, for messages.
    pub(crate) fn short(&self) -> &str {
        self.digest.0.get(..19).unwrap_or(&self.digest.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

/// One variable for each line, as the next command reads it.
impl fmt::Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "api_image={}\nnginx_image={}", self.api, self.nginx)
    }
}

impl FromStr for Digest {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        ensure!(
            digits.len() == 64 && digits.chars().all(hexadecimal),
            "`{text}` is no digest: expected sha256: and 64 hexadecimal digits"
        );
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Desired {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (repository, digest) = match text.split_once('@') {
            Some((repository, digest)) => (Some(repository.to_owned()), digest),
            None => (None, text),
        };
        ensure!(repository.as_deref() != Some(""), "`{text}` names no repository");
        Ok(Self { repository, digest: digest.parse()? })
    }
}

impl FromStr for Image {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let expected =
            || format!("`{text}` is not named by its digest: expected REPOSITORY@sha256:DIGEST");
        let Desired { repository, digest } = text.parse().with_context(expected)?;
        Ok(Self { repository: repository.with_context(expected)?, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn digest_without_repository_uses_the_running_one() {
        let (one, two) = (digest('1'), digest('2'));
        let running = Images::from_containers([
            ("api", format!("r/api@{one}").as_str()),
            ("nginx", format!("r/nginx@{one}").as_str()),
        ])
        .unwrap();
        let images = running.clone().with(Some(two.parse().unwrap()), None);
        assert_eq!(images.to_string(), format!("api_image=r/api@{two}\nnginx_image=r/nginx@{one}"));
        let elsewhere = format!("other/api@{two}").parse().unwrap();
        let images = running.with(Some(elsewhere), Some(two.parse().unwrap()));
        assert_eq!(
            images.to_string(),
            format!("api_image=other/api@{two}\nnginx_image=r/nginx@{two}")
        );
    }

    #[test]
    fn image_without_digest_is_refused() {
        for text in ["r/api:latest", "r/api", "@sha256:11", "r@sha256:11"] {
            assert!(text.parse::<Image>().is_err(), "{text}");
        }
        for text in ["latest", "sha256:", "sha256:11", &digest('G'), &digest('A'), "md5:11"] {
            assert!(text.parse::<Desired>().is_err(), "{text}");
        }
        assert!(Images::from_containers([("api", "r/api@sha256:11")]).is_err());
    }
}
