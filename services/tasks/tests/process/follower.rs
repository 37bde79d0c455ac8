//! Clients that follow the events of a user.

use super::service::KEY;
use super::sql::Sql;
use chassis::bearer::Issuer;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The settings of tokens that [`members`] get.
pub(crate) const TOKENS: [(&str, &str); 2] = [("JWT_ISSUER", "tests"), ("JWT_AUDIENCE", "tasks")];

/// A user with a session.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) session: Uuid,
    pub(crate) token: String,
}

/// Signed-in users, without the work of their passwords.
pub(crate) fn members(sql: &mut Sql, number: usize) -> Vec<Member> {
    let issuer = Issuer::new(KEY, TOKENS[0].1, TOKENS[1].1).unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let later = (now + Duration::from_hours(1)).as_millis();
    let member = |_| {
        let (id, session) = (Uuid::now_v7(), Uuid::now_v7());
        sql.execute(&format!(
            "INSERT INTO users (id, username, role, password_hash, created_at) VALUES ('{id}', 'u{}', 'user', 'none', 0); \
            INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES ('{session}', '{id}', 0, {later})",
            &id.simple().to_string()[..31]
        ));
        let (sub, sid) = (id.to_string(), session.to_string());
        Member { session, token: issuer.sign(&sub, &sid, &sid, now.as_secs(), 900) }
    };
    (0..number).map(member).collect()
}

/// An event that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) number: u64,
    pub(crate) kind: String,
    pub(crate) data: serde_json::Value,
    pub(crate) at: Instant,
}

/// The observations of one client.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The first id of the first connection.
    pub(crate) begun_at: Option<u64>,
    pub(crate) events: Vec<Arrived>,
    /// Streams that were opened.
    pub(crate) opened: usize,
    /// The service has ended the stream.
    pub(crate) ended: bool,
    pub(crate) failure: Option<String>,
}

/// The actions of a client.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) process: SocketAddr,
    pub(crate) token: String,
    /// Disconnects after this number of events, and continues.
    pub(crate) again_after: Option<usize>,
}

/// Clients that follow until this is dropped.
pub(crate) struct Followers {
    /// The end of the thread.
    _stop: oneshot::Sender<()>,
    pub(crate) seen: Vec<Arc<Mutex<Seen>>>,
}

impl Followers {
    /// Starts the clients, a few at a time.
    pub(crate) fn start(plans: Vec<Plan>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        // An error is the end of the sender.
        thread::spawn(move || runtime.block_on(async { drop(stopped.await) }));
        let mut seen = Vec::new();
        for plan in plans {
            let one = Arc::<Mutex<Seen>>::default();
            seen.push(Arc::clone(&one));
            let before = Arc::clone(&one);
            handle.spawn(async move {
                if let Err(error) = follow(&plan, &one).await {
                    one.lock().unwrap().failure = Some(error.to_string());
                }
            });
            while !before.lock().unwrap().is_open() {
                thread::sleep(Duration::from_micros(200));
            }
        }
        Self { _stop: stop, seen }
    }

    /// The number of events of all clients.
    pub(crate) fn events(&self) -> usize {
        self.seen.iter().map(|seen| seen.lock().unwrap().events.len()).sum()
    }
}

impl Seen {
    fn is_open(&self) -> bool {
        self.begun_at.is_some() || self.failure.is_some() || self.ended
    }
}

/// Reads until the service ends the stream, and continues once if the plan says so.
async fn follow(plan: &Plan, seen: &Mutex<Seen>) -> io::Result<()> {
    let last = connection(plan, seen, None, plan.again_after).await?;
    if plan.again_after.is_some() {
        // The service counts the first connection until it has noticed its end.
        while let Err(error) = connection(plan, seen, last, None).await {
            if !error.to_string().contains(" 429 ") {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    seen.lock().unwrap().ended = true;
    Ok(())
}

/// One connection. Returns the last id.
async fn connection(
    plan: &Plan,
    seen: &Mutex<Seen>,
    mut last: Option<u64>,
    most: Option<usize>,
) -> io::Result<Option<u64>> {
    let mut stream = BufReader::with_capacity(1024, TcpStream::connect(plan.process).await?);
    let resumed = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: tasks\r\nAuthorization: Bearer {}\r\n{resumed}\r\n",
        plan.token
    );
    stream.write_all(head.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.contains(" 200 ") {
        return Err(io::Error::other(line));
    }
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    seen.lock().unwrap().opened += 1;
    let (mut text, mut events) = (String::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        let mut piece = vec![0; length + 2];
        stream.read_exact(&mut piece).await?;
        if length == 0 {
            return Ok(last);
        }
        text += std::str::from_utf8(&piece[..length]).unwrap();
        // A chunk of the sidecar can end within an event.
        while let Some((block, rest)) = text.split_once("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if let Some(id) = field("id: ") {
                let number = id.parse().unwrap();
                last = Some(number);
                let mut seen = seen.lock().unwrap();
                seen.begun_at.get_or_insert(number);
                if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                    let (kind, data) = (kind.to_owned(), serde_json::from_str(data).unwrap());
                    seen.events.push(Arrived { number, kind, data, at: Instant::now() });
                    events += 1;
                }
            }
            text = rest.to_owned();
            if Some(events) == most {
                return Ok(last);
            }
        }
    }
}
