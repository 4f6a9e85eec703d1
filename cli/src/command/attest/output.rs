//! Whether a file or folder is what a run wrote. A file in an attested folder is known by its place there: two files
//! of one name that were swapped are two wrong files.

use std::path::Path;

use connect_shared::{
    attest::{ATTESTATION, Difference, FileFact, Folder, RunPredicate, folder_of},
    text::printable_name,
};

use super::check::unsound;
use crate::{
    command::run::{Found, whole},
    failure::Outcome,
};

/// Files that are named where a folder is another one.
const MAX_NAMED: usize = 8;

/// Where a file lies, if its attestation is that of a folder around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Below {
    /// As the folder is called now, with `/` at its end.
    folder: String,
    /// The file's name below that.
    name: String,
}

/// A file or folder that the run wrote.
struct Written<'a> {
    /// The folder that it lies in.
    folder: Option<&'a str>,
    /// Its name below that folder, or its own.
    name: &'a str,
    hash: &'a str,
}

impl Written<'_> {
    fn last_name(&self) -> &str {
        let name = if self.folder.is_some() { self.name.rsplit('/').next() } else { None };
        name.unwrap_or(self.name)
    }
}

/// Both are whole names.
pub(super) fn below(file: &Path, attestation: &Path) -> Option<Below> {
    let attestation = whole(attestation).ok()?;
    let folder = attestation.file_name()?.to_str()?.strip_suffix(ATTESTATION)?;
    let name = file.strip_prefix(attestation.with_file_name(folder)).ok()?.to_str()?;
    (!name.is_empty()).then(|| Below { folder: format!("{folder}/"), name: name.to_owned() })
}

/// It is one of those that the run wrote, and none that another one has taken the place of.
pub(super) fn check(run: &RunPredicate, found: &Found, below: Option<&Below>) -> Outcome<()> {
    let outputs = outputs(run, found.folder.is_some());
    let fact = &found.fact;
    let mut meant = meant(&outputs, found, below);
    if meant.is_empty() {
        // A file may have another name by now, but not that of another output.
        meant = named(&outputs, &fact.name);
    }
    let is_it = |written: &&Written<'_>| written.hash == fact.sha256;
    let holds =
        if meant.is_empty() { outputs.iter().any(|one| is_it(&one)) } else { meant.iter().any(is_it) };
    if holds {
        return Ok(());
    }
    Err(match (meant.first(), &found.folder) {
        (Some(_), Some(now)) => unsound("output_swapped", &changed(run, fact, now)),
        (Some(written), None) => unsound(
            "output_swapped",
            &format!(
                "the file is not what the run wrote: it has SHA-256 {}, the run's output {hash}",
                fact.sha256,
                hash = printable_name(written.hash)
            ),
        ),
        (None, _) => unsound("other_run", "the attestation is of another run's files"),
    })
}

/// What is true of its place, and still worth to know.
pub(super) fn finding(run: &RunPredicate, found: &Found, below: Option<&Below>) -> Option<String> {
    let outputs = outputs(run, found.folder.is_some());
    if let Some(meant) = meant(&outputs, found, below).first() {
        let (then, now) = (meant.folder.unwrap_or_default(), below.map_or("", |below| below.folder.as_str()));
        let (before, after) = (printable_name(then), printable_name(now));
        return (then != now)
            .then(|| format!("the run wrote this file in {before}, and the folder is called {after} here"));
    }
    let name = printable_name(&found.fact.name);
    if named(&outputs, &found.fact.name).iter().any(|one| one.hash != found.fact.sha256) {
        return Some(format!(
            "the run wrote several outputs called {name}: nothing here says which one this should be"
        ));
    }
    below.map(|below| {
        let (folder, place) = (printable_name(&below.folder), printable_name(&below.name));
        format!("the run wrote this file, but not as {place} in {folder}: it was moved or copied there")
    })
}

/// What should be in the place of a file in a folder. The folder may have another name by now.
fn meant<'a, 'b>(outputs: &'b [Written<'a>], found: &Found, below: Option<&Below>) -> Vec<&'b Written<'a>> {
    let Some(below) = below.filter(|_| found.folder.is_none()) else { return Vec::new() };
    let there = |one: &&Written<'_>| one.folder.is_some() && one.name == below.name;
    let in_this = |one: &&Written<'_>| there(one) && one.folder == Some(below.folder.as_str());
    let own: Vec<_> = outputs.iter().filter(in_this).collect();
    if own.is_empty() { outputs.iter().filter(there).collect() } else { own }
}

fn named<'a, 'b>(outputs: &'b [Written<'a>], name: &str) -> Vec<&'b Written<'a>> {
    outputs.iter().filter(|one| one.last_name() == name).collect()
}

