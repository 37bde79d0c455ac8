//! The services of the repository, found by their folders.
//!
//! A folder below `services` with an `openapi.json` is a service. The throw-away service `parcels` adds features that
//! the others lack. The suite reads everything else from the document, so no test names a service. `CONTRACT_SERVICE`
//! restricts the run to one folder.

use crate::binary;
use crate::call::Call;
use crate::case::Case;
use crate::http::{Request, Response};
use crate::values::Values;
use crate::variant::Variant;
use chassis::document::{Access, Document, Limit, Limited, Method, Operation};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

/// A service of the repository.
#[derive(Debug)]
pub struct Service {
    /// The folder of the service.
    pub directory: PathBuf,
    /// The parsed document.
    pub document: Document,
    /// The document as JSON.
    pub text: Value,
    /// Environment variables of its process: `contract/environment.json`.
    pub environment: Vec<(String, String)>,
    cases: BTreeMap<String, Case>,
    variants: BTreeMap<String, Variant>,
}

/// All services, in the order of their folders, and `parcels`.
#[must_use]
pub fn found() -> &'static [Service] {
    static FOUND: OnceLock<Vec<Service>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let services = binary::root().join("services");
        let entries = fs::read_dir(&services).expect("the repository has services");
        let mut folders: Vec<PathBuf> =
            entries.map(|entry| entry.expect("it can be read").path()).collect();
        folders.sort();
        // Last, so that the tests of one operation use a real service.
        folders.push(binary::root().join("contract/parcels"));
        folders.retain(|folder| folder.join("openapi.json").is_file());
        folders.into_iter().map(Service::read).collect()
    })
}

/// The services of this run: all of them, or the one of `CONTRACT_SERVICE`.
#[must_use]
pub fn all() -> Vec<&'static Service> {
    let wanted = restriction();
    let all: Vec<&Service> = found()
        .iter()
        .filter(|service| wanted.as_ref().is_none_or(|wanted| service.folder() == wanted))
        .collect();
    assert!(!all.is_empty(), "CONTRACT_SERVICE must be the name of a service's folder: {wanted:?}");
    all
}

/// Whether the run is restricted to one service. It can lack features that a table has rows for.
#[must_use]
pub fn is_restricted() -> bool {
    restriction().is_some()
}

fn restriction() -> Option<String> {
    env::var("CONTRACT_SERVICE").ok()
}

/// An operation that takes a key and a JSON body, for tests that do not depend on the operation. It is a POST and the
/// only operation of its path, because these tests send other methods. The services of this run come first, then all
/// others.
#[must_use]
pub fn keyed() -> (&'static Service, &'static Operation) {
    let of_path = |service: &Service, operation: &Operation| {
        service.document.operations.iter().filter(|other| other.path == operation.path).count()
    };
    let of = |service: &'static Service| {
        let operation = service.document.operations.iter().find(|operation| {
            operation.access == Access::ApiKey
                && operation.limit == Limited::ByCredentials
                && operation.method == Method::Post
                && of_path(service, operation) == 1
                && !operation.examples.is_empty()
        });
        operation.map(|operation| (service, operation))
    };
    all().into_iter().chain(found()).find_map(of).expect("a service has such an operation")
}

impl Service {
    fn read(directory: PathBuf) -> Self {
        let path = directory.join("openapi.json");
        let text = fs::read_to_string(&path).expect("it can be read");
        let document = Document::parse(&text)
            .unwrap_or_else(|invalid| panic!("{}:\n{invalid}", path.display()));
        let text = serde_json::from_str(&text).expect("a document is JSON");
        let (environment, cases, variants) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut service = Self { directory, document, text, environment, cases, variants };
        let environment: BTreeMap<String, String> =
            service.table("environment").unwrap_or_default();
        service.environment = environment.into_iter().collect();
        service.cases = service.table("cases").unwrap_or_default();
        service.variants = service.table("variants").unwrap_or_default();
        for id in service.cases.keys() {
            let _ = service.operation(id);
        }
        service
    }

    /// The variant `default` and those of `contract/variants.json`, by name. Without those whose servers are not
    /// installed: this prints that they are skipped in the test.
    #[must_use]
    pub fn variants(&self, test: &str) -> Vec<(&str, Variant)> {
        let further = self.variants.iter().filter(|(_, variant)| variant.can_start(test));
        let further = further.map(|(name, variant)| (name.as_str(), variant.clone()));
        std::iter::once(("default", Variant::default())).chain(further).collect()
    }

