//! The bound on password hashes, proved by counts: a hasher that waits until the test lets it continue.

use crate::support::{PASSWORD, Setup, Testbed, retry_after, until};
use chassis::testing::Reply;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

const CONCURRENCY: usize = 2;
/// Those that run and those that wait.
const ADMITTED: usize = CONCURRENCY * 5;

/// A testbed with this number of hashes at once.
async fn testbed() -> Arc<Testbed> {
    let setup = Setup { hash_concurrency: CONCURRENCY, ..Setup::default() };
    Arc::new(Testbed::with(setup).await)
}

/// Logins of unknown names that run at the same time.
struct Flood {
    logins: JoinSet<Reply>,
    answered: Arc<AtomicUsize>,
}

impl Flood {
    fn start(bed: &Arc<Testbed>, number: usize) -> Self {
        let (mut logins, answered) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        for number in 0..number {
            let (bed, answered) = (Arc::clone(bed), Arc::clone(&answered));
            logins.spawn(async move {
                let reply = bed.login(&format!("flood-{number}"), PASSWORD).await;
                answered.fetch_add(1, Ordering::SeqCst);
                reply
            });
        }
        Self { logins, answered }
    }

    /// One more than the service admits. The one that is refused proves that all others are admitted.
    async fn start_full(bed: &Arc<Testbed>) -> Self {
        let flood = Self::start(bed, ADMITTED + 1);
        until("the refusal", || flood.answered() == 1).await;
        until("the hashes", || running(bed) == CONCURRENCY).await;
        flood
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

fn running(bed: &Testbed) -> usize {
    bed.hasher.running.load(Ordering::SeqCst)
}

#[tokio::test]
async fn flood_of_logins_does_not_delay_other_requests() {
    let bed = testbed().await;
    let user = bed.user("ada").await;
    let closed = bed.hasher.close();
    let mut flood = Flood::start(&bed, 50);
    until("the refusals", || flood.answered() == 50 - ADMITTED).await;
    until("the hashes", || running(&bed) == CONCURRENCY).await;
    // No other login is answered while the hasher waits. All other requests are.
    for _ in 0..10 {
        assert_eq!(bed.me(&user.access).await.status, 200);
    }
    assert_eq!(bed.refresh(&user.refresh).await.status, 200);
    for head in ["GET /healthz", "GET /readyz", "GET /docs"] {
        assert_eq!(chassis::testing::ask(&bed.app, head, &[], "").await.status, 200, "{head}");
    }
    for refused in [
        bed.login("ada", PASSWORD).await,
        bed.post("/auth/register", &crate::support::credentials("grace", PASSWORD)).await,
        bed.change_password(&user.access, PASSWORD, "another good one").await,
    ] {
        assert_eq!((refused.status.as_u16(), retry_after(&refused)), (503, 1));
    }
    assert_eq!(flood.answered(), 50 - ADMITTED);
    drop(closed);
    let mut statuses = [0, 0];
    while let Some(reply) = flood.logins.join_next().await {
        match reply.unwrap() {
            reply if reply.status == 503 => {
                assert_eq!(retry_after(&reply), 1);
                statuses[0] += 1;
            }
            reply => {
                assert_eq!(reply.status, 401);
                statuses[1] += 1;
            }
        }
    }
    assert_eq!(statuses, [50 - ADMITTED, ADMITTED]);
    assert_eq!(bed.hasher.most_running.load(Ordering::SeqCst), CONCURRENCY);
    bed.session("ada").await;
}

/// A caller that gives up while it waits leaves its place to another one.
#[tokio::test]
async fn caller_that_gives_up_frees_its_place() {
    let bed = testbed().await;
    bed.register("ada").await;
    let closed = bed.hasher.close();
    let mut flood = Flood::start_full(&bed).await;
    assert_eq!(bed.login("ada", PASSWORD).await.status, 503);
    flood.logins.shutdown().await;
    // The hashes that run cannot be stopped, so their places are still taken.
    assert_eq!(running(&bed), CONCURRENCY);
    let free = ADMITTED - CONCURRENCY;
    let mut flood = Flood::start(&bed, free + 3);
    until("the refusals", || flood.answered() == 3).await;
    drop(closed);
    let mut refused = 0;
    while let Some(reply) = flood.logins.join_next().await {
        refused += usize::from(reply.unwrap().status == 503);
    }
    assert_eq!(refused, 3);
    assert_eq!(bed.hasher.most_running.load(Ordering::SeqCst), CONCURRENCY);
    bed.session("ada").await;
}

/// A login that is refused because the service is busy is no failed login.
#[tokio::test]
async fn refusal_of_a_busy_service_does_not_count_as_a_failed_login() {
    let bed = testbed().await;
    bed.register("ada").await;
    let closed = bed.hasher.close();
    let mut flood = Flood::start_full(&bed).await;
    for _ in 0..10 {
        assert_eq!(bed.login("ada", PASSWORD).await.status, 503);
    }
    drop(closed);
    while flood.logins.join_next().await.is_some() {}
    bed.session("ada").await;
}
