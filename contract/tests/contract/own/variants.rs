//! Runs rows on every variant of a service, and compares the responses.

use contract::http::Response;
use contract::service::{self, Service};
use contract::target::{self, Target};
use contract::values::Values;
use std::borrow::Cow;
use std::thread;

/// The result of a row.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The name of the row.
    pub(super) name: String,
    /// The faults of the response.
    pub(super) faults: Vec<String>,
    /// The response without what differs between two runs.
    pub(super) shown: String,
}

/// Headers whose values describe the moment.
const OF_THE_MOMENT: [&str; 4] = ["date", "ratelimit", "retry-after", "x-request-id"];

/// Runs the rows of every service, on the running stack or on all variants at the same time. Prints how many rows ran on
/// each. Fails the test with all faults, with all differences, or with fewer than `minimum` rows.
#[track_caller]
pub(super) fn run_on_each(
    test: &str,
    minimum: usize,
    rows: impl Fn(&'static Service) -> usize,
    run: impl Fn(&Target) -> Vec<Outcome> + Sync,
) {
    let (mut count, mut wrong) = (0, Vec::new());
    for service in service::all() {
        let known = rows(service);
        if known == 0 {
            continue;
        }
        let outcomes = match target::running() {
            Some(target) => vec![("running", run(&target))],
            None => on_variants(service, test, &run),
        };
        for (variant, outcomes) in &outcomes {
            println!("{}: {} rows, variant {variant}", service.folder(), outcomes.len());
            assert_eq!(outcomes.len(), known, "a row did not run");
            let failed = outcomes.iter().filter(|outcome| !outcome.faults.is_empty());
            wrong.extend(failed.map(|outcome| {
                let faults = outcome.faults.join("; ");
                format!("{} [{}, {variant}]: {faults}", outcome.name, service.folder())
            }));
        }
        wrong.extend(differences(&outcomes));
        count += known;
    }
    assert!(count >= minimum || service::is_restricted(), "{count} rows, {minimum} are known");
    assert!(wrong.is_empty(), "{} faults in {count} rows:\n{}", wrong.len(), wrong.join("\n"));
}

fn on_variants<'a>(
    service: &'static Service,
    test: &str,
    run: &(impl Fn(&Target) -> Vec<Outcome> + Sync),
) -> Vec<(&'a str, Vec<Outcome>)> {
    let variants = service.variants(test);
    thread::scope(|scope| {
        let start =
            |(name, variant)| (name, scope.spawn(move || run(&Target::start(service, &variant))));
        let running: Vec<_> = variants.into_iter().map(start).collect();
        let end = |(name, thread): (_, thread::ScopedJoinHandle<'_, _>)| {
            (name, thread.join().expect("a variant runs to its end"))
        };
        running.into_iter().map(end).collect()
    })
}

/// The rows that the first variant and another one answer differently.
fn differences(outcomes: &[(&str, Vec<Outcome>)]) -> Vec<String> {
    let Some(((name, expected), others)) = outcomes.split_first() else { return Vec::new() };
    let pairs = others.iter().flat_map(|(other, found)| {
        expected.iter().zip(found).filter(|(one, other)| one.shown != other.shown).map(
            move |(one, two)| {
                format!("{}: {name} {:?}\n  {other} {:?}", one.name, one.shown, two.shown)
            },
        )
    });
    pairs.collect()
}

/// The status, the headers and the body, without what differs between two runs: the values of the caller, ids, times and
/// tokens. `None` is a connection that is closed without a response.
pub(super) fn shown(response: Option<&Response>, values: &Values) -> String {
    let Some(response) = response else { return "closed".into() };
    let line = |(name, value): &(String, String)| {
        let is_momentary = OF_THE_MOMENT.contains(&name.to_ascii_lowercase().as_str());
        format!("{name}: {}", if is_momentary { "{moment}" } else { value })
    };
    let headers: Vec<String> = response.headers.iter().map(line).collect();
    let (status, headers) = (response.status, headers.join("\n"));
    let mut text = format!("{status}\n{headers}\n\n{}", response.text());
    for id in response.all("X-Request-Id") {
        text = text.replace(id, "{request_id}");
    }
    without_forms(&values.hide(&text))
}

/// Replaces ids, times and tokens by their form. The first id of a response is another one than the second.
fn without_forms<'a>(text: &'a str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let mut ids: Vec<&str> = Vec::new();
    let mut form = |word: &'a str| -> Cow<'a, str> {
        if has_form(word, "00000000-0000-0000-0000-000000000000") {
            let number = ids.iter().position(|id| *id == word).unwrap_or(ids.len());
            if number == ids.len() {
                ids.push(word);
            }
            format!("{{id {number}}}").into()
        } else if has_form(word, "0000-00-00T00:00:00.000Z") {
            "{time}".into()
        } else if is_token(word) {
            "{token}".into()
        } else {
            word.into()
        }
    };
    let (mut done, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_of_word(c)).unwrap_or(from.len()));
        done.push_str(before);
        done.push_str(&form(word));
        rest = after;
    }
    done + rest
}

/// Whether a word has this form, in which `0` is any hexadecimal digit.
fn has_form(word: &str, form: &str) -> bool {
    let fits = |(one, of): (u8, u8)| if of == b'0' { one.is_ascii_hexdigit() } else { one == of };
    word.len() == form.len() && word.bytes().zip(form.bytes()).all(fits)
}

/// Whether a word is a JSON Web Token or a long hexadecimal number.
fn is_token(word: &str) -> bool {
    let is_number = word.len() >= 64 && word.bytes().all(|c| c.is_ascii_hexdigit());
    is_number || word.starts_with("eyJ") && word.matches('.').count() == 2
}

#[test]
fn difference_is_found_and_ids_times_and_tokens_are_none() {
    let (one, two) =
        ("019a53b2-0c00-7000-8000-000000000001", "019a53b2-0c00-7000-8000-000000000002");
    let time = "2027-01-15T08:00:00.000Z";
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln";
    let number = "0".repeat(64);
    let text = format!("\"{one}\",\"{two}\",\"{one}\",\"{time}\",\"{token}\",\"{number}\",5é");
    let expected = "\"{id 0}\",\"{id 1}\",\"{id 0}\",\"{time}\",\"{token}\",\"{token}\",5é";
    assert_eq!(without_forms(&text), expected);
    let outcome =
        |shown: &str| Outcome { name: "a".into(), faults: Vec::new(), shown: shown.into() };
    let outcomes = |other| [("x", vec![outcome("200")]), ("y", vec![outcome(other)])];
    assert_eq!(differences(&outcomes("200")), Vec::<String>::new());
    assert_eq!(differences(&outcomes("201")), ["a: x \"200\"\n  y \"201\""]);
}
