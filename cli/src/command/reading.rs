//! Reading the command line. A first word that is neither a command nor a resource that was seen is answered
//! for both readings.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use connect_shared::error::ErrorReport;

use crate::{
    arguments::{Arguments, Command, RunSession},
    console::{Color, Console, Format, Input},
    failure,
    session::nearest,
};

/// The arguments, or how the program ends without any: help, version, an error.
pub(super) fn read(words: &[OsString]) -> Result<Arguments, ExitCode> {
    match parse(words) {
        Ok(arguments) => Ok(arguments),
        Err(Problem::Clap(error)) if is_answer(&error) => {
            let _closed = error.print();
            Err(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
        }
        Err(Problem::Clap(error)) if !wants_json(words) => {
            let _closed = error.print();
            Err(ExitCode::from(2))
        }
        Err(Problem::Clap(error)) => {
            let text = error.to_string();
            let message = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
            Err(fail(words, &failure::usage(message).help("connect --help")))
        }
        Err(Problem::Both(report)) => Err(fail(words, &report)),
    }
}

#[derive(Debug)]
pub(super) enum Problem {
    Clap(clap::Error),
    /// Neither command nor resource.
    Both(ErrorReport),
}

pub(super) fn parse(words: &[OsString]) -> Result<Arguments, Problem> {
    let words = &with_outputs(words);
    let arguments = Arguments::try_parse_from(words).map_err(Problem::Clap)?;
    if let Command::Run(run) = &arguments.command
        && matches!(run.session, Some(RunSession::Start(_)))
        && words.iter().any(|word| word == "--")
    {
        // Else the parser takes it for more resources.
        let words = "`connect run start` takes no command; `connect run` runs one";
        return Err(Problem::Clap(Arguments::command().error(ErrorKind::UnknownArgument, words)));
    }
    let Command::Resource(rest) = &arguments.command else { return Ok(arguments) };
    let name = rest.first().and_then(|word| word.to_str()).unwrap_or_default().to_owned();
    if let Some(command) = near_command(&name).filter(|_| !was_seen(&name)) {
        return Err(Problem::Both(neither(&name, Some(&command))));
    }
    // `connect NAME …` is `connect open NAME …`: read again as that.
    let mut full = words.to_vec();
    full.insert(words.len() - rest.len(), "open".into());
    let mut arguments = Arguments::try_parse_from(full).map_err(|error| {
        if is_answer(&error) || was_seen(&name) {
            Problem::Clap(error)
        } else {
            Problem::Both(neither(&name, None))
        }
    })?;
    if let Command::Open(open) = &mut arguments.command {
        open.as_first_word = true;
    }
    Ok(arguments)
}

/// Everywhere `--output` is the format; after `run` it is a file, as people expect of a run.
fn with_outputs(words: &[OsString]) -> Vec<OsString> {
    let takes_value = |word: &OsString| ["-o", "--output", "--color"].iter().any(|flag| word == flag);
    let mut at = 1;
    while let Some(word) = words.get(at).filter(|word| word.as_encoded_bytes().starts_with(b"-")) {
        at += if takes_value(word) { 2 } else { 1 };
    }
    let mut words = words.to_vec();
    if words.get(at).is_none_or(|word| word != "run") {
        return words;
    }
    for word in words.iter_mut().skip(at).take_while(|word| *word != "--") {
        if word == "--output" {
            *word = "--out".into();
        } else if let Some(file) = word.to_str().and_then(|text| text.strip_prefix("--output=")) {
            *word = format!("--out={file}").into();
        }
    }
    words
}

fn is_answer(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

fn neither(name: &str, command: Option<&str>) -> ErrorReport {
    let name = failure::printable(name);
    let report =
        failure::usage(format!("there is no command `{name}`, and no resource of that name is known here"));
    match command {
        Some(command) => report.help(format!("connect {command}")).help(format!("connect open {name}")),
        None => report.help("connect --help").help("connect ls"),
    }
}

fn near_command(name: &str) -> Option<String> {
    let command = Arguments::command();
    let names: Vec<&str> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(clap::Command::get_name)
        .collect();
    nearest(name, names.into_iter()).map(str::to_owned)
}

fn was_seen(name: &str) -> bool {
    crate::paths::Paths::from_environment()
        .is_ok_and(|paths| crate::session::Seen::load(&paths).contains(name))
}

fn wants_json(words: &[OsString]) -> bool {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let flag = words.iter().any(|word| ["--json", "-ojson", "--output=json", "-o=json"].contains(word));
    let pair = words.windows(2).any(|two| matches!(two, ["-o" | "--output", "json"]));
    flag || pair || std::env::var("CONNECT_OUTPUT").is_ok_and(|format| format == "json")
}

fn fail(words: &[OsString], report: &ErrorReport) -> ExitCode {
    let format = if wants_json(words) { Format::Json } else { Format::Table };
    Console::new(format, Color::Auto, Input::Refused).fail(report);
    ExitCode::from(report.exit.code())
}
