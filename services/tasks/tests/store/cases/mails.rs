//! The daily limit of mails. All cases share the count of all users, so each has a day of its own.

use crate::{NOW, create};
use std::sync::Arc;
use std::time::Duration;
use tasks::model::mail::{Attempt, DailyLimit};
use tasks::model::timestamp::Timestamp;
use tasks::store::{Store, StoreError};
use tokio::task::JoinSet;

const DAY: Duration = Duration::from_hours(24);

/// The first moment of a day after [`NOW`] (UTC).
fn day(number: u32) -> Timestamp {
    let day = i64::try_from(DAY.as_millis()).unwrap();
    Timestamp::from_millis(NOW.as_millis() / day * day).after(DAY * number)
}

pub(super) async fn attempts_of_a_day_are_limited(store: Arc<dyn Store>) {
    let ada = create(&*store, "mail-ada").await.id;
    let bob = create(&*store, "mail-bob").await.id;
    let limit = DailyLimit { user: 2, all: 3 };
    let count = |user, at| store.count_mail(user, at, limit);
    let end = |number: u32| Timestamp::from_millis(day(number + 1).as_millis() - 1);
    for (user, at, expected) in [
        (ada, day(1), Attempt::Counted),
        (ada, day(1), Attempt::Counted),
        (ada, end(1), Attempt::UserLimit),
        (bob, end(1), Attempt::Counted),
        (bob, end(1), Attempt::AllLimit),
        // The attempt that the limit of all refused was not counted for the user.
        (bob, end(1), Attempt::AllLimit),
        (ada, end(1), Attempt::UserLimit),
        (ada, day(2), Attempt::Counted),
        // A clock that is behind.
        (ada, end(1), Attempt::Counted),
        (ada, day(2), Attempt::UserLimit),
        (bob, day(2), Attempt::Counted),
        (bob, day(2), Attempt::AllLimit),
        (bob, day(9), Attempt::Counted),
    ] {
        assert_eq!(count(user, at).await.unwrap(), expected, "{at}");
    }
    assert!(store.delete_user(ada, day(9)).await.unwrap());
    assert!(matches!(count(ada, day(9)).await, Err(StoreError::Failed(_))));
    // Two of three attempts are left: the failed one was not counted, and Bob made one.
    let carl = create(&*store, "mail-carl").await.id;
    assert_eq!(count(carl, day(9)).await.unwrap(), Attempt::Counted);
    assert_eq!(count(carl, day(9)).await.unwrap(), Attempt::Counted);
    assert_eq!(count(bob, day(9)).await.unwrap(), Attempt::AllLimit);
}

pub(super) async fn limit_is_kept_under_concurrency(store: Arc<dyn Store>) {
    let limit = DailyLimit { user: 5, all: 12 };
    let mut requests = JoinSet::new();
    for number in 0..4 {
        let user = create(&*store, &format!("mail-race-{number}")).await.id;
        for _ in 0..10 {
            let store = Arc::clone(&store);
            requests.spawn(async move { store.count_mail(user, day(20), limit).await.unwrap() });
        }
    }
    let results = requests.join_all().await;
    let number = |wanted| results.iter().filter(|attempt| **attempt == wanted).count();
    assert_eq!(results.len(), 40);
    assert_eq!(number(Attempt::Counted), 12, "{results:?}");
}
