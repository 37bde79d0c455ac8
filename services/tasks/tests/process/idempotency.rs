//! Six callers at once with one `Idempotency-Key`, and keys after a deletion: on SQLite, and on PostgreSQL with two
//! processes.

use super::database::Database;
use super::http::{Connection, Request, Response, ask};
use super::service::{Service, Settings, TASKS, addresses};
use super::tasks_of::{create, delete, ids};
use super::user::{login, register, request};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

const CALLERS: usize = 6;
/// Users that have the same keys. Each has a token bucket.
const USERS: usize = 10;
/// Keys of all users together.
const KEYS: usize = 50;

const EQUAL: [&str; CALLERS] = [r#"{"title":"Water the plants"}"#; CALLERS];
/// One body in six spellings.
const SPELLINGS: [&str; CALLERS] = [
    r#"{"type":"resize_image","title":"é","max_attempts":3,"payload":{"image":"iVBORw0KGgo=","width":1,"height":100}}"#,
    r#"{"payload":{"height":100,"width":1,"image":"iVBORw0KGgo="},"max_attempts":3,"title":"é","type":"resize_image"}"#,
    " {\n\t\"type\": \"resize_image\", \"title\": \"é\", \"max_attempts\": 3, \"payload\" : {
        \"image\": \"iVBORw0KGgo=\", \"width\": 1, \"height\": 100 } }\r\n",
    r#"{"type":"resize\u005fimage","\u0074itle":"\u00e9","max_attempts":3,"payload":{"image":"iVBORw0KGgo=","width":1,"height":100}}"#,
    r#"{"type":"resize_image","title":"é","max_attempts":3.0,"payload":{"image":"iVBORw0KGgo=","width":1.0,"height":100.0}}"#,
    r#"{"type":"resize_image","title":"é","max_attempts":30e-1,"payload":{"image":"iVBORw0KGgo=","width":10E-1,"height":1e2}}"#,
];
const DIFFERENT: [&str; CALLERS] = [
    r#"{"title":"a"}"#,
    r#"{"title":"b"}"#,
    r#"{"title":"a","priority":"high"}"#,
    r#"{"title":"a","description":null}"#,
    r#"{"title":"a","type":"manual"}"#,
    r#"{"title":"A"}"#,
];

/// Answers by status.
type Statuses = BTreeMap<u16, usize>;

/// Sends six requests at once. Each caller takes the next process.
fn at_once(processes: &[SocketAddr], requests: &[Request]) -> Vec<Response> {
    let barrier = Barrier::new(requests.len());
    let send = |process, request| {
        let mut connection = Connection::open(process).unwrap();
        barrier.wait();
        connection.send(request).unwrap();
        connection.receive().unwrap()
    };
    let send = &send;
    thread::scope(|scope| {
        let processes = processes.iter().copied().cycle();
        let callers = processes.zip(requests);
        let callers: Vec<_> =
            callers.map(|(process, request)| scope.spawn(move || send(process, request))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

/// The tokens of new users.
fn users<const N: usize>(process: SocketAddr) -> [String; N] {
    [(); N].map(|()| login(process, &register(process)).access)
}

fn problem(response: &Response) -> String {
    response.text("type").rsplit(':').next().unwrap().to_owned()
}

/// Sends these bodies at once, with each key. Exactly one body of a key creates a task, and all others with an equal body
/// get this task. `equal` says which bodies these are.
fn race(
    processes: &[SocketAddr],
    bodies: [&str; CALLERS],
    equal: impl Fn(&str, &str) -> bool,
) -> Statuses {
    let users: [String; USERS] = users(processes[0]);
    let mut tasks = [(); USERS].map(|()| BTreeSet::new());
    let mut statuses = Statuses::new();
    for number in 0..KEYS {
        let (user, key) = (number % USERS, format!("key-{}", number / USERS));
        let requests = bodies.map(|body| create(&users[user], &key, body));
        let answers = at_once(processes, &requests);
        let winner = answers.iter().position(|answer| answer.status == 201);
        let winner = winner.unwrap_or_else(|| panic!("{key}: {answers:?}"));
        let task = &answers[winner].body;
        for (body, answer) in bodies.iter().zip(&answers) {
            *statuses.entry(answer.status).or_default() += 1;
            match answer.status {
                201 => {
                    assert!(equal(body, bodies[winner]), "{body}");
                    assert_eq!(answer.body, *task);
                }
                409 => assert_eq!(problem(answer), "key-in-flight"),
                422 => {
                    assert!(!equal(body, bodies[winner]), "{body}");
                    assert_eq!(problem(answer), "key-reused");
                }
                _ => panic!("{answer:?}"),
            }
        }
        // Later, each caller gets the task or 422, also from another process.
        let later = processes.iter().rev().cycle();
        for ((process, body), request) in later.zip(bodies).zip(&requests) {
            let again = ask(*process, request);
            if equal(body, bodies[winner]) {
                assert_eq!(again.expect(201).body, *task);
            } else {
                assert_eq!(problem(&again.expect(422)), "key-reused");
            }
        }
        tasks[user].insert(answers[winner].text("id"));
    }
    for (token, tasks) in users.iter().zip(&tasks) {
        assert_eq!(tasks.len(), KEYS / USERS);
        assert_eq!(ids(processes[0], token), *tasks);
    }
    statuses
}

/// The same key of six users at once.
fn users_do_not_meet(processes: &[SocketAddr]) {
    let users: [String; CALLERS] = users(processes[0]);
    let mut tasks = BTreeSet::new();
    for number in 0..KEYS / CALLERS {
        let key = format!("key-{number}");
        let requests = users.each_ref().map(|token| create(token, &key, EQUAL[0]));
        let answers = at_once(processes, &requests);
        tasks.extend(answers.into_iter().map(|answer| answer.expect(201).text("id")));
        assert_eq!(tasks.len(), (number + 1) * CALLERS);
    }
}

fn six_callers(what: &str, processes: &[SocketAddr]) {
    let equal = race(processes, EQUAL, |_, _| true);
    let spellings = race(processes, SPELLINGS, |_, _| true);
    let different = race(processes, DIFFERENT, |one, other| one == other);
    users_do_not_meet(processes);
    println!(
        "{what}: {KEYS} keys, {} requests at once, {KEYS} tasks: equal bodies {equal:?}, \
        other spellings {spellings:?}, different bodies {different:?}",
        KEYS * CALLERS
    );
    assert!(equal.contains_key(&409), "the requests were not in flight together");
    assert_eq!(different[&201], KEYS);
}

/// The key of a deleted task is not free, also after a crash. The keys of a deleted user are.
fn deletion(settings: &Settings) {
    let service = Service::start(TASKS, settings);
    let process = service.address;
    let name = register(process);
    let token = login(process, &name).access;
    let again = |process, token: &str, body| ask(process, &create(token, "k", body));
    let first = again(process, &token, EQUAL[0]).expect(201).text("id");
    ask(process, &delete(&token, &first)).expect(204);
    let is_remembered = |process| {
        again(process, &token, EQUAL[0]).expect(410);
        assert_eq!(problem(&again(process, &token, DIFFERENT[0]).expect(422)), "key-reused");
    };
    is_remembered(process);
    drop(service);

    let service = Service::start(TASKS, settings);
    let process = service.address;
    is_remembered(process);
    ask(process, &request::delete_me(&token)).expect(204);
    ask(process, &request::register(&name)).expect(201);
    let token = login(process, &name).access;
    let second = again(process, &token, DIFFERENT[0]).expect(201).text("id");
    assert_ne!(first, second);
    assert_eq!(ids(process, &token), BTreeSet::from([second]));
    service.drain();
}

#[test]
fn key_creates_one_task_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(&folder.path().join("tasks.db"));
    let service =
        Service::start(TASKS, &settings.with("RATE_LIMIT_PRESET", "generous").with("WORKERS", "0"));
    six_callers("SQLite", &[service.address]);
    service.drain();
}

#[test]
fn key_creates_one_task_on_two_processes() {
    let test = "idempotency::key_creates_one_task_on_two_processes";
    let Some(database) = Database::start(test, &["fsync=on"]) else { return };
    let settings =
        database.settings.clone().with("RATE_LIMIT_PRESET", "generous").with("WORKERS", "0");
    let services = Service::pair(&settings);
    six_callers("two processes", &addresses(&services));
    services.into_iter().for_each(Service::drain);
}

#[test]
fn deletion_of_a_user_frees_the_keys_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    deletion(&Settings::sqlite(&folder.path().join("tasks.db")));
}

#[test]
fn deletion_of_a_user_frees_the_keys_on_postgresql() {
    let test = "idempotency::deletion_of_a_user_frees_the_keys_on_postgresql";
    let Some(database) = Database::start(test, &[]) else { return };
    deletion(&database.settings);
}
