//! libpq's password file: `host:port:database:user:password` a line, `*` for any, `\` before a colon or a
//! backslash. <https://www.postgresql.org/docs/current/libpq-pgpass.html>

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

/// Longest file that is read.
const LONGEST: u64 = 1 << 20;

/// What a password is looked up by.
pub(super) struct Place<'a> {
    /// `localhost` for a Unix socket.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The password for a place, if the file exists, is its owner's alone, and has one.
pub(super) fn look_up(file: &Path, place: &Place<'_>) -> Option<String> {
    let about = fs::metadata(file).ok().filter(|about| about.is_file() && about.len() <= LONGEST)?;
    if about.mode() & 0o077 != 0 {
        tracing::warn!(file = %file.display(), "the password file is open to others and not used; chmod 0600");
        return None;
    }
    fs::read_to_string(file).ok()?.lines().find_map(|line| password(line, place))
}

fn password(line: &str, place: &Place<'_>) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = fields(line).into_iter();
    let port = place.port.to_string();
    for wanted in [place.host, &port, place.database, place.user] {
        let (text, plain) = fields.next()?;
        let any = plain && text == "*";
        if !any && text != wanted {
            return None;
        }
    }
    fields.next().map(|(text, _)| text)
}

/// Fields without their escapes, and whether they had none.
fn fields(line: &str) -> Vec<(String, bool)> {
    let mut fields = vec![(String::new(), true)];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let Some((text, plain)) = fields.last_mut() else { break };
        match letter {
            '\\' => {
                text.extend(letters.next());
                *plain = false;
            }
            ':' => fields.push((String::new(), true)),
            other => text.push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const PLACE: Place<'_> = Place { host: "db.internal", port: 5432, database: "shop", user: "ci" };

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        for (line, expected) in [
            ("db.internal:5432:shop:ci:secret", Some("secret")),
            ("*:*:*:*:a\\:b\\\\c", Some("a:b\\c")),
            ("db.internal:5433:shop:ci:secret", None),
            ("db.internal:*:shop:\\*:secret", None),
            ("# db.internal:5432:shop:ci:secret", None),
            ("db.internal:5432:shop", None),
            ("", None),
        ] {
            assert_eq!(password(line, &PLACE).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pgpass");
        fs::write(&file, "other:*:*:*:no\n*:*:*:*:yes\n").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("our own");
        assert_eq!(look_up(&file, &PLACE), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own");
        assert_eq!(look_up(&file, &PLACE).as_deref(), Some("yes"));
        assert_eq!(look_up(&folder.path().join("none"), &PLACE), None);
    }
}
