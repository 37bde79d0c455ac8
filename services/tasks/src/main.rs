//! Starts the service on the chassis.

fn main() -> std::process::ExitCode {
    chassis::run_program(tasks::program::Program::default())
}
