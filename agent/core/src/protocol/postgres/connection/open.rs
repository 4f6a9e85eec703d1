//! The beginning of a connection: what a client may ask for in its startup message.

use bytes::Bytes;

use super::{Connection, Phase, own_name::APPLICATION_NAME};
use crate::{
    catalog::Catalog,
    machine::{Ending, Output, UpstreamReady},
    protocol::postgres::{
        answer,
        frame::Side,
        startup::{self, Startup, StartupMessage},
    },
    session::Session,
    statement::Protection,
    understand::understand,
};

/// Startup parameters that are not settings.
const NOT_SETTINGS: [&str; 4] = ["user", "database", "options", "replication"];

impl Connection {
    /// Takes startup packets until the connection is past them. True if the typed phase has begun.
    pub(super) fn drive_startup(&mut self) {
        while matches!(self.phase, Phase::Startup { .. }) {
            match startup::take(self.client.raw()) {
                Ok(None) => return,
                Ok(Some(Startup::Encryption)) => self.refuse_encryption(),
                Ok(Some(Startup::Cancel(key))) => {
                    self.outbox.push(Output::Cancel(key));
                    self.finish("cancel");
                }
                Ok(Some(Startup::Start(message))) => self.start(message),
                Err(error) => self.end(&Ending {
                    code: "client_violation".to_owned(),
                    sqlstate: error.sqlstate(),
                    message: error.to_string(),
                    hint: None,
                }),
            }
        }
    }

    /// The tunnel is encrypted. Nothing that came behind the request is believed: it was sent before the
    /// answer could be known.
    fn refuse_encryption(&mut self) {
        if self.client.buffered() > 0 {
            let error = "received unencrypted data after an encryption request";
            self.violation(Side::Client, &error);
        } else {
            self.outbox.say_to_client(Bytes::from_static(b"N"));
        }
    }

    fn start(&mut self, message: StartupMessage) {
        match self.upstream_parameters(&message) {
            Ok(parameters) => {
                if message.minor != message.spoken() || !message.extensions.is_empty() {
                    self.outbox.say_to_client(answer::negotiate(message.spoken(), &message.extensions));
                }
                self.opened_with(&parameters);
                self.outbox.push(Output::NeedUpstream { parameters });
                self.phase = Phase::Connecting(Box::new(message));
            }
            Err(ending) => self.end(&ending),
        }
    }

    /// The parameters that go to the server: settings that may also be SET, and the principal's name.
    fn upstream_parameters(&self, message: &StartupMessage) -> Result<Vec<(String, String)>, Ending> {
        if let Some(value) = message.parameter("replication") {
            check_replication(value)?;
        }
        self.check_database(message)?;
        let mut parameters = Vec::new();
        let asked = message.parameters.iter().filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str()));
        for (name, value) in asked.cloned().chain(options(message)?) {
            check_setting(&name, &value)?;
            if name != APPLICATION_NAME {
                parameters.push((name, value));
            }
        }
        let own_name = message.parameter(APPLICATION_NAME).unwrap_or("client");
        parameters.push((APPLICATION_NAME.to_owned(), self.with_principal(own_name)));
        // As a startup parameter it is what RESET and DISCARD ALL go back to. Last: a client that named one was
        // refused above.
        parameters.extend(self.setup.role.as_ref().map(|role| ("role".to_owned(), role.to_string())));
        Ok(parameters)
    }

    fn check_database(&self, message: &StartupMessage) -> Result<(), Ending> {
        let resource = &self.setup.facts.resource;
        match message.parameter("database") {
            Some(asked) if asked != resource.database && asked != resource.name => Err(refused(
                "3D000",
                format!("`{}` is the database `{}`, not `{asked}`", resource.name, resource.database),
                &format!("Connect with dbname={}; another database is another resource.", resource.database),
            )),
            _ => Ok(()),
        }
    }

    /// The database answered: the client is in.
    pub(super) fn upstream_ready(&mut self, ready: UpstreamReady) {
        let Phase::Connecting(message) = std::mem::replace(&mut self.phase, Phase::Ready) else {
            return;
        };
        if let Some(ending) = unsafe_lexing(&ready) {
            return self.end(&ending);
        }
        self.logged_in(&ready.parameters);
        let mut parameters = ready.parameters;
        let own_name = message.parameter(APPLICATION_NAME).unwrap_or_default();
        let version = parameters.iter().find(|(name, _)| name[..] == *b"server_version");
        let version = version.map(|(_, version)| version.clone()).unwrap_or_default();
        if let Some((_, value)) =
            parameters.iter_mut().find(|(name, _)| name[..] == *APPLICATION_NAME.as_bytes())
        {
            let own_name = Bytes::copy_from_slice(own_name.as_bytes());
            // A copy: it is kept for long, and is a slice of all that the server said at login.
            let upstream = Bytes::copy_from_slice(value);
            *value = own_name.clone();
            self.own_name.began(upstream, own_name, &version);
        }
        self.outbox.say_to_client(answer::welcome(&parameters, ready.cancel_key));
        self.give_keys_ahead();
        self.drive_client();
    }
}

