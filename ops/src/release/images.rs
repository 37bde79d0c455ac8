//! The two images of a release, each named by its digest.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};

/// An image by digest: `REPOSITORY@sha256:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    repository: String,
    digest: Digest,
}

/// `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digest(String);

/// What a person writes: a digest alone, or a whole image.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// Of the repository that the running image comes from.
    Digest(Digest),
    /// As it is.
    Image(Image),
}

/// The images of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Images {
    /// The API's image.
    pub(super) api: Image,
    /// The sidecar's image.
    pub(super) nginx: Image,
}

impl Images {
    /// The images of a task's containers, given as name and image.
    pub(super) fn from_containers<'a>(
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

    /// These images, with the ones that a person asked for in their place.
    pub(super) fn with(self, api: Option<Wanted>, nginx: Option<Wanted>) -> Self {
        Self { api: self.api.replaced_by(api), nginx: self.nginx.replaced_by(nginx) }
    }
}

impl Image {
    fn replaced_by(self, wanted: Option<Wanted>) -> Self {
        match wanted {
            None => self,
            Some(Wanted::Image(image)) => image,
            Some(Wanted::Digest(digest)) => Self { digest, ..self },
        }
    }

    /// The first digits of the digest, for people.
    pub(super) fn short(&self) -> &str {
        self.digest.0.get(..19).unwrap_or(&self.digest.0)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest.0)
    }
}

/// As the next command reads it: one variable a line.
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

impl FromStr for Image {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((repository, digest)) = text.split_once('@') else {
            bail!("`{text}` is not named by its digest: expected REPOSITORY@sha256:DIGEST");
        };
        ensure!(!repository.is_empty(), "`{text}` names no repository");
        Ok(Self { repository: repository.to_owned(), digest: digest.parse()? })
    }
}

impl FromStr for Wanted {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text.contains('@') {
            text.parse().map(Self::Image)
        } else {
            text.parse().map(Self::Digest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn a_digest_alone_is_of_the_running_repository() {
        let (one, two) = (digest('1'), digest('2'));
        let running = Images::from_containers([
            ("api", format!("r/api@{one}").as_str()),
            ("nginx", format!("r/nginx@{one}").as_str()),
        ])
        .unwrap();
        let wanted = running.clone().with(Some(two.parse().unwrap()), None);
        assert_eq!(wanted.to_string(), format!("api_image=r/api@{two}\nnginx_image=r/nginx@{one}"));
        let elsewhere = format!("other/api@{two}").parse().unwrap();
        let wanted = running.with(Some(elsewhere), Some(two.parse().unwrap()));
        assert_eq!(
            wanted.to_string(),
            format!("api_image=other/api@{two}\nnginx_image=r/nginx@{two}")
        );
    }

    #[test]
    fn only_a_digest_names_an_image() {
        for text in ["r/api:latest", "r/api", "@sha256:11", "r@sha256:11"] {
            assert!(text.parse::<Image>().is_err(), "{text}");
        }
        for text in ["latest", "sha256:", "sha256:11", &digest('G'), &digest('A'), "md5:11"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
        assert!(Images::from_containers([("api", "r/api@sha256:11")]).is_err());
    }
}
