//! What the README shows of a program, held against what it prints.

use std::fs;

use crate::place;

/// The console's blocks of the README as they are shown: each begins with a command behind `$`.
///
/// # Panics
/// No block has this line.
#[must_use]
pub fn block_with(line: &str) -> Vec<String> {
    let readme = fs::read_to_string(place::workspace().join("README.md")).expect("a README");
    let blocks = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut blocks = blocks.map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    blocks
        .find(|lines| lines.iter().any(|shown| shown == line))
        .unwrap_or_else(|| panic!("no block has {line}"))
}

/// What the README shows of one command: the lines behind it, up to the next one.
#[must_use]
pub fn of(command: &str) -> Vec<String> {
    let line = format!("$ {command}");
    let block = block_with(&line);
    let behind = block.into_iter().skip_while(|shown| *shown != line).skip(1);
    behind.take_while(|shown| !shown.starts_with("$ ")).collect()
}

/// All lines that are shown were printed, in their order; others may stand between them.
///
/// # Panics
/// One was not.
pub fn is_in(shown: &[String], printed: &str) {
    let mut all = printed.lines().map(normal);
    for line in shown {
        let wanted = normal(line);
        assert!(
            all.any(|line| line == wanted),
            "the README shows, and it is not printed in this place: {line}\n{printed}"
        );
    }
}

/// Without what differs from run to run: numbers, masks, hashes, ids, the width of columns.
fn normal(line: &str) -> String {
    let mut text = String::new();
    for word in line.split_whitespace() {
        text.push_str(&plain(word));
        text.push(' ');
    }
    while text.contains("99") {
        text = text.replace("99", "9");
    }
    text
}

fn plain(word: &str) -> String {
    if word.starts_with("name_") || word.starts_with("u_") {
        return "MASK".to_owned();
    }
    let bare = word.trim_end_matches([',', '…']);
    let hexadecimal =
        bare.len() >= 12 && bare.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-');
    if hexadecimal {
        return "HASH".to_owned();
    }
    match word.starts_with("req_") {
        true => "REQUEST".to_owned(),
        false => word.replace(|letter: char| letter.is_ascii_digit(), "9"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_does_not_count_and_everything_else_does() {
        let shown =
            ["a.bin · sha256 0123456789ab… · 12 rows".to_owned(), "└─ u_abc  approved: req_7K2M".to_owned()];
        is_in(&shown, "more\na.bin · sha256 ffeeddccbbaa… · 7 rows\n\n└─ u_xyz approved: req_9Z\n");
        let refused = |printed: &str| std::panic::catch_unwind(|| is_in(&shown, printed)).is_err();
        assert!(refused("a.bin · sha256 ffeeddccbbaa… · 7 rows"), "a line is left out");
        assert!(refused("└─ u_xyz approved: req_9Z\na.bin · sha256 ffeeddccbbaa… · 7 rows"), "another order");
        assert!(refused("b.bin · sha256 ffeeddccbbaa… · 7 rows\n└─ u_xyz approved: req_9Z"), "another word");
    }
}
