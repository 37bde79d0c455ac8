//! The deadline of every operation: if the service does not respond, the sidecar answers 504 one second later.

use super::{conclude, operations};
use chassis::document::Deadline;
use contract::call::Call;
use contract::own_stack_only;
use contract::service;
use contract::shape::{check_problem, faults};
use contract::stack::{KEY, Stack};
use contract::stub::{Behavior, Stub};
use contract::values::Values;
use std::thread::scope;
use std::time::{Duration, Instant};

#[test]
fn silent_service_gets_504_one_second_after_the_deadline() {
    own_stack_only!("silent_service_gets_504_one_second_after_the_deadline");
    let mut count = 0;
    for service in service::all() {
        let stub = Stub::start(Behavior::Silence);
        let sidecar = Stack::for_service(service).start_sidecar(stub.address);
        let mut sent = 0;
        scope(|scope| {
            for operation in operations(service) {
                let Deadline::Head(deadline) = operation.deadline else { continue };
                sent += 1;
                let sidecar = &sidecar;
                scope.spawn(move || {
                    let call = Call::new(service, operation, &Values::invented(KEY));
                    let request = call.request();
                    let begun = Instant::now();
                    let answer = sidecar.ask(&request);
                    let took = begun.elapsed();
                    if request.is_head() {
                        assert_eq!((answer.status, faults(&answer, true)), (504, vec![]));
                    } else {
                        check_problem(&answer, 504, "about:blank");
                    }
                    let least = deadline + Duration::from_millis(800);
                    let most = deadline + Duration::from_secs(5);
                    assert!(took >= least && took < most, "{}: {took:?}", operation.id);
                    let line = sidecar.process.log.of_request(answer.request_id()).remove(0);
                    assert_eq!(line["cause"], "the API did not answer in time");
                    assert_eq!(line["operation"], operation.id.as_str());
                });
            }
        });
        assert_eq!(stub.requests(), sent, "each was sent once");
        count += sent;
    }
    conclude(21, count, &[]);
}
