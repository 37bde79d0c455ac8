//! The service after a restore.

use super::commands::Place;
use super::creators::{Created, Creator};
use super::{Backup, OPEN, mails};
use crate::http::{Connection, ask};
use crate::service::Service;
use crate::tasks_of::ids;
use crate::user::{request, status_of_me};
use crate::{PATIENCE, until};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;

/// The results that are read. A user may send a hundred requests at once.
const RESULTS: usize = 10;
/// Jobs that have not ended.
const UNFINISHED: &str = "SELECT count(*) FROM tasks \
    WHERE type <> 'manual' AND status IN ('pending', 'processing')";

/// The restored service.
pub(super) struct Restored {
    pub(super) place: Place,
    pub(super) service: Service,
    pub(super) users: Vec<Creator>,
    pub(super) backup: Backup,
}

impl Restored {
    /// Each task that was acknowledged before the backup began is there, and none that was created after its end.
    pub(super) fn check_tasks(&self) -> String {
        let process = self.service.address;
        let (mut before, mut during, mut after) = (0, 0, 0);
        for user in &self.users {
            let listed = ids(process, &user.tokens.access);
            let created = user.created();
            for one in &created {
                let is_there = listed.contains(&one.id);
                if one.at < self.backup.began {
                    assert!(is_there, "{one:?} is lost");
                    before += 1;
                } else if one.at < self.backup.ended {
                    during += 1;
                } else if one.at > self.backup.ended {
                    after += usize::from(!is_there);
                }
            }
            // A key is known if its task is.
            assert_eq!(user.repeat(process, &created[0]), created[0].id);
            let last = created.last().unwrap();
            assert_ne!(user.repeat(process, last), last.id);
        }
        assert!(before > 0 && during > 0 && after > 0, "{before}, {during}, {after}");
        format!("{before} tasks before, 0 lost, {during} meanwhile, {after} later ones")
    }

    /// All jobs end, each is recorded once, and the runs that were open used no attempt.
    pub(super) fn check_work(&self, open: usize) {
        let number = |sql: &str| self.place.number(sql);
        until("the end of all jobs", PATIENCE * 4, || number(UNFINISHED) == 0);
        assert_eq!(number(OPEN), 0);
        let jobs = number("SELECT count(*) FROM tasks WHERE type <> 'manual'");
        let completed =
            "SELECT count(*) FROM tasks WHERE type <> 'manual' AND status = 'completed'";
        assert_eq!(number(completed), jobs);
        assert_eq!(number("SELECT count(*) FROM attempts WHERE outcome = 'completed'"), jobs);
        assert_eq!(number("SELECT count(*) FROM attempts WHERE outcome = 'lost'"), open);
        let once = "SELECT count(*) FROM tasks WHERE crashes = 1 AND attempts <= 1";
        assert_eq!(number(once), open, "a lost run used an attempt");
    }

    /// The results of a user's reports, and of those of the large user.
    pub(super) fn check_results(&self, large: &Creator) -> usize {
        let mut read = 0;
        for user in self.users.iter().chain([large]) {
            let is_report =
                |one: &&Created| one.kind == "generate_report" && one.at < self.backup.began;
            for report in user.created().iter().filter(is_report).take(RESULTS) {
                let path = format!("/api/v1/tasks/{}/result", report.id);
                let result = ask(self.service.address, &user.get(&path)).expect(200);
                assert!(result.body.starts_with("\"id\",") && result.body.contains(&report.id));
                read += 1;
            }
        }
        assert!(read > self.users.len(), "{read} results");
        let user = &self.users[0];
        let report = &user.created()[0];
        fs::remove_dir_all(self.place.state.join("results").join(&report.id)).unwrap();
        let path = format!("/api/v1/tasks/{}/result", report.id);
        ask(self.service.address, &user.get(&path)).expect(404);
        read
    }

    /// The number of mails that were sent before and after the restore.
    pub(super) fn check_mails(&self, old: &Path) -> usize {
        let again = mails(old).intersection(&mails(&self.place.state)).count();
        assert!(again > 0, "no mail is sent again");
        again
    }

    /// Each number that a client can know from before gets a reset, also one that did not exist in the backup.
    pub(super) fn check_events(&self) {
        for number in [1, 40, 100_000] {
            let first = self.first_event(number);
            assert_eq!(first, "reset", "after {number}");
        }
    }

    /// The name of the first event after a number.
    fn first_event(&self, number: u64) -> String {
        let mut stream = TcpStream::connect(self.service.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let token = &self.users[0].tokens.access;
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: tasks\r\nAuthorization: Bearer {token}\r\n\
            Last-Event-ID: {number}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let mut names = lines.filter_map(|line| line.strip_prefix("event: ").map(str::to_owned));
        names.next().unwrap()
    }

    /// Sessions are as they were in the backup.
    pub(super) fn check_sessions(&self) {
        let process = self.service.address;
        for user in &self.users {
            assert_eq!(status_of_me(process, &user.tokens.access), 200);
        }
        let refresh = |token: &str| {
            let mut connection = Connection::open(process).unwrap();
            connection.send(&request::refresh(token)).unwrap();
            connection.receive().unwrap().status
        };
        assert_eq!(refresh(&self.backup.refreshed.refresh), 401);
        assert_eq!(refresh(&self.users[0].tokens.refresh), 200);
    }
}
