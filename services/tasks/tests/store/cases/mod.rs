//! The cases that each engine must pass. They share a database, so each uses names and tokens of its own.

mod claims;
mod events;
mod keys;
mod lists;
mod mails;
mod refresh;
mod sessions;
mod task;
mod users;
mod work;

pub(crate) use self::task::{WIDE, manual};

use super::NOW;
use std::pin::Pin;
use std::sync::Arc;
use tasks::model::session::Session;
use tasks::store::Store;

pub(crate) type Case = fn(Arc<dyn Store>) -> Pin<Box<dyn Future<Output = ()>>>;

/// Lists cases with their names.
macro_rules! cases {
    ($($group:ident::$name:ident,)+) => {
        &[$((stringify!($name), |store| Box::pin($group::$name(store)))),+]
    };
}

pub(crate) const CASES: &[(&str, Case)] = cases![
    users::user_is_read_back,
    users::taken_name_is_refused,
    users::only_one_of_concurrent_creates_succeeds,
    users::id_of_another_user_is_an_error,
    users::role_is_changed,
    users::password_change_needs_the_old_hash,
    users::password_change_ends_other_sessions,
    users::deletion_cascades,
    mails::attempts_of_a_day_are_limited,
    mails::limit_is_kept_under_concurrency,
    sessions::session_ends_with_its_time,
    sessions::session_belongs_to_its_user,
    sessions::login_with_a_changed_password_is_refused,
    sessions::login_of_a_deleted_user_is_refused,
    sessions::login_during_a_password_change_does_not_last,
    sessions::concurrent_changes_of_one_user_do_not_fail,
    sessions::failed_transaction_leaves_nothing,
    sessions::logout_accepts_a_superseded_token,
    sessions::ended_sessions_are_removed_in_portions,
    sessions::statements_of_many_callers_do_not_mix,
    refresh::rotation_supersedes_the_token,
    refresh::replay_returns_the_same_successor,
    refresh::replay_window_ends,
    refresh::replay_after_use_of_the_successor_is_reuse,
    refresh::reuse_ends_the_session,
    refresh::unknown_token_is_not_rotated,
    refresh::expired_session_is_not_rotated,
    refresh::concurrent_rotations_agree,
    refresh::concurrent_rotation_and_logout_do_not_fail,
    task::task_is_read_back,
    task::change_needs_the_version,
    task::one_of_concurrent_changes_wins,
    task::deleted_task_is_gone,
    task::assignee_must_exist,
    keys::repeated_key_returns_the_task,
    keys::concurrent_requests_with_one_key_create_one_task,
    keys::key_of_a_deleted_task_is_remembered,
    keys::key_expires,
    keys::oldest_key_is_forgotten,
    task::bounds_are_kept,
    task::bounds_are_kept_under_concurrency,
    keys::refused_creation_leaves_no_key,
    task::usage_follows_the_tasks,
    task::deletion_of_a_user_removes_tasks_and_assignments,
    lists::scopes_contain_their_tasks_once,
    lists::filters_select,
    lists::orders_are_total,
    lists::pages_and_keysets_agree,
    lists::totals_stop,
    lists::search_is_literal_and_without_case,
    events::each_change_is_one_event_for_each_viewer,
    events::changes_of_workers_are_events,
    events::numbers_have_no_gap_under_concurrency,
    events::reader_continues_at_every_point,
    events::event_of_a_hidden_task_is_skipped,
    events::deletion_of_a_user_tells_the_others,
    events::old_events_are_removed_without_a_gap,
    events::looks_find_numbers_and_sessions,
    events::commits_and_ends_are_news,
    claims::claim_begins_a_run,
    claims::job_of_a_fast_clock_is_due_at_once,
    claims::concurrent_claims_never_meet,
    claims::claims_rotate_among_users,
    claims::order_within_a_user_is_due_priority_age,
    work::success_is_recorded_once,
    work::old_fence_changes_nothing,
    work::renewed_lease_does_not_end,
    work::failed_runs_end_in_failed,
    work::pause_before_a_retry_is_stored,
    work::handed_back_run_does_not_count,
    work::third_crash_is_poison,
    work::cancellation_meets_each_end,
    claims::limits_of_types_and_users_hold,
    claims::paused_type_is_not_claimed,
    work::one_leader_at_a_time,
    work::deleted_user_loses_the_run,
];

/// Whether the session is valid at [`NOW`].
async fn is_valid(store: &dyn Store, session: &Session) -> bool {
    store.session_user(session.id, session.user, NOW).await.unwrap().is_some()
}
