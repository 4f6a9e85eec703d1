//! The text form of the server's trees, as its own `nodeToString` writes them.
//!
//! `{NAME :field value …}` is a node, `(…)` a list, `<>` nothing. A backslash takes the meaning from the
//! character after it. Notices break lines of 78 characters at a space.

use std::sync::LazyLock;

use super::wire::Notice;

/// Something in a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Nothing,
    /// A word, number or string.
    Word(String),
    List(Vec<Value>),
    Node(Box<Node>),
}

/// A node with its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub kind: String,
    fields: Vec<(String, Value)>,
}

/// Width at which notices are broken.
const WIDTH: usize = 78;

static NOTHING: Value = Value::Nothing;
/// A query without anything in it.
pub static EMPTY_QUERY: LazyLock<Node> = LazyLock::new(|| Node { kind: "QUERY".to_owned(), fields: vec![] });

/// The rewritten trees in a notice; `None` if it is another notice, or about a command without a query.
#[must_use]
pub fn rewritten(notice: &Notice) -> Option<Value> {
    const UTILITY: i64 = 6;
    if notice.message != "rewritten parse tree:" {
        return None;
    }
    let tree = parse(&unwrapped(&notice.detail));
    let is_query = tree.nodes().all(|query| query.number("commandType") != UTILITY);
    is_query.then_some(tree)
}

/// A tree from its text.
///
/// # Panics
/// It is none.
#[must_use]
pub fn parse(text: &str) -> Value {
    let mut words = Words { rest: text };
    let value = words.value().expect("a tree");
    assert!(words.rest.trim_ascii().is_empty(), "something follows the tree: {}", words.rest);
    value
}

/// The text without the line breaks that a notice has in it.
fn unwrapped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.split('\n') {
        whole.push_str(line);
        // A word longer than the line is cut in two; otherwise the break stands for a space.
        if line.len() != WIDTH || line.contains(' ') {
            whole.push(' ');
        }
    }
    whole
}

/// The text, word by word.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// The next word or bracket, and what would follow it.
    fn peek(&self) -> Option<(&'a str, &'a str)> {
        let rest = self.rest.trim_ascii_start();
        let first = rest.bytes().next()?;
        let mut length = 1;
        if !matches!(first, b'(' | b')' | b'{' | b'}') {
            let mut escaped = false;
            let ends = |byte: u8| {
                let ends = !escaped && matches!(byte, b' ' | b'\n' | b'\t' | b'(' | b')' | b'{' | b'}');
                escaped = !escaped && byte == b'\\';
                ends
            };
            length = rest.bytes().position(ends).unwrap_or(rest.len());
        }
        Some(rest.split_at(length))
    }

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.peek()?;
        self.rest = rest;
        Some(word)
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.next()? {
            "{" => Value::Node(Box::new(self.node()?)),
            "(" => {
                let mut items = Vec::new();
                while self.peek()?.0 != ")" {
                    items.push(self.value()?);
                }
                self.next();
                Value::List(items)
            }
            "<>" => Value::Nothing,
            word => Value::Word(meant(word)),
        })
    }

    fn node(&mut self) -> Option<Node> {
        let kind = self.next()?.to_owned();
        let mut fields = Vec::new();
        loop {
            let field = self.next()?;
            if field == "}" {
                return Some(Node { kind, fields });
            }
            let name = field.strip_prefix(':').unwrap_or_else(|| panic!("{field} is no field of {kind}"));
            let value = self.value()?;
            // A constant's bytes follow its length; nobody needs them.
            while !self.peek().is_none_or(|(word, _)| word == "}" || word.starts_with(':')) {
                self.next();
            }
            fields.push((name.to_owned(), value));
        }
    }
}

/// A word without its quotes and backslashes.
fn meant(word: &str) -> String {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).unwrap_or(word);
    let mut meant = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        meant.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    meant
}

impl Value {
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }

    /// The items of a list; none if it is nothing.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The nodes of a list.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.items().iter().filter_map(Self::node)
    }

    /// The numbers of a list of integers, OIDs or bits, whose first word says which.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        self.items().iter().filter_map(|item| match item {
            Self::Word(word) => word.parse().ok(),
            _ => None,
        })
    }

    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Every node below, itself included.
    pub fn every_node<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        match self {
            Self::Node(node) => {
                visit(node);
                node.fields.iter().for_each(|(_, value)| value.every_node(visit));
            }
            Self::List(items) => items.iter().for_each(|item| item.every_node(visit)),
            _ => {}
        }
    }
}

impl Node {
    /// The value of a field; nothing if the server's version does not have it.
    #[must_use]
    pub fn get(&self, field: &str) -> &Value {
        self.fields.iter().find(|(name, _)| name == field).map_or(&NOTHING, |(_, value)| value)
    }

    /// The word of a field.
    #[must_use]
    pub fn word(&self, field: &str) -> Option<&str> {
        match self.get(field) {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    /// A number; 0 if it is not there.
    #[must_use]
    pub fn number(&self, field: &str) -> i64 {
        self.word(field).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// An OID; 0 if it is not there.
    #[must_use]
    pub fn oid(&self, field: &str) -> u32 {
        self.word(field).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    #[must_use]
    pub fn is_true(&self, field: &str) -> bool {
        self.word(field) == Some("true")
    }

    /// The values of all fields.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.fields.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_its_fields_lists_and_constants() {
        let tree =
            parse(r#"({A :x 1 :list (i 3 4) :c 4 [ 0 -1 ] :text "two\ words" :none <> :sub {B :y true}})"#);
        let node = tree.items()[0].node().unwrap();
        assert_eq!(node.number("x"), 1);
        assert_eq!(node.get("list").numbers().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(node.word("text"), Some("two words"));
        assert!(node.get("none").is_nothing());
        assert!(node.get("sub").node().unwrap().is_true("y"));
    }

    #[test]
    fn line_breaks_stand_for_spaces_and_cut_long_words() {
        let long = "x".repeat(100);
        let (start, end) = long.split_at(WIDTH);
        assert_eq!(unwrapped(&format!("{{A :b\n{start}\n{end}}}")).trim_end(), format!("{{A :b {long}}}"));
        assert_eq!(parse(&unwrapped("{A :b one\\\ntwo}")).node().unwrap().word("b"), Some("one two"));
    }
}
