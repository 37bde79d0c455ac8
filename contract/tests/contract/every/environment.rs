//! The process of every service has a directory of its own for its state, and the variables of its folder.

use super::conclude;
use contract::own_stack_only;
use contract::process::Process;
use contract::service;
use contract::stack::Stack;
use std::path::PathBuf;

/// The environment of a process, as `NAME=value`.
fn environment(process: &Process) -> Vec<String> {
    let files = process.proc_files("environ");
    files[0].split_terminator('\0').map(str::to_owned).collect()
}

fn state(process: &Process) -> PathBuf {
    let environment = environment(process);
    let path = environment.iter().find_map(|variable| variable.strip_prefix("STATE_DIR="));
    path.expect("each process has one").into()
}

#[test]
fn process_has_its_own_state_and_the_variables_of_its_folder() {
    own_stack_only!("process_has_its_own_state_and_the_variables_of_its_folder");
    let (mut count, mut wrong) = (0, Vec::new());
    for service in service::all() {
        let [one, other] = [(); 2].map(|()| Stack::for_service(service).start_api());
        let (first, second) = (state(&one.process), state(&other.process));
        assert!(first != second && first.is_dir() && second.is_dir(), "{first:?} {second:?}");
        let found = environment(&one.process);
        let wanted = service.environment.iter().map(|(name, value)| format!("{name}={value}"));
        wrong.extend(wanted.filter(|variable| !found.contains(variable)));
        drop(one);
        assert!(!first.exists() && second.exists(), "a state is removed with its process");
        count += 1 + service.environment.len();
    }
    conclude(3, count, &wrong);
}
