//! One table of the file: keys are taken by name, and [`Section::finish`] refuses those that nobody took.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::Findings;

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: usize,
    pub(super) key: String,
}

/// A table whose keys are being taken.
pub(super) struct Section<'a, 'i> {
    table: &'a DeTable<'i>,
    findings: &'a Findings,
    path: String,
    line: usize,
    known: Vec<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(super) fn root(table: &'a DeTable<'i>, findings: &'a Findings) -> Self {
        Self { table, findings, path: String::new(), line: 1, known: Vec::new() }
    }

    fn key_path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    fn line_of(&self, value: &Spanned<DeValue<'i>>) -> usize {
        self.findings.line(value.span().start)
    }

    /// A text, if the key is there.
    pub(super) fn string(&mut self, key: &'static str) -> Option<Located<String>> {
        let value = self.take(key)?;
        self.text(value, self.key_path(key))
    }

    /// A whole number that is not negative, if the key is there. Outer `None`: it is something else.
    pub(super) fn number(&mut self, key: &'static str) -> Option<Option<u32>> {
        let Some(value) = self.take(key) else { return Some(None) };
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            let message = "must be a whole number, for example `1`".to_owned();
            self.findings.wrong(self.line_of(value), self.key_path(key), message);
        }
        number.map(Some)
    }

    /// A text that must be there and say something.
    pub(super) fn required_string(&mut self, key: &'static str, example: &str) -> Option<Located<String>> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            self.missing(key, &format!("is missing; for example `{key} = \"{example}\"`"));
            return None;
        }
        let text = self.string(key)?;
        if text.value.trim().is_empty() {
            self.wrong_at(&text, &format!("is empty; for example `{key} = \"{example}\"`"));
            return None;
        }
        Some(text)
    }

    /// A list of texts, or one text for a list of one.
    pub(super) fn strings(&mut self, key: &'static str) -> Option<Vec<Located<String>>> {
        let value = self.take(key)?;
        let path = self.key_path(key);
        let DeValue::Array(items) = value.get_ref() else {
            return Some(self.text(value, path).into_iter().collect());
        };
        Some(items.iter().filter_map(|item| self.text(item, path.clone())).collect())
    }

    fn text(&self, value: &Spanned<DeValue<'i>>, key: String) -> Option<Located<String>> {
        let line = self.line_of(value);
        match value.get_ref() {
            DeValue::String(text) => Some(Located { value: text.clone().into_owned(), line, key }),
            other => {
                let message = format!("must be a text in quotes, not {}", kind(other));
                self.findings.wrong(line, key, message);
                None
            }
        }
    }

    /// Whether the key is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A table, if the key is there.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'a, 'i>> {
        let value = self.take(key)?;
        self.table_of(value, self.key_path(key))
    }

    /// A table that must be there.
    pub(super) fn required_section(&mut self, key: &'static str) -> Option<Section<'a, 'i>> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            self.missing(key, &format!("is missing; add a `[{key}]` section"));
            return None;
        }
        self.section(key)
    }

    /// Tables under `[[key]]`, numbered from 1 in messages.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a, 'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let path = self.key_path(key);
        let DeValue::Array(items) = value.get_ref() else {
            let message = format!("must be a list of tables; write `[[{key}]]`");
            self.findings.wrong(self.line_of(value), path, message);
            return Vec::new();
        };
        let numbered = items.iter().enumerate();
        numbered.filter_map(|(at, item)| self.table_of(item, format!("{path}[{}]", at + 1))).collect()
    }

    fn table_of(&self, value: &'a Spanned<DeValue<'i>>, path: String) -> Option<Section<'a, 'i>> {
        let line = self.line_of(value);
        match value.get_ref() {
            DeValue::Table(table) => {
                Some(Section { table, findings: self.findings, path, line, known: Vec::new() })
            }
            other => {
                let message = format!("must be a table, not {}", kind(other));
                self.findings.wrong(line, path, message);
                None
            }
        }
    }

    /// Every key with its text: for tables whose keys are names of the reader's own.
    pub(super) fn pairs(&self) -> Vec<(Located<String>, Located<String>)> {
        let mut pairs = Vec::new();
        for (name, value) in self.table {
            let key = format!("{}.\"{}\"", self.path, name.get_ref());
            let line = self.findings.line(name.span().start);
            let name = Located { value: name.get_ref().clone().into_owned(), line, key: key.clone() };
            if let Some(text) = self.text(value, key) {
                pairs.push((name, text));
            }
        }
        pairs
    }

    /// Every key with its texts: for tables whose keys are names of the reader's own.
    pub(super) fn lists(&self) -> Vec<(Located<String>, Vec<Located<String>>)> {
        let mut lists = Vec::new();
        for (name, value) in self.table {
            let key = format!("{}.\"{}\"", self.path, name.get_ref());
            let line = self.findings.line(name.span().start);
            let texts = match value.get_ref() {
                DeValue::Array(items) => {
                    items.iter().filter_map(|item| self.text(item, key.clone())).collect()
                }
                _ => self.text(value, key.clone()).into_iter().collect(),
            };
            lists.push((Located { value: name.get_ref().clone().into_owned(), line, key }, texts));
        }
        lists
    }

    /// Reports the outcome of a check; says whether it was good.
    pub(super) fn check<T>(&self, value: &Located<T>, outcome: Result<(), String>) -> bool {
        self.accept(value, outcome).is_some()
    }

    /// The checked value, or a report.
    pub(super) fn accept<T, U>(&self, value: &Located<T>, outcome: Result<U, String>) -> Option<U> {
        outcome.map_err(|message| self.wrong_at(value, &message)).ok()
    }

    pub(super) fn wrong_at<T>(&self, value: &Located<T>, message: &str) {
        self.findings.wrong(value.line, value.key.clone(), message.to_owned());
    }

    pub(super) fn wrong(&self, key: &str, message: &str) {
        self.findings.wrong(self.line, self.key_path(key), message.to_owned());
    }

    pub(super) fn missing(&self, key: &str, message: &str) {
        self.findings.missing(self.line, self.key_path(key), message.to_owned());
    }

    /// Refuses every key that nobody took.
    pub(super) fn finish(self) {
        for name in self.table.keys() {
            let key = name.get_ref().as_ref();
            if !self.known.contains(&key) {
                let line = self.findings.line(name.span().start);
                self.findings.wrong(line, self.key_path(key), unknown(key, &self.known));
            }
        }
    }
}

fn unknown(key: &str, known: &[&'static str]) -> String {
    match nearest(key, known) {
        Some(nearest) => format!("is not a key here; did you mean `{nearest}`?"),
        None => format!("is not a key here; known are {}", known.join(", ")),
    }
}

/// The known word that `word` is most likely a slip of.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // Every comparison costs the product of the lengths; no known word is near one this long.
    if word.len() > 64 {
        return None;
    }
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3) || is_start(word, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `prod` for `production`.
fn is_start(word: &str, candidate: &str) -> bool {
    word.len() >= 3 && candidate.starts_with(word)
}

const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
