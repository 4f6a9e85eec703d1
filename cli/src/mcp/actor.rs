//! The name under which an AI agent acts. It is what its program says of itself: a name for the record, never
//! a right. Whatever the name, an actor gets less than the person.

/// Who calls, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Who {
    pub(super) actor: String,
    pub(super) task: Option<String>,
}

/// Longest parts, so that the whole fits into a grant.
const MAX_NAME: usize = 40;
const MAX_VERSION: usize = 20;

/// `name/version` in the letters that a grant takes.
pub(super) fn name(name: &str, version: &str) -> String {
    let name = words(name, MAX_NAME);
    let version = words(version, MAX_VERSION);
    match (name.is_empty(), version.is_empty()) {
        (true, _) => "unnamed".to_owned(),
        (false, true) => name,
        (false, false) => format!("{name}/{version}"),
    }
}

fn words(text: &str, longest: usize) -> String {
    let letter = |letter: char| {
        let fits = letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if fits { letter } else { '-' }
    };
    text.trim().chars().take(longest).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_name_itself_out_of_the_record() {
        assert_eq!(name("claude-code", "2.0.1"), "claude-code/2.0.1");
        assert_eq!(name("", "1"), "unnamed");
        assert_eq!(name("a b\u{202e}/../x", ""), "a-b--..-x");
        let long = name(&"x".repeat(500), &"9".repeat(500));
        assert!(long.len() <= 64 && long.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/'));
    }
}
