//! The configuration as it is written: with the words that an administrator needs to change it.

use toml::Value;

use super::answers::Answers;

/// Where the database's password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PasswordPlace<'a> {
    File(String),
    Variable(&'a str),
}

/// The whole file. Every answer is quoted as TOML wants it, so that none can say more than a value.
pub(super) fn render(answers: &Answers, password: &PasswordPlace<'_>) -> String {
    let (password_key, password) = match password {
        PasswordPlace::File(path) => ("password_file", quoted(path)),
        PasswordPlace::Variable(name) => ("password_env", quoted(name)),
    };
    format!(
        include_str!("text/agent.toml"),
        name = quoted(&answers.name),
        listen = quoted(&answers.listen),
        public_name = list(std::slice::from_ref(&answers.public_name)),
        state_dir = quoted(&answers.state_dir),
        issuer = quoted(&answers.issuer),
        client_id = quoted(&answers.client_id),
        scopes = list(&answers.scopes),
        groups_claim = quoted(&answers.groups_claim),
        identity_ca = authority(answers.identity_ca.as_deref()),
        resource = quoted(&answers.resource),
        address = quoted(&answers.address),
        database = quoted(&answers.database),
        user = quoted(&answers.user),
        password_key = password_key,
        password = password,
        tls = tls(answers),
        class = quoted(&answers.class),
        read = list(&answers.read),
        write = list(&answers.write),
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    Value::from(texts.to_vec()).to_string()
}

fn authority(path: Option<&str>) -> String {
    match path {
        Some(path) => format!("ca_file = {}\n", quoted(path)),
        None => String::new(),
    }
}

fn tls(answers: &Answers) -> String {
    match (answers.database_tls, answers.database_ca.as_deref()) {
        (false, _) => "tls = \"disable\"\n".to_owned(),
        (true, path) => authority(path),
    }
}
