//! Blocks and their declarations.

use super::{
    Declared, Purpose, Target,
    reader::{Read, Reader},
};

/// What ends the type of a variable.
const AFTER_TYPE: [&str; 6] = [";", ":=", "=", "DEFAULT", "NOT", "COLLATE"];

impl Reader<'_> {
    /// `[DECLARE …] BEGIN … [EXCEPTION …] END [label]`
    pub(super) fn block(&mut self, label: Option<String>) -> Read<()> {
        self.within(label, |reader| {
            if reader.skip("DECLARE") {
                while !reader.is("BEGIN") {
                    // The word may be repeated.
                    if !reader.skip("DECLARE") {
                        reader.declaration()?;
                    }
                }
            }
            reader.expect("BEGIN")?;
            reader.statements(&["END", "EXCEPTION"])?;
            if reader.skip("EXCEPTION") {
                while reader.skip("WHEN") {
                    reader.until(&["THEN"])?;
                    reader.expect("THEN")?;
                    reader.statements(&["WHEN", "END"])?;
                }
            }
            reader.expect("END")?;
            reader.end_label();
            Ok(())
        })
    }

    /// A label may stand again behind END.
    pub(super) fn end_label(&mut self) {
        if !self.is(";") && self.name_at(0).is_some() {
            self.at += 1;
        }
    }

    fn declaration(&mut self) -> Read<()> {
        let name = self.name()?;
        if self.skip("ALIAS") {
            return self.alias(&name);
        }
        let scrolls =
            usize::from(self.is("SCROLL")) + 2 * usize::from(self.is("NO") && self.is_at(1, "SCROLL"));
        if self.is_at(scrolls, "CURSOR") {
            self.at += scrolls + 1;
            return self.cursor(&name);
        }
        self.skip("CONSTANT");
        let of = Declared::Written(self.until(&AFTER_TYPE)?.to_owned());
        if self.skip("COLLATE") {
            self.until(&[";", ":=", "=", "DEFAULT", "NOT"])?;
        }
        if self.skip("NOT") {
            self.expect("NULL")?;
        }
        self.declare(&name, of);
        let variable = self.body.variables.len().checked_sub(1);
        if !self.skip(";") {
            if !(self.skip(":=") || self.skip("=") || self.skip("DEFAULT")) {
                return Err(self.unread("a declaration"));
            }
            self.assigned.extend(variable);
            let text = self.until(&[";"])?;
            self.piece(format!("SELECT {text}"), Purpose::Assign, vec![Target { variable, field: None }]);
            self.expect(";")?;
        }
        Ok(())
    }

    fn alias(&mut self, name: &str) -> Read<()> {
        self.expect("FOR")?;
        let known = self.name()?;
        let Some(variable) = self.body.variable(self.scope, None, &known) else {
            return Err(self.unread("an alias"));
        };
        self.declare(name, Declared::Alias(variable));
        self.expect(";")
    }

    /// `[(arguments)] {FOR | IS} query;`: the arguments are in sight of the query only.
    fn cursor(&mut self, name: &str) -> Read<()> {
        self.declare(name, Declared::Written("refcursor".to_owned()));
        let variable = self.body.variables.len().checked_sub(1);
        self.within(Some(name.to_owned()), |reader| {
            if reader.skip("(") {
                loop {
                    let argument = reader.name()?;
                    let of = Declared::Written(reader.until_bracket()?.to_owned());
                    reader.declare(&argument, of);
                    if !reader.skip(",") {
                        break;
                    }
                }
                reader.expect(")")?;
            }
            if !(reader.skip("FOR") || reader.skip("IS")) {
                return Err(reader.unread("a cursor"));
            }
            let text = reader.until(&[";"])?.to_owned();
            reader.piece(text, Purpose::Rows, vec![Target { variable, field: None }]);
            reader.expect(";")
        })
    }

    /// The text up to a comma or the bracket that closes the list.
    fn until_bracket(&mut self) -> Read<&str> {
        let first = self.at;
        let mut brackets = 0_usize;
        loop {
            match self.word() {
                "," if brackets == 0 => break,
                ")" if brackets == 0 => break,
                "(" | "[" => brackets += 1,
                ")" | "]" => brackets = brackets.saturating_sub(1),
                "" | ";" => return Err(self.unread("a list")),
                _ => {}
            }
            self.at += 1;
        }
        Ok(self.between(first, self.at))
    }

    /// The values in brackets that a cursor is opened with, by place or by name.
    pub(super) fn cursor_arguments(&mut self) -> Read<()> {
        if !self.skip("(") {
            return Ok(());
        }
        loop {
            if self.name_at(0).is_some() && matches!(self.word_at(1), ":=" | "=>") {
                self.at += 2;
            }
            let text = self.until_bracket()?.to_owned();
            self.piece(format!("SELECT {text}"), Purpose::Argument, Vec::new());
            if !self.skip(",") {
                return self.expect(")");
            }
        }
    }

    fn is_at(&self, further: usize, word: &str) -> bool {
        self.word_at(further).eq_ignore_ascii_case(word)
    }
}
