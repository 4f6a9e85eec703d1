//! What a real shell completes and a real `man` shows.

use std::{fs, path::Path, process::Command};

use connect_tests::{
    agent::{BENCH, SHOP},
    person::{Browser, Person},
    place, process,
    world::World,
};

/// What bash would offer for this line, by the script of the program.
fn bash(person: &Person, line: &str) -> Vec<String> {
    let script = "source <(connect completions bash); COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=(''); \
                  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$1; COMP_POINT=${#1}; COMP_TYPE=9; \
                  COMPREPLY=(); handler=$(complete -p connect); handler=${handler#*-F }; \
                  ${handler%% *} connect \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\" 2>/dev/null; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let program = place::built("connect");
    let folder = program.parent().expect("a folder");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let mut bash = person.program(&place::installed("bash"), &["--norc", "-c", script, "bash", line]);
    let said = process::run(bash.env("PATH", path)).good();
    let mut offered: Vec<String> =
        said.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    offered.sort();
    offered
}

#[test]
fn bash_completes_what_was_seen_while_nobody_can_be_reached() {
    let mut world = World::start();
    let ana = world.person("ana");
    assert!(bash(&ana, "connect open ").iter().all(|word| word != SHOP), "nothing was seen yet");
    ana.runs(&["ls"]).good();
    world.agent.kill();
    for line in ["connect open sh", "connect sho", "connect exec sh", "connect url sh", "connect explain sh"]
    {
        assert_eq!(bash(&ana, line), [SHOP], "{line}");
    }
    let all = bash(&ana, "connect wait ");
    assert!([SHOP, BENCH].iter().all(|name| all.iter().any(|word| word == name)), "{all:?}");
    assert_eq!(bash(&ana, "connect agents rm te"), ["test"]);
    assert_eq!(bash(&ana, "connect open --rea"), ["--read-only", "--reason"]);
    assert!(bash(&ana, "connect st").contains(&"status".to_owned()));
}

#[test]
fn a_name_that_bash_would_run_is_not_offered() {
    let home = tempfile::tempdir().expect("a folder");
    let ana = Person::new("ana", home.path(), Browser::Missing);
    let state = home.path().join("connect/state");
    fs::create_dir_all(&state).expect("a folder");
    fs::write(
        state.join("resources.json"),
        r#"{"names":["$(touch ran)","`touch ran`","shop;touch ran","shop-db"]}"#,
    )
    .expect("a file");
    let offered = bash(&ana, "connect open ");
    let names: Vec<&String> = offered.iter().filter(|word| !word.starts_with("--")).collect();
    assert_eq!(names, ["shop-db"]);
    assert!(!home.path().join("ran").exists());
}

#[test]
fn man_shows_a_page_for_each_command_without_a_complaint() {
    let home = tempfile::tempdir().expect("a folder");
    let ana = Person::new("ana", home.path(), Browser::Missing);
    let folder = home.path().join("man1");
    let named = ana.runs(&["man", "--to", &folder.display().to_string()]).good();
    assert!(named.lines().count() > 30, "{named}");
    for name in named.lines() {
        let shown = man(&folder.join(name));
        assert!(shown.contains("SYNOPSIS"), "{name}: {shown}");
    }
    let open = man(&folder.join("connect-open.1"));
    assert!(open.contains("hold it until Ctrl-C") && open.contains("--read-only"), "{open}");
}

fn man(page: &Path) -> String {
    let mut man = Command::new(place::installed("man"));
    man.args(["--warnings", "-l"])
        .arg(page)
        .env("MANPAGER", "cat")
        .env("MANWIDTH", "100")
        .env("LC_ALL", "C.UTF-8");
    let finished = process::run(&mut man);
    assert!(finished.code == 0 && finished.stderr.is_empty(), "{}: {}", page.display(), finished.stderr);
    finished.stdout
}
