//! The output of `strace -f -y -xx`.

/// A call of the system, in the order in which the calls begin.
#[derive(Debug)]
pub(super) enum Event {
    Write {
        path: String,
        offset: usize,
        data: Vec<u8>,
    },
    Truncate {
        path: String,
        length: usize,
    },
    Remove {
        path: String,
    },
    /// A thread begins to wait for the disk.
    SyncBegin {
        thread: String,
        path: String,
    },
    /// The wait of the thread is over.
    SyncEnd {
        thread: String,
    },
    /// The process wrote this to its standard error.
    Said(String),
}

/// Reads all calls that succeeded or have not ended.
pub(super) fn parse(log: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for line in log.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let (thread, call) = (thread.to_owned(), call.trim_start());
        if call.starts_with("<... ") {
            assert!(call.ends_with("= 0") || !call.contains("sync resumed"), "{line}");
            if call.contains("sync resumed") {
                events.push(Event::SyncEnd { thread });
            }
            continue;
        }
        // A signal, the end of a thread, or an error.
        let Some((name, arguments)) = call.split_once('(') else { continue };
        if call.contains(" = -1 ") {
            continue;
        }
        let ends = !call.ends_with("<unfinished ...>");
        events.extend(event(name, arguments, &thread));
        if ends && name.ends_with("sync") {
            events.push(Event::SyncEnd { thread });
        }
    }
    events
}

fn event(name: &str, arguments: &str, thread: &str) -> Option<Event> {
    let path = || text(between(arguments, '<', '>'));
    let data = || bytes(between(arguments, '"', '"'));
    Some(match name {
        "pwrite64" => {
            let (data, numbers) = (data(), numbers(arguments));
            assert_eq!(numbers[0], data.len(), "the data is complete");
            Event::Write { path: path(), offset: numbers[1], data }
        }
        "ftruncate" => Event::Truncate { path: path(), length: numbers(arguments)[0] },
        "unlink" => Event::Remove { path: text(between(arguments, '"', '"')) },
        "fsync" | "fdatasync" => Event::SyncBegin { thread: thread.to_owned(), path: path() },
        "write" if arguments.starts_with("2<") => {
            Event::Said(String::from_utf8(data()).unwrap().trim_end().to_owned())
        }
        "write" => return None,
        other => panic!("{other} is not expected"),
    })
}

fn between(text: &str, open: char, close: char) -> &str {
    let (_, rest) = text.split_once(open).unwrap();
    rest.split_once(close).unwrap().0
}

/// The last arguments, after the descriptor and the data.
fn numbers(arguments: &str) -> Vec<usize> {
    let (_, rest) = arguments.rsplit_once(['"', '>']).unwrap();
    let rest = rest.split_once(") = ").map_or(rest, |(rest, _)| rest);
    rest.split([',', ' ']).filter_map(|word| word.parse().ok()).collect()
}

/// Hexadecimal digits such as `\x2f\x74`.
fn bytes(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn text(digits: &str) -> String {
    String::from_utf8(bytes(digits)).unwrap()
}
