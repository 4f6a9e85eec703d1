//! The README says what is true.

use std::{fs, path::Path, process::Command};

use connect_tests::{place, process, process::Finished};

fn read(name: &str) -> String {
    fs::read_to_string(place::workspace().join(name)).expect(name)
}

/// Fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).map(str::to_owned).collect()
}

fn check(folder: &Path, config: &str) -> Finished {
    let path = folder.join("agent.toml");
    fs::write(&path, config).expect("a file");
    process::run(
        Command::new(place::built("connect-agent")).args(["check", "--offline", "--config"]).arg(path),
    )
}

#[test]
fn the_agent_configuration_in_the_readme_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let password = folder.path().join("prod-db.password");
    fs::write(&password, "x").expect("a file");
    fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("our own file");
    let authority = rcgen_authority();
    fs::write(folder.path().join("db-ca.pem"), authority).expect("a file");
    let readme = read("README.md");
    let configs = blocks(&readme, "toml");
    assert_eq!(configs.len(), 1, "one example of agent.toml");
    let here = folder.path().display().to_string();
    let config =
        configs[0].replace("/etc/connect", &here).replace("/var/lib/connect-agent", &format!("{here}/state"));
    let finished = check(folder.path(), &config);
    assert_eq!(finished.code, 0, "{}\n{}", finished.stdout, finished.stderr);
    let misspelt = check(folder.path(), &config.replacen("database =", "databse =", 1));
    assert_eq!(misspelt.code, 2);
    assert!(misspelt.stderr.contains("`database`"), "the nearest spelling is named: {}", misspelt.stderr);
}

fn rcgen_authority() -> String {
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("an authority").pem()
}

#[test]
fn every_file_that_a_document_points_to_exists() {
    for document in ["README.md", "agent/README.md"] {
        let text = read(document);
        let folder = place::workspace().join(document);
        let folder = folder.parent().expect("a folder");
        let mut links = 0;
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") || link.starts_with('#') {
                continue;
            }
            let target = folder.join(link.split('#').next().unwrap_or_default());
            assert!(target.exists(), "{document} points to {link}");
            links += 1;
        }
        assert!(links > 0, "{document} has links");
    }
}

#[test]
fn every_command_in_the_readme_is_understood() {
    let readme = read("README.md");
    let mut tried = 0;
    for line in blocks(&readme, "sh").iter().flat_map(|block| block.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        let (program, rest) = match words.as_slice() {
            ["connect", rest @ ..] => ("connect", rest),
            ["connect-agent", rest @ ..] => ("connect-agent", rest),
            _ => continue,
        };
        // Up to the first argument: the subcommand's own help must know its flags.
        let subcommand: Vec<&str> = rest
            .iter()
            .take_while(|word| {
                word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
                    && !word.starts_with('-')
            })
            .copied()
            .collect();
        let mut found = None;
        for length in (1..=subcommand.len()).rev() {
            let help =
                process::run(Command::new(place::built(program)).args(&subcommand[..length]).arg("--help"));
            if help.code == 0 {
                found = Some(help.stdout);
                break;
            }
        }
        let is_shortcut = program == "connect" && rest.first() == Some(&"prod-db");
        assert!(found.is_some() || is_shortcut, "the README says `{line}`, and there is no such command");
        if let Some(help) = found {
            for flag in rest.iter().take_while(|word| **word != "--").filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or_default();
                assert!(help.contains(flag), "the README says `{line}`, and its help does not know {flag}");
            }
        }
        tried += 1;
    }
    assert!(tried >= 8, "only {tried} commands were found in the README");
}

#[test]
fn the_completions_are_those_of_this_build() {
    for (shell, file) in [
        ("bash", "connect.bash"),
        ("zsh", "_connect"),
        ("fish", "connect.fish"),
        ("powershell", "connect.ps1"),
    ] {
        let made = process::run(Command::new(place::built("connect")).args(["completions", shell])).good();
        assert_eq!(made, read(&format!("completions/{file}")), "completions/{file} is stale");
        assert!(made.contains("connect"));
    }
}
