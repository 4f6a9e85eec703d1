//! Comments that tell the database's own log and statistics on whose behalf a statement runs, in the form of
//! sqlcommenter: behind the client's text, so that no position in it moves.
//!
//! A text gets one only if it was understood, so that it ends outside of every literal and comment but one that
//! ends with its line; the comment begins on a line of its own. Whatever of a value is no plain letter is
//! percent-encoded: nothing in it can end the comment, or begin another tag. What the client has written in the
//! same form stands before it; the last comment counts.

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use connect_shared::ids::StatementId;

use super::answer::{self, put_message};
use crate::principal::ConnectionFacts;

/// What a comment may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    Actor,
    Connection,
    Principal,
    Session,
    /// Of a simple query with one statement. What is prepared runs many times, each under another id.
    Statement,
}

impl Tag {
    /// The words of the configuration, in the order in which they are written.
    pub const NAMES: [(&str, Self); 5] = [
        ("actor", Self::Actor),
        ("connection", Self::Connection),
        ("principal", Self::Principal),
        ("session", Self::Session),
        ("statement", Self::Statement),
    ];
}

/// The comments of one connection.
#[derive(Debug, Default)]
pub struct Tags {
    /// Key and value of each but the statement's, encoded.
    fixed: Vec<String>,
    statement: bool,
}

impl Tags {
    #[must_use]
    pub fn of(tags: &[Tag], facts: &ConnectionFacts) -> Self {
        let principal = &facts.principal;
        let value = |tag: Tag| match tag {
            Tag::Actor => principal.reference.actor.clone(),
            Tag::Connection => Some(facts.connection.to_string()),
            Tag::Principal => Some(principal.name.clone()),
            Tag::Session => Some(facts.session.to_string()),
            Tag::Statement => None,
        };
        let wanted = Tag::NAMES.into_iter().filter(|(_, tag)| tags.contains(tag));
        let fixed = wanted.filter_map(|(key, tag)| Some(pair(key, &value(tag)?))).collect();
        Self { fixed, statement: tags.contains(&Tag::Statement) }
    }

    /// The message of a simple query with its comment. One that has none is given back as it is.
    #[must_use]
    pub fn query(&self, message: Bytes, statement: Option<StatementId>) -> Bytes {
        let (Some(comment), Some(text)) = (self.comment(statement), text_of(&message)) else {
            return message;
        };
        let mut out = BytesMut::with_capacity(message.len() + comment.len());
        put_message(&mut out, b'Q', |out| {
            out.put_slice(text);
            out.put_slice(comment.as_bytes());
            out.put_u8(0);
        });
        out.freeze()
    }

    /// A Parse with its comment; `None` if it has none.
    #[must_use]
    pub fn parse(&self, name: &[u8], text: &[u8], types: &[u8]) -> Option<Bytes> {
        let comment = self.comment(None)?;
        Some(answer::parse(name, &[text, comment.as_bytes()].concat(), types))
    }

    fn comment(&self, statement: Option<StatementId>) -> Option<String> {
        let statement = statement.filter(|_| self.statement).map(|id| pair("statement", &id.to_string()));
        let mut pairs = self.fixed.iter().map(String::as_str).chain(statement.as_deref());
        let first = pairs.next()?;
        let all = pairs.fold(first.to_owned(), |all, pair| all + "," + pair);
        Some(format!("\n/*{all}*/"))
    }
}

/// What stands between the head of a message and the NUL at its end.
fn text_of(message: &[u8]) -> Option<&[u8]> {
    message.get(5..).and_then(|body| body.strip_suffix(&[0]))
}

fn pair(key: &str, value: &str) -> String {
    let mut pair = format!("{key}='");
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                pair.push(char::from(byte));
            }
            other => {
                let _infallible = write!(pair, "%{other:02X}");
            }
        }
    }
    pair.push('\'');
    pair
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use connect_shared::{
        entry::PrincipalRef,
        ids::{ConnectionId, SessionId},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::principal::{Principal, Resource, ResourceClass};

    fn facts(name: &str, actor: Option<&str>) -> ConnectionFacts {
        let reference =
            PrincipalRef { sub: "1".into(), idp: "https://id.example".into(), actor: actor.map(Into::into) };
        ConnectionFacts {
            session: SessionId::from_random([1; 16]),
            connection: ConnectionId::from_random([2; 16]),
            principal: Arc::new(Principal { reference, name: name.into(), groups: Vec::new() }),
            resource: Arc::new(Resource {
                name: "prod-db".into(),
                database: "shop".into(),
                class: ResourceClass::Production,
                approvers: Vec::new(),
            }),
            run: None,
            task: None,
        }
    }

    fn sent(tags: &[Tag], name: &str, text: &str) -> String {
        let tags = Tags::of(tags, &facts(name, Some("some agent")));
        let message = tags.query(answer::query(text.as_bytes()), Some(StatementId::from_random([3; 16])));
        String::from_utf8(text_of(&message).expect("a query").to_vec()).expect("text")
    }

    #[test]
    fn a_comment_stands_behind_the_text_and_says_who_it_is_for() {
        let text = sent(&[Tag::Principal, Tag::Actor], "ana@example.com", "SELECT 1 -- one");
        assert_eq!(text, "SELECT 1 -- one\n/*actor='some%20agent',principal='ana%40example.com'*/");
        let id = StatementId::from_random([3; 16]);
        assert_eq!(sent(&[Tag::Statement], "ana", "SELECT 1"), format!("SELECT 1\n/*statement='{id}'*/"));
    }

    #[test]
    fn nothing_is_added_where_nothing_is_asked_for() {
        assert_eq!(sent(&[], "ana", "SELECT 1"), "SELECT 1");
        let nobody = Tags::of(&[Tag::Actor, Tag::Statement], &facts("ana", None));
        assert_eq!(nobody.parse(b"", b"SELECT 1", &[0, 0]), None, "there is no actor, and no statement yet");
        assert_eq!(nobody.query(answer::query(b"BEGIN"), None), answer::query(b"BEGIN"));
    }

    proptest! {
        #[test]
        fn no_name_ends_the_comment_or_begins_another_tag(name in ".*") {
            let text = sent(&[Tag::Principal], &name, "SELECT 1");
            let comment = text.strip_prefix("SELECT 1\n/*principal='").and_then(|rest| rest.strip_suffix("'*/"));
            let value = comment.expect("the comment's own ends");
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
            let tokens = pg_query::scan(&text).expect("it can be read").tokens;
            prop_assert_eq!(tokens.len(), 3, "two words and a comment");
        }
    }
}
