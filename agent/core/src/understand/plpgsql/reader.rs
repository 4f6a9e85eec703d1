//! The tokens of a body, and what the other files take from them.

use std::collections::HashSet;

use pg_query::protobuf::{ScanToken, Token};

use super::{
    Body, Conflict, DEEPEST, Declared, MOST_BYTES, MOST_THINGS, MOST_TOKENS, Piece, Purpose, Scope, Target,
    Variable,
};
use crate::{
    catalog::{Oid, code::Function},
    lineage::{Gap, GapKind},
};

/// What could not be read.
pub(super) type Read<T> = Result<T, Gap>;

pub(super) const BOOL: Oid = Oid(16);
const INT4: Oid = Oid(23);
const TEXT: Oid = Oid(25);
const RECORD: Oid = Oid(2249);
const TRIGGER: Oid = Oid(2279);
const EVENT_TRIGGER: Oid = Oid(3838);

/// Where a body is read.
pub(super) struct Reader<'b> {
    text: &'b str,
    tokens: Vec<ScanToken>,
    pub(super) at: usize,
    pub(super) body: Body,
    pub(super) scope: usize,
    depth: usize,
    /// Variables that something else than OPEN gives a value.
    pub(super) assigned: HashSet<usize>,
    /// What FETCH and MOVE take for cursors.
    pub(super) fetched: Vec<Option<usize>>,
}

impl<'b> Reader<'b> {
    pub(super) fn new(text: &'b str) -> Read<Self> {
        let too_large = || gap(GapKind::TooLarge, "a PL/pgSQL body");
        if text.len() > MOST_BYTES {
            return Err(too_large());
        }
        // The scanner's bindings cannot bear a text without tokens: see `understand::tokens`.
        let guarded = format!("{text}\n;");
        let mut tokens = pg_query::scan_tokens(&guarded)
            .map_err(|error| gap(GapKind::OpaqueFunction, format!("a PL/pgSQL body: {error}")))?;
        tokens.pop();
        tokens.retain(|token| ![Token::SqlComment as i32, Token::CComment as i32].contains(&token.token));
        if tokens.len() > MOST_TOKENS {
            return Err(too_large());
        }
        Ok(Self {
            text,
            tokens,
            at: 0,
            body: Body::default(),
            scope: 0,
            depth: 0,
            assigned: HashSet::new(),
            fetched: Vec::new(),
        })
    }

    /// The outermost scope: what is always there, parameters and outputs.
    pub(super) fn outermost(&mut self, function: Option<&Function>) {
        let label = function.map(|function| function.name.to_string());
        self.body.scopes.push(Scope { outer: None, label, variables: Vec::new() });
        self.declare("found", Declared::Known(BOOL));
        for name in ["sqlstate", "sqlerrm"] {
            self.declare(name, Declared::Known(TEXT));
        }
        if let Some(function) = function {
            self.parameters(function);
        }
    }

    fn parameters(&mut self, function: &Function) {
        if [TRIGGER, EVENT_TRIGGER].contains(&function.result) {
            self.trigger_variables();
        }
        for (place, oid) in function.arguments.iter().enumerate() {
            let known = Declared::Known(*oid);
            self.declare(&format!("${}", place + 1), known.clone());
            match function.argument_names.get(place) {
                Some(name) if !name.is_empty() => self.declare(name, known),
                _ => {}
            }
        }
        for (name, oid) in function.outputs.iter().filter(|(name, _)| !name.is_empty()) {
            // An INOUT parameter is one variable, and its type is the same.
            if self.body.variable(0, None, name).is_none() {
                self.declare(name, Declared::Known(*oid));
            }
        }
    }

    fn trigger_variables(&mut self) {
        for name in ["new", "old"] {
            self.declare(name, Declared::Known(RECORD));
        }
        self.declare("tg_nargs", Declared::Known(INT4));
        self.declare("tg_argv", Declared::Written("text[]".to_owned()));
        self.declare("tg_relid", Declared::Written("oid".to_owned()));
        let texts = "tg_name tg_when tg_level tg_op tg_relname tg_table_name tg_table_schema tg_event tg_tag";
        for name in texts.split(' ') {
            self.declare(name, Declared::Known(TEXT));
        }
    }

    /// The whole body.
    pub(super) fn whole(&mut self) -> Read<()> {
        while self.skip("#") {
            let option = self.name()?;
            let value = self.name()?;
            self.body.conflict = match (option.as_str(), value.as_str()) {
                ("variable_conflict", "use_variable") => Conflict::Variable,
                ("variable_conflict", "use_column") => Conflict::Column,
                _ => self.body.conflict,
            };
        }
        let label = self.label()?;
        self.block(label)?;
        self.skip(";");
        if !self.is_done() {
            return Err(self.unread("what follows the body"));
        }
        let things = self.body.pieces.len().max(self.body.variables.len());
        if things >= MOST_THINGS { Err(gap(GapKind::TooLarge, "a PL/pgSQL body")) } else { Ok(()) }
    }

    /// A variable of the current scope.
    pub(super) fn declare(&mut self, name: &str, of: Declared) {
        let place = self.body.variables.len();
        let Some(scope) = self.body.scopes.get_mut(self.scope).filter(|_| place < MOST_THINGS) else {
            return;
        };
        scope.variables.push(place);
        self.body.variables.push(Variable { name: name.to_owned(), scope: self.scope, of });
    }