    /// The name of its folder.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.directory.file_name().and_then(|name| name.to_str()).expect("a folder's name is text")
    }

    /// `x-service.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.document.service.name
    }

    /// The path of its document.
    #[must_use]
    pub fn document_path(&self) -> PathBuf {
        self.directory.join("openapi.json")
    }

    /// Its program.
    #[must_use]
    pub fn binary(&self) -> &'static Path {
        binary::path(self.name())
    }

    /// Whether one of its operations requires credentials of this kind.
    #[must_use]
    pub fn requires(&self, access: Access) -> bool {
        self.document.operations.iter().any(|operation| operation.access == access)
    }

    /// The operation with this `operationId`.
    #[must_use]
    pub fn operation(&self, id: &str) -> &Operation {
        let found = self.document.operations.iter().find(|operation| operation.id == id);
        found.unwrap_or_else(|| panic!("{} has no operation {id}", self.name()))
    }

    /// The case of an operation in `contract/cases.json`.
    #[must_use]
    pub fn case(&self, operation: &Operation) -> &Case {
        static NONE: Case = Case {
            fresh: BTreeMap::new(),
            takes: BTreeMap::new(),
            parameters: BTreeMap::new(),
            after: Vec::new(),
            spends: false,
        };
        self.cases.get(&operation.id).unwrap_or(&NONE)
    }

    /// Sends the requests that precede the valid case of an operation.
    pub(crate) fn prepare(
        &self,
        operation: &Operation,
        values: &Values,
        ask: impl Fn(Request) -> Response,
    ) {
        for id in &self.case(operation).after {
            let call = Call::new(self, self.operation(id), values);
            drop(ask(call.request()).expect_status(call.status));
        }
    }

    /// Whether the valid case of an operation contains values of the setup.
    #[must_use]
    pub fn needs_setup(&self, operation: &Operation) -> bool {
        operation.access == Access::Bearer
            || !operation.path.is_static()
            || !self.case(operation).takes.is_empty()
    }

    /// The limit with this name.
    #[must_use]
    pub fn limit(&self, name: &str) -> &Limit {
        let found = self.document.service.limits.iter().find(|limit| limit.name == name);
        found.unwrap_or_else(|| panic!("{} has no limit {name}", self.name()))
    }

    /// Reads `contract/NAME.json` of its folder. `None` if it does not exist.
    #[must_use]
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.directory.join("contract").join(name).with_extension("json");
        let text = fs::read_to_string(&path).ok()?;
        let parsed = serde_json::from_str(&text);
        Some(parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The first 2xx status that the document declares for an operation, and the JSON examples of this response.
    #[must_use]
    pub fn success(&self, operation: &Operation) -> (u16, Vec<(String, Value)>) {
        let (status, response) = self
            .responses(operation)
            .as_object()
            .and_then(|responses| responses.iter().find(|(status, _)| status.starts_with('2')))
            .unwrap_or_else(|| panic!("{} declares no success", operation.id));
        let examples = &self.resolved(response)["content"]["application/json"]["examples"];
        let examples = examples.as_object().into_iter().flatten();
        let value = |example| self.resolved(example)["value"].clone();
        let examples = examples.map(|(name, example)| (name.clone(), value(example))).collect();
        (status.parse().expect("a status is a number"), examples)
    }

    /// The media types that the document declares for a response. Empty for a response without a body.
    #[must_use]
    pub fn media_types(&self, operation: &Operation, status: u16) -> Vec<String> {
        let response = self.resolved(&self.responses(operation)[status.to_string()]);
        let types = response["content"].as_object().into_iter().flatten();
        types.map(|(name, _)| name.clone()).collect()
    }

    /// Whether an operation has a response with this status and media type.
    #[must_use]
    pub fn declares_media_type(&self, status: u16, name: &str) -> bool {
        let mut operations = self.document.operations.iter();
        operations.any(|one| self.media_types(one, status).iter().any(|known| known == name))
    }

    /// The `example` that the document has for a path parameter.
    #[must_use]
    pub fn parameter_example(&self, operation: &Operation, name: &str) -> Option<&str> {
        let path = &self.text["paths"][operation.path.to_string()];
        let own = &path[operation.method.as_str().to_ascii_lowercase()];
        let lists = [own, path].into_iter().filter_map(|it| it["parameters"].as_array());
        let mut parameters = lists.flatten().map(|parameter| self.resolved(parameter));
        let found = parameters.find(|it| it["in"] == "path" && it["name"] == name);
        found.and_then(|parameter| parameter["example"].as_str())
    }

    /// The responses of an operation by status.
    fn responses(&self, operation: &Operation) -> &Value {
        let method = operation.method.as_str().to_ascii_lowercase();
        &self.text["paths"][operation.path.to_string()][method]["responses"]
    }

    /// Whether the document declares this status for an operation.
    #[must_use]
    pub fn declares(&self, operation: &Operation, status: u16) -> bool {
        self.responses(operation).get(status.to_string()).is_some()
    }

    /// Whether a response with this status declares the header.
    #[must_use]
    pub fn declares_header(&self, status: u16, name: &str) -> bool {
        self.document.operations.iter().any(|operation| {
            let response = self.resolved(&self.responses(operation)[status.to_string()]);
            let headers = response["headers"].as_object();
            headers.is_some_and(|all| all.keys().any(|known| known.eq_ignore_ascii_case(name)))
        })
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        target.and_then(|pointer| self.text.pointer(pointer)).unwrap_or(value)
    }
}
