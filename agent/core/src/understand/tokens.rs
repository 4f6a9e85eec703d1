//! Tokens of a text: what must be known before it is parsed, and the normal form of its statements.
//!
//! The normal form comes from the tokens and not from the tree, because that is the only way to be sure
//! that no literal of any command is left in it: pg_query's own keeps the text of COMMENT, for example.

mod comparable;
mod form;
mod normal;

use std::ops::Range;

use pg_query::protobuf::{ScanToken, Token};

pub use self::comparable::{comparable, counted_as, normal_form};
pub(crate) use self::form::Form;
pub(super) use self::{
    form::form,
    normal::{Normal, normal},
};
use super::refusal;
use crate::{catalog::Catalog, statement::Refusal};

/// Most tokens of a text. A row of a bulk INSERT has a few dozen.
const MOST_TOKENS: usize = 400_000;

/// First server version that knows `0x1F` and `1_000`.
const NEW_NUMBERS: u32 = 160_000;

/// Tokens of a text, in order.
pub(super) struct Tokens<'t> {
    text: &'t str,
    tokens: Vec<ScanToken>,
}

impl<'t> Tokens<'t> {
    /// Reads the tokens, and refuses what the server would read as other tokens.
    pub(super) fn scan(text: &'t str, catalog: &Catalog) -> Result<Self, Refusal> {
        // Where there is no token at all, the scanner's bindings make a slice of a null pointer, which
        // aborts the process where that is checked. A semicolon of ours makes sure that there is one.
        let guarded = format!("{text}\n;");
        let mut tokens = pg_query::scan_tokens(&guarded).map_err(|error| unscannable(text, &error))?;
        tokens.pop();
        if tokens.len() > MOST_TOKENS {
            return Err(refusal::too_large(format!("a text may have {MOST_TOKENS} tokens")));
        }
        let scanned = Self { text, tokens };
        for token in &scanned.tokens {
            scanned.check(token, catalog)?;
        }
        Ok(scanned)
    }

    /// Of a text that nobody is about to run.
    fn of_others(text: &'t str) -> Option<Self> {
        let guarded = format!("{text}\n;");
        let mut tokens = pg_query::scan_tokens(&guarded).ok()?;
        tokens.pop();
        (tokens.len() <= MOST_TOKENS).then_some(Self { text, tokens })
    }

    fn check(&self, token: &ScanToken, catalog: &Catalog) -> Result<(), Refusal> {
        let text = self.slice(token);
        match Token::try_from(token.token) {
            Ok(Token::Iconst | Token::Fconst)
                if catalog.server_version < NEW_NUMBERS && is_new_number(text) =>
            {
                Err(refusal::newer_literal())
            }
            // The server folds and cuts such names by the rules of an encoding that is not ours.
            Ok(Token::Ident | Token::Uident) if !catalog.utf8 && !is_plain_name(text) => {
                Err(refusal::not_reviewed("a name with letters beyond ASCII in a database that is not UTF-8"))
            }
            _ => Ok(()),
        }
    }

    /// How many pieces with something in them semicolons cut it into: as many as statements, and more only where
    /// one holds semicolons itself.
    pub(super) fn pieces(&self) -> usize {
        let is_end = |token: &ScanToken| token.token == Token::Ascii59 as i32;
        let is_comment = |token: &&ScanToken| {
            token.token == Token::SqlComment as i32 || token.token == Token::CComment as i32
        };
        let mut tokens = self.tokens.iter().filter(|token| !is_comment(token)).map(is_end);
        let Some(mut before) = tokens.next() else { return 0 };
        let mut pieces = usize::from(!before);
        for end in tokens {
            pieces += usize::from(before && !end);
            before = end;
        }
        pieces
    }

