//! The program of the next release: it has one more migration. It is otherwise the same program.
//!
//! The migration only adds. So the program of this release also works with the new schema.

use std::process::ExitCode;
use tasks::program::{self, Program};
use tasks::store::Migrations;

fn main() -> ExitCode {
    let sql = "ALTER TABLE users ADD COLUMN display_name TEXT";
    program::run(Program { migrations: Migrations::default().and("display_name", sql) })
}
