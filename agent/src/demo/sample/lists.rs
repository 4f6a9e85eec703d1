//! The lists that the sample is drawn from: `lists.toml`, read once.

use serde::Deserialize;

use super::random::Random;

const TEXT: &str = include_str!("lists.toml");

/// Everything in `lists.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    pub domains: Vec<String>,
    pub job_titles: Vec<String>,
    /// `kind|category`
    pub product_kinds: Vec<String>,
    pub product_styles: Vec<String>,
    pub key_names: Vec<String>,
    pub ticket_replies: Vec<String>,
    pub minutes: Vec<String>,
    #[serde(rename = "ticket")]
    pub tickets: Vec<Ticket>,
    #[serde(rename = "country")]
    pub countries: Vec<Country>,
}

/// What customers write, with places for who they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    pub subject: String,
    pub body: String,
}

/// How people of a country are called, live and are reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Country {
    /// ISO 3166.
    pub code: String,
    /// How many of a hundred customers live there.
    weight: u64,
    /// Order of the names.
    pub name: String,
    pub street: String,
    pub streets: Vec<String>,
    pub cities: Vec<String>,
    pub postal: String,
    pub phones: Vec<String>,
    pub iban: Option<String>,
    pub given: Vec<Name>,
    pub family: Vec<Name>,
}

/// A name as it is written, and as it is written in an e-mail address.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Name {
    pub native: String,
    pub plain: String,
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        match text.split_once('|') {
            Some((native, plain)) => Self { native: native.to_owned(), plain: plain.to_owned() },
            None => Self { plain: text.to_lowercase(), native: text },
        }
    }
}

impl Lists {
    /// Fails only if the committed file is broken.
    pub fn read() -> Result<Self, toml::de::Error> {
        toml::from_str(TEXT)
    }

    /// A country, the larger ones more often.
    pub fn country(&self, random: &mut Random) -> &Country {
        let all = self.countries.iter().map(|country| country.weight).sum();
        let mut place = random.below(all);
        let found = self.countries.iter().find(|country| match place.checked_sub(country.weight) {
            Some(rest) => {
                place = rest;
                false
            }
            None => true,
        });
        found.unwrap_or(&self.countries[0])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_lists_read_and_no_mail_or_call_can_reach_a_real_person() {
        let lists = Lists::read().expect("is well-formed");
        for domain in &lists.domains {
            let reserved = ["example.com", "example.org", "example.net"];
            assert!(reserved.iter().any(|end| domain.ends_with(end)), "{domain}");
        }
        for country in &lists.countries {
            for name in country.given.iter().chain(&country.family) {
                assert!(
                    name.plain.bytes().all(|byte| byte.is_ascii_lowercase() || b".-'".contains(&byte)),
                    "{name:?}"
                );
            }
            assert!(country.phones.iter().all(|phone| phone.matches('#').count() <= 4), "{}", country.code);
        }
    }

    #[test]
    fn every_country_has_customers() {
        let lists = Lists::read().expect("is well-formed");
        let mut random = Random::of_row("countries", 1);
        let seen: BTreeSet<String> = (0..2000).map(|_| lists.country(&mut random).code.clone()).collect();
        assert_eq!(seen.len(), lists.countries.len());
    }
}
