//! A value of a document with its place, and references to components followed.

use serde_json::Value;

/// How many references may lead to the next one. More are a circle.
const LONGEST_CHAIN: usize = 16;

/// A value and its JSON pointer (RFC 6901).
#[derive(Debug, Clone)]
pub struct Place<'a> {
    root: &'a Value,
    /// Where the value is, after references were followed.
    pub at: String,
    /// The value.
    pub value: &'a Value,
}

/// A member's name as it is written in a JSON pointer.
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl<'a> Place<'a> {
    /// The whole document.
    #[must_use]
    pub fn root(root: &'a Value) -> Self {
        Self { root, at: String::new(), value: root }
    }

    /// The value at a pointer.
    #[must_use]
    pub fn find(root: &'a Value, pointer: &str) -> Option<Self> {
        let value = root.pointer(pointer)?;
        Some(Self { root, at: pointer.to_owned(), value })
    }

    /// The pointer of a member, there or not.
    #[must_use]
    pub fn at_member(&self, name: &str) -> String {
        format!("{}/{}", self.at, escaped(name))
    }

    /// A member of an object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(name)?;
        Some(Self { root: self.root, at: self.at_member(name), value })
    }

    /// The object or array that holds it; `None` for the whole document.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.at.rsplit_once('/')?;
        Self::find(self.root, parent)
    }

    /// All members of an object; none of anything else.
    pub fn members(&self) -> impl Iterator<Item = (&'a str, Self)> + '_ {
        self.value.as_object().into_iter().flatten().map(|(name, value)| {
            (name.as_str(), Self { root: self.root, at: self.at_member(name), value })
        })
    }

    /// All items of an array; none of anything else.
    pub fn items(&self) -> impl Iterator<Item = Self> + '_ {
        self.value.as_array().into_iter().flatten().enumerate().map(|(index, value)| Self {
            root: self.root,
            at: format!("{}/{index}", self.at),
            value,
        })
    }

    /// What its `$ref` refers to; `None` without one, or when it leads nowhere.
    #[must_use]
    pub fn target(&self) -> Option<Self> {
        let pointer = self.value.get("$ref")?.as_str()?.strip_prefix('#')?;
        Self::find(self.root, pointer)
    }

    /// Where a reference below leads nowhere.
    #[must_use]
    pub fn lost_reference(&self) -> Option<String> {
        let is_reference = self.value.get("$ref").is_some_and(Value::is_string);
        if is_reference && self.target().is_none() {
            return Some(self.at_member("$ref"));
        }
        let members = self.members().map(|(_, member)| member);
        members.chain(self.items()).find_map(|place| place.lost_reference())
    }

    /// Itself, or what its references lead to.
    #[must_use]
    pub fn resolved(self) -> Self {
        let mut place = self;
        for _ in 0..LONGEST_CHAIN {
            match place.target() {
                Some(target) => place = target,
                None => break,
            }
        }
        place
    }
}
