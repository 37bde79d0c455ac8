//! Exact decimals, as far as an addition needs them.
//!
//! A JSON number is read from its text, never through binary floating point, so `0.1 + 0.2` is `0.3`.
//! What decides whether a number is accepted is how long it is *written out*: `1e1000000000` is thirteen
//! bytes to send and a gigabyte to print. So the length is worked out from the digits and the exponent
//! first, and only a number that passes is ever expanded.
//!
//! Whole numbers of up to eighteen digits, nearly all of the traffic, are added as `i64`. The rest
//! goes through `bigdecimal`, whose addition is exact by definition; a library that rounds to a context's
//! precision would need a precision proved sufficient for every pair.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};
use std::fmt;
use thiserror::Error;

/// The most digits that an accepted number may have when it is written out without an exponent: those
/// before the point, the single `0` of `0.5` included, and those after it.
pub const MAX_DIGITS: i64 = 1000;

/// Whole numbers of at most so many digits take the fast path: the sum of two of them fits an `i64`.
const SMALL_DIGITS: usize = 18;

/// The number cannot be written out in [`MAX_DIGITS`] digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot be written out in at most {MAX_DIGITS} digits")]
pub struct OutOfRange;

/// An exact decimal number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decimal {
    /// A whole number that is cheap to add.
    Small(i64),
    /// Any other number.
    Big(BigDecimal),
}

impl Decimal {
    /// Reads a number in JSON's grammar (RFC 8259, section 6).
    ///
    /// `token` must already be a valid JSON number, as `serde_json` hands it over; the grammar is not
    /// checked again. Costs time in proportion to the length of `token` and to [`MAX_DIGITS`], whatever
    /// the exponent says.
    pub fn from_json_number(token: &str) -> Result<Self, OutOfRange> {
        let (negative, unsigned) = match token.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, token),
        };
        if unsigned.len() <= SMALL_DIGITS
            && let Some(magnitude) = whole_number(unsigned)
        {
            return Ok(Self::Small(if negative { -magnitude } else { magnitude }));
        }
        Scientific::split(unsigned).into_decimal(negative)
    }

    /// The exact sum. It may need more digits than either number: one thousand is no limit here.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            // Cannot overflow: both have at most 18 digits. An i64 holds any 18 digits nine times over.
            (Self::Small(a), Self::Small(b)) => Self::Small(a + b),
            (a, b) => Self::Big(a.into_big() + b.into_big()),
        }
    }

    fn into_big(self) -> BigDecimal {
        match self {
            Self::Small(value) => BigDecimal::from(value),
            Self::Big(value) => value,
        }
    }
}

/// Plain notation: no exponent, no zeros at the end of a fraction, never `-0`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(value) => value.fmt(f),
            Self::Big(value) => value.normalized().write_plain_string(f),
        }
    }
}

fn whole_number(digits: &str) -> Option<i64> {
    digits.bytes().try_fold(0_i64, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })
}

/// A number's text in its parts: `whole.fraction × 10^exponent`, without a sign.
struct Scientific<'a> {
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Scientific<'a> {
    fn split(unsigned: &'a str) -> Self {
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, saturating_exponent(exponent)),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Self { whole, fraction, exponent }
    }

    fn into_decimal(self, negative: bool) -> Result<Decimal, OutOfRange> {
        let mut digits = String::with_capacity(self.whole.len() + self.fraction.len());
        digits.push_str(self.whole);
        digits.push_str(self.fraction);
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Decimal::Small(0)); // Zero is short whatever its exponent: 0e999999999 is 0.
        }
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let trailing = digits.len() - leading - significant.len();

        // The value is `significant × 10^power`, with neither a leading nor a trailing zero to spare. The
        // clamped exponent leaves room for both corrections, so nothing here can overflow.
        let power = self.exponent - length(self.fraction) + length(&digits[..trailing]);
        let before_point = (length(significant) + power).max(1);
        let after_point = (-power).max(0);
        if before_point + after_point > MAX_DIGITS {
            return Err(OutOfRange);
        }

        let sign = if negative { Sign::Minus } else { Sign::Plus };
        let digits: Vec<u8> = significant.bytes().map(|byte| byte - b'0').collect();
        let coefficient =
            BigInt::from_radix_be(sign, &digits, 10).expect("every digit is below the radix");
        Ok(Decimal::Big(BigDecimal::new(coefficient, -power)))
    }
}

/// Far outside any accepted number, and far inside an `i64`.
const EXPONENT_BOUND: i64 = 1 << 40;

/// The exponent's value, clamped to ±[`EXPONENT_BOUND`]: it may be written in thousands of digits.
fn saturating_exponent(text: &str) -> i64 {
    let (sign, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] | rest => (1, rest),
    };
    sign * digits
        .iter()
        .fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(EXPONENT_BOUND))
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(EXPONENT_BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(token: &str) -> Result<String, OutOfRange> {
        Decimal::from_json_number(token).map(|value| value.to_string())
    }

    #[test]
    fn the_limit_is_the_length_when_written_out() {
        let nines = "9".repeat(1000);
        let ten_to_999 = format!("1{}", "0".repeat(999));
        let tiny = format!("0.{}1", "0".repeat(998));
        for (token, expected) in [
            ("1e999", Ok(ten_to_999.clone())),
            ("10e998", Ok(ten_to_999.clone())),
            ("0.1e1000", Ok(ten_to_999)),
            ("1e1000", Err(OutOfRange)),
            ("1e-999", Ok(tiny)),
            ("1e-1000", Err(OutOfRange)),
            (nines.as_str(), Ok(nines.clone())),
            ("0e999999999", Ok("0".into())),
            ("-0.000e-5", Ok("0".into())),
        ] {
            assert_eq!(written(token), expected, "{token}");
        }
        assert_eq!(written(&format!("{nines}9")), Err(OutOfRange));
        assert_eq!(written(&format!("{nines}.5")), Err(OutOfRange));
        assert_eq!(
            written(&format!("{nines}.000")),
            Ok(nines.clone()),
            "zeros at the end count nothing"
        );
        assert_eq!(written(&format!("{nines}000e-3")), Ok(nines));
    }

    #[test]
    fn an_exponent_of_any_length_costs_nothing() {
        let long = "9".repeat(4000);
        assert_eq!(written(&format!("1e{long}")), Err(OutOfRange));
        assert_eq!(written(&format!("1e-{long}")), Err(OutOfRange));
        assert_eq!(written(&format!("0e{long}")), Ok("0".into()));
        assert_eq!(written(&format!("1e+{}2", "0".repeat(4000))), Ok("100".into()));
        assert_eq!(written("1e9223372036854775808"), Err(OutOfRange));
        assert_eq!(written("1e-9223372036854775809"), Err(OutOfRange));
    }

    #[test]
    fn both_paths_meet_at_eighteen_digits() {
        let eighteen = "9".repeat(18);
        assert!(matches!(Decimal::from_json_number(&eighteen), Ok(Decimal::Small(_))));
        assert!(matches!(Decimal::from_json_number(&format!("{eighteen}9")), Ok(Decimal::Big(_))));
        let sum = Decimal::Small(-999_999_999_999_999_999)
            .plus(Decimal::from_json_number("-9999999999999999999").unwrap());
        assert_eq!(sum.to_string(), "-10999999999999999998");
    }
}
