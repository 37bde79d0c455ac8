//! Exact decimals for addition.
//!
//! A JSON number is read from its text, never through binary floating point, so `0.1 + 0.2` is `0.3`.
//! The limit applies to the length of the number when it is *written out*: `1e1000000000` has 12 bytes in the request
//! and a gigabyte when printed. So the length is first calculated from the digits and the exponent. Only an accepted
//! number is written out.
//!
//! Whole numbers of up to eighteen digits, nearly all of the traffic, are added as `i64`. Other numbers are added
//! digit by digit, as on paper. A library for big numbers stores them in base two. The two conversions take time in
//! the square of the digits: ten times as long as the addition, at the limit.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Add;

use thiserror::Error;

/// The most digits of an accepted number, written out without an exponent. Digits before and after the point count,
/// including the single `0` of `0.5`.
pub const MAX_DIGITS: i64 = 1000;

/// Whole numbers of at most this many digits use the fast path: the sum of two of them fits an `i64`.
const SMALL_DIGITS: usize = 18;

/// The number cannot be written out in [`MAX_DIGITS`] digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot be written out in at most {MAX_DIGITS} digits")]
pub struct OutOfRange;

/// An exact decimal number.
#[derive(Debug, Clone)]
pub enum Decimal {
    /// A whole number that is cheap to add.
    Small(i64),
    /// Any other number.
    Written(Written),
}

impl Decimal {
    /// Reads a number in JSON's grammar (RFC 8259, section 6).
    ///
    /// `token` must be a valid JSON number from `serde_json`. The grammar is not checked again. The time is
    /// proportional to the length of `token` and to [`MAX_DIGITS`], for any exponent.
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
        Scientific::split(unsigned).write_out(negative).map(Self::Written)
    }

    /// The number between two texts, in memory of exactly that size.
    #[must_use]
    pub fn between(&self, before: &str, after: &str) -> String {
        match self {
            Self::Small(value) => [before, itoa::Buffer::new().format(*value), after].concat(),
            Self::Written(value) => [before, &value.to_string(), after].concat(),
        }
    }

    fn into_written(self) -> Written {
        match self {
            Self::Small(value) => Written {
                negative: value < 0,
                digits: value.unsigned_abs().to_string().into_bytes(),
                places: 0,
            },
            Self::Written(value) => value,
        }
    }
}

/// The exact sum. It can have more digits than [`MAX_DIGITS`].
impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self, other) {
            // Cannot overflow: both have at most 18 digits. An i64 can hold nine times the largest such number.
            (Self::Small(a), Self::Small(b)) => Self::Small(a + b),
            (a, b) => Self::Written(a.into_written() + b.into_written()),
        }
    }
}

/// Plain notation: no exponent, no zeros at the end of a fraction, never `-0`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(value) => value.fmt(f),
            Self::Written(value) => value.fmt(f),
        }
    }
}

/// A number as its digits in ASCII. The last `places` digits are after the point, and at least one is before it.
#[derive(Debug, Clone)]
pub struct Written {
    negative: bool,
    digits: Vec<u8>,
    places: usize,
}

/// Aligns the two numbers at the point, and adds them from right to left.
impl Add for Written {
    type Output = Self;

    fn add(mut self, mut other: Self) -> Self {
        self.align(&mut other);
        other.align(&mut self);
        if self.negative == other.negative {
            let mut carry = 0;
            for (digit, added) in self.digits.iter_mut().zip(&other.digits).rev() {
                let column = *digit + (added - b'0') + carry;
                carry = u8::from(column > b'9');
                *digit = column - 10 * carry;
            }
            if carry > 0 {
                self.digits.insert(0, b'1');
            }
            return self;
        }
        // Different signs: subtract the smaller from the larger, and keep the sign of the larger.
        if self.digits.cmp(&other.digits) == Ordering::Less {
            std::mem::swap(&mut self, &mut other);
        }
        let mut borrowed = 0;
        for (digit, taken) in self.digits.iter_mut().zip(&other.digits).rev() {
            let owed = (taken - b'0') + borrowed;
            borrowed = u8::from(*digit - b'0' < owed);
            *digit = *digit + 10 * borrowed - owed;
        }
        self
    }
}

