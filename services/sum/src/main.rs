//! The process. All of it is the chassis's.

fn main() -> std::process::ExitCode {
    chassis::run(sum_api::Sum)
}
