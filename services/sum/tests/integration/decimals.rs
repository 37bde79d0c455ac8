//! Compares sums of generated numbers with `bigdecimal`, which shares no code with the product.

use bigdecimal::BigDecimal;
use proptest::prelude::*;
use sum_api::sum::{SumError, sum};

/// The sum in plain notation, as in the contract.
fn oracle(a: &str, b: &str) -> String {
    let sum: BigDecimal = a.parse::<BigDecimal>().unwrap() + b.parse::<BigDecimal>().unwrap();
    sum.normalized().to_plain_string()
}

/// The number of digits of a number that is written out.
fn written_digits(token: &str) -> usize {
    oracle(token, "0").bytes().filter(u8::is_ascii_digit).count()
}

fn api(a: &str, b: &str) -> Result<String, SumError> {
    sum(format!("{{\"a\":{a},\"b\":{b}}}").as_bytes()).map(|sum| sum.to_string())
}

const SHORT: &str = r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?([eE][+-]?[0-9])?";
const NEAR_64_BITS: &str = r"-?[1-9][0-9]{15,20}";
const LONG: &str = r"-?(0|[1-9][0-9]{0,200})(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?";
const AROUND_THE_LIMIT: &str =
    r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,8})?[eE][+-]?(9[89][0-9]|10[01][0-9])";

fn number() -> impl Strategy<Value = String> {
    prop_oneof![SHORT, NEAR_64_BITS, LONG]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sum_equals_result_of_bigdecimal(a in number(), b in number()) {
        prop_assert_eq!(api(&a, &b), Ok(oracle(&a, &b)));
    }

    #[test]
    fn order_does_not_matter(a in number(), b in number()) {
        prop_assert_eq!(api(&a, &b), api(&b, &a));
    }

    #[test]
    fn adding_the_negative_gives_zero(a in number()) {
        let negative = a.strip_prefix('-').map_or_else(|| format!("-{a}"), ToOwned::to_owned);
        prop_assert_eq!(api(&a, &negative), Ok("0".to_owned()));
    }

    #[test]
    fn number_of_at_most_1000_written_digits_is_accepted(a in AROUND_THE_LIMIT) {
        let accepted = written_digits(&a) <= 1000;
        prop_assert_eq!(api(&a, "0").is_ok(), accepted);
        if accepted {
            prop_assert_eq!(api(&a, "1"), Ok(oracle(&a, "1")));
        }
    }

    #[test]
    fn random_body_does_not_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = sum(&body);
    }

    #[test]
    fn random_text_near_grammar_does_not_panic(body in r#"[{}\[\]",:ab0-9.eE+\- \\u]{0,60}"#) {
        let _ = sum(body.as_bytes());
    }
}

#[test]
fn oracle_adds_correctly() {
    for (a, b, expected) in [
        ("0.1", "0.2", "0.3"),
        ("-1", "1e0", "0"),
        ("99.5", "0.5", "100"),
        ("1e3", "-0.5", "999.5"),
        ("-12e-1", "-0.8", "-2"),
        ("1e20", "0", "100000000000000000000"),
    ] {
        assert_eq!(oracle(a, b), expected);
    }
    assert_eq!((written_digits("-1e-3"), written_digits("12.50")), (4, 3));
}
