//! The `ops` binary. The library has all of its code.

fn main() -> std::process::ExitCode {
    ops::cli::run()
}
