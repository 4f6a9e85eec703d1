//! The people of the demo. All of them are fictional; `.test` is reserved and reaches nobody.

use serde::Serialize;

/// Whether somebody sits behind the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    Human,
    Service,
}

/// One account that can be chosen on the sign-in page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The `sub` claim; it never changes, whatever the e-mail address becomes.
    #[serde(skip)]
    pub subject: String,
    pub email: String,
    pub name: String,
    pub groups: Vec<String>,
    /// One line for the page: what this account shows in the demo.
    pub about: String,
    pub kind: AccountKind,
}

impl Person {
    /// An account whose subject follows from its address.
    pub fn new(email: &str, name: &str, groups: &[&str], about: &str) -> Self {
        Self {
            subject: format!("dev|{}", email.split('@').next().unwrap_or(email)),
            email: email.to_owned(),
            name: name.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            about: about.to_owned(),
            kind: AccountKind::Human,
        }
    }

    /// The same as a service account.
    pub fn service(self) -> Self {
        Self { kind: AccountKind::Service, ..self }
    }

    /// At most two letters for the round picture.
    pub fn initials(&self) -> String {
        self.name.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect()
    }
}

/// The people that the demo's policy speaks of.
pub fn demo_people() -> Vec<Person> {
    vec![
        Person::new("ana@demo.test", "Ana Costa", &["developer"], "reads demo-db, personal data masked"),
        Person::new(
            "li@demo.test",
            "Li Wei",
            &["data-oncall", "developer"],
            "on call: reads and makes bounded changes",
        ),
        Person::new(
            "sam@demo.test",
            "Sam Okafor",
            &["security"],
            "opens no database, audits every statement",
        ),
        Person::new(
            "svc-assistant@demo.test",
            "Assistant",
            &["ai-agents"],
            "an AI agent's account: reads only, masked",
        )
        .service(),
    ]
}