    /// Reads something in a scope of its own.
    pub(super) fn within<T>(
        &mut self,
        label: Option<String>,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<T> {
        if self.depth >= DEEPEST {
            return Err(gap(GapKind::TooLarge, "blocks within blocks of a PL/pgSQL body"));
        }
        let outer = self.scope;
        self.scope = self.body.scopes.len();
        self.body.scopes.push(Scope { outer: Some(outer), label, variables: Vec::new() });
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        self.scope = outer;
        result
    }

    pub(super) fn piece(&mut self, text: String, purpose: Purpose, into: Vec<Target>) {
        if self.body.pieces.len() < MOST_THINGS {
            self.body.pieces.push(Piece { text, purpose, into, scope: self.scope });
        }
    }

    /// An expression up to one of `stops`, as a piece.
    pub(super) fn expression(&mut self, stops: &[&str], purpose: Purpose) -> Read<()> {
        let text = self.until(stops)?;
        self.piece(format!("SELECT {text}"), purpose, Vec::new());
        Ok(())
    }

    /// Expressions with commas between them up to one of `stops`, which it does not pass.
    pub(super) fn expressions(&mut self, stops: &[&str], purpose: Purpose) -> Read<()> {
        let mut with_comma = stops.to_vec();
        with_comma.push(",");
        loop {
            self.expression(&with_comma, purpose)?;
            if !self.skip(",") {
                return Ok(());
            }
        }
    }

    /// The text up to one of `stops` outside all brackets, which it does not pass.
    pub(super) fn until(&mut self, stops: &[&str]) -> Read<&'b str> {
        let first = self.at;
        let mut brackets = 0_usize;
        loop {
            let token = self.word();
            if brackets == 0 && stops.iter().any(|stop| token.eq_ignore_ascii_case(stop)) {
                break;
            }
            match token {
                "(" | "[" => brackets += 1,
                ")" | "]" if brackets == 0 => return Err(self.unread("a bracket")),
                ")" | "]" => brackets -= 1,
                "" | ";" => return Err(self.unread(stops.first().copied().unwrap_or_default())),
                _ => {}
            }
            self.at += 1;
        }
        if self.at == first {
            Err(self.unread("nothing where SQL should be"))
        } else {
            Ok(self.between(first, self.at))
        }
    }

    /// The text of the tokens from `first` to the one before `end`.
    pub(super) fn between(&self, first: usize, end: usize) -> &'b str {
        let start = self.tokens.get(first).map_or(0, |token| place(token.start));
        let end =
            end.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| place(token.end));
        self.text.get(start..end).unwrap_or_default()
    }

    /// Byte offsets of a token.
    pub(super) fn span(&self, at: usize) -> (usize, usize) {
        self.tokens.get(at).map_or((0, 0), |token| (place(token.start), place(token.end)))
    }

    /// The current token as written; empty at the end.
    pub(super) fn word(&self) -> &'b str {
        self.word_at(0)
    }

    /// The token so many places further.
    pub(super) fn word_at(&self, further: usize) -> &'b str {
        let (start, end) = self.span(self.at.saturating_add(further));
        self.text.get(start..end).unwrap_or_default()
    }

    /// What kind of token it is.
    pub(super) fn kind(&self) -> Option<Token> {
        self.tokens.get(self.at).and_then(|token| Token::try_from(token.token).ok())
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.word().eq_ignore_ascii_case(word)
    }

    /// Passes this word if it is the next.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    pub(super) fn expect(&mut self, word: &str) -> Read<()> {
        if self.skip(word) { Ok(()) } else { Err(self.unread(word)) }
    }

    /// A name: without quotes and in small letters, or as quoted.
    pub(super) fn name(&mut self) -> Read<String> {
        let name = self.name_at(0).ok_or_else(|| self.unread("a name"))?;
        self.at += 1;
        Ok(name)
    }

    /// The name that the token so many places further is.
    pub(super) fn name_at(&self, further: usize) -> Option<String> {
        let word = self.word_at(further);
        if let Some(quoted) = word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
            return Some(quoted.replace("\"\"", "\""));
        }
        let first = word.chars().next()?;
        let is_name = first.is_alphabetic() || matches!(first, '_' | '$') || !first.is_ascii();
        is_name.then(|| word.to_ascii_lowercase())
    }

    /// `<<label>>`
    pub(super) fn label(&mut self) -> Read<Option<String>> {
        if !self.skip("<<") {
            return Ok(None);
        }
        let label = self.name()?;
        self.expect(">>")?;
        Ok(Some(label))
    }

    /// What stands here is not what should.
    pub(super) fn unread(&self, wanted: &str) -> Gap {
        let (start, _) = self.span(self.at);
        let before = if self.is_done() { self.text } else { self.text.get(..start).unwrap_or_default() };
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        gap(GapKind::OpaqueFunction, format!("line {line} of a PL/pgSQL body, at {wanted}"))
    }
}

fn gap(kind: GapKind, what: impl Into<String>) -> Gap {
    Gap { kind, what: what.into() }
}

fn place(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}
