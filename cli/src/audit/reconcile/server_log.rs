//! Sessions in a log that PostgreSQL wrote, as `csvlog` or `jsonlog`. Every line names its session by the
//! second in which it began and its process, so that no time needs to be understood.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::failure::{self, Outcome};

/// Longest line; one that is longer cannot be looked into and is an error.
const LONGEST: u64 = 64 << 20;
/// Most sessions that are kept apart.
const MOST: usize = 1_000_000;

/// A session of one database, as the server wrote about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct LoggedSession {
    process: u32,
    /// Milliseconds since 1970-01-01T00:00:00Z, by the server's clock.
    since: u64,
    role: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    application: String,
    /// Lines that tell of a statement.
    statements: u64,
}

impl LoggedSession {
    pub(super) fn line(&self) -> String {
        format!(
            "process {} as {} ({}) from {} since {}, {} statements logged",
            self.process,
            failure::printable(&self.role),
            failure::printable(&self.application),
            failure::printable(&self.address),
            super::moment(self.since),
            self.statements
        )
    }
}

/// All that a log tells of.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<(u64, u32), LoggedSession>);

/// What a line says.
#[derive(Debug, Default, Deserialize)]
struct Line {
    #[serde(default)]
    user: String,
    #[serde(default)]
    dbname: String,
    #[serde(default)]
    remote_host: String,
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    error_severity: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    application_name: String,
    #[serde(default)]
    backend_type: String,
}

impl Sessions {
    pub(super) fn read(path: &Path, database: &str) -> Outcome<Self> {
        let file = File::open(path).map_err(|error| failure::file("read", path, &error))?;
        let mut sessions = Self::default();
        let mut reader = BufReader::new(file);
        let mut number = 0;
        while let Some(record) = record(&mut reader).map_err(|error| failure::file("read", path, &error))? {
            number += 1;
            let line = if record.trim_start().starts_with('{') { of_json(&record) } else { of_csv(&record) };
            let line = line.ok_or_else(|| {
                let words = format!("record {number} of {} is no line of csvlog or jsonlog", path.display());
                failure::usage(words).help("in postgresql.conf: log_destination = 'csvlog'")
            })?;
            sessions.take(line, database)?;
        }
        Ok(sessions)
    }

    fn take(&mut self, line: Line, database: &str) -> Outcome<()> {
        let is_client = matches!(line.backend_type.as_str(), "" | "client backend" | "walsender");
        // Who was turned away has not been in.
        let is_refusal = line.error_severity == "FATAL" && line.message.contains("authentication");
        let Some((since, process)) = session_of(&line.session_id) else { return Ok(()) };
        if line.dbname != database || line.user.is_empty() || !is_client || is_refusal {
            return Ok(());
        }
        if self.0.len() >= MOST {
            return Err(failure::usage(format!("the log has more than {MOST} sessions; give a part of it")));
        }
        let session = self.0.entry((since, process)).or_insert_with(|| LoggedSession {
            process,
            since,
            role: line.user,
            address: line.remote_host,
            application: String::new(),
            statements: 0,
        });
        if !line.application_name.is_empty() {
            session.application = line.application_name;
        }
        let tells = ["statement: ", "execute "].iter().any(|word| line.message.starts_with(word));
        let timed = line.message.starts_with("duration: ")
            && [" statement: ", " execute "].iter().any(|word| line.message.contains(word));
        session.statements += u64::from(tells || timed);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// When the first and the last one began.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        Some((self.0.keys().next()?.0, self.0.keys().next_back()?.0))
    }

    /// Those for which there is no login of that process and about that time.
    pub(super) fn without(self, logins: &[(u32, u64)], apart: u64) -> Vec<LoggedSession> {
        let mut times: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (process, time) in logins {
            times.entry(*process).or_default().push(*time);
        }
        let is_own = |session: &LoggedSession| {
            let times = times.get(&session.process).map(Vec::as_slice).unwrap_or_default();
            times.iter().any(|time| time.abs_diff(session.since) <= apart)
        };
        self.0.into_values().filter(|session| !is_own(session)).collect()
    }
}

/// `65f0c1a2.1b2c`: seconds since 1970 and the process, in hexadecimal.
fn session_of(id: &str) -> Option<(u64, u32)> {
    let (start, process) = id.split_once('.')?;
    let start = u64::from_str_radix(start, 16).ok()?.checked_mul(1_000)?;
    Some((start, u32::from_str_radix(process, 16).ok()?))
}

