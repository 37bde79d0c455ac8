//! The `ops` binary. All of it is in the library.

fn main() -> std::process::ExitCode {
    ops::cli::run()
}
