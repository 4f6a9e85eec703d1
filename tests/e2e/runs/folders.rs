//! Folders as inputs and outputs of a run: each file counts.

use super::*;

/// Writes a model in two files and a large one, from rows and from a folder of inputs.
const SCRIPT: &str = "rm -rf out && mkdir -p out/weights && cat data/a data/part/b >out/config && \
    psql -XAtc 'SELECT segment, email FROM customers ORDER BY id' >out/weights/0 && \
    truncate -s 300M out/weights/1";

fn train(person: &Person) -> Finished {
    let words =
        ["run", SHOP, "--job", "folder", "--input", "data/", "--output", "out/", "--", "sh", "-c", SCRIPT];
    person.runs(&words)
}

#[track_caller]
fn swapped(person: &Person, what: &str, words: &str) {
    let finished = verify(person, &[what]);
    refused(&finished, "attestation_output_swapped");
    assert!(finished.stderr.contains(words), "{words}: {}", finished.stderr);
}

#[test]
fn every_file_of_a_folder_counts_and_the_verifier_names_the_one_that_is_another() {
    let world = World::start();
    let ana = world.person("ana");
    let home = ana.home().to_owned();
    fs::create_dir_all(home.join("data/part")).expect("a folder");
    for name in ["a", "part/b"] {
        fs::write(home.join("data").join(name), name).expect("a file");
    }
    train(&ana).good();
    assert!(home.join("out.intoto.jsonl").is_file() && !home.join("out/.intoto.jsonl").exists());
    let verified: Value = serde_json::from_str(&verify(&ana, &["out"]).good()).expect("JSON");
    let seen = &verified["run"];
    assert_eq!(
        (seen["outputs"][0]["name"].as_str(), seen["outputs"][0]["files"].as_u64()),
        (Some("out/"), Some(3))
    );
    assert_eq!(seen["inputs"][0]["name"], "data/");
    assert_eq!(seen["folders"].as_array().map(Vec::len), Some(2));
    let page = ana.runs(&["attest", "verify", "out/"]).good();
    assert!(page.contains("out/ · 3 files"), "{page}");
    // A file in it is known by the folder's attestation.
    verify(&ana, &["out/weights/0"]).good();

    // Anybody computes the same hash, and strangers' libraries find it and each file.
    let sum = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -f1 -d' '";
    let mut shell = ana.program(&place::installed("sh"), &["-c", sum]);
    let hash = process::run(shell.current_dir(home.join("out"))).good();
    assert_eq!(seen["outputs"][0]["sha256"].as_str(), Some(hash.trim()));
    let said = strangers(&ana, "out.intoto.jsonl").good();
    assert_eq!(said.matches(&format!("out/ dirHash {}", hash.trim())).count(), 2, "{said}");
    assert_eq!(said.matches("out/weights/0 sha256").count(), 2, "{said}");
    // What was it made from? By the hash of the whole.
    let traced: Value = serde_json::from_str(&ana.runs(&["--json", "lineage", "out/"]).good()).expect("JSON");
    assert!(traced["nodes"].to_string().contains("customers"), "{traced:#}");
    // And a file in it, by what it is, by its hash alone, and by its path once it is gone.
    let inside = seen["folders"].to_string();
    let listed =
        seen["folders"].as_array().expect("folders").iter().flat_map(|folder| folder["files"].as_array());
    let weights =
        listed.flatten().find(|file| file["name"] == "weights/0").unwrap_or_else(|| panic!("{inside}"));
    let hash = format!("sha256:{}", weights["sha256"].as_str().expect("a hash"));
    fs::rename(home.join("out"), home.join("moved")).expect("moved");
    for about in ["moved/weights/0", &hash, "out/weights/0", "elsewhere/out/weights/0"] {
        let asked: Value =
            serde_json::from_str(&ana.runs(&["--json", "lineage", about]).good()).expect("JSON");
        assert_eq!(asked["roots"], traced["roots"], "{about}: {asked:#}");
    }
    assert_eq!(ana.runs(&["lineage", "out/weights/none"]).code, 3);
    fs::rename(home.join("moved"), home.join("out")).expect("moved");

    // A folder of another run, and one with the same name that another run wrote.
    refused(&verify(&ana, &["data", "--attestation", "out.intoto.jsonl"]), "attestation_other_run");
    fs::write(home.join("out/config"), "swapped").expect("a file");
    swapped(&ana, "out", "`config` was changed");
    assert!(strangers(&ana, "out.intoto.jsonl").stderr.contains("is not what was attested"));
    swapped(&ana, "out/config", "is not what the run wrote");
    fs::write(home.join("out/config"), "apart/b").expect("a file");
    verify(&ana, &["out"]).good();
    fs::write(home.join("out/weights/extra"), "x").expect("a file");
    swapped(&ana, "out", "`weights/extra` was added");
    fs::rename(home.join("out/weights/extra"), home.join("out/extra")).expect("moved");
    swapped(&ana, "out", "`extra` was added");
    fs::remove_file(home.join("out/extra")).expect("removed");
    fs::rename(home.join("out/weights/0"), home.join("out/weights/zero")).expect("moved");
    swapped(&ana, "out", "`weights/0` is missing, `weights/zero` was added");
    fs::rename(home.join("out/weights/zero"), home.join("out/weights/0")).expect("moved");
    // Two files of one name in two folders of it are not each other.
    let script = "mkdir -p pair/a pair/b; echo 1 >pair/a/x; echo 2 >pair/b/x; psql -Xqc 'SELECT 1'";
    ana.runs(&["run", SHOP, "--job", "folder", "--output", "pair", "--", "sh", "-c", script]).good();
    verify(&ana, &["pair/a/x"]).good();
    fs::write(home.join("pair/a/x"), "2\n").expect("a file");
    swapped(&ana, "pair/a/x", "is not what the run wrote");
    std::os::unix::fs::symlink(home.join("pair"), home.join("linked")).expect("a link");
    swapped(&ana, "linked/a/x", "is not what the run wrote");
    std::os::unix::fs::symlink("/etc/hostname", home.join("out/link")).expect("a link");
    refused(&verify(&ana, &["out"]), "output_no_file");
    fs::remove_file(home.join("out/link")).expect("removed");
    verify(&ana, &["out"]).good();
    // The list of files is changed in the attestation, in one line and in both.
    let attested = home.join("out.intoto.jsonl");
    let good = lines(&attested);
    let mut listed = payload(&good[0]);
    listed["predicate"]["folders"][1]["files"][0]["sha256"] = "0".repeat(64).into();
    write(&attested, &[with_payload(&good[0], &listed), good[1].clone()]);
    refused(&verify(&ana, &["out"]), "attestation_changed");
    write(&attested, &good);

    // A file of before, a link and a device are no outputs; neither is nothing. On a terminal one sees how far the
    // hashing of what was written again is.
    let connect = place::built("connect").display().to_string();
    let words = format!("exec '{connect}' run {SHOP} --job folder --output out/ -- sh train.sh");
    fs::write(home.join("train.sh"), SCRIPT).expect("a file");
    let mut terminal = ana.program(&place::installed("script"), &["-qec", &words, "/dev/null"]);
    let shown = process::run(terminal.env("TERM", "xterm").env("COLUMNS", "120")).good();
    let bars: Vec<&str> = shown.split("Hashing ").skip(1).collect();
    assert!(bars.len() > 1 && bars.iter().all(|bar| bar.contains("/314,5")), "{shown:?}");
    let run = |script: &str| {
        ana.runs(&["--json", "run", SHOP, "--job", "j", "--output", "out", "--", "sh", "-c", script])
    };
    refused(&run("echo x >out/config"), "unattested:output_not_written");
    refused(&run("rm -r out; mkdir out; ln -s /etc out/etc"), "unattested:output_no_file");
    fs::remove_dir_all(home.join("out")).expect("removed");
    refused(&run("mkdir -p out/empty"), "unattested:output_empty");
    refused(&run("mkfifo out/pipe"), "unattested:output_no_file");
    fs::remove_dir_all(home.join("out")).expect("removed");
    let file = run("psql -XAtc 'SELECT 1' >out");
    assert_eq!(file.code, 0, "a name that was a folder may be a file now: {}", file.stderr);
    verify(&ana, &["out"]).good();
}
