//! Conversations that are kept in files: `-- title`, then steps, each ended by a semicolon at the end of a
//! line. A step may hold several statements; they are sent as one text.

/// A title and its steps.
#[derive(Debug)]
pub struct Script {
    pub title: String,
    pub steps: Vec<String>,
}

/// The scripts of a text. What stands before the first empty line is about the file.
///
/// # Panics
/// A step has no title before it.
#[must_use]
pub fn scripts(text: &str) -> Vec<Script> {
    let (_about, text) = text.split_once("\n\n").expect("a heading");
    let mut scripts: Vec<Script> = Vec::new();
    let mut step = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let (Some(title), true) = (line.strip_prefix("-- "), step.is_empty()) {
            scripts.push(Script { title: title.to_owned(), steps: Vec::new() });
            continue;
        }
        step.push_str(line);
        if let Some(whole) = step.strip_suffix(';') {
            scripts.last_mut().expect("a title comes first").steps.push(whole.to_owned());
            step.clear();
        } else {
            step.push('\n');
        }
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_titles_and_steps_of_several_lines() {
        let found = scripts("-- about\n\n-- one\nSELECT 1; SELECT 2;\nSELECT\n3;\n\n-- two\n;\n");
        let steps: Vec<_> =
            found.iter().map(|script| (script.title.as_str(), script.steps.clone())).collect();
        let first = vec!["SELECT 1; SELECT 2".to_owned(), "SELECT\n3".to_owned()];
        assert_eq!(steps, [("one", first), ("two", vec![String::new()])]);
    }
}
