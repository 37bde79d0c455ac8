//! Starts the service on the chassis.

fn main() -> std::process::ExitCode {
    tasks::program::run(tasks::program::Program::default())
}
