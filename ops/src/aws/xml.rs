//! Reading the query protocol's XML by element names, namespaces put aside.

use anyhow::Context as _;
use roxmltree::{Document, Node};

/// The parsed answer; `what` names the call in an error.
pub(super) fn parse<'a>(text: &'a str, what: &str) -> anyhow::Result<Document<'a>> {
    Document::parse(text).with_context(|| format!("{what}: the answer is not XML"))
}

/// The first element below `node` that has this name, at any depth.
pub(super) fn find<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.descendants().find(|n| *n != node && n.has_tag_name_ignoring_namespace(name))
}

/// The child of `node` with this name.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|n| n.has_tag_name_ignoring_namespace(name))
}

/// The text of the child with this name; an empty element counts as absent.
pub(super) fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name)?.text().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)
}

/// Like [`text`], an error when it is missing.
pub(super) fn required(node: Node<'_, '_>, name: &str) -> anyhow::Result<String> {
    text(node, name)
        .with_context(|| format!("the answer has no {name} in {}", node.tag_name().name()))
}

/// The members of the list `name` that is a child of `node`.
pub(super) fn members<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
    child(node, name).map_or_else(Vec::new, |list| {
        list.children().filter(|n| n.has_tag_name_ignoring_namespace("member")).collect()
    })
}

/// The members of the first list `name` at any depth below the document's root.
pub(super) fn list<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>> {
    find(document.root_element(), name).map_or_else(Vec::new, |list| {
        list.children().filter(|n| n.has_tag_name_ignoring_namespace("member")).collect()
    })
}

/// The texts of a list of plain members.
pub(super) fn texts(node: Node<'_, '_>, name: &str) -> Vec<String> {
    members(node, name).iter().filter_map(Node::text).map(str::to_owned).collect()
}

/// Names compared without their namespace: the answers carry a default one.
trait LocalName {
    fn has_tag_name_ignoring_namespace(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_ignoring_namespace(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
