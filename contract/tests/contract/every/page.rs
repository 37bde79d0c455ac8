//! Pages in a real browser: an open operation that returns HTML and has no path parameter. A page loads completely
//! within the limits of the document, only from its own server, and within its content security policy.

use super::operations;
use chassis::document::{Access, Method, Operation};
use contract::browser::{self, Page};
use contract::own_stack_only;
use contract::service::{self, Service};
use contract::stack::Stack;

/// The element that Swagger UI fills.
const SWAGGER_UI: &str = "id=\"swagger-ui\"";

fn is_page(service: &Service, operation: &Operation) -> bool {
    operation.method == Method::Get
        && operation.access == Access::Open
        && operation.path.is_static()
        && service.media_types(operation, 200).iter().any(|kind| kind.starts_with("text/html"))
}

/// Swagger UI shows every operation of the document, and the details of the one in the fragment.
fn shows_operations(page: &Page, service: &'static Service) -> bool {
    let shown = |operation: &Operation| page.html.contains(&format!("-{}\"", operation.id));
    !page.html.contains(SWAGGER_UI)
        || page.html.contains("is-open") && operations(service).iter().all(shown)
}

fn check(page: &Page, origin: &str) {
    for request in &page.requests {
        println!("{:?}, {} bytes: {}", request.status, request.bytes, request.url);
    }
    let bytes: u64 = page.requests.iter().map(|request| request.bytes).sum();
    println!("{} requests, {bytes} bytes on the wire", page.requests.len());
    assert!(page.faults.is_empty(), "{:#?}", page.faults);
    assert!(!page.requests.is_empty());
    for request in &page.requests {
        assert!(request.url.starts_with(origin), "{request:?} is from another server");
        assert_eq!(request.status, Some(200), "{request:?}");
    }
}

#[test]
fn page_loads_in_a_browser() {
    own_stack_only!("page_loads_in_a_browser");
    if !browser::is_installed("every::page::page_loads_in_a_browser") {
        return;
    }
    let mut pages = 0;
    for service in service::all() {
        for operation in operations(service).iter().filter(|one| is_page(service, one)) {
            let stack = Stack::for_service(service).limited().start();
            let origin = format!("http://{}", stack.sidecar.address);
            let first = &operations(service)[0].id;
            let url = format!("{origin}{}#/default/{first}", operation.path);
            let page = browser::load(&url, |page| shows_operations(page, service));
            check(&page, &format!("{origin}/"));
            pages += 1;
        }
    }
    assert!(pages > 0 || service::is_restricted(), "no service has a page");
}
