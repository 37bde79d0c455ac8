//! Reads the head of an answer: only its length, its status and whether the connection closes.

/// The parts of a head that the load generator needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The offset of the body.
    pub(crate) body: usize,
    /// The length of head and body together.
    pub(crate) length: usize,
    pub(crate) status: u16,
    /// The server closes the connection after this answer.
    pub(crate) closes: bool,
}

impl Head {
    /// Reads a head. `None` while it is not complete.
    pub(crate) fn read(answer: &[u8]) -> Result<Option<Self>, String> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let body = match response.parse(answer).map_err(|error| error.to_string())? {
            httparse::Status::Complete(body) => body,
            httparse::Status::Partial => return Ok(None),
        };
        let mut head =
            Self { body, length: body, status: response.code.unwrap_or_default(), closes: false };
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let digits = str::from_utf8(header.value).unwrap_or_default();
                head.length += digits.parse::<usize>().map_err(|error| error.to_string())?;
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.closes = header.value.eq_ignore_ascii_case(b"close");
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return Err("an answer in chunks, which this load generator does not read".into());
            }
        }
        Ok(Some(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_gives_length_of_answer() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Close\r\n\r\nabc";
        let head = Head::read(answer).unwrap().unwrap();
        assert_eq!((head.length, head.status, head.closes), (answer.len(), 200, true));
        assert_eq!(&answer[head.body..], b"abc");
        assert_eq!(Head::read(b"HTTP/1.1 200 OK\r\nContent-Le"), Ok(None));
        let limited = Head::read(b"HTTP/1.1 429 Too Many Requests\r\n\r\n").unwrap().unwrap();
        assert_eq!(limited.status, 429);
        assert!(Head::read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
