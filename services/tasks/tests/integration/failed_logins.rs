//! The limits of failed logins.

use crate::support::{
    OTHER_PASSWORD, PASSWORD, Setup, Testbed, credentials, poll_once, retry_after,
};
use chassis::testing::Reply;
use std::time::Duration;

/// The type of the 429.
const LIMITED: &str = "urn:tasks:problem:too-many-failed-logins";
const WINDOW: Duration = Duration::from_mins(15);

async fn login_from(bed: &Testbed, address: &str, name: &str, password: &str) -> Reply {
    bed.post_from(address, "/auth/login", &credentials(name, password)).await
}

/// Fails this number of logins from one address.
async fn fail(bed: &Testbed, name: &str, times: usize) {
    for number in 0..times {
        let reply = bed.login(name, OTHER_PASSWORD).await;
        assert_eq!(reply.status, 401, "{name} {number}");
    }
}

fn assert_limited(reply: &Reply, seconds: u64) {
    assert_eq!(reply.status, 429, "{}", reply.body);
    assert_eq!(reply.json()["type"], LIMITED);
    assert_eq!(retry_after(reply), seconds);
    for header in ["ratelimit", "ratelimit-policy"] {
        assert_eq!(reply.header(header), None);
    }
}

/// Known and unknown names count, and the answer does not tell which one it is.
#[tokio::test]
async fn sixth_failed_login_of_a_name_and_address_is_limited() {
    let bed = Testbed::new().await;
    bed.register("ada").await;
    for name in ["ada", "nobody-here"] {
        fail(&bed, name, 5).await;
        bed.journal.take();
        for password in [OTHER_PASSWORD, PASSWORD] {
            assert_limited(&bed.login(name, password).await, WINDOW.as_secs());
        }
        // The case of the name makes no difference.
        assert_limited(&bed.login(&name.to_uppercase(), PASSWORD).await, WINDOW.as_secs());
        assert!(bed.journal.take().is_empty(), "it is checked before any work");
    }
    fail(&bed, "another-name", 1).await;
    let elsewhere = login_from(&bed, "192.0.2.2", "ada", PASSWORD).await;
    assert_eq!(elsewhere.status, 200, "another address");
}

#[tokio::test]
async fn window_of_a_name_and_address_slides() {
    let bed = Testbed::new().await;
    bed.register("ada").await;
    for _ in 0..5 {
        fail(&bed, "ada", 1).await;
        bed.advance(Duration::from_mins(1));
    }
    assert_limited(&bed.login("ada", PASSWORD).await, 10 * 60);
    bed.advance(Duration::from_mins(10) - Duration::from_millis(1));
    assert_limited(&bed.login("ada", PASSWORD).await, 1);
    bed.advance(Duration::from_millis(1));
    fail(&bed, "ada", 1).await;
    assert_limited(&bed.login("ada", PASSWORD).await, 60);
}

/// A caller of IPv6 has a whole network.
#[tokio::test]
async fn addresses_of_one_ipv6_network_count_together() {
    let bed = Testbed::new().await;
    for host in 1..=5 {
        let address = format!("2001:db8::{host}");
        assert_eq!(login_from(&bed, &address, "ada", PASSWORD).await.status, 401);
    }
    assert_limited(&login_from(&bed, "2001:db8::ffff", "ada", PASSWORD).await, WINDOW.as_secs());
    assert_eq!(login_from(&bed, "2001:db8:0:1::1", "ada", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn hundred_failed_logins_of_a_name_limit_all_addresses() {
    let bed = Testbed::new().await;
    for name in ["ada", "nobody-here"] {
        for number in 0..100 {
            let address = format!("198.51.100.{number}");
            assert_eq!(login_from(&bed, &address, name, PASSWORD).await.status, 401, "{number}");
        }
    }
    bed.register("ada").await;
    bed.advance(Duration::from_mins(20));
    bed.journal.take();
    for name in ["ada", "nobody-here"] {
        assert_limited(&bed.login(name, PASSWORD).await, 40 * 60);
    }
    assert!(bed.journal.take().is_empty());
    bed.advance(Duration::from_mins(40));
    bed.session("ada").await;
}

#[tokio::test]
async fn success_resets_the_count() {
    let bed = Testbed::new().await;
    bed.register("ada").await;
    for _ in 0..3 {
        fail(&bed, "ada", 4).await;
        bed.session("ada").await;
    }
    fail(&bed, "ada", 5).await;
    assert_limited(&bed.login("ada", PASSWORD).await, WINDOW.as_secs());
}

/// Otherwise an attacker could sign a user out.
#[tokio::test]
async fn open_sessions_stay_open() {
    let bed = Testbed::new().await;
    let pair = bed.user("ada").await;
    fail(&bed, "ada", 5).await;
    assert_limited(&bed.login("ada", PASSWORD).await, WINDOW.as_secs());
    assert_eq!(bed.me(&pair.access).await.status, 200);
    assert_eq!(bed.refresh(&pair.refresh).await.status, 200);
}

#[tokio::test]
async fn wrong_old_password_counts_as_a_failed_login() {
    let bed = Testbed::new().await;
    let token = bed.user("ada").await.access;
    fail(&bed, "ada", 2).await;
    for _ in 0..3 {
        let reply = bed.change_password(&token, OTHER_PASSWORD, "another good one").await;
        assert_eq!(reply.status, 403, "{}", reply.body);
        assert_eq!(reply.json()["type"], "urn:tasks:problem:wrong-password");
    }
    bed.journal.take();
    let limited = bed.change_password(&token, PASSWORD, "another good one").await;
    assert_limited(&limited, WINDOW.as_secs());
    assert_eq!(bed.journal.take(), ["session_user"], "it is checked before the hash");
    assert_limited(&bed.login("ada", PASSWORD).await, WINDOW.as_secs());

    bed.advance(WINDOW);
    let token = bed.session("ada").await.access;
    fail(&bed, "ada", 4).await;
    let changed = bed.change_password(&token, PASSWORD, "another good one").await;
    assert_eq!(changed.status, 204, "a success resets the count");
    fail(&bed, "ada", 5).await;
}

/// Nobody compared the password.
#[tokio::test]
async fn login_without_a_result_does_not_count() {
    let bed = Testbed::with(Setup { hash_concurrency: 1, ..Setup::default() }).await;
    let token = bed.user("ada").await.access;
    bed.store.set_away(true);
    for _ in 0..6 {
        assert_eq!(bed.login("ada", PASSWORD).await.status, 503);
        assert_eq!(bed.change_password(&token, PASSWORD, OTHER_PASSWORD).await.status, 503);
    }
    bed.store.set_away(false);
    fail(&bed, "ada", 5).await;
    assert_limited(&bed.login("ada", PASSWORD).await, WINDOW.as_secs());
}

/// Attempts at the same time cannot exceed the limit.
#[tokio::test]
async fn concurrent_attempts_are_limited() {
    let bed = Testbed::with(Setup { hash_concurrency: 8, ..Setup::default() }).await;
    bed.register("ada").await;
    let attempts = (0..20).map(|_| bed.login("ada", OTHER_PASSWORD));
    let mut statuses = Vec::new();
    let mut attempts: Vec<_> = attempts.map(Box::pin).collect();
    // All of them have begun before the first one ends.
    let closed = bed.hasher.close();
    for attempt in &mut attempts {
        if let Some(reply) = poll_once(attempt).await {
            statuses.push(reply.status.as_u16());
        }
    }
    drop(closed);
    assert_eq!(statuses, [429; 15]);
    drop(attempts);
    assert_eq!(bed.login("ada", PASSWORD).await.status, 429);
}
