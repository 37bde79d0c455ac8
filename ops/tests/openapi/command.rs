//! The command with two folders: the pairs of documents, and the changes that a version announces.

use std::fs;
use std::path::Path;

use ops::openapi::tree::{Outcome, Tree};
use serde_json::Value;

use crate::BASE;

type Edit<'a> = &'a dyn Fn(&mut Value);

/// Writes a document after `edit` changed it.
fn write(folder: &Path, path: &str, edit: impl Fn(&mut Value)) {
    let mut document: Value = serde_json::from_str(BASE).unwrap();
    edit(&mut document);
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, document.to_string()).unwrap();
}

fn remove_events(document: &mut Value) {
    document["paths"].as_object_mut().unwrap().remove("/events");
}

fn deprecate(document: &mut Value) {
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        for (_, operation) in
            item.as_object_mut().unwrap().iter_mut().filter(|(_, o)| o.is_object())
        {
            operation["deprecated"] = true.into();
        }
    }
}

/// The outcome of the only old document.
fn outcome(old: impl Fn(&mut Value), new: &[(&str, Edit<'_>)]) -> Outcome {
    let (older, newer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(older.path(), "services/orders/openapi.json", old);
    for (path, edit) in new {
        write(newer.path(), path, edit);
    }
    let (older, newer) = (Tree::read(older.path()).unwrap(), Tree::read(newer.path()).unwrap());
    assert_eq!((older.0.len(), newer.0.len()), (1, new.len()));
    let outcomes = older.outcomes(&newer).unwrap();
    let [(path, outcome)] = <[_; 1]>::try_from(outcomes).unwrap();
    assert_eq!(path, Path::new("services/orders/openapi.json"));
    outcome
}

const ORDERS: &str = "services/orders/openapi.json";

#[test]
fn breaking_change_needs_a_higher_major_version() {
    let with = |version: &'static str| {
        move |document: &mut Value| {
            remove_events(document);
            document["info"]["version"] = version.into();
        }
    };
    for (version, announced) in [("1.4.2", false), ("1.5.0", false), ("2.0.0", true)] {
        match outcome(|_| {}, &[(ORDERS, &with(version))]) {
            Outcome::Announced(changes) if announced => assert_eq!(changes.len(), 1),
            Outcome::Unannounced(changes) if !announced => assert_eq!(changes.len(), 1),
            other => panic!("{version}: {other:?}"),
        }
    }
}

#[test]
fn moved_document_is_found_by_its_name() {
    let same = outcome(|_| {}, &[("services/sales/openapi.json", &|_| {})]);
    assert_eq!(same, Outcome::Compatible);
    let moved = outcome(|_| {}, &[("services/sales/openapi.json", &remove_events)]);
    assert!(matches!(moved, Outcome::Unannounced(changes) if changes.len() == 1));
}

#[test]
fn added_document_is_not_compared() {
    let rename = |document: &mut Value| document["x-service"]["name"] = "sales".into();
    let added = outcome(|_| {}, &[(ORDERS, &|_| {}), ("services/sales/openapi.json", &rename)]);
    assert_eq!(added, Outcome::Compatible);
}

#[test]
fn removal_needs_a_deprecation_of_all_operations() {
    assert_eq!(outcome(|_| {}, &[]), Outcome::Removed);
    assert_eq!(outcome(deprecate, &[]), Outcome::Retired);
}

#[test]
fn unreadable_document_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("openapi.json"), "{}").unwrap();
    let error = Tree::read(folder.path()).unwrap_err();
    assert!(format!("{error:#}").contains("openapi.json: "), "{error:#}");

    let (older, newer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(older.path(), ORDERS, |_| {});
    write(newer.path(), ORDERS, |document| document["info"]["version"] = "next".into());
    let (older, newer) = (Tree::read(older.path()).unwrap(), Tree::read(newer.path()).unwrap());
    let error = older.outcomes(&newer).unwrap_err();
    assert!(format!("{error:#}").contains("`next` is not a version"), "{error:#}");
}

#[test]
fn reference_without_target_is_an_error() {
    for reference in
        ["#/components/schemas/Lost", "order.json#/Order", "https://example.com/o.json"]
    {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), ORDERS, |document| {
            document["components"]["schemas"]["Tree"]["properties"]["name"]["$ref"] =
                reference.into();
        });
        let error = Tree::read(folder.path()).unwrap_err();
        let expected = "/components/schemas/Tree/properties/name/$ref: the reference has no target";
        assert!(format!("{error:#}").contains(expected), "{reference}: {error:#}");
    }
}
