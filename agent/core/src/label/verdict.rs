//! Puts name, type and content together.

use connect_shared::label::Label;

use super::{
    CONFIDENTIAL_SCHEMA, ColumnFacts, Confidence, Discovery, Evidence, LONGEST_SAMPLE, MOST_SAMPLES,
    detect::{DETECTORS, Detector, Few, Fit, is_phone_like},
    kinds::Kind,
    names::{self, Strength},
    phrases::{self, Found},
};

/// From this share of fitting values on, content is believed more than a name.
const OVERWHELMING: usize = 80;
/// Words on average from which on a text is written by a person.
const LONG_WORDS: usize = 5;
const PERCENT: usize = 100;

pub(super) fn discover(column: &ColumnFacts<'_>, samples: &[&str]) -> Discovery {
    if column.schema == CONFIDENTIAL_SCHEMA {
        return found(Label::Confidential, Evidence::Schema, Confidence::High);
    }
    let kind = Kind::of(column.type_oid);
    let values = readable(kind, samples);
    let names = phrases::find(column.column, kind);
    by_name(&names, column.relation, &values)
        .or_else(|| by_type(kind))
        .or_else(|| without_samples(samples))
        .or_else(|| by_content(&values))
        .or_else(|| by_both(&names, &values))
        .or_else(|| by_keys(kind, &values))
        .unwrap_or(Discovery { label: None, evidence: Evidence::Nothing, confidence: Confidence::Medium })
}

const fn found(label: Label, evidence: Evidence, confidence: Confidence) -> Discovery {
    Discovery { label: Some(label), evidence, confidence }
}

/// Values worth a look. Bytes are looked at where they are text.
fn readable(kind: Kind, samples: &[&str]) -> Vec<String> {
    samples
        .iter()
        .take(MOST_SAMPLES)
        .filter(|sample| !sample.trim().is_empty())
        .filter_map(|sample| {
            let end = sample.floor_char_boundary(LONGEST_SAMPLE);
            let sample = sample.get(..end)?.trim();
            if kind == Kind::Bytes { text_of_hex(sample) } else { Some(sample.to_owned()) }
        })
        .collect()
}

/// The text in `\x…`, if it is one.
fn text_of_hex(sample: &str) -> Option<String> {
    let digits: Vec<u32> =
        sample.strip_prefix("\\x")?.chars().map(|letter| letter.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8))
        .collect();
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn by_name(names: &[Found], relation: &str, values: &[String]) -> Option<Discovery> {
    let named = names.iter().find(|found| match found.rule.strength {
        Strength::Alone => true,
        Strength::AboutPeople => names::is_about_people(relation),
        Strength::WithContent => false,
    })?;
    // A column `address` may be full of e-mail addresses: the mask should be theirs. A name that says
    // secret or confidential stays.
    let keeps = matches!(named.rule.label, Label::Secret | Label::Confidential | Label::Health);
    let content = by_share(values, OVERWHELMING).filter(|_| !keeps);
    content.or(Some(found(named.rule.label, Evidence::Name(named.phrase), Confidence::High)))
}

fn by_type(kind: Kind) -> Option<Discovery> {
    match kind {
        // The words of some text.
        Kind::SearchVector => Some(found(Label::FreeText, Evidence::Type, Confidence::Medium)),
        Kind::Network => Some(found(Label::NetworkAddress, Evidence::Type, Confidence::Medium)),
        _ if kind.needs_content() => None,
        _ => Some(Discovery { label: None, evidence: Evidence::Type, confidence: Confidence::High }),
    }
}

/// Values that are empty say nothing about those to come.
fn without_samples(samples: &[&str]) -> Option<Discovery> {
    let nothing = samples.iter().all(|sample| sample.trim().is_empty());
    nothing.then_some(found(Label::Unscanned, Evidence::NoSamples, Confidence::Low))
}

/// How many values a detector fits.
struct Hits {
    whole: usize,
    inside: usize,
}

fn count(detector: &Detector, values: &[String]) -> Hits {
    let mut hits = Hits { whole: 0, inside: 0 };
    for value in values {
        match (detector.fit)(value) {
            Some(Fit::Whole) => hits.whole += 1,
            Some(Fit::Inside) => hits.inside += 1,
            None => {}
        }
    }
    hits
}

/// The first detector that fits its share of the values, and at least `share` per cent.
fn by_share(values: &[String], share: usize) -> Option<Discovery> {
    DETECTORS.iter().find_map(|detector| {
        let Hits { whole, .. } = count(detector, values);
        let enough = whole >= detector.least.min(values.len()) && whole > 0;
        let share = share.max(detector.share);
        (enough && whole * PERCENT >= share * values.len()).then(|| {
            let evidence = Evidence::Content { rule: detector.name, hits: whole, of: values.len() };
            let sure = whole * PERCENT >= OVERWHELMING * values.len();
            found(detector.label, evidence, if sure { Confidence::High } else { Confidence::Medium })
        })
    })
}

/// By what the values are, else by what is somewhere in them.
fn by_content(values: &[String]) -> Option<Discovery> {
    by_share(values, 0).or_else(|| {
        DETECTORS.iter().find_map(|detector| {
            let Hits { whole, inside } = count(detector, values);
            let hits = inside + if detector.few == Few::FreeText { whole } else { 0 };
            let evidence = Evidence::Content { rule: detector.name, hits, of: values.len() };
            (hits > 0).then_some(found(Label::FreeText, evidence, Confidence::Medium))
        })
    })
}

/// Names that need content to agree.
fn by_both(names: &[Found], values: &[String]) -> Option<Discovery> {
    let named = names.iter().find(|found| found.rule.strength == Strength::WithContent)?;
    let agrees = match named.rule.label {
        Label::FreeText => {
            let words: usize = values.iter().map(|value| value.split_whitespace().count()).sum();
            words >= LONG_WORDS * values.len()
        }
        Label::Phone => 2 * values.iter().filter(|value| is_phone_like(value)).count() > values.len(),
        _ => false,
    };
    (agrees && !values.is_empty()).then_some(found(
        named.rule.label,
        Evidence::Name(named.phrase),
        Confidence::Medium,
    ))
}

/// Documents that name their parts as labelled columns are named.
fn by_keys(kind: Kind, values: &[String]) -> Option<Discovery> {
    let keys = values.iter().flat_map(|value| keys(value)).filter(|_| kind == Kind::Document);
    keys.flat_map(|key| phrases::find(key, Kind::Text))
        .find(|found| found.rule.strength == Strength::Alone)
        .map(|named| found(Label::FreeText, Evidence::Name(named.phrase), Confidence::Medium))
}

/// Texts in quotes before a colon.
fn keys(document: &str) -> impl Iterator<Item = &str> {
    let mut parts = document.split('"').skip(1);
    std::iter::from_fn(move || {
        let inside = parts.next()?;
        let after = parts.next()?;
        Some((inside, after))
    })
    .filter(|(_, after)| after.trim_start().starts_with(':'))
    .map(|(inside, _)| inside)
}
