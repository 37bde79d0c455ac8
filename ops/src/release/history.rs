//! Selects the images that a rollback returns to.
//!
//! A rollback leaves the newest deployment, whether ECS reports it as successful or has rolled it back. A return to
//! earlier images removes the later ones from the selection. After a rollback from B to A, a second rollback returns to
//! the images before A. It never returns to B.

use super::images::Images;

/// How a deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its tasks became healthy and no alarm fired.
    Successful,
    /// It was stopped or rolled back.
    Failed,
    /// It has not ended.
    Running,
}

impl Outcome {
    /// The outcome for a status of `ListServiceDeployments`.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentBrief.html>
    pub(crate) fn from_status(status: &str) -> Self {
        match status {
            "SUCCESSFUL" => Self::Successful,
            "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED" => Self::Failed,
            _ => Self::Running,
        }
    }
}

/// One deployment of the service.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// Its images.
    pub(crate) images: Images,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// When it began, as the AWS CLI prints it.
    pub(crate) began: String,
}

/// The last good deployment of a history, which is sorted oldest first.
pub(crate) fn last_good(history: &[Deployment]) -> Option<&Deployment> {
    let newest = history.last()?;
    let mut good: Vec<&Deployment> = Vec::new();
    for deployment in history {
        if let Some(earlier) = good.iter().position(|g| g.images == deployment.images) {
            good.truncate(earlier + 1);
        } else if deployment.outcome == Outcome::Successful {
            good.push(deployment);
        }
    }
    good.into_iter().rfind(|g| g.images != newest.images)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history such as `Z A B! A`: a letter names images, `!` a failed deployment.
    fn history(text: &str) -> Vec<Deployment> {
        let deployment = |word: &str| {
            let digest = format!("sha256:{}", word[..1].to_lowercase().repeat(64));
            let image = format!("r@{digest}");
            Deployment {
                images: Images::from_containers([
                    ("api", image.as_str()),
                    ("nginx", image.as_str()),
                ])
                .unwrap(),
                outcome: if word.ends_with('!') { Outcome::Failed } else { Outcome::Successful },
                began: word.to_owned(),
            }
        };
        text.split_whitespace().map(deployment).collect()
    }

    #[test]
    fn last_good_deployment_has_not_been_left() {
        for (said, good) in [
            ("", None),
            ("a", None),
            ("a!", None),
            ("a b", Some("a")),
            // ECS has already rolled back: a runs, and only Terraform still names b.
            ("f a b!", Some("a")),
            ("f a b! c!", Some("a")),
            // A deployment of new tasks or new keys with the same images is no release.
            ("a b b b", Some("a")),
            ("a b b!", Some("a")),
            // The second rollback goes further back, not forward.
            ("f a b a", Some("f")),
            ("f a b a!", Some("f")),
            ("a b a", None),
            // After a rollback and a new release, the rollback target is the images before that release.
            ("f a b a c", Some("a")),
            ("f a b a b", Some("a")),
            ("e f a b a f", Some("e")),
        ] {
            let history = history(said);
            let found = last_good(&history).map(|d| d.began.as_str());
            assert_eq!(found, good, "{said}");
        }
    }

    #[test]
    fn status_without_an_end_is_running() {
        assert_eq!(Outcome::from_status("SUCCESSFUL"), Outcome::Successful);
        for status in ["STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"] {
            assert_eq!(Outcome::from_status(status), Outcome::Failed, "{status}");
        }
        for status in ["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_IN_PROGRESS", "NEW"] {
            assert_eq!(Outcome::from_status(status), Outcome::Running, "{status}");
        }
    }
}
