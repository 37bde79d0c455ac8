//! The identity of a PostgreSQL server.

use chassis::databases::{Postgres, can_start, certificates};
use tasks::store::{Options, StoreError, Target, migrate, open};

#[tokio::test]
async fn only_a_verified_server_is_used() {
    if !can_start("tls::only_a_verified_server_is_used") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let files = ["server.key", "server.crt"].map(|name| folder.path().join(name));
    let server = Postgres::with_files(&["ssl=on"], &files.each_ref().map(AsRef::as_ref));
    migrate(&Target::parse(&server.url("postgres")).unwrap()).await.unwrap();
    let authority = format!("sslrootcert={}", folder.path().join("ca.pem").display());
    let by_name = server.url("postgres").replace("127.0.0.1", "localhost");
    let by_address = server.url("postgres");
    for (url, parameters, is_accepted) in [
        (&by_name, format!("sslmode=verify-full&{authority}"), true),
        (&by_name, "sslmode=verify-full".into(), false),
        (&by_address, format!("sslmode=verify-full&{authority}"), false),
    ] {
        let target = Target::parse(&format!("{url}?{parameters}")).unwrap();
        let store = open(&target, Options::default()).await.unwrap();
        match store.check().await {
            Ok(()) => assert!(is_accepted, "{parameters}"),
            Err(StoreError::Away(text)) => {
                assert!(!is_accepted && text.contains("certificate"), "{parameters}: {text}");
            }
            Err(other) => panic!("{parameters}: {other}"),
        }
    }
}
