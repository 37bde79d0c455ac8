//! A value of a document with its JSON pointer. Can follow references to components.

use serde_json::Value;

/// The maximum number of references in a chain. A longer chain is a cycle.
const LONGEST_CHAIN: usize = 16;

/// A value and its JSON pointer (RFC 6901).
#[derive(Debug, Clone)]
pub struct Place<'a> {
    root: &'a Value,
    /// The pointer of the value, after references were followed.
    pub at: String,
    /// The value.
    pub value: &'a Value,
}

impl<'a> Place<'a> {
    /// The value at a pointer.
    #[must_use]
    pub fn find(root: &'a Value, pointer: &str) -> Option<Self> {
        let value = root.pointer(pointer)?;
        Some(Self { root, at: pointer.to_owned(), value })
    }

    /// The pointer of a member. The member need not exist.
    #[must_use]
    pub fn at_member(&self, name: &str) -> String {
        format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"))
    }

    fn below(&self, name: &str, value: &'a Value) -> Self {
        Self { root: self.root, at: self.at_member(name), value }
    }

    /// A member of an object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        Some(self.below(name, self.value.as_object()?.get(name)?))
    }

    /// All members of an object. Empty for other values.
    #[must_use]
    pub fn members(&self) -> Vec<(&'a str, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), self.below(name, value))).collect()
    }

    /// All items of an array. Empty for other values.
    #[must_use]
    pub fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| self.below(&index.to_string(), value)).collect()
    }

    /// The object or array that contains it. `None` for the whole document.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Self::find(self.root, self.at.rsplit_once('/')?.0)
    }

    /// The target of its `$ref`. `None` without a `$ref`, or if the target does not exist.
    #[must_use]
    pub fn target(&self) -> Option<Self> {
        Self::find(self.root, self.value.get("$ref")?.as_str()?.strip_prefix('#')?)
    }

    /// Itself, or the end of its chain of references.
    #[must_use]
    pub fn resolved(self) -> Self {
        (0..LONGEST_CHAIN).fold(self, |place, _| place.target().unwrap_or(place))
    }

    /// The pointer of the first reference whose target does not exist.
    #[must_use]
    pub fn lost_reference(&self) -> Option<String> {
        let is_reference = self.value.get("$ref").is_some_and(Value::is_string);
        if is_reference && self.target().is_none() {
            return Some(self.at_member("$ref"));
        }
        let members = self.members().into_iter().map(|(_, member)| member);
        members.chain(self.items()).find_map(|place| place.lost_reference())
    }
}
