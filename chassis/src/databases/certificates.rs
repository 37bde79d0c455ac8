//! Certificates of servers, made by `openssl`.

use super::run;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Makes an authority (`ca.pem`), and a certificate for `localhost`, but not for `127.0.0.1` (`server.crt`, `server.key`).
pub fn certificates(folder: &Path) {
    let key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -batch";
    let openssl =
        |line: String| run(Command::new("openssl").args(line.split(' ')).current_dir(folder));
    openssl(format!("{key} -x509 -subj /CN=authority -keyout ca.key -out ca.pem"));
    openssl(format!("{key} -subj /CN=server -keyout server.key -out server.csr"));
    fs::write(folder.join("names"), "subjectAltName = DNS:localhost\n").unwrap();
    let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names";
    openssl(format!("{sign} -out server.crt"));
}
