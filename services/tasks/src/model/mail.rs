//! Addresses of mails, the domains that may receive one, and the daily limit.
//!
//! An address is a plain one: `name@domain`, in ASCII. RFC 5321 has more forms (quotes, comments, routes, addresses of
//! hosts), which mail servers read in different ways. So a mail could reach another domain than the one that was checked.

/// RFC 5321, section 4.5.3.1.
const LONGEST_NAME: usize = 64;
const LONGEST_DOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;
/// The special characters of a name. `%` and `!` are not among them, because old mail servers forward by them.
const SPECIAL: &[u8] = b"_+-='&";

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidAddress {
    /// Another form than `name@domain`.
    Form,
    /// A domain that is not in the list.
    Domain,
}

impl InvalidAddress {
    /// A text that continues "The member …".
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Form => {
                "must be one plain address, such as ada@example.com, of ASCII letters, digits and . _ + - = ' &; write a \
                domain with other letters as xn--…"
            }
            Self::Domain => {
                "must be an address of a domain to which this service sends mails; ask its operator"
            }
        }
    }
}

/// A plain address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    name: String,
    domain: Domain,
}

impl Address {
    /// Reads `name@domain`.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let (name, domain) = text.split_once('@').ok_or(InvalidAddress::Form)?;
        // A leading hyphen would be an option of some programs that deliver mails.
        let is_name = name.len() <= LONGEST_NAME
            && !name.starts_with('-')
            && name.split('.').all(|atom| {
                let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || SPECIAL.contains(byte);
                !atom.is_empty() && atom.as_bytes().iter().all(is_known)
            });
        let domain = Domain::parse(domain).filter(|_| is_name).ok_or(InvalidAddress::Form)?;
        Ok(Self { name: name.to_owned(), domain })
    }

    /// The part before `@`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// A domain in ASCII and in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// Reads a domain, without a trailing dot. A domain with other letters is written as `xn--…` (RFC 5890).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // The last label of an IP address is a number.
        let is_host = text.rsplit('.').next().is_some_and(|last| last.parse::<u64>().is_err());
        let is_domain = text.len() <= LONGEST_DOMAIN && is_host && text.split('.').all(is_label);
        is_domain.then(|| Self(text.to_ascii_lowercase()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which addresses may receive a mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipients {
    /// Exactly these domains; subdomains are others. `None` admits all.
    domains: Option<Vec<Domain>>,
}

impl Recipients {
    /// Only addresses of these domains.
    #[must_use]
    pub fn of(domains: Vec<Domain>) -> Self {
        Self { domains: Some(domains) }
    }

    /// Reads an address that may receive a mail.
    pub fn check(&self, text: &str) -> Result<Address, InvalidAddress> {
        let address = Address::parse(text)?;
        match &self.domains {
            Some(domains) if !domains.contains(&address.domain) => Err(InvalidAddress::Domain),
            _ => Ok(address),
        }
    }
}

/// The most attempts to send a mail in a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyLimit {
    /// For the tasks of one user.
    pub user: u32,
    /// For the tasks of all users.
    pub all: u32,
}

impl DailyLimit {
    /// Reads `user:all`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (user, all) = text.split_once(':')?;
        let number = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| is_number && (1..=1_000_000_000).contains(number))
        };
        Some(Self { user: number(user)?, all: number(all)? })
            .filter(|limit| limit.user <= limit.all)
    }
}

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is counted.
    Counted,
    /// The user has made too many today.
    UserLimit,
    /// All users have made too many today.
    AllLimit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_read() {
        for text in [
            "ada@example.com",
            "Ada.Lovelace+tag_1@EXAMPLE.com",
            "o'neill&co=x-y@xn--bcher-kva.example",
            "a@localhost",
            &format!("{}@example.com", "a".repeat(64)),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(text, format!("{}@{}", address.name(), &text[address.name().len() + 1..]));
            assert_eq!(address.domain().as_str(), address.domain().as_str().to_ascii_lowercase());
        }
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example.com.",
            "ada@.example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@exa_mple.com",
            "ada@example.com@evil.example",
            "ada@evil.example@example.com",
            "\"ada\"@example.com",
            "\"ada@evil.example\"@example.com",
            "ada(comment)@example.com",
            "ada@(comment)example.com",
            "ada@example.com(comment)",
            "<ada@example.com>",
            "Ada <ada@example.com>",
            "@evil.example:ada@example.com",
            "ada%evil.example@example.com",
            "evil.example!ada@example.com",
            "ada@evil.example,eve@example.com",
            "ada@example.com,eve@example.com",
            "ada@example.com eve@example.com",
            " ada@example.com",
            "ada@example.com ",
            "ada@example.com\r\nRCPT TO:<eve@evil.example>",
            "ada@example.com\0",
            "ada@[192.0.2.1]",
            "ada@192.0.2.1",
            "ada@1",
            "ada@ex\u{430}mple.com",
            "ada@\u{ff45}xample.com",
            "ada@example\u{3002}com",
            "ad\u{430}@example.com",
            "ada@b\u{fc}cher.example",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "-oQ/tmp@example.com",
            "a|b@example.com",
            "a\\b@example.com",
            &format!("{}@example.com", "a".repeat(65)),
            &format!("ada@{}.com", "a".repeat(64)),
            &format!("ada@{}com", "a.".repeat(126)),
        ] {
            assert_eq!(Address::parse(text), Err(InvalidAddress::Form), "{text:?}");
        }
    }

    #[test]
    fn domain_is_compared_exactly_and_without_case() {
        let domains = ["example.com", "Mail.Example.ORG"].map(|text| Domain::parse(text).unwrap());
        let recipients = Recipients::of(domains.into());
        for (text, expected) in [
            ("ada@example.com", None),
            ("ada@EXAMPLE.Com", None),
            ("ada@mail.example.org", None),
            ("ada@mail.example.com", Some(InvalidAddress::Domain)),
            ("ada@example.org", Some(InvalidAddress::Domain)),
            ("ada@xexample.com", Some(InvalidAddress::Domain)),
            ("ada@example.com.evil.example", Some(InvalidAddress::Domain)),
            ("ada@example.co", Some(InvalidAddress::Domain)),
            ("ada@com", Some(InvalidAddress::Domain)),
            ("ada@example.com.", Some(InvalidAddress::Form)),
            ("ada@ex\u{430}mple.com", Some(InvalidAddress::Form)),
        ] {
            assert_eq!(recipients.check(text).err(), expected, "{text}");
            let other = (expected == Some(InvalidAddress::Form)).then_some(InvalidAddress::Form);
            assert_eq!(Recipients::default().check(text).err(), other, "without a list: {text}");
        }
    }

    #[test]
    fn limit_is_two_numbers() {
        assert_eq!(DailyLimit::parse("20:1000"), Some(DailyLimit { user: 20, all: 1000 }));
        assert_eq!(DailyLimit::parse("1:1"), Some(DailyLimit { user: 1, all: 1 }));
        for text in
            ["", "20", "20:", ":20", "0:20", "2:1", "+2:3", "2: 3", "2:3:4", "-1:2", "1:9999999999"]
        {
            assert_eq!(DailyLimit::parse(text), None, "{text}");
        }
    }
}
