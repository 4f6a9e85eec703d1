//! Files within folders of runs.

use connect_shared::attest::{EMPTY_SHA256, Folder, FolderFile};

use super::*;

impl Place {
    /// Ends a run that wrote one folder, `out/`, with these files and contents.
    fn end_with_folder(&self, run: RunId, sub: &str, files: &[(&str, &str)]) -> Folder {
        let file = |(name, letter): &(&str, &str)| FolderFile {
            name: (*name).to_owned(),
            sha256: letter.repeat(64),
            length: 1,
        };
        let folder = Folder::new(files.iter().map(file).collect());
        self.add(Entry::FolderListed {
            run,
            principal: principal(sub),
            folder: folder.hash(),
            files: folder.files.clone(),
        });
        let outputs = vec![FileFact {
            name: "out/".to_owned(),
            sha256: folder.hash(),
            length: files.len() as u64,
            modified: 0,
            files: Some(files.len() as u64),
        }];
        self.end_with(run, sub, Vec::new(), outputs);
        folder
    }
}

#[test]
fn runs_that_have_an_empty_file_have_nothing_of_each_other_for_that() {
    let place = Place::new();
    let empty = |name: &str| FileFact {
        name: name.to_owned(),
        sha256: EMPTY_SHA256.to_owned(),
        length: 0,
        modified: 0,
        files: None,
    };
    let read = Flows { result: &["public.t.ssn"], columns: &[SSN], ..Flows::default() };
    place.begin(RUN, "ana");
    place.run(("ana", Some(RUN)), "select", "SELECT ssn FROM t", &read);
    place.end_with(RUN, "ana", Vec::new(), vec![empty("log.txt")]);
    place.begin(NEXT_RUN, "li");
    place.end_with(NEXT_RUN, "li", vec![empty("__init__.py")], Vec::new());
    let up = place.up(&NEXT_RUN.to_string());
    assert!(!names(&up).contains(&"public.t.ssn"), "{up:#?}");
    let down = place.down("public.t.ssn");
    assert!(names(&down).contains(&"log.txt"), "that it wrote one is known: {down:#?}");
    assert!(!down.nodes.iter().any(|node| node.id.contains(&NEXT_RUN.to_string())), "{down:#?}");
    // Nor is any of them found by the hash of nothing.
    assert!(question(EMPTY_SHA256, LineageDirection::Up).check().is_err());
}

#[test]
fn a_file_in_a_folder_is_asked_for_by_its_hash_or_path_and_leads_to_what_the_folder_was_made_from() {
    let place = Place::new();
    let read = Flows { result: &["public.t.ssn"], columns: &[SSN], ..Flows::default() };
    for (run, sub) in [(RUN, "ana"), (NEXT_RUN, "li")] {
        place.begin(run, sub);
        place.run((sub, Some(run)), "select", "SELECT ssn FROM t", &read);
    }
    let of_ana = place.end_with_folder(RUN, "ana", &[("config", "a"), ("weights/0", "b")]);
    let of_li = place.end_with_folder(NEXT_RUN, "li", &[("config", "a"), ("weights/0", "c")]);
    let roots = |sub: &str, about: &str| {
        let scope = if sub == "auditor" { SearchScope::All } else { SearchScope::Own };
        let question = LineageQuestion { scope, ..question(about, LineageDirection::Up) };
        place.asks(sub, &question).map(|answer| answer.roots).unwrap_or_default()
    };
    let [ana, li] = [&of_ana, &of_li].map(|folder| format!("file:{}", folder.hash()));
    let mut both = [ana.clone(), li.clone()];
    both.sort();

    assert_eq!(roots("auditor", &"b".repeat(64)), std::slice::from_ref(&ana));
    assert_eq!(roots("auditor", &"a".repeat(64)), both, "the same file is in two");
    for path in ["out/weights/0", "/elsewhere/out/weights/0", "./out/weights/0"] {
        assert_eq!(roots("auditor", path), both, "{path}");
    }
    assert_eq!(roots("ana", "out/weights/0"), std::slice::from_ref(&ana), "what li has is none of hers");
    assert!(roots("ana", &"c".repeat(64)).is_empty());
    for other in ["weights/0", "out/weights", "other/weights/0", "out/0", "out//", "0", "%/%"] {
        assert!(roots("auditor", other).is_empty(), "{other}");
    }
    assert_eq!(roots("auditor", "/elsewhere/out/"), both, "the folder itself, by the last part");

    let answer = place.asks("auditor", &question(&"b".repeat(64), LineageDirection::Up)).expect("something");
    let folder = answer.nodes.iter().find(|node| node.id == ana).map(|node| node.kind.clone());
    let files = Some(2);
    let expected = NodeKind::File { sha256: of_ana.hash(), length: 2, files, within: of_ana.files.clone() };
    assert_eq!(folder, Some(expected), "it is a folder, and these are its files");
    assert_eq!(names(&answer).last(), Some(&format!("train {RUN}").as_str()));
    assert!(names(&answer).contains(&"public.t.ssn"), "{answer:#?}");
}
