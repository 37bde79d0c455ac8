//! A mail server that a test controls. The work of a mail is its answer, so the test decides how long it takes and how it ends.
//!
//! The name of the recipient is the wish of the task, and the name of the sender is the worker.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How the server treats a mail, as the name of its recipient.
pub(crate) mod wish {
    /// It is refused for good.
    pub(crate) const REFUSED: &str = "refused";
    /// It is refused for now. The second one of the same task is accepted.
    pub(crate) const SECOND: &str = "second";
    /// It is answered when the test says so.
    pub(crate) const HELD: &str = "held";
    /// It is never answered.
    pub(crate) const POISON: &str = "poison";
    /// It is accepted after the milliseconds that follow.
    pub(crate) const SLOW: &str = "slow-";
}

/// A mail that arrived.
#[derive(Debug, Clone)]
struct Mail {
    worker: String,
    wish: String,
    task: String,
}

#[derive(Debug, Default)]
struct State {
    /// Mails by task, without dashes in the id.
    arrived: BTreeMap<String, u32>,
    /// Mails that are not answered, and their connections.
    open: Vec<Mail>,
    released: bool,
}

/// The server. Its threads end with the connections of the workers.
#[derive(Debug, Clone)]
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl MailServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let accepting = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = accepting.clone();
                // A worker that is killed breaks its connection.
                thread::spawn(move || drop(server.session(&stream)));
            }
        });
        server
    }

    /// How often the mail of a task arrived.
    pub(crate) fn arrived(&self, task: &str) -> u32 {
        self.shared.0.lock().unwrap().arrived.get(task).copied().unwrap_or(0)
    }

    /// The workers that wait for the answer to such a mail, one for each mail.
    pub(crate) fn waiting(&self, wish: &str) -> Vec<String> {
        let state = self.shared.0.lock().unwrap();
        let open = state.open.iter().filter(|mail| mail.wish.starts_with(wish));
        open.map(|mail| mail.worker.clone()).collect()
    }

    /// Answers the mails that are held, or holds the next ones.
    pub(crate) fn release(&self, released: bool) {
        self.shared.0.lock().unwrap().released = released;
        self.shared.1.notify_all();
    }

    fn session(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let reply = |text: &str| (&mut &*stream).write_all(format!("{text}\r\n").as_bytes());
        reply("220 localhost")?;
        let (mut worker, mut wish, mut line) = (String::new(), String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
                "MAIL" => worker = name(&line),
                "RCPT" => wish = name(&line),
                "DATA" => {
                    reply("354 go on")?;
                    let task = task(&mut reader)?;
                    let mail = Mail { worker: worker.clone(), wish: wish.clone(), task };
                    let answer = self.answer(&mail, stream);
                    self.closed(&mail);
                    reply(answer?)?;
                    continue;
                }
                "QUIT" => return reply("221 bye"),
                _ => {}
            }
            reply("250 ok")?;
        }
    }

    /// Waits as the mail wishes.
    fn answer(&self, mail: &Mail, stream: &TcpStream) -> io::Result<&'static str> {
        const ACCEPTED: &str = "250 ok";
        let (state, changed) = &*self.shared;
        let mut state = state.lock().unwrap();
        let arrived = state.arrived.entry(mail.task.clone()).or_default();
        *arrived += 1;
        let arrived = *arrived;
        state.open.push(mail.clone());
        changed.notify_all();
        match mail.wish.as_str() {
            wish::REFUSED => return Ok("550 no"),
            wish::SECOND if arrived == 1 => return Ok("451 later"),
            wish::HELD => drop(changed.wait_while(state, |state| !state.released).unwrap()),
            wish::POISON => {
                drop(state);
                // It ends with the process of the worker.
                stream.peek(&mut [0])?;
            }
            other => {
                drop(state);
                let millis = other.strip_prefix(wish::SLOW).and_then(|text| text.parse().ok());
                thread::sleep(Duration::from_millis(millis.unwrap_or(0)));
            }
        }
        Ok(ACCEPTED)
    }

    fn closed(&self, mail: &Mail) {
        let mut state = self.shared.0.lock().unwrap();
        let place =
            state.open.iter().position(|open| open.task == mail.task && open.worker == mail.worker);
        place.map(|place| state.open.remove(place));
    }
}

/// The name in an address such as `MAIL FROM:<name@localhost>`.
fn name(line: &str) -> String {
    let address = line.split(['<', '>']).nth(1).unwrap_or_default();
    address.split('@').next().unwrap_or_default().to_owned()
}

/// Reads a mail to its end, and returns the task of its `Message-ID`.
fn task(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let (mut task, mut line) = (String::new(), String::new());
    while line != ".\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.to_ascii_lowercase().starts_with("message-id:") {
            task = name(&line).replace('-', "");
        }
    }
    Ok(task)
}
