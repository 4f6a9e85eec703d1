//! The normal form: literals become parameters, comments go, space is one.

use aws_lc_rs::digest::{SHA256, digest};
use connect_shared::hexadecimal::hexadecimal;
use pg_query::protobuf::Token;

use super::Tokens;

/// Longest normal form; an entry of the log holds 65,535 bytes with everything around it.
const LONGEST: usize = 16 * 1024;

/// A list of literals longer than this is written as its beginning.
const LIST: usize = 4;

/// How a statement's text is named in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::understand) enum Normal {
    Form {
        /// First half of the SHA-256 of `sql`, in hexadecimal: the same only for the same form.
        fingerprint: String,
        sql: String,
    },
    /// There is none, only a length.
    None { length: u64 },
}

/// The normal form of the statement between two offsets.
pub(in crate::understand) fn normal(tokens: &Tokens<'_>, start: usize, end: usize) -> Normal {
    let mut form = Form::default();
    let highest = tokens.statement(start, end).filter_map(|(kind, text)| parameter(kind, text)).max();
    form.next = highest.unwrap_or(0);
    for (kind, text) in tokens.statement(start, end) {
        form.push(kind, text);
        if form.sql.len() > LONGEST {
            return Normal::None { length: (end - start) as u64 };
        }
    }
    let hash = digest(&SHA256, form.sql.as_bytes());
    let fingerprint = hexadecimal(hash.as_ref().get(..16).unwrap_or_default());
    Normal::Form { fingerprint, sql: form.sql }
}

fn parameter(kind: Token, text: &str) -> Option<u32> {
    if kind == Token::Param { text.strip_prefix('$')?.parse().ok() } else { None }
}

#[derive(Default)]
struct Form {
    sql: String,
    /// Number of the last parameter.
    next: u32,
    /// Literals in a row, with commas between them.
    run: usize,
    /// The last token of a run was a comma that is not written yet.
    comma: bool,
    /// The first token, where it is SET or ALTER.
    assigns: bool,
    /// A SET was seen in such a statement, so that what is behind `=` or TO is a value.
    set: bool,
    /// Everything further is a value.
    rest: bool,
    started: bool,
    last: Option<Token>,
}

impl Form {
    fn push(&mut self, kind: Token, text: &str) {
        if !self.started {
            self.started = true;
            self.assigns = matches!(kind, Token::Set | Token::Alter);
        }
        self.set |= self.assigns && kind == Token::Set;
        if self.rest {
            return;
        }
        if is_literal(kind) {
            return self.literal();
        }
        if kind == Token::Ascii44 && self.run > 0 {
            self.flush_comma();
            self.comma = true;
            return;
        }
        self.end_run();
        self.write(kind, text);
        if self.set && matches!(kind, Token::Ascii61 | Token::To) {
            // A value may be a bare word: `SET x = hunter2`.
            self.literal();
            self.rest = true;
        }
    }

    fn literal(&mut self) {
        if self.run >= LIST {
            self.comma = false;
            self.run += 1;
            return;
        }
        if self.run > 0 && !self.comma {
            // Two literals without a comma: `interval '1' '2'` does not exist, but no harm is done.
            self.end_run();
        }
        self.flush_comma();
        self.run += 1;
        self.next += 1;
        let name = format!("${}", self.next);
        self.write(Token::Param, &name);
    }

    fn flush_comma(&mut self) {
        if std::mem::take(&mut self.comma) && self.run < LIST {
            self.write(Token::Ascii44, ",");
        }
    }

    fn end_run(&mut self) {
        if self.run > LIST {
            self.sql.push_str(", …");
        }
        if std::mem::take(&mut self.comma) {
            self.write(Token::Ascii44, ",");
        }
        self.run = 0;
    }

    fn write(&mut self, kind: Token, text: &str) {
        if !self.sql.is_empty() && self.needs_space(kind) {
            self.sql.push(' ');
        }
        self.sql.push_str(text);
        self.last = Some(kind);
    }

    /// Brackets, commas, dots and casts stand close; everything else apart, so that no two tokens merge.
    fn needs_space(&self, kind: Token) -> bool {
        let close = [
            Token::Ascii41,
            Token::Ascii44,
            Token::Ascii46,
            Token::Ascii59,
            Token::Ascii93,
            Token::Typecast,
            Token::Ascii91,
        ];
        let open = [Token::Ascii40, Token::Ascii46, Token::Ascii91, Token::Typecast];
        let call = kind == Token::Ascii40 && matches!(self.last, Some(Token::Ident));
        !close.contains(&kind) && !call && !self.last.is_some_and(|last| open.contains(&last))
    }
}

pub(super) fn is_literal(kind: Token) -> bool {
    matches!(
        kind,
        Token::Sconst | Token::Usconst | Token::Bconst | Token::Xconst | Token::Iconst | Token::Fconst
    )
}
