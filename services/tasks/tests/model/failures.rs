//! The pause and the errors of failed runs, with generated values.

use proptest::prelude::*;
use std::time::Duration;
use tasks::model::run::{End, pause};
use tasks::model::task::{Kind, Task, TaskId};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::UserId;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const LONGEST: Duration = Duration::from_mins(10);
/// The most characters of all errors together.
const LENGTH: usize = 4000;

fn with_errors(errors: &[String]) -> String {
    let mut task = Task::new(TaskId(Uuid::nil()), UserId(Uuid::nil()), Kind::new("job"), NOW);
    task.summary.max_attempts = u16::MAX;
    for error in errors {
        task.begin(NOW);
        task.finish(End::Failed(error.clone(), Duration::ZERO), NOW);
    }
    task.summary.error.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pause_is_the_part_of_a_doubled_second(failed in 1_u16.., random in 0.0..=1.0_f64) {
        let seconds = 2_u64.checked_pow(u32::from(failed) - 1).unwrap_or(u64::MAX);
        let whole = Duration::from_secs(seconds.min(LONGEST.as_secs()));
        prop_assert_eq!(pause(failed, 1.0), whole);
        prop_assert_eq!(pause(failed, 0.0), Duration::ZERO);
        prop_assert_eq!(pause(failed, random), whole.mul_f64(random));
    }

    #[test]
    fn pause_is_never_longer_than_ten_minutes(failed in any::<u16>(), random in any::<f64>()) {
        prop_assert!(pause(failed, random) <= LONGEST);
    }

    #[test]
    fn errors_are_lines_with_a_bounded_length(
        errors in prop::collection::vec("\\PC{1,900}", 1..12),
    ) {
        let whole = errors.join("\n");
        let first: String = whole.chars().take(LENGTH).collect();
        prop_assert_eq!(with_errors(&errors), first);
    }
}

#[test]
fn errors_reach_their_bound() {
    let errors = vec!["é".repeat(LENGTH - 1), "more".into(), "never".into()];
    let text = with_errors(&errors);
    assert_eq!((text.chars().count(), text.ends_with("é\n")), (LENGTH, true));
}