    fn slice(&self, token: &ScanToken) -> &'t str {
        let start = usize::try_from(token.start).unwrap_or_default();
        let end = usize::try_from(token.end).unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// A relation's name as it is written from `location` on, with ONLY before it unless `inherits`, else
    /// with the `*` that may stand behind it. `None` if it is written in another way than as words and dots.
    pub(super) fn name(&self, location: i32, inherits: bool) -> Option<Range<usize>> {
        let first = self.place(location)?;
        let (mut last, mut behind) = (first, self.behind(first));
        while let Some((_, Token::Ascii46)) = behind {
            let (part, _) = self.behind(behind?.0)?;
            (last, behind) = (part, self.behind(part));
        }
        let unicode = (first..=last).any(|place| self.kind(place) == Some(Token::Uident));
        let (from, to) = match (inherits, behind) {
            // `table *`
            (true, Some((star, Token::Ascii42))) => (first, star),
            (true, _) => (first, last),
            (false, behind) => self.only(first, last, behind)?,
        };
        if unicode { None } else { self.range(from, to) }
    }

    /// `ONLY name` and `ONLY (name)`.
    fn only(&self, first: usize, last: usize, behind: Option<(usize, Token)>) -> Option<(usize, usize)> {
        let (before, kind) = self.before(first)?;
        if kind == Token::Only {
            return Some((before, last));
        }
        let (only, word) = self.before(before)?;
        match (word, kind, behind?) {
            (Token::Only, Token::Ascii40, (closed, Token::Ascii41)) => Some((only, closed)),
            _ => None,
        }
    }

    /// The word TABLE right before an offset: `TABLE name` stands for a query.
    pub(super) fn table_before(&self, offset: usize) -> Option<usize> {
        let (table, kind) = self.before(self.place(i32::try_from(offset).ok()?)?)?;
        (kind == Token::Table).then(|| self.range(table, table)).flatten().map(|range| range.start)
    }

    /// The end of the token that begins there.
    pub(super) fn end_of(&self, location: i32) -> Option<usize> {
        let place = self.place(location)?;
        self.range(place, place).map(|range| range.end)
    }

    /// The end of the list in parentheses that follows right behind an offset.
    pub(super) fn list_behind(&self, offset: usize) -> Option<usize> {
        let offset = i32::try_from(offset).ok()?;
        let next = self.tokens.partition_point(|token| token.start < offset);
        let (open, kind) = self.no_comment(next).or_else(|| self.behind(next))?;
        let closed = |place: &usize| self.kind(*place) == Some(Token::Ascii41);
        let end = (open..self.tokens.len()).find(closed)?;
        (kind == Token::Ascii40).then(|| self.range(end, end)).flatten().map(|range| range.end)
    }

    /// TABLESAMPLE with all that belongs to it, by where its method is named.
    pub(super) fn sample(&self, location: i32) -> Option<Range<usize>> {
        let method = self.place(location)?;
        let (word, kind) = self.before(method)?;
        let open = (method..self.tokens.len()).find(|place| self.kind(*place) == Some(Token::Ascii40))?;
        let mut last = self.closing(open)?;
        if let Some((repeatable, Token::Repeatable)) = self.behind(last) {
            let (open, _) = self.behind(repeatable).filter(|(_, kind)| *kind == Token::Ascii40)?;
            last = self.closing(open)?;
        }
        (kind == Token::Tablesample).then(|| self.range(word, last)).flatten()
    }

