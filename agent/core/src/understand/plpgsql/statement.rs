//! Statements of the language itself.

use super::{
    Declared, Purpose, Target,
    reader::{Read, Reader},
};
use crate::catalog::Oid;

const INT4: Oid = Oid(23);

impl Reader<'_> {
    /// Statements up to one of `ends`, which it does not pass.
    pub(super) fn statements(&mut self, ends: &[&str]) -> Read<()> {
        while !ends.iter().any(|end| self.is(end)) || self.assigned().is_some() {
            self.statement()?;
        }
        Ok(())
    }

    fn statement(&mut self) -> Read<()> {
        // A variable may have the name of a keyword.
        if let Some(length) = self.assigned() {
            return self.assignment(length);
        }
        let label = self.label()?;
        let word = self.word().to_ascii_uppercase();
        match word.as_str() {
            "DECLARE" | "BEGIN" => {
                self.block(label)?;
                self.expect(";")
            }
            "LOOP" => self.body_of_loop(label),
            "WHILE" => {
                self.at += 1;
                self.expression(&["LOOP"], Purpose::Decide)?;
                self.body_of_loop(label)
            }
            "FOR" => self.within(label, |reader| reader.for_loop()),
            "FOREACH" => self.foreach(label),
            _ if label.is_some() => Err(self.unread("a label")),
            _ => self.plain_statement(&word),
        }
    }

    fn plain_statement(&mut self, word: &str) -> Read<()> {
        let start = self.at;
        self.at += 1;
        match word {
            "IF" => self.branches(),
            "CASE" => self.cases(),
            "EXIT" | "CONTINUE" => self.leave(),
            "RETURN" => self.give(),
            "RAISE" => self.raise(),
            "ASSERT" => {
                self.expression(&[";", ","], Purpose::Decide)?;
                if self.skip(",") {
                    self.expression(&[";"], Purpose::Tell)?;
                }
                self.expect(";")
            }
            "EXECUTE" => self.execute(),
            "PERFORM" => {
                self.expression(&[";"], Purpose::Run)?;
                self.expect(";")
            }
            "GET" => self.diagnostics(),
            "OPEN" => self.open(),
            "FETCH" | "MOVE" => self.fetch(),
            "CLOSE" => {
                self.name()?;
                self.expect(";")
            }
            "NULL" if self.is(";") => self.expect(";"),
            "COMMIT" | "ROLLBACK" => {
                self.skip_to_end();
                self.expect(";")
            }
            _ => {
                self.at = start;
                self.command()
            }
        }
    }

    fn skip_to_end(&mut self) {
        while !self.is(";") && !self.is_done() {
            self.at += 1;
        }
    }

    /// How many tokens the target of an assignment has, if this is one: no SQL statement has `:=` or `=`
    /// behind its first name.
    fn assigned(&self) -> Option<usize> {
        self.name_at(0)?;
        let mut further = 1;
        loop {
            match self.word_at(further) {
                ":=" | "=" => return Some(further),
                "." => further += 2,
                "[" => further = self.past_brackets(further)?,
                _ => return None,
            }
        }
    }

    fn past_brackets(&self, mut further: usize) -> Option<usize> {
        let mut open = 0_usize;
        loop {
            match self.word_at(further) {
                "[" | "(" => open += 1,
                "]" | ")" => open = open.checked_sub(1)?,
                "" | ";" => return None,
                _ => {}
            }
            further += 1;
            if open == 0 {
                return Some(further);
            }
        }
    }

    fn assignment(&mut self, length: usize) -> Read<()> {
        let end = self.at + length;
        let target = self.target()?;
        self.assigned.extend(target.variable);
        self.subscripts(end)?;
        self.at = end + 1;
        let text = self.until(&[";"])?;
        self.piece(format!("SELECT {text}"), Purpose::Assign, vec![target]);
        self.expect(";")
    }

    /// Subscripts of a target are expressions too.
    fn subscripts(&mut self, end: usize) -> Read<()> {
        while self.at < end {
            if self.skip("[") {
                let first = self.at;
                let mut open = 1_usize;
                while open > 0 && self.at < end {
                    match self.word() {
                        "[" | "(" => open += 1,
                        "]" | ")" => open -= 1,
                        _ => {}
                    }
                    self.at += 1;
                }
                // A slice has two, and either may be left out.
                let text = self.between(first, self.at.saturating_sub(1)).to_owned();
                let slice = format!("SELECT (ARRAY[0])[{text}\n]");
                self.piece(slice, Purpose::Decide, Vec::new());
            } else {
                self.at += 1;
            }
        }
        Ok(())
    }

    /// A variable that takes a value: its name with a label or a field.
    pub(super) fn target(&mut self) -> Read<Target> {
        let first = self.name()?;
        let mut rest = Vec::new();
        while self.skip(".") {
            rest.push(self.name()?);
        }
        let plain = self.body.variable(self.scope, None, &first);
        let labelled = || self.body.variable(self.scope, Some(&first), rest.first()?);
        Ok(match (plain, labelled()) {
            (Some(variable), _) => Target { variable: Some(variable), field: rest.into_iter().next() },
            (None, Some(variable)) => Target { variable: Some(variable), field: rest.into_iter().nth(1) },
            (None, None) => Target { variable: None, field: None },
        })
    }

    /// `[STRICT] target, …`
    pub(super) fn targets(&mut self) -> Read<Vec<Target>> {
        self.skip("STRICT");
        let mut targets = vec![self.target()?];
        while self.skip(",") {
            targets.push(self.target()?);
        }
        self.assigned.extend(targets.iter().filter_map(|target| target.variable));
        Ok(targets)
    }

    fn branches(&mut self) -> Read<()> {
        loop {
            self.expression(&["THEN"], Purpose::Decide)?;
            self.expect("THEN")?;
            self.deeper(&["ELSIF", "ELSEIF", "ELSE", "END"])?;
            if self.skip("ELSIF") || self.skip("ELSEIF") {
                continue;
            }
            if self.skip("ELSE") {
                self.deeper(&["END"])?;
            }
            self.expect("END")?;
            self.expect("IF")?;
            return self.expect(";");
        }
    }

    fn cases(&mut self) -> Read<()> {
        let tested = if self.is("WHEN") { None } else { Some(self.until(&["WHEN"])?) };
        while self.skip("WHEN") {
            let text = self.until(&["THEN"])?;
            // With a test expression there may be several values. A text may end in a comment.
            let text = match tested {
                Some(tested) => format!("SELECT ({tested}\n) IN ({text}\n)"),
                None => format!("SELECT {text}"),
            };
            self.piece(text, Purpose::Decide, Vec::new());
            self.expect("THEN")?;
            self.deeper(&["WHEN", "ELSE", "END"])?;
        }
        if self.skip("ELSE") {
            self.deeper(&["END"])?;
        }
        self.expect("END")?;
        self.expect("CASE")?;
        self.expect(";")
    }

    /// Statements of a branch, counted for depth.
    fn deeper(&mut self, ends: &[&str]) -> Read<()> {
        self.within(None, |reader| reader.statements(ends))
    }

    fn body_of_loop(&mut self, label: Option<String>) -> Read<()> {
        self.expect("LOOP")?;
        self.within(label, |reader| reader.statements(&["END"]))?;
        self.expect("END")?;
        self.expect("LOOP")?;
        self.end_label();
        self.expect(";")
    }

    /// Behind FOR, in a scope of its own.
    fn for_loop(&mut self) -> Read<()> {
        self.at += 1;
        let names = self.at;
        self.until(&["IN"])?;
        let end = self.at;
        self.expect("IN")?;
        if self.is("EXECUTE") {
            let into = self.loop_targets(names, end)?;
            self.at += 1;
            self.dynamic(&["LOOP", "USING"], Purpose::Rows, into)?;
            self.using(&["LOOP"])?;
            return self.body_of_loop(None);
        }
        if self.is_cursor() {
            // The variable of such a loop is its own, of the cursor's rows.
            let name = self.between(names, end).to_ascii_lowercase();
            let cursor = self.word();
            self.at += 1;
            self.cursor_arguments()?;
            self.declare(&name, Declared::Written("record".to_owned()));
            let variable = self.body.variable(self.scope, None, &name);
            self.piece(format!("SELECT {cursor}"), Purpose::Rows, vec![Target { variable, field: None }]);
            return self.body_of_loop(None);
        }
        let reverse = self.skip("REVERSE");
        let text = self.until(&["..", "LOOP"])?.to_owned();
        if self.skip("..") {
            return self.counted(&text, names);
        }
        if reverse {
            return Err(self.unread("REVERSE"));
        }
        let into = self.loop_targets(names, end)?;
        self.piece(text, Purpose::Rows, into);
        self.body_of_loop(None)
    }

    /// The name of a cursor and nothing more, or its arguments.
    fn is_cursor(&self) -> bool {
        let Some(name) = self.name_at(0) else { return false };
        let Some(found) = self.body.variable(self.scope, None, &name) else { return false };
        let is_cursor = self.body.variables.get(found).is_some_and(
            |variable| matches!(&variable.of, Declared::Written(of) if of.eq_ignore_ascii_case("refcursor")),
        );
        is_cursor && (self.word_at(1) == "(" || self.word_at(1).eq_ignore_ascii_case("LOOP"))
    }

    /// `lower .. upper [BY step] LOOP`; the counter is the loop's own.
    fn counted(&mut self, lower: &str, names: usize) -> Read<()> {
        self.piece(format!("SELECT {lower}"), Purpose::Decide, Vec::new());
        self.expression(&["LOOP", "BY"], Purpose::Decide)?;
        if self.skip("BY") {
            self.expression(&["LOOP"], Purpose::Decide)?;
        }
        let here = std::mem::replace(&mut self.at, names);
        let counter = self.name();
        self.at = here;
        self.declare(&counter?, Declared::Known(INT4));
        self.body_of_loop(None)
    }

    /// The variables before IN.
    fn loop_targets(&mut self, names: usize, end: usize) -> Read<Vec<Target>> {
        let here = std::mem::replace(&mut self.at, names);
        let targets = self.targets();
        let whole = self.at == end;
        self.at = here;
        if whole { targets } else { Err(self.unread("the variables of a loop")) }
    }

    /// `FOREACH target [SLICE n] IN ARRAY expression LOOP`
    fn foreach(&mut self, label: Option<String>) -> Read<()> {
        self.at += 1;
        let into = self.targets()?;
        if self.skip("SLICE") {
            self.at += 1;
        }
        self.expect("IN")?;
        self.expect("ARRAY")?;
        let text = self.until(&["LOOP"])?;
        self.piece(format!("SELECT {text}"), Purpose::Assign, into);
        self.body_of_loop(label)
    }

    fn leave(&mut self) -> Read<()> {
        if !self.is(";") && !self.is("WHEN") {
            self.name()?;
        }
        if self.skip("WHEN") {
            self.expression(&[";"], Purpose::Decide)?;
        }
        self.expect(";")
    }

    fn give(&mut self) -> Read<()> {
        if self.skip("QUERY") {
            if self.skip("EXECUTE") {
                self.dynamic(&[";", "USING"], Purpose::ReturnQuery, Vec::new())?;
                self.using(&[";"])?;
            } else {
                let text = self.until(&[";"])?.to_owned();
                self.piece(text, Purpose::ReturnQuery, Vec::new());
            }
            return self.expect(";");
        }
        self.skip("NEXT");
        if !self.is(";") {
            self.expression(&[";"], Purpose::Return)?;
        }
        self.expect(";")
    }

    /// `RAISE [level] ['format', values …] [USING option = value, …]`
    fn raise(&mut self) -> Read<()> {
        while !matches!(self.word(), "," | ";" | "") && !self.is("USING") {
            self.at += 1;
        }
        if self.skip(",") {
            self.expressions(&[";", "USING"], Purpose::Tell)?;
        }
        if self.skip("USING") {
            loop {
                self.name()?;
                if !(self.skip("=") || self.skip(":=")) {
                    return Err(self.unread("RAISE … USING"));
                }
                self.expression(&[",", ";"], Purpose::Tell)?;
                if !self.skip(",") {
                    break;
                }
            }
        }
        self.expect(";")
    }

    /// `EXECUTE text [INTO targets] [USING values]`, the latter two in any order.
    fn execute(&mut self) -> Read<()> {
        let start = self.body.pieces.len();
        self.dynamic(&[";", "INTO", "USING"], Purpose::Run, Vec::new())?;
        loop {
            if self.skip("INTO") {
                let into = self.targets()?;
                if let Some(piece) = self.body.pieces.get_mut(start) {
                    piece.into = into;
                }
            } else if self.is("USING") {
                self.using(&[";", "INTO"])?;
            } else {
                return self.expect(";");
            }
        }
    }

    fn open(&mut self) -> Read<()> {
        let cursor = self.target()?;
        if self.is("NO") {
            self.at += 1;
        }
        self.skip("SCROLL");
        if self.skip("FOR") {
            if self.skip("EXECUTE") {
                self.dynamic(&[";", "USING"], Purpose::Rows, vec![cursor])?;
                self.using(&[";"])?;
            } else {
                let text = self.until(&[";"])?.to_owned();
                self.piece(text, Purpose::Rows, vec![cursor]);
            }
        } else {
            self.cursor_arguments()?;
        }
        self.expect(";")
    }

    /// `[USING values]`
    fn using(&mut self, stops: &[&str]) -> Read<()> {
        if self.skip("USING") { self.expressions(stops, Purpose::Argument) } else { Ok(()) }
    }

    /// `FETCH [direction [count] {FROM | IN}] cursor [INTO targets]`, and MOVE.
    fn fetch(&mut self) -> Read<()> {
        let first = self.at;
        while !matches!(self.word(), ";" | "") && !self.is("INTO") {
            self.at += 1;
        }
        let Some(last) = self.at.checked_sub(1).filter(|last| *last >= first) else {
            return Err(self.unread("a cursor"));
        };
        let here = std::mem::replace(&mut self.at, last);
        let fetched = self.name().ok().and_then(|name| self.body.variable(self.scope, None, &name));
        self.at = here;
        self.fetched.push(fetched);
        let cursor = self.between(last, last + 1);
        self.count(first, last);
        if self.skip("INTO") {
            let into = self.targets()?;
            self.piece(format!("SELECT {cursor}"), Purpose::Rows, into);
        }
        self.expect(";")
    }

    /// Whether a FETCH may be from a cursor that somebody else has opened: one whose name came from elsewhere.
    pub(super) fn fetches_unknown(&self) -> bool {
        self.fetched.iter().any(|variable| {
            let found = variable.and_then(|variable| self.body.variables.get(variable));
            let own = found.is_some_and(|found| matches!(found.of, Declared::Written(_)));
            // Names of one variable are not followed from one to another.
            let renamed = self
                .body
                .variables
                .iter()
                .any(|other| matches!(other.of, Declared::Alias(of) if Some(of) == *variable));
            !own || renamed || variable.is_some_and(|variable| self.assigned.contains(&variable))
        })
    }

    /// How far a FETCH goes may be an expression.
    fn count(&mut self, first: usize, last: usize) {
        let Some(end) = last.checked_sub(1) else { return };
        let preposition = self.between(end, last);
        if end > first + 1 && ["FROM", "IN"].iter().any(|word| preposition.eq_ignore_ascii_case(word)) {
            let text = self.between(first + 1, end);
            if !text.eq_ignore_ascii_case("ALL") {
                self.piece(format!("SELECT {text}"), Purpose::Decide, Vec::new());
            }
        }
    }

    /// `GET [CURRENT | STACKED] DIAGNOSTICS target = item, …`: counters, or what an error says.
    fn diagnostics(&mut self) -> Read<()> {
        let stacked = self.is("STACKED");
        if stacked || self.is("CURRENT") {
            self.at += 1;
        }
        self.expect("DIAGNOSTICS")?;
        loop {
            let into = vec![self.target()?];
            if !(self.skip("=") || self.skip(":=")) {
                return Err(self.unread("GET DIAGNOSTICS"));
            }
            self.name()?;
            if stacked {
                self.piece("SELECT sqlerrm".to_owned(), Purpose::Assign, into);
            }
            if !self.skip(",") {
                return self.expect(";");
            }
        }
    }
}