/// One record: a line, or several where a quoted field has line breaks.
fn record(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)?;
        if bytes.len() as u64 >= LONGEST {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let is_json = bytes.first() == Some(&b'{');
        let quotes = bytes.iter().filter(|byte| **byte == b'"').count();
        if read == 0 && before == 0 {
            return Ok(None);
        }
        if read == 0 || is_json || quotes.is_multiple_of(2) {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

fn of_json(record: &str) -> Option<Line> {
    serde_json::from_str(record).ok()
}

/// The columns of `csvlog` from PostgreSQL 13 on.
fn of_csv(record: &str) -> Option<Line> {
    let fields = csv_fields(record.trim_end_matches(['\r', '\n']));
    let field = |at: usize| fields.get(at).cloned();
    Some(Line {
        user: field(1)?,
        dbname: field(2)?,
        remote_host: field(4)?,
        session_id: field(5).filter(|id| session_of(id).is_some())?,
        error_severity: field(11)?,
        message: field(13)?,
        application_name: field(22).unwrap_or_default(),
        backend_type: field(23).unwrap_or_default(),
    })
}

/// RFC 4180.
fn csv_fields(record: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = record.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(user: &str, database: &str, id: &str, message: &str) -> String {
        let message = message.replace('"', "\"\"");
        format!(
            "2026-11-25 10:00:00.000 UTC,\"{user}\",\"{database}\",17,\"10.0.0.7:5000\",{id},1,\"SELECT\",2026-11-25 \
             10:00:00 UTC,3/0,0,LOG,00000,\"{message}\",,,,,,,,,\"psql\",\"client backend\",,0\n"
        )
    }

    fn read(text: &str) -> Sessions {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        Sessions::read(file.path(), "shop").expect("a log")
    }

    #[test]
    fn sessions_of_the_database_are_told_apart_and_those_of_the_agent_are_taken_out() {
        let text = [
            csv("agent", "shop", "69258400.11", "connection authorized: user=agent"),
            csv("intern", "shop", "69258410.12", "connection authorized: user=intern"),
            csv("intern", "shop", "69258410.12", "statement: SELECT \"a\"\n, 'b'\nFROM customers"),
            csv("intern", "shop", "69258410.12", "duration: 1 ms  statement: SELECT 1"),
            csv("intern", "other", "69258410.13", "statement: SELECT 1"),
            csv("", "", "69258410.14", "checkpoint starting"),
        ];
        let sessions = read(&text.concat());
        assert_eq!((sessions.len(), sessions.span()), (2, Some((0x6925_8400 * 1000, 0x6925_8410 * 1000))));
        let own = [(0x11, 0x6925_8400 * 1000 + 900)];
        let found = sessions.without(&own, APART_IN_TESTS);
        assert_eq!((found.len(), found[0].process, found[0].statements), (1, 0x12, 2));
        assert_eq!((found[0].role.as_str(), found[0].application.as_str()), ("intern", "psql"));
    }

    const APART_IN_TESTS: u64 = 5_000;

    #[test]
    fn a_process_number_that_was_given_again_is_another_session() {
        let text = [csv("agent", "shop", "69258400.11", "x"), csv("intern", "shop", "6925ff00.11", "x")];
        let found = read(&text.concat()).without(&[(0x11, 0x6925_8400 * 1000)], APART_IN_TESTS);
        assert_eq!(found.iter().map(|session| session.role.as_str()).collect::<Vec<_>>(), ["intern"]);
    }

    #[test]
    fn json_lines_say_the_same_and_other_texts_are_refused() {
        let text = r#"{"user":"intern","dbname":"shop","pid":18,"remote_host":"10.0.0.7","session_id":"69258410.12","error_severity":"LOG","message":"statement: SELECT 1","application_name":"psql","backend_type":"client backend"}"#;
        let found = read(text).without(&[], 0);
        assert_eq!((found.len(), found[0].statements, found[0].address.as_str()), (1, 1, "10.0.0.7"));
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "2026-11-25 LOG:  statement: SELECT 1\n").expect("written");
        let refused = Sessions::read(file.path(), "shop").expect_err("no such form");
        assert!(refused.message.contains("is no line of csvlog"), "{}", refused.message);
    }
}
