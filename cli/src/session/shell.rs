//! Variables as lines that a shell takes, each in its own form. Values are data: whatever stands in them, no shell
//! runs it.

use clap::ValueEnum;

/// Shells whose lines we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Shell {
    /// Any POSIX shell: eval "$(connect env)"
    #[default]
    Sh,
    /// connect env --shell fish | source
    Fish,
    /// connect env --shell powershell | Out-String | Invoke-Expression
    Powershell,
}

/// One line for each variable.
pub(crate) fn lines<N: AsRef<str>>(shell: Shell, variables: &[(N, String)]) -> String {
    variables.iter().map(|(name, value)| line(shell, name.as_ref(), value)).collect()
}

fn line(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Sh => format!("export {name}='{}'\n", value.replace('\'', "'\\''")),
        Shell::Fish => {
            format!("set -gx {name} '{}'\n", value.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        // PowerShell takes these four for a quotation mark, too.
        Shell::Powershell => {
            let quoted: String = value
                .chars()
                .flat_map(|letter| {
                    let twice = matches!(letter, '\'' | '\u{2018}'..='\u{201b}');
                    std::iter::repeat_n(letter, if twice { 2 } else { 1 })
                })
                .collect();
            format!("$env:{name} = '{quoted}'\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shell_runs_what_stands_in_a_value() {
        let variables = [("PGUSER", "o'neil\\'; $(rm -rf /) `x` \u{2019}".to_owned())];
        let all: String = Shell::value_variants().iter().map(|shell| lines(*shell, &variables)).collect();
        insta::assert_snapshot!(all, @r"
        export PGUSER='o'\''neil\'\''; $(rm -rf /) `x` ’'
        set -gx PGUSER 'o\'neil\\\'; $(rm -rf /) `x` ’'
        $env:PGUSER = 'o''neil\''; $(rm -rf /) `x` ’’'
        ");
    }
}
