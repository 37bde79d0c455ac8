//! The process. The chassis runs it.

fn main() -> std::process::ExitCode {
    chassis::run_with(parcels::Parcels::new)
}
