//! A thousand streams of a hundred users through the sidecar. `contract/streams.json` of a service names its operations.

mod follower;

use self::follower::Follower;
use contract::call::Call;
use contract::connection::Connection;
use contract::http::Request;
use contract::own_stack_only;
use contract::service::{self, Service};
use contract::stack::{Builder, RuntimeDir, Stack};
use contract::values::Values;
use contract::wait;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const USERS: usize = 100;
const STREAMS_OF_A_USER: usize = 10;
const STREAMS: usize = USERS * STREAMS_OF_A_USER;
/// Changes of each user.
const CHANGES: usize = 6;
/// A stream of each user is away during this change.
const AWAY: usize = 3;
/// Changes of one more user, for the time that the sidecar adds.
const COMPARED: usize = 20;
/// The longest time of an event, a probe or a request, on a busy machine.
const RESPONSIVE: Duration = Duration::from_secs(5);

/// The operations of `streams.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The stream.
    operation: String,
    /// It makes one event for its caller.
    change: String,
    /// It ends the streams of its caller.
    end: String,
}

/// A stack and its operations.
struct Bed {
    stack: Stack,
    service: &'static Service,
    table: Table,
    _document: RuntimeDir,
}

/// A stack for more callers than in the document.
fn roomy(service: &'static Service, folder: &RuntimeDir) -> Builder {
    let connections = STREAMS + 200;
    let mut document: Value = service.text.clone();
    document["x-service"]["connections"] = connections.into();
    let path = folder.path().join("openapi.json");
    fs::write(&path, document.to_string()).expect("written");
    Stack::for_service(service)
        .api("MAX_CONNECTIONS", &(2 * connections).to_string())
        .sidecar("OPENAPI_DOCUMENT", &path.display().to_string())
}

impl Bed {
    fn start(service: &'static Service, table: Table) -> Self {
        let document = RuntimeDir::new();
        let stack = roomy(service, &document).start();
        Self { stack, service, table, _document: document }
    }

    fn call(&self, operation: &str, values: &Values) -> Call<'static> {
        Call::new(self.service, self.service.operation(operation), values)
    }

    fn stream(&self, values: &Values) -> Request {
        self.call(&self.table.operation, values).request()
    }

    /// The values of new users. A service limits how many passwords it hashes at once.
    fn users(&self, number: usize) -> Vec<Values> {
        let (begun, users) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while begun.fetch_add(1, Ordering::Relaxed) < number {
                        let values = self.stack.values();
                        users.lock().expect("no panic").push(values);
                    }
                });
            }
        });
        users.into_inner().expect("no panic")
    }

    fn connect(&self) -> Connection {
        self.stack.sidecar.connect()
    }

    fn follow(&self, values: &Values) -> Follower {
        Follower::open(self.connect(), &self.stream(values)).expect("not too many")
    }

    fn change(&self, values: &Values) -> Instant {
        let begun = Instant::now();
        let call = self.call(&self.table.change, values);
        drop(self.stack.ask(&call.request()).expect_status(call.status));
        begun
    }

    /// The changes of one user, and their events in all streams. Returns the time of each event.
    fn changes(&self, values: &Values, streams: &mut Vec<Follower>) -> Vec<Duration> {
        let mut times = Vec::new();
        for change in 0..CHANGES {
            let away = (change == AWAY).then(|| streams.remove(0));
            let begun = self.change(values);
            for stream in &mut *streams {
                stream.wait_for(stream.last + 1);
                times.push(begun.elapsed());
            }
            if let Some(away) = away {
                let (last, events) = (away.last, away.events);
                drop(away);
                let mut back = self.continue_after(values, last);
                assert_eq!(back.begun_at, Some(last));
                back.wait_for(last + 1);
                back.events += events;
                streams.push(back);
            }
        }
        times
    }

    /// Opens a stream again. The service counts the old one until it has noticed its end.
    fn continue_after(&self, values: &Values, last: u64) -> Follower {
        let request = self.stream(values).header("Last-Event-ID", &last.to_string());
        let open = || Follower::open(self.connect(), &request);
        wait::poll(wait::PATIENCE, open).expect("the stream can continue")
    }

    /// Probes and requests of others. Returns their number and the longest time.
    fn others(&self, values: &Values, stop: &AtomicBool) -> (usize, Duration) {
        let (mut sent, mut longest) = (0, Duration::ZERO);
        while !stop.load(Ordering::Relaxed) {
            for path in ["/healthz", "/readyz"] {
                let begun = Instant::now();
                drop(self.stack.ask(&Request::get(path)).expect_status(200));
                longest = longest.max(begun.elapsed());
            }
            longest = longest.max(self.change(values).elapsed());
            sent += 3;
            thread::sleep(Duration::from_millis(50));
        }
        (sent, longest)
    }

    /// How much later than a direct stream a stream of the sidecar gets an event, sorted.
    fn compare(&self, values: &Values) -> Vec<Duration> {
        let direct = self.stack.api.connect();
        let mut direct = Follower::open(direct, &self.stream(values)).expect("not too many");
        let mut through = self.follow(values);
        let compare = |_| {
            self.change(values);
            direct.wait_for(direct.last + 1);
            let arrived = Instant::now();
            through.wait_for(through.last + 1);
            arrived.elapsed()
        };
        let mut later: Vec<_> = (0..COMPARED).map(compare).collect();
        later.sort_unstable();
        later
    }
}

