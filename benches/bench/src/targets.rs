//! What was asked for, beside what was measured.

use crate::section::Section;
use crate::table::Table;

struct Target {
    what: &'static str,
    /// Section and figure.
    figure: (&'static str, &'static str),
    /// A second figure that the first is divided by.
    over: Option<(&'static str, &'static str)>,
    bound: Bound,
    /// What holds a target that is missed; shown only then.
    held_by: &'static str,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const TARGETS: [Target; 12] = [
    Target {
        what: "instructions of an integer `/sum`, ÷ bare hyper",
        figure: ("counts", "sum-api/instructions"),
        over: Some(("counts", "bare hyper/instructions")),
        bound: Bound::AtMost(1.35),
        held_by: "the body and its JSON, which a constant does not read, then the answer's headers, the request id and the key: [tuning](tuning.md#what-holds-the-instruction-target)",
    },
    Target {
        what: "system calls a request",
        figure: ("counts", "sum-api/calls"),
        over: None,
        bound: Bound::AtMost(3.01),
        held_by: "",
    },
    Target {
        what: "throughput ÷ nginx `return 200`",
        figure: ("throughput", "sum-api/ratio"),
        over: None,
        bound: Bound::AtLeast(0.9),
        held_by: "the instructions above",
    },
    Target {
        what: "CPU time ÷ axum's",
        figure: ("throughput", "sum-api/cpu_us"),
        over: Some(("throughput", "axum/cpu_us")),
        bound: Bound::AtMost(1.0),
        held_by: "axum has no idle timeout, no key, no request id and no metrics here",
    },
    Target {
        what: "CPU time ÷ actix-web's",
        figure: ("throughput", "sum-api/cpu_us"),
        over: Some(("throughput", "actix-web/cpu_us")),
        bound: Bound::AtMost(1.0),
        held_by: "as for axum",
    },
    Target {
        what: "CPU time ÷ Go's",
        figure: ("throughput", "sum-api/cpu_us"),
        over: Some(("throughput", "Go net/http/cpu_us")),
        bound: Bound::AtMost(1.0),
        held_by: "",
    },
    Target {
        what: "through the sidecar: throughput ÷ the ceiling's",
        figure: ("throughput", "sidecar → sum-api/ratio"),
        over: None,
        bound: Bound::AtLeast(0.9),
        held_by: "the access log, which is the metrics, then the fresh request id, the headers and the limiter: [tuning](tuning.md#what-holds-the-sidecar)",
    },
    Target {
        what: "through the sidecar: p99 at 50 % load ÷ the ceiling's",
        figure: ("latency", "p99_to_ceiling"),
        over: None,
        bound: Bound::AtMost(1.5),
        held_by: "on a shared machine p99 is the neighbour's",
    },
    Target {
        what: "resident after a million requests, MiB",
        figure: ("memory", "after_many_mib"),
        over: None,
        bound: Bound::AtMost(12.0),
        held_by: "",
    },
    Target {
        what: "growth over the soak, MiB",
        figure: ("soak", "growth_mib"),
        over: None,
        bound: Bound::AtMost(0.25),
        held_by: "",
    },
    Target {
        what: "ready after exec, ms",
        figure: ("start", "sum-api/ready_ms"),
        over: None,
        bound: Bound::AtMost(20.0),
        held_by: "",
    },
    Target {
        what: "digits: exponent of the growth (1 is linear)",
        figure: ("growth", "digits_exponent"),
        over: None,
        bound: Bound::AtMost(1.2),
        held_by: "see [tuning](tuning.md#digits)",
    },
];

/// The table of targets, and how many are met and missed.
pub fn table() -> (Table, usize, usize) {
    let mut table = Table::new(&["target", "wanted", "measured", "", "held by"]);
    let (mut met, mut missed) = (0, 0);
    for target in TARGETS {
        let (bound, passes): (String, fn(f64, f64) -> bool) = match target.bound {
            Bound::AtMost(_) => ("at most".into(), |figure, bound| figure <= bound),
            Bound::AtLeast(_) => ("at least".into(), |figure, bound| figure >= bound),
        };
        let (Bound::AtMost(limit) | Bound::AtLeast(limit)) = target.bound;
        let read = |(section, name): (&str, &str)| Section::read(section)?.figure(name);
        let figure = read(target.figure).and_then(|figure| match target.over {
            None => Some(figure),
            Some(over) => Some(figure / read(over)?),
        });
        let (shown, verdict, held_by) = match figure {
            None => ("–".into(), "not measured", ""),
            Some(figure) if passes(figure, limit) => (format!("{figure:.2}"), "met", ""),
            Some(figure) => (format!("{figure:.2}"), "**missed**", target.held_by),
        };
        met += usize::from(verdict == "met");
        missed += usize::from(verdict == "**missed**");
        table.row([target.what, &format!("{bound} {limit}"), &shown, verdict, held_by]);
    }
    (table, met, missed)
}