/// Of folders, or of files, those in folders among them.
fn outputs(run: &RunPredicate, folders: bool) -> Vec<Written<'_>> {
    let facts = run.outputs.iter().filter(|output| output.files.is_some() == folders);
    let mut all: Vec<Written<'_>> =
        facts.map(|fact| Written { folder: None, name: &fact.name, hash: &fact.sha256 }).collect();
    for output in run.outputs.iter().filter(|_| !folders) {
        let list = folder_of(output, &run.folders).map(|list| list.files.as_slice()).unwrap_or_default();
        all.extend(list.iter().map(|file| Written {
            folder: Some(&output.name),
            name: &file.name,
            hash: &file.sha256,
        }));
    }
    all
}

/// What of a folder is not as the run wrote it, by name.
fn changed(run: &RunPredicate, fact: &FileFact, now: &Folder) -> String {
    let output = run.outputs.iter().find(|output| output.name == fact.name);
    let Some(then) = output.and_then(|output| folder_of(output, &run.folders)) else {
        return "the folder is not what the run wrote".to_owned();
    };
    let differences = then.differences(now);
    let words: Vec<String> = differences
        .iter()
        .take(MAX_NAMED)
        .map(|difference| match difference {
            Difference::Added(name) => format!("`{}` was added", printable_name(name)),
            Difference::Missing(name) => format!("`{}` is missing", printable_name(name)),
            Difference::Changed(name) => format!("`{}` was changed", printable_name(name)),
        })
        .collect();
    let more = differences.len().saturating_sub(words.len());
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("the folder is not what the run wrote: {}{more}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use connect_shared::attest::FolderFile;

    use super::*;
    use crate::command::attest::tests::honest;

    /// A run that wrote `data/train/x`, `data/test/x` and `data/x`.
    fn run() -> RunPredicate {
        let file =
            |name: &str, digit: &str| FolderFile { name: name.into(), sha256: digit.repeat(64), length: 1 };
        let folder = Folder::new(vec![file("train/x", "1"), file("test/x", "2"), file("x", "3")]);
        let fact =
            FileFact { name: "data/".into(), sha256: folder.hash(), length: 3, modified: 0, files: Some(3) };
        RunPredicate { outputs: vec![fact], folders: vec![folder], ..honest() }
    }

    fn found(name: &str, digit: &str) -> Found {
        let (name, sha256) = (name.to_owned(), digit.repeat(64));
        Found { fact: FileFact { name, sha256, length: 1, modified: 0, files: None }, folder: None }
    }

    /// What is said of a file at a place below the folder.
    fn said(place: &str, digit: &str) -> Result<Option<String>, String> {
        let place = Path::new("/nowhere").join(place);
        let around = below(&place, Path::new("/nowhere/data.intoto.jsonl"));
        let name = place.file_name().and_then(|name| name.to_str()).expect("a name");
        let (run, found) = (run(), found(name, digit));
        check(&run, &found, around.as_ref()).map_err(|report| report.code)?;
        Ok(finding(&run, &found, around.as_ref()))
    }

    #[test]
    fn files_of_one_name_that_were_swapped_within_a_folder_are_found() {
        for (place, digit) in [("data/train/x", "1"), ("data/test/x", "2"), ("data/x", "3")] {
            assert_eq!(said(place, digit), Ok(None), "{place}");
            for other in ["1", "2", "3", "4"].into_iter().filter(|other| *other != digit) {
                assert_eq!(said(place, other), Err("attestation_output_swapped".into()), "{place} {other}");
            }
        }
        assert_eq!(said("data/y", "9"), Err("attestation_other_run".into()));
        let moved = said("data/y", "1").expect("it is the run's").expect("a finding");
        assert!(moved.contains("not as y in data/"), "{moved}");
    }

    #[test]
    fn a_folder_that_has_another_name_by_now_has_the_same_places() {
        let around = below(Path::new("/nowhere/old/test/x"), Path::new("/nowhere/old.intoto.jsonl"));
        let of =
            |digit: &str| check(&run(), &found("x", digit), around.as_ref()).map_err(|report| report.code);
        assert_eq!((of("2"), of("1")), (Ok(()), Err("attestation_output_swapped".into())));
        let words = finding(&run(), &found("x", "2"), around.as_ref()).expect("a finding");
        assert!(words.contains("in data/, and the folder is called old/"), "{words}");
    }

    #[test]
    fn of_two_outputs_of_one_name_it_is_said_that_nobody_knows_which() {
        assert_eq!(below(Path::new("/nowhere/x"), Path::new("/nowhere/data.intoto.jsonl")), None);
        let words = said("x", "1").expect("one of them").expect("a finding");
        assert!(words.contains("several outputs called x"), "{words}");
        assert_eq!(said("x", "9"), Err("attestation_output_swapped".into()));
        // Outside of folders, as older versions let a run have them.
        let mut run = honest();
        run.outputs = ["1", "2"].map(|digit| found("model", digit).fact).to_vec();
        let words = finding(&run, &found("model", "2"), None).expect("a finding");
        assert!(words.contains("several outputs called model"), "{words}");
    }
}