/// With `standard_conforming_strings` off the server reads other tokens than the agent does.
fn unsafe_lexing(ready: &UpstreamReady) -> Option<Ending> {
    let off = ready
        .parameters
        .iter()
        .any(|(name, value)| &name[..] == b"standard_conforming_strings" && &value[..] != b"on");
    off.then(|| {
        refused(
            "55000",
            "the database has standard_conforming_strings off, so it reads statements differently".to_owned(),
            "Ask its administrator to turn the setting on for the database or for the agent's role.",
        )
    })
}

fn refused(sqlstate: &'static str, message: String, hint: &str) -> Ending {
    Ending { code: "startup_refused".to_owned(), sqlstate, message, hint: Some(hint.to_owned()) }
}

/// The server takes `database` for a walsender of one database, and else a boolean.
fn check_replication(value: &str) -> Result<(), Ending> {
    match boolean(value) {
        Some(false) => Ok(()),
        None if value != "database" => Err(refused(
            "22023",
            format!("invalid value for parameter \"replication\": \"{value}\""),
            "Valid values are: \"false\", 0, \"true\", 1, \"database\".",
        )),
        _ => Err(refused(
            "0A000",
            "replication connections are not served".to_owned(),
            "Logical and physical replication carry clear values; connect directly as an administrator.",
        )),
    }
}

/// A boolean as the server reads one (`parse_bool`): any beginning of a word that is no other's.
fn boolean(value: &str) -> Option<bool> {
    let value = value.to_ascii_lowercase();
    let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    match () {
        () if begins("true", 1) || begins("yes", 1) || value == "on" || value == "1" => Some(true),
        () if begins("false", 1) || begins("no", 1) || begins("off", 2) || value == "0" => Some(false),
        () => None,
    }
}

/// A setting may come at startup if it may come by SET: the same analysis decides.
fn check_setting(name: &str, value: &str) -> Result<(), Ending> {
    let quoted = name.replace('"', "\"\"");
    let text = format!("SET \"{quoted}\" TO '{}'", value.replace('\'', "''"));
    let analysis = understand(
        text.as_bytes(),
        &Catalog::default(),
        &Session::default(),
        &crate::understand::Limits::default(),
    );
    let refusal = analysis.statements.iter().find_map(|statement| match &statement.protection {
        Protection::Refused(refusal) => Some(refusal.message.clone()),
        _ => None,
    });
    match refusal {
        None if analysis.statements.len() == 1 && !value.contains('\\') => Ok(()),
        None => Err(setting_refused(name, "it cannot be understood")),
        Some(why) => Err(setting_refused(name, &why)),
    }
}

fn setting_refused(name: &str, why: &str) -> Ending {
    refused(
        "42501",
        format!("the startup parameter `{name}` is refused: {why}"),
        "Leave it out of the connection string, PGOPTIONS or the driver's settings.",
    )
}

/// Settings within `options`: `-c name=value` and `--name=value`, as the server reads them.
fn options(message: &StartupMessage) -> Result<Vec<(String, String)>, Ending> {
    let Some(options) = message.parameter("options") else { return Ok(Vec::new()) };
    let mut settings = Vec::new();
    let words = words(options);
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let pair = match word.as_str() {
            "-c" => rest.next().map(String::as_str),
            word => word.strip_prefix("-c").or_else(|| word.strip_prefix("--")),
        };
        match pair.and_then(|pair| pair.split_once('=')) {
            Some((name, value)) => settings.push((name.replace('-', "_"), value.to_owned())),
            None => return Err(setting_refused("options", "only `-c name=value` is understood")),
        }
    }
    Ok(settings)
}

/// Splits at white space; a backslash takes the next character as it is (`pg_split_opts`).
fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            space if space.is_ascii_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_as_the_server_does() {
        assert_eq!(words(r"-c  a=b\ c  --d=e"), ["-c", "a=b c", "--d=e"]);
        let message = StartupMessage {
            parameters: vec![("options".into(), "-c search_path=a,b -cwork_mem=1MB --time-zone=UTC".into())],
            ..StartupMessage::default()
        };
        let expected = [("search_path", "a,b"), ("work_mem", "1MB"), ("time_zone", "UTC")];
        let settings = options(&message).expect("good options");
        assert!(settings.iter().map(|(a, b)| (a.as_str(), b.as_str())).eq(expected));
    }

    #[test]
    fn booleans_are_read_as_the_server_reads_them() {
        for (values, expected) in [
            (&["t", "TRUE", "tru", "y", "yes", "on", "1"][..], Some(true)),
            (&["f", "False", "n", "no", "of", "off", "0"], Some(false)),
            (&["", "o", "ony", "truee", "2", "database", " on"], None),
        ] {
            for value in values {
                assert_eq!(boolean(value), expected, "{value}");
            }
        }
    }

    #[test]
    fn options_that_are_not_settings_are_refused() {
        let message = StartupMessage {
            parameters: vec![("options".into(), "-d 5".into())],
            ..StartupMessage::default()
        };
        assert!(options(&message).is_err());
    }
}