impl Written {
    /// Pads `other` with zeros to the places and the length of this number.
    fn align(&self, other: &mut Self) {
        let places = self.places.saturating_sub(other.places);
        other.digits.resize(other.digits.len() + places, b'0');
        other.places += places;
        let missing =
            (self.digits.len() - self.places).saturating_sub(other.digits.len() - other.places);
        other.digits.splice(..0, std::iter::repeat_n(b'0', missing));
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = std::str::from_utf8(&self.digits).map_err(|_| fmt::Error)?;
        let (whole, fraction) = digits.split_at(digits.len() - self.places);
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if self.negative && !(whole.is_empty() && fraction.is_empty()) {
            f.write_str("-")?;
        }
        f.write_str(if whole.is_empty() { "0" } else { whole })?;
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

fn whole_number(digits: &str) -> Option<i64> {
    digits.bytes().try_fold(0_i64, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })
}

/// The parts of a number's text: `whole.fraction × 10^exponent`, without a sign.
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

    fn write_out(self, negative: bool) -> Result<Written, OutOfRange> {
        let mut digits = Vec::with_capacity(self.whole.len() + self.fraction.len());
        digits.extend_from_slice(self.whole.as_bytes());
        digits.extend_from_slice(self.fraction.as_bytes());
        let zeros = |digit: &&u8| **digit == b'0';
        let leading = digits.iter().take_while(zeros).count();
        if leading == digits.len() {
            // Zero is short with any exponent: 0e999999999 is 0.
            return Ok(Written { negative: false, digits: vec![b'0'], places: 0 });
        }
        let trailing = digits.iter().rev().take_while(zeros).count();
        let significant = &digits[leading..digits.len() - trailing];

        // The value is `significant × 10^power`. `significant` has no leading and no trailing zeros. This cannot
        // overflow, because the exponent is clamped.
        let power = self.exponent - length(self.fraction.len()) + length(trailing);
        let before_point = (length(significant.len()) + power).max(1);
        let after_point = (-power).max(0);
        if before_point + after_point > MAX_DIGITS {
            return Err(OutOfRange);
        }

        // Both are now at most a thousand.
        let places = usize::try_from(after_point).unwrap_or_default();
        let before = (places + 1).saturating_sub(significant.len());
        let after = usize::try_from(power).unwrap_or_default();
        let mut digits = vec![b'0'; before];
        digits.extend_from_slice(significant);
        digits.resize(digits.len() + after, b'0');
        Ok(Written { negative, digits, places })
    }
}

/// Far larger than any accepted exponent, and far smaller than an `i64`.
const EXPONENT_BOUND: i64 = 1 << 40;

/// The exponent's value, clamped to ±[`EXPONENT_BOUND`], because it can have thousands of digits.
fn saturating_exponent(text: &str) -> i64 {
    let (sign, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] | rest => (1, rest),
    };
    sign * digits
        .iter()
        .fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(EXPONENT_BOUND))
}

fn length(digits: usize) -> i64 {
    i64::try_from(digits).unwrap_or(EXPONENT_BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(token: &str) -> Result<String, OutOfRange> {
        Decimal::from_json_number(token).map(|value| value.to_string())
    }

    #[test]
    fn limit_applies_to_written_out_length() {
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
            "zeros at the end do not count"
        );
        assert_eq!(written(&format!("{nines}000e-3")), Ok(nines));
    }

    #[test]
    fn exponent_of_any_length_is_handled() {
        let long = "9".repeat(4000);
        assert_eq!(written(&format!("1e{long}")), Err(OutOfRange));
        assert_eq!(written(&format!("1e-{long}")), Err(OutOfRange));
        assert_eq!(written(&format!("0e{long}")), Ok("0".into()));
        assert_eq!(written(&format!("1e+{}2", "0".repeat(4000))), Ok("100".into()));
        assert_eq!(written("1e9223372036854775808"), Err(OutOfRange));
        assert_eq!(written("1e-9223372036854775809"), Err(OutOfRange));
    }

    #[test]
    fn fast_path_ends_at_eighteen_digits() {
        let eighteen = "9".repeat(18);
        assert!(matches!(Decimal::from_json_number(&eighteen), Ok(Decimal::Small(_))));
        assert!(matches!(
            Decimal::from_json_number(&format!("{eighteen}9")),
            Ok(Decimal::Written(_))
        ));
        let sum = Decimal::Small(-999_999_999_999_999_999)
            + Decimal::from_json_number("-9999999999999999999").unwrap();
        assert_eq!(sum.to_string(), "-10999999999999999998");
    }
}
