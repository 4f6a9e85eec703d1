//! Phrases of the table of names in the name of a column.
//!
//! A database has columns by the hundred thousand and the table has phrases by the thousand: they are looked
//! up by their first letter.

use std::{cmp::Reverse, collections::HashMap, sync::OnceLock};

use super::{
    kinds::Kind,
    names::{RULES, Rule},
    tokens::tokens,
    words::{ABOUT_SOMETHING_ELSE, ASKING, is_listed},
};

/// A phrase that was found in a column's name.
pub(super) struct Found {
    pub(super) rule: &'static Rule,
    pub(super) phrase: &'static str,
}

/// A phrase with its place in the table.
struct Phrase {
    place: usize,
    rule: &'static Rule,
    text: &'static str,
}

/// All phrases by their first letter.
fn phrases() -> &'static HashMap<char, Vec<Phrase>> {
    static PHRASES: OnceLock<HashMap<char, Vec<Phrase>>> = OnceLock::new();
    PHRASES.get_or_init(|| {
        let mut phrases: HashMap<char, Vec<Phrase>> = HashMap::new();
        let all = RULES.iter().flat_map(|rule| rule.phrases.split(',').map(move |text| (rule, text.trim())));
        for (place, (rule, text)) in all.enumerate() {
            if let Some(letter) = text.chars().next() {
                phrases.entry(letter).or_default().push(Phrase { place, rule, text });
            }
        }
        phrases
    })
}

/// The rules that a column's name and kind of type speak to: the strongest first, and of these the one
/// with the longest phrase.
pub(super) fn find(column: &str, kind: Kind) -> Vec<Found> {
    let words = tokens(column);
    let mut letters: Vec<char> = words.iter().filter_map(|word| word.chars().next()).collect();
    letters.sort_unstable();
    letters.dedup();
    let candidates = letters.iter().filter_map(|letter| phrases().get(letter)).flatten();
    let mut found: Vec<&Phrase> = candidates
        .filter(|phrase| phrase.rule.kinds.contains(&kind))
        .filter(|phrase| {
            end_of(phrase.text, &words).is_some_and(|end| !is_about_something_else(&words, phrase.text, end))
        })
        .collect();
    found.sort_by_key(|phrase| (phrase.rule.strength, Reverse(phrase.text.len()), phrase.place));
    found.into_iter().map(|phrase| Found { rule: phrase.rule, phrase: phrase.text }).collect()
}

/// Where a run of words that spell the phrase ends.
fn end_of(phrase: &str, words: &[String]) -> Option<usize> {
    (0..words.len()).find_map(|start| {
        let mut rest = phrase.chars().filter(|letter| *letter != ' ');
        for (place, word) in words.iter().enumerate().skip(start) {
            let mut left = rest.clone();
            if !word.chars().all(|letter| left.next() == Some(letter)) {
                // A plural ends the phrase.
                let plural = word.strip_suffix('s').is_some_and(|one| one.chars().eq(rest));
                return plural.then_some(place + 1);
            }
            rest = left;
            if rest.clone().next().is_none() {
                return Some(place + 1);
            }
        }
        None
    })
}

fn is_about_something_else(words: &[String], phrase: &str, end: usize) -> bool {
    let behind = words.iter().skip(end).any(|word| is_listed(ABOUT_SOMETHING_ELSE, word));
    let asking =
        words.first().is_some_and(|word| is_listed(ASKING, word) && !phrase.starts_with(word.as_str()));
    behind || asking
}
