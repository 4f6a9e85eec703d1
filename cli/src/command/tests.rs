use clap::CommandFactory as _;
use connect_shared::error::Exit;

use super::{reading::Problem, *};

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn command(line: &str) -> Command {
    match reading::parse(&words(line)) {
        Ok(arguments) => arguments.command,
        Err(problem) => panic!("{line}: {problem:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn a_first_word_that_is_no_command_opens_that_resource_with_the_same_options() {
    let Command::Open(open) = command("connect prod-db --port 7000 --read-only") else { panic!("not open") };
    assert_eq!(open.resource.as_deref(), Some("prod-db"));
    assert_eq!(open.port, Some(crate::listen::PortWish::Number(7000)));
    assert!(open.read_only);
    let Command::Open(open) = command("connect --json prod-db -- psql -c 1") else { panic!("not open") };
    assert_eq!(open.command, words("psql -c 1"));
}

#[test]
fn a_command_always_wins_over_a_resource_and_its_arguments_follow_two_dashes() {
    assert!(matches!(command("connect status"), Command::Status));
    let Command::Exec(exec) = command("connect exec prod-db --actor claude -- psql --version") else {
        panic!("not exec")
    };
    assert_eq!(exec.actor.as_deref(), Some("claude"));
    assert_eq!(exec.command, words("psql --version"));
}

#[test]
fn output_is_a_format_before_run_and_a_file_after_it() {
    let line = "connect -o json run prod-db --job j --output a --output=b -- tool --output c";
    let Ok(arguments) = reading::parse(&words(line)) else { panic!("{line}") };
    assert_eq!(arguments.global.output, Some(Format::Json));
    let Command::Run(run) = arguments.command else { panic!("not run") };
    assert_eq!(run.wish.out, ["a", "b"].map(std::path::PathBuf::from));
    assert_eq!(run.command, words("tool --output c"));
    let Ok(arguments) = reading::parse(&words("connect open run --output json")) else { panic!("not open") };
    assert_eq!(arguments.global.output, Some(Format::Json));
}

#[test]
fn start_and_stop_are_runs_in_the_background_and_still_names_of_resources_and_commands() {
    let run = |line: &str| match command(line) {
        Command::Run(run) => run,
        other => panic!("{line}: {other:?}"),
    };
    let started =
        run("connect run start prod-db analytics-db --job j --output a --output b --shell fish").session;
    let Some(arguments::RunSession::Start(start)) = started else { panic!("not start") };
    assert_eq!(
        (start.wish.resources, start.wish.job.as_deref()),
        (vec!["prod-db".to_owned(), "analytics-db".to_owned()], Some("j"))
    );
    assert_eq!(start.wish.out, ["a", "b"].map(std::path::PathBuf::from));
    let stopped = run("connect run stop 7f --failed").session;
    let Some(arguments::RunSession::Stop(stop)) = stopped else { panic!("not stop") };
    assert!(stop.failed && stop.run.as_deref() == Some("7f"));
    assert!(matches!(run("connect run ls").session, Some(arguments::RunSession::Ls)));
    // A command, and a resource, of that name.
    let whole = run("connect run prod-db --job start --output a -- start --now");
    assert_eq!((whole.session.is_none(), whole.command), (true, words("start --now")));
    let whole = run("connect run --job j --output a start -- tool");
    assert_eq!((whole.session.is_none(), whole.wish.resources), (true, vec!["start".to_owned()]));
    let whole = run("connect run demo/stop --job j --output a -- tool");
    assert_eq!(whole.wish.resources, ["demo/stop"]);
    let whole = run("connect run prod-db stop ls --job j --output a -- tool");
    assert_eq!(whole.wish.resources, ["prod-db", "stop", "ls"]);
    for line in [
        "connect run prod-db --output a -- tool",
        "connect run prod-db --job j -- tool",
        "connect run prod-db --job j --output a",
        "connect run start --job j",
        "connect run start --output a",
        "connect run start --job j --output a -- tool x",
        "connect run stop --job j",
    ] {
        assert!(matches!(reading::parse(&words(line)), Err(Problem::Clap(_))), "{line}");
    }
}

#[test]
fn a_mistyped_command_is_answered_for_both_readings() {
    let Err(Problem::Both(report)) = reading::parse(&words("connect statsu")) else { panic!("understood") };
    insta::assert_snapshot!(failure::for_people(&report, "error:"), @r"
    error: there is no command `statsu`, and no resource of that name is known here
      next: connect status
      next: connect open statsu
    ");
    assert_eq!(report.exit, Exit::Usage);
}

#[test]
fn a_command_of_another_version_is_no_stub_but_an_unknown_word() {
    let Err(Problem::Both(report)) = reading::parse(&words("connect report prod-db select")) else {
        panic!("understood")
    };
    insta::assert_snapshot!(failure::for_people(&report, "error:"), @r"
    error: there is no command `report`, and no resource of that name is known here
      next: connect --help
      next: connect ls
    ");
}

#[test]
fn contradictions_are_refused() {
    for line in [
        "connect open a --port 1 --socket /x",
        "connect open a --port 70000",
        "connect open a --detach -- psql",
        "connect close a --all",
        "connect ls --json -o table",
        "connect agents add https://a --fingerprint md5:1",
        "connect exec a",
        "connect mcp config notepad",
    ] {
        assert!(matches!(reading::parse(&words(line)), Err(Problem::Clap(_))), "{line}");
    }
}

#[test]
fn a_failure_before_the_command_starts_is_125_and_126_and_127_are_the_commands() {
    let exec = command("connect exec a -- psql");
    let open = command("connect open a -- psql");
    let hold = command("connect open a");
    let needed = failure::sign_in_needed("nobody");
    let (run, stop) = (command("connect run a --job j --output b -- x"), command("connect run stop"));
    assert_eq!((status_of(&run, &needed), status_of(&stop, &needed)), (125, 4));
    assert_eq!(status_of(&exec, &needed), 125);
    assert_eq!(status_of(&open, &needed), 125);
    assert_eq!(status_of(&hold, &needed), 4);
    assert_eq!(status_of(&exec, &failure::local("command_not_found", "")), 127);
    assert_eq!(status_of(&exec, &failure::local("command_not_executable", "")), 126);
}

#[test]
fn the_help_is_what_people_read() {
    insta::assert_snapshot!(Arguments::command().term_width(100).render_help().to_string());
}

#[test]
fn the_help_of_every_command_is_what_people_read() {
    let mut all = String::new();
    let mut command = Arguments::command().term_width(100);
    command.build();
    for sub in command.get_subcommands_mut() {
        all.push_str(&format!("== {}\n{}\n", sub.get_name().to_owned(), sub.render_help()));
    }
    insta::assert_snapshot!(all);
}
