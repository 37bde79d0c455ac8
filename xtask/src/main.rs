//! The `xtask` binary. The code is in the library.

fn main() -> std::process::ExitCode {
    xtask::cli::run()
}
