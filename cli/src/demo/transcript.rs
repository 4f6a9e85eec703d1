//! What the tour shows: commands as a person would type them, and what they print. What differs from run to
//! run (ports, ids, folders) is left out, so that the text can stand in a README.

/// What is replaced by what.
#[derive(Debug, Clone, Default)]
pub(super) struct Elisions(Vec<(String, String)>);

impl Elisions {
    /// `text` is shown as `instead`.
    pub(super) fn hide(&mut self, text: impl Into<String>, instead: impl Into<String>) {
        self.0.push((text.into(), instead.into()));
    }

    /// The text without what differs from run to run.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for (hidden, instead) in &self.0 {
            shown = shown.replace(hidden, instead);
        }
        without_hashes(&without_ids(&shown))
    }
}

/// Statement ids (`st_` and 26 letters or digits) become `st_…`.
fn without_ids(text: &str) -> String {
    const PREFIX: &str = "st_";
    const DIGITS: usize = 26;
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let digits = from.get(PREFIX.len()..PREFIX.len() + DIGITS);
        let is_id = digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        shown.push_str(if is_id { "st_…" } else { PREFIX });
        rest = from.get(PREFIX.len() + if is_id { DIGITS } else { 0 }..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

/// SHA-256 in base64 (44 letters, the last an equals sign) becomes `…`.
fn without_hashes(text: &str) -> String {
    const LETTERS: usize = 44;
    let is_hash = |word: &str| {
        let digits = word.strip_suffix('=').unwrap_or_default();
        word.len() == LETTERS
            && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    };
    let without = |piece: &str| {
        let word = piece.trim_end_matches([' ', '\n', ',']);
        let rest = piece.get(word.len()..).unwrap_or_default();
        if is_hash(word) { format!("…{rest}") } else { piece.to_owned() }
    };
    text.split_inclusive([' ', '\n']).map(without).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let mut elisions = Elisions::default();
        elisions.hide("127.0.0.1:40123", "127.0.0.1:…");
        let text = "st_69MSN431SN8AA6S302CVDE6HXV at 127.0.0.1:40123, st_short, last_name, st_";
        assert_eq!(elisions.apply(text), "st_… at 127.0.0.1:…, st_short, last_name, st_");
        let text = "the root n7fYVMHE+a6WiemgxXManZJntn+0PQspgpr23hPBGGw=, but 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= was\n";
        assert_eq!(elisions.apply(text), "the root …, but … was\n");
    }
}
