//! Mistakes that the server would find by itself: of syntax, and of names that stand for nothing. They are
//! denied like anything that is not understood, and told as the server tells them.
//!
//! A mistake of syntax is even explained by the server: it gets what the client wrote, in a form that fails
//! by construction.

use bytes::Bytes;

use super::extended::SEVERAL;
use crate::{
    protocol::postgres::answer,
    statement::{Protection, Refusal, Statement},
};

/// Whose words the client hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Ours,
    /// The server's, unless it stumbles over what we have put behind the client's text.
    Theirs,
}

/// The kind of a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Syntax,
    SeveralStatements,
    Name,
}

/// What there is to say of one.
pub(super) struct Mistake<'a> {
    kind: Kind,
    sqlstate: &'static str,
    refusal: &'a Refusal,
    verb: &'a str,
}

/// Statements that the server takes apart for names itself, and says where one stands.
const SHOWS_PLACES: [&str; 9] =
    ["select", "insert", "update", "delete", "merge", "prepare", "explain", "declare", "values"];

impl<'a> Mistake<'a> {
    /// The mistake for which a statement is denied, if it is one.
    pub(super) fn of(facts: &'a Statement) -> Option<Self> {
        let Protection::Refused(refusal) = &facts.protection else { return None };
        let sqlstate = refusal.sqlstate?;
        let kind = match sqlstate {
            "42601" if refusal.message == SEVERAL => Kind::SeveralStatements,
            "42601" => Kind::Syntax,
            "42P01" | "42703" | "42883" | "26000" | "34000" => Kind::Name,
            _ => return None,
        };
        Some(Self { kind, sqlstate, refusal, verb: &facts.verb })
    }

    pub(super) const fn words(&self) -> Words {
        match self.kind {
            Kind::Syntax | Kind::SeveralStatements => Words::Theirs,
            Kind::Name => Words::Ours,
        }
    }

    /// Text for the server, which fails by construction. With a mistake of syntax it is what the client wrote:
    /// the server reads a text to its end before it does anything, and at the end stands a backslash, which is
    /// no token in any version, nor the end of a literal or comment.
    pub(super) fn failing(&self, text: &[u8]) -> Vec<u8> {
        match self.kind {
            Kind::SeveralStatements => b"SELECT 1; SELECT 2".to_vec(),
            Kind::Syntax => [text, b"\n\\"].concat(),
            Kind::Name => answer::FAILS.to_vec(),
        }
    }

    /// The error in our words, which are the server's as far as we know them.
    pub(super) fn error(&self, text: &[u8]) -> Bytes {
        let message = &self.refusal.message;
        let text = std::str::from_utf8(text).unwrap_or_default();
        let place = match (self.kind, &self.refusal.object) {
            (Kind::Syntax, _) => place_of_end(message, text),
            (Kind::Name, Some(name)) if SHOWS_PLACES.contains(&self.verb) => place_of_name(name, text),
            _ => None,
        };
        answer::mistake(self.sqlstate, message, place)
    }
}

/// Where the end of a text is, or what begins before it and has none; characters count from 1.
fn place_of_end(message: &str, text: &str) -> Option<usize> {
    if message.ends_with(" at end of input") {
        return Some(text.chars().count() + 1);
    }
    let rest = message.strip_prefix("unterminated ")?.split_once(" at or near \"")?.1.strip_suffix('"')?;
    let before = text.strip_suffix(rest)?;
    Some(before.chars().count() + 1)
}

/// Where a name stands in a text, if it does so once.
fn place_of_name(name: &str, text: &str) -> Option<usize> {
    let is_of_a_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '"' | '.');
    let mut places = text.match_indices(name).filter_map(|(at, found)| {
        let (before, behind) = (text.get(..at)?, text.get(at + found.len()..)?);
        let begins = !before.chars().next_back().is_some_and(is_of_a_name);
        let ends = !behind.chars().next().is_some_and(|letter| letter != '.' && is_of_a_name(letter));
        (begins && ends).then(|| before.chars().count() + 1)
    });
    places.next().filter(|_| places.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_pointed_at_where_the_message_says_where_it_is() {
        assert_eq!(place_of_end("syntax error at end of input", "sélect"), Some(7));
        assert_eq!(place_of_end("unterminated quoted string at or near \"'é\"", "SELECT 'é"), Some(8));
        assert_eq!(place_of_end("unterminated quoted string at or near \"'x\"", "SELECT 'y"), None);
        assert_eq!(place_of_end("syntax error at or near \"x\"", "x x x"), None);
    }

    #[test]
    fn a_name_is_pointed_at_if_it_stands_there_once() {
        assert_eq!(place_of_name("nowhere", "SELECT 'é', * FROM nowhere"), Some(20));
        assert_eq!(place_of_name("b", "SELECT a.bb, b.x FROM ab a"), Some(14));
        assert_eq!(place_of_name("x", "SELECT x, x"), None);
        assert_eq!(place_of_name("x", "SELECT a.x, \"x\""), None);
    }
}
