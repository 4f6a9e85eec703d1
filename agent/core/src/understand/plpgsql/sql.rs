//! SQL commands in a body, with INTO taken out, and texts that are run.

use pg_query::protobuf::Token;

use super::{
    Purpose, Target,
    reader::{Read, Reader},
};

impl Reader<'_> {
    /// A command up to its semicolon.
    pub(super) fn command(&mut self) -> Read<()> {
        let first = self.at;
        let importing = self.is("IMPORT");
        let (mut brackets, mut atomic) = (0_usize, 0_usize);
        let mut into: Option<(Vec<Target>, (usize, usize))> = None;
        let defines = self.is("CREATE");
        loop {
            let word = self.word();
            match word {
                "" => return Err(self.unread("the end of a command")),
                ";" if brackets == 0 && atomic == 0 => break,
                "(" => brackets += 1,
                ")" => brackets = brackets.saturating_sub(1),
                _ if defines && self.opens_body(atomic) => atomic += 1,
                _ if atomic > 0 && self.is("END") => atomic -= 1,
                _ if self.is("INTO") && !importing && !self.follows_verb(first) => {
                    if into.is_some() {
                        return Err(self.unread("a second INTO"));
                    }
                    let start = self.at;
                    self.at += 1;
                    into = Some((self.targets()?, (start, self.at)));
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        if self.at == first {
            return Err(self.unread("a statement"));
        }
        self.run_command(first, into);
        self.expect(";")
    }

    /// BEGIN ATOMIC of a function in standard form, or a CASE within it: both end with END.
    fn opens_body(&self, atomic: usize) -> bool {
        self.is("BEGIN") && self.word_at(1).eq_ignore_ascii_case("ATOMIC") || atomic > 0 && self.is("CASE")
    }

    /// INSERT INTO and MERGE INTO name a table.
    fn follows_verb(&self, first: usize) -> bool {
        let before = self.at.checked_sub(1).filter(|before| *before >= first);
        before.is_some_and(|before| {
            let word = self.between(before, before + 1);
            word.eq_ignore_ascii_case("INSERT") || word.eq_ignore_ascii_case("MERGE")
        })
    }

    fn run_command(&mut self, first: usize, into: Option<(Vec<Target>, (usize, usize))>) {
        match into {
            None => {
                let text = self.between(first, self.at).to_owned();
                self.piece(text, Purpose::Run, Vec::new());
            }
            Some((targets, (start, end))) => {
                let before = self.between(first, start);
                let after = if end < self.at { self.between(end, self.at) } else { "" };
                let text = format!("{before} {after}");
                self.piece(text, Purpose::Rows, targets);
            }
        }
    }

    /// A text that is run. One that is written out in full is read as what it says.
    pub(super) fn dynamic(&mut self, stops: &[&str], purpose: Purpose, into: Vec<Target>) -> Read<()> {
        let constant = (self.kind() == Some(Token::Sconst)).then(|| literal(self.word())).flatten();
        let first = self.at;
        let text = self.until(stops)?.to_owned();
        match constant.filter(|_| self.at == first + 1) {
            Some(constant) => self.piece(constant, purpose, into),
            None => self.piece(format!("SELECT {text}"), Purpose::Execute, into),
        }
        Ok(())
    }
}

/// What a plain or dollar-quoted literal says; `None` for one with escapes.
fn literal(written: &str) -> Option<String> {
    if let Some(plain) = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        // With standard_conforming_strings off a backslash would mean something.
        return (!plain.contains('\\')).then(|| plain.replace("''", "'"));
    }
    let tag = written.get(..=written.get(1..)?.find('$')?.checked_add(1)?)?;
    let inner = written.strip_prefix(tag)?.strip_suffix(tag)?;
    tag.starts_with('$').then(|| inner.to_owned())
}
