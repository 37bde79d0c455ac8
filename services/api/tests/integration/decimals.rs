//! Sums of generated numbers against schoolbook addition on strings of digits, which shares no code with the
//! product.

use proptest::prelude::*;
use std::cmp::Ordering;
use sum_api::sum::{SumError, sum};

/// A number written out: `digits` with the point `scale` places from the right.
#[derive(Debug, Clone)]
struct Written {
    negative: bool,
    digits: Vec<u8>,
    scale: usize,
}

/// Moves the point by hand, zero by zero.
fn write_out(token: &str) -> Written {
    let (negative, token) = (token.starts_with('-'), token.trim_start_matches('-'));
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let mut exponent: i32 = exponent.parse().unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let mut scale = fraction.len();
    while exponent > 0 {
        if scale > 0 {
            scale -= 1;
        } else {
            digits.push(0);
        }
        exponent -= 1;
    }
    while exponent < 0 {
        scale += 1;
        exponent += 1;
    }
    while digits.len() <= scale {
        digits.insert(0, 0);
    }
    while scale > 0 && digits.last() == Some(&0) {
        digits.pop();
        scale -= 1;
    }
    while digits.len() > scale + 1 && digits[0] == 0 {
        digits.remove(0);
    }
    Written { negative, digits, scale }
}

/// Same scale, same length, so that the digits stand under each other.
fn align(a: &mut Written, b: &mut Written) {
    // Each of the two is given places first, and the digits in front after that.
    for _ in 0..4 {
        while a.scale < b.scale {
            a.digits.push(0);
            a.scale += 1;
        }
        while a.digits.len() < b.digits.len() {
            a.digits.insert(0, 0);
        }
        std::mem::swap(a, b);
    }
}

fn schoolbook(a: &str, b: &str) -> String {
    let (mut a, mut b) = (write_out(a), write_out(b));
    align(&mut a, &mut b);
    if a.negative != b.negative && a.digits.cmp(&b.digits) == Ordering::Less {
        std::mem::swap(&mut a, &mut b);
    }
    let sign = if a.negative == b.negative { 1 } else { -1 };
    let mut carry = 0_i8;
    let mut digits: Vec<u8> = Vec::new();
    for (x, y) in a.digits.iter().zip(&b.digits).rev() {
        let column = x.cast_signed() + sign * y.cast_signed() + carry;
        digits.insert(0, column.rem_euclid(10).cast_unsigned());
        carry = column.div_euclid(10);
    }
    if carry > 0 {
        digits.insert(0, 1);
    }
    let point = digits.len() - a.scale;
    let text = |digits: &[u8]| digits.iter().map(|d| char::from(b'0' + d)).collect::<String>();
    let (whole, fraction) = (text(&digits[..point]), text(&digits[point..]));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let zero = whole.is_empty() && fraction.is_empty();
    let sign = if a.negative && !zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
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
    fn a_sum_is_what_schoolbook_addition_says(a in number(), b in number()) {
        prop_assert_eq!(api(&a, &b), Ok(schoolbook(&a, &b)));
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
    fn a_number_is_accepted_when_it_can_be_written_in_a_thousand_digits(a in AROUND_THE_LIMIT) {
        let accepted = write_out(&a).digits.len() <= 1000;
        prop_assert_eq!(api(&a, "0").is_ok(), accepted);
        if accepted {
            prop_assert_eq!(api(&a, "1"), Ok(schoolbook(&a, "1")));
        }
    }

    #[test]
    fn no_body_is_too_odd(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = sum(&body);
    }

    #[test]
    fn no_text_near_the_grammar_is_too_odd(body in r#"[{}\[\]",:ab0-9.eE+\- \\u]{0,60}"#) {
        let _ = sum(body.as_bytes());
    }
}

#[test]
fn the_oracle_itself_can_add() {
    for (a, b, expected) in [
        ("0.1", "0.2", "0.3"),
        ("-1", "1e0", "0"),
        ("99.5", "0.5", "100"),
        ("1e3", "-0.5", "999.5"),
        ("-12e-1", "-0.8", "-2"),
    ] {
        assert_eq!(schoolbook(a, b), expected);
    }
}
