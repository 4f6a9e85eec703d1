//! What a run reads beside its resources: hashed before its command, and looked at again when that is done. An input
//! that was written or replaced meanwhile is not what the run read, or not all of it, and such a run is not attested.

use std::path::{Path, PathBuf};

use connect_shared::attest::{FileFact, Folder, names_within, within};
use serde::{Deserialize, Serialize};

use super::files::{self, Found, Stamps, bar, hash};
use crate::{
    arguments::RunWish,
    console::Console,
    failure::{self, Outcome},
};

/// One input, as it was before the command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Input {
    path: PathBuf,
    pub(super) found: Found,
    stamps: Stamps,
}

/// Before anything is opened, so that a missing file costs nobody an approval, and one too many no hours.
pub(super) async fn hash_inputs(console: &Console, wish: &RunWish) -> Outcome<Vec<Input>> {
    let names =
        |paths: &[PathBuf]| -> Outcome<Vec<String>> { paths.iter().map(|path| last_name(path)).collect() };
    names_within(&names(&wish.input)?, &names(&wish.out)?).map_err(too_much)?;
    let mut inputs = Vec::with_capacity(wish.input.len());
    for given in &wish.input {
        let path = files::whole(given)?;
        let stamps = files::stamps(&path)?;
        let found = hash(&path, bar(console, given)).await?;
        inputs.push(Input { path, found, stamps });
    }
    limits(inputs.iter().map(|input| &input.found), &[])?;
    Ok(inputs)
}

fn last_name(path: &Path) -> Outcome<String> {
    let whole = files::whole(path)?;
    let name = whole.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| {
        let words =
            format!("the name of {} cannot stand in an attestation: it is no Unicode", path.display());
        failure::usage(words).help("give it another name")
    })
}

/// Whether the agent will take it.
pub(super) fn limits<'a>(
    inputs: impl Iterator<Item = &'a Found> + Clone,
    outputs: &'a [Found],
) -> Outcome<()> {
    let read: Vec<FileFact> = inputs.clone().map(|found| found.fact.clone()).collect();
    let written: Vec<FileFact> = outputs.iter().map(|found| found.fact.clone()).collect();
    within(&read, &written, &folders(inputs.chain(outputs))).map_err(too_much)
}

fn too_much(why: connect_shared::attest::TooMuch) -> connect_shared::error::ErrorReport {
    failure::usage(why.to_string()).help("archive the files, and name the archive")
}

/// Each list once: an input that was copied has the same.
pub(super) fn folders<'a>(found: impl Iterator<Item = &'a Found>) -> Vec<Folder> {
    let mut folders: Vec<Folder> = Vec::new();
    for folder in found.filter_map(|found| found.folder.as_ref()) {
        if !folders.contains(folder) {
            folders.push(folder.clone());
        }
    }
    folders
}

impl Input {
    /// It is what was hashed. What the run itself is to write may become another one.
    pub(super) fn is_as_it_was<'a>(&self, mut outputs: impl Iterator<Item = &'a Path>) -> Outcome<()> {
        if outputs.any(|output| output.starts_with(&self.path) || self.path.starts_with(output)) {
            return Ok(());
        }
        let now = files::stamps(&self.path).unwrap_or_default();
        let other = |name: &&String| self.stamps.get(*name) != now.get(*name);
        let Some(name) = self.stamps.keys().chain(now.keys()).find(other) else { return Ok(()) };
        let file = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        let words =
            format!("{} was written, replaced or removed while the run could read it", file.display());
        Err(failure::unverified("input_changed", words)
            .help("give each run inputs that nobody writes: a copy, or a file of a version"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{
        arguments,
        console::{self, Color, Format},
    };

    fn wish(words: &[&str]) -> RunWish {
        let all = ["connect", "run", "--job", "j", "--out", "/nowhere/made"]
            .iter()
            .chain(words)
            .chain(&["--", "true"]);
        let parsed = arguments::Arguments::try_parse_from(all).expect("understood");
        let arguments::Command::Run(run) = parsed.command else { panic!("not a run") };
        run.wish
    }

    fn input(path: &Path) -> Input {
        let path = files::whole(path).expect("a name");
        let stamps = files::stamps(&path).expect("there");
        let found = files::hash_any(&path, &mut |_, _| {}).expect("a hash");
        Input { path, found, stamps }
    }

    #[test]
    fn an_input_that_is_another_one_at_the_end_is_found_and_what_the_run_writes_may_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, data) = (folder.path().join("train.py"), folder.path().join("data"));
        std::fs::create_dir(&data).expect("made");
        for path in [&file, &data.join("a"), &data.join("b")] {
            std::fs::write(path, "abc").expect("written");
        }
        let (script, table) = (input(&file), input(&data));
        let at_end = |input: &Input| {
            input.is_as_it_was(std::iter::empty()).map_err(|report| (report.code, report.message))
        };
        let _read = (std::fs::read(&file).expect("read"), std::fs::read(data.join("a")).expect("read"));
        assert_eq!((at_end(&script), at_end(&table)), (Ok(()), Ok(())), "reading changes nothing");
        // The same content in another file: nobody knows what was read meanwhile.
        std::fs::write(folder.path().join("next"), "abc").expect("written");
        std::fs::rename(folder.path().join("next"), &file).expect("moved");
        assert_eq!(at_end(&script).expect_err("written").0, "input_changed");
        assert_eq!(
            script.is_as_it_was(std::iter::once(script.path.as_path())).map_err(|report| report.code),
            Ok(())
        );
        std::fs::remove_file(data.join("b")).expect("removed");
        let (code, words) = at_end(&table).expect_err("one is gone");
        assert!(code == "input_changed" && words.contains("data/b was"), "{words}");
        std::fs::remove_dir_all(&data).expect("removed");
        assert_eq!(at_end(&table).expect_err("all are gone").0, "input_changed");
    }

    #[tokio::test]
    async fn too_many_files_and_a_name_that_is_none_are_refused_before_anything_is_hashed() {
        let console = Console::new(Format::Table, Color::Never, console::Input::Refused);
        let many: Vec<String> =
            (0..65).flat_map(|number| ["--input".into(), format!("/nowhere/{number}")]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let long = format!("/nowhere/{}", "x".repeat(243));
        for words in [&many[..], &["--out", "/nowhere/a\nb"], &["--out", &long]] {
            let report = hash_inputs(&console, &wish(words)).await.expect_err("refused");
            assert_eq!((report.code.as_str(), report.exit), ("usage", connect_shared::error::Exit::Usage));
        }
    }
}
