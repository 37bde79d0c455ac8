//! The head of an answer, as far as the load needs it.

/// What has to be known of an answer's head: where the answer ends, and whether it is good.
pub(crate) struct Head {
    /// Of head and body together.
    pub(crate) length: usize,
    pub(crate) status: u16,
    /// The server closes the connection after this answer.
    pub(crate) closes: bool,
}

impl Head {
    /// `None` while the head is not complete.
    pub(crate) fn read(answer: &[u8]) -> Option<Self> {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
        let mut head = Self { length: end, status, closes: false };
        for line in answer[..end].split(|byte| *byte == b'\n') {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                let digits = std::str::from_utf8(value).ok()?;
                head.length = end + digits.parse::<usize>().ok()?;
            } else if name.eq_ignore_ascii_case(b"connection") {
                head.closes = value.eq_ignore_ascii_case(b"close");
            }
        }
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_the_answer_ends() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Close\r\n\r\nabc";
        let head = Head::read(answer).unwrap();
        assert_eq!((head.length, head.status, head.closes), (answer.len(), 200, true));
        assert!(Head::read(b"HTTP/1.1 200 OK\r\nContent-Le").is_none());
        let limited = Head::read(b"HTTP/1.1 429 Too Many Requests\r\n\r\n").unwrap();
        assert_eq!(limited.status, 429);
    }
}
