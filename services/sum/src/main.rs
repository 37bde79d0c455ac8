//! The process. The chassis contains its code.

fn main() -> std::process::ExitCode {
    chassis::run(sum_api::Sum)
}
