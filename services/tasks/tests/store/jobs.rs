//! A bench on which a job runs: a database, a storage and the way of mails.

use crate::cases::manual;
use crate::{create, later};
use chassis::clock::Clock;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tasks::jobs::Job;
use tasks::jobs::context::{Context, Stop, Tools, Unfinished};
use tasks::jobs::resize_image::Resizer;
use tasks::mail::{Mail, Way};
use tasks::model::mail::{Address, DailyLimit, Recipients};
use tasks::model::result::ResultFile;
use tasks::model::task::{Kind, Task};
use tasks::model::user::User;
use tasks::results::Results;
use tasks::store::{Options, Store, Target, open};
use tempfile::TempDir;
use tokio::sync::watch;

pub(crate) type Ended = Result<Option<ResultFile>, Unfinished>;

pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) user: User,
    pub(crate) folder: TempDir,
    pub(crate) limit: DailyLimit,
    pub(crate) recipients: Recipients,
}

impl Bench {
    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        let user = create(&*store, "bench").await;
        let limit = DailyLimit { user: 1000, all: 1000 };
        let (folder, recipients) = (tempfile::tempdir().unwrap(), Recipients::default());
        Self { store, user, folder, limit, recipients }
    }

    pub(crate) async fn in_memory() -> Self {
        Self::on(open(&Target::SqliteMemory, Options::default()).await.unwrap()).await
    }

    /// The folder of the storage.
    pub(crate) fn results(&self) -> std::path::PathBuf {
        self.folder.path().join("results")
    }

    /// A way of mails into files.
    pub(crate) fn files(&self) -> Way {
        Way::into_folder(&self.folder.path().join("mails")).unwrap()
    }

    /// A task that is not stored.
    pub(crate) fn task(&self, kind: &'static str, payload: Value) -> Task {
        let mut task = manual(&self.user);
        task.summary.kind = Kind::new(kind);
        task.payload = Some(payload);
        task
    }

    /// A run of a task with a time limit.
    pub(crate) fn context(
        &self,
        task: &Task,
        from: &str,
        way: Way,
        timeout: Duration,
    ) -> (Context, watch::Sender<Option<Stop>>) {
        let (from, recipients) = (Address::parse(from).unwrap(), self.recipients.clone());
        let mail = Mail { from, recipients, limit: self.limit, way };
        let now = Duration::from_secs(later(3600).as_secs());
        let results = Results::in_folder(&self.results()).unwrap();
        let tools = Tools {
            store: Arc::clone(&self.store),
            results,
            mail,
            resizer: Resizer::of_this_program(),
            clock: Clock::new(move || now),
        };
        Context::new(task.clone(), 7, Arc::new(tools), timeout)
    }
}

/// Runs a job to its end.
pub(crate) async fn run(context: Context) -> Ended {
    let job = Job::of(&context.task.summary.kind).unwrap();
    (job.run)(context).await
}

/// The paths of all files of a folder and of its folders.
pub(crate) fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
