//! A client of a stream of events, which checks that no event is missing and none comes twice.

use contract::connection::Connection;
use contract::http::Request;

/// An open stream.
#[derive(Debug)]
pub(super) struct Follower {
    connection: Connection,
    /// The stream of the sidecar is not, and ends with its connection.
    is_chunked: bool,
    raw: Vec<u8>,
    text: String,
    /// The number with which it began.
    pub(super) begun_at: Option<u64>,
    /// The number of the last event.
    pub(super) last: u64,
    /// Events so far.
    pub(super) events: usize,
}

impl Follower {
    /// Opens a stream. `None` if the service refuses it because the user has too many.
    pub(super) fn open(mut connection: Connection, request: &Request) -> Option<Self> {
        connection.send(&request.bytes("streams")).expect("sent");
        let answer = connection.receive().expect("received").expect("answered");
        if answer.status == 429 {
            return None;
        }
        let answer = answer.expect_status(200);
        let is_chunked = answer.header("Transfer-Encoding").is_some();
        let (raw, text) = (Vec::new(), String::new());
        let (begun_at, last, events) = (None, 0, 0);
        let mut follower = Self { connection, is_chunked, raw, text, begun_at, last, events };
        follower.take(&answer.body);
        while follower.begun_at.is_none() {
            follower.read();
        }
        Some(follower)
    }

    fn read(&mut self) {
        let bytes = self.connection.receive_some().expect("the stream flows");
        assert!(!bytes.is_empty(), "the stream ends after {}", self.last);
        self.take(&bytes);
    }

    /// The first number is the one with which the stream begins. The next ones are events without a gap.
    fn take(&mut self, bytes: &[u8]) {
        for (number, is_event) in self.absorb(bytes) {
            if self.begun_at.is_some() {
                assert!(is_event && number == self.last + 1, "{number} after {}", self.last);
                self.events += 1;
            } else {
                assert!(!is_event, "the stream begins with the event {number}");
                self.begun_at = Some(number);
            }
            self.last = number;
        }
    }

    /// Reads until an event has arrived.
    pub(super) fn wait_for(&mut self, number: u64) {
        while self.last < number {
            self.read();
        }
    }

    /// Reads until the end of a stream of the sidecar. It must not be within an event, or with a reset of the connection.
    pub(super) fn wait_for_end(mut self) {
        assert!(!self.is_chunked);
        let rest = self.connection.receive_rest().expect("the stream ends without a reset");
        self.absorb(&rest);
        assert_eq!(self.text, "", "the stream is cut");
    }

    /// Moves the data of the complete chunks into the text.
    fn take_chunks(&mut self) {
        while let Ok(httparse::Status::Complete((start, size))) =
            httparse::parse_chunk_size(&self.raw)
        {
            let end = start + usize::try_from(size).expect("a small chunk");
            if self.raw.len() < end + 2 {
                break;
            }
            self.text += std::str::from_utf8(&self.raw[start..end]).expect("ASCII");
            self.raw.drain(..end + 2);
        }
    }

    /// Reads the complete blocks. Returns the numbers of the blocks, and whether each is an event of a task.
    fn absorb(&mut self, bytes: &[u8]) -> Vec<(u64, bool)> {
        self.raw.extend_from_slice(bytes);
        if self.is_chunked {
            self.take_chunks();
        } else {
            self.text += std::str::from_utf8(&self.raw).expect("ASCII");
            self.raw.clear();
        }
        let mut blocks = Vec::new();
        while let Some((block, rest)) = self.text.split_once("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if let Some(id) = field("id: ") {
                let kind = field("event: ");
                assert!(kind.is_none_or(|kind| kind == "task"), "{block}");
                blocks.push((id.parse().expect("a number"), kind.is_some()));
            }
            self.text = rest.to_owned();
        }
        blocks
    }
}