fn thousand_streams(bed: &Bed) {
    let mut users = bed.users(USERS + 2);
    let (one, other) = (users.remove(0), users.remove(0));
    let begun = Instant::now();
    let open = |values: &Values| (0..STREAMS_OF_A_USER).map(|_| bed.follow(values)).collect();
    let mut streams: Vec<Vec<Follower>> = users.iter().map(open).collect();
    let opened = begun.elapsed();
    assert_eq!(bed.stack.metrics().streams(), STREAMS as u64);

    let stop = AtomicBool::new(false);
    let (mut times, (sent, longest)) = thread::scope(|scope| {
        let others = scope.spawn(|| bed.others(&other, &stop));
        let changes: Vec<_> = users
            .iter()
            .zip(&mut streams)
            .map(|(values, streams)| scope.spawn(|| bed.changes(values, streams)))
            .collect();
        let times: Vec<_> = changes.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        let times = times.into_iter().flat_map(|times| times.expect("the user gets all events"));
        (times.collect::<Vec<_>>(), others.join().expect("the others are answered"))
    });
    times.sort_unstable();
    let events: usize = streams.iter().flatten().map(|stream| stream.events).sum();
    let later = bed.compare(&one);
    println!(
        "{}: {STREAMS} streams of {USERS} users, opened in {opened:?}; {events} events, 0 missed, 0 doubled, \
        {USERS} streams continued; an event after {:?} (median), at most {:?}; {:?} (median) after a direct stream; \
        {sent} probes and requests, each at most {longest:?}",
        bed.service.folder(),
        times[times.len() / 2],
        times[times.len() - 1],
        later[later.len() / 2],
    );
    assert_eq!(events, STREAMS * CHANGES);
    assert!(times[times.len() - 1] < RESPONSIVE, "{:?}", times[times.len() - 1]);
    assert!(later[later.len() / 2] < Duration::from_millis(50), "{later:?}");
    assert!(sent >= 6 && longest < RESPONSIVE, "{sent} in at most {longest:?}");
    end(bed, &users, streams);
}

/// The streams of a user end with the session, and all others with the drain.
fn end(bed: &Bed, users: &[Values], mut streams: Vec<Vec<Follower>>) {
    let call = bed.call(&bed.table.end, &users[0]);
    drop(bed.stack.ask(&call.request()).expect_status(call.status));
    streams.remove(0).into_iter().for_each(Follower::wait_for_end);
    let left = (STREAMS - STREAMS_OF_A_USER) as u64;
    wait::until("the end of the streams of the user", || bed.stack.metrics().streams() == left);
    bed.stack.api.process.stop();
    streams.into_iter().flatten().for_each(Follower::wait_for_end);
    assert_eq!(bed.stack.api.process.exit_code(), 0);
    let log = &bed.stack.api.process.log;
    assert!(!log.events().into_iter().any(|line| line["level"] == "WARN"), "{}", log.text());
}

#[test]
fn thousand_streams_through_the_sidecar_get_each_event_once() {
    own_stack_only!("thousand_streams_through_the_sidecar_get_each_event_once");
    let mut count = 0;
    for service in service::all() {
        if let Some(table) = service.table::<Table>("streams") {
            thousand_streams(&Bed::start(service, table));
            count += 1;
        }
    }
    assert!(count > 0 || service::is_restricted(), "no service has streams.json");
}