    /// The parenthesis that closes one.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (open..self.tokens.len()).find(|place| {
            match self.kind(*place) {
                Some(Token::Ascii40) => depth += 1,
                Some(Token::Ascii41) => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })
    }

    fn range(&self, from: usize, to: usize) -> Option<Range<usize>> {
        let start = usize::try_from(self.tokens.get(from)?.start).ok()?;
        let end = usize::try_from(self.tokens.get(to)?.end).ok()?;
        Some(start..end)
    }

    /// The one token of a text constant or a parameter.
    pub(super) fn constant(&self, location: i32) -> Option<Range<usize>> {
        let token = self.tokens.get(self.place(location)?)?;
        let known = matches!(Token::try_from(token.token), Ok(Token::Sconst | Token::Param));
        let start = usize::try_from(token.start).ok()?;
        known.then_some(start..usize::try_from(token.end).ok()?)
    }

    /// The first word of a reference and the dot behind it.
    pub(super) fn qualifier(&self, location: i32) -> Option<Range<usize>> {
        let first = self.place(location)?;
        let (dot, _) = self.behind(first).filter(|(_, kind)| *kind == Token::Ascii46)?;
        let (next, _) = self.behind(dot)?;
        let start = usize::try_from(self.tokens.get(first)?.start).ok()?;
        let end = usize::try_from(self.tokens.get(next)?.start).ok()?;
        (self.kind(first) != Some(Token::Uident)).then_some(start..end)
    }

    /// The token that begins there.
    fn place(&self, location: i32) -> Option<usize> {
        self.tokens.binary_search_by_key(&location, |token| token.start).ok()
    }

    fn kind(&self, place: usize) -> Option<Token> {
        Token::try_from(self.tokens.get(place)?.token).ok()
    }

    /// The next token that is no comment.
    fn behind(&self, place: usize) -> Option<(usize, Token)> {
        (place + 1..self.tokens.len()).find_map(|place| self.no_comment(place))
    }

    fn before(&self, place: usize) -> Option<(usize, Token)> {
        (0..place).rev().find_map(|place| self.no_comment(place))
    }

    fn no_comment(&self, place: usize) -> Option<(usize, Token)> {
        let kind = self.kind(place)?;
        (!matches!(kind, Token::SqlComment | Token::CComment)).then_some((place, kind))
    }

    /// Words and operators of one statement, as the server keeps such names.
    pub(super) fn names(&self, range: Range<usize>) -> impl Iterator<Item = (Token, String)> {
        let word = |token: &Token| {
            // Also words of the language: most of them may be names, too.
            !matches!(
                token,
                Token::Sconst
                    | Token::Usconst
                    | Token::Bconst
                    | Token::Xconst
                    | Token::Iconst
                    | Token::Fconst
            )
        };
        let named = |(token, text): (Token, &str)| {
            let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let name = quoted.map_or_else(|| text.to_ascii_lowercase(), |name| name.replace("\"\"", "\""));
            (token, name)
        };
        self.statement(range.start, range.end).filter(move |(token, _)| word(token)).map(named)
    }

    /// Tokens of one statement with their texts, comments left out.
    fn statement(&self, start: usize, end: usize) -> impl Iterator<Item = (Token, &'t str)> {
        self.placed(start, end).map(|(_, kind, text)| (kind, text))
    }

    /// The same, each with where it begins.
    fn placed(&self, start: usize, end: usize) -> impl Iterator<Item = (i32, Token, &'t str)> {
        let place = |offset: usize| {
            self.tokens.partition_point(|token| usize::try_from(token.start).unwrap_or_default() < offset)
        };
        let within = self.tokens.get(place(start)..place(end)).unwrap_or_default();
        within.iter().filter_map(|token| match Token::try_from(token.token) {
            Ok(Token::SqlComment | Token::CComment) | Err(_) => None,
            Ok(kind) => Some((token.start, kind, self.slice(token))),
        })
    }
}

/// The parser says it of the text as it was sent.
fn unscannable(text: &str, error: &pg_query::Error) -> Refusal {
    super::parse::statements(text).err().unwrap_or_else(|| super::parse::refusal(error))
}

fn is_new_number(text: &str) -> bool {
    let radix = text.strip_prefix('0').and_then(|rest| rest.chars().next());
    text.contains('_') || matches!(radix, Some('x' | 'X' | 'o' | 'O' | 'b' | 'B'))
}

fn is_plain_name(text: &str) -> bool {
    text.is_ascii() && !text.contains('\\')
}
