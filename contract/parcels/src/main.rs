//! The process. All of it is the chassis's.

fn main() -> std::process::ExitCode {
    chassis::run_with(parcels::Parcels::new)
}
