//! Functions that the administrator has read: `[resource.functions]`. Nobody else can know what code does that is
//! not SQL, or that the binder cannot follow. Each line is about one source: whoever replaces it takes the word away.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use aws_lc_rs::digest::{Context, SHA256};
use connect_core::catalog::{Catalog, FIRST_NORMAL_OID, Oid};
use connect_shared::hexadecimal::hexadecimal;

use super::connection::{Connection, ReadError};

/// Before the digest of a source.
const PREFIX: &str = "sha256:";

/// What makes up the source of users' functions with these names.
pub(super) const SOURCES: &str = "SELECT p.oid, n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')', \
    l.lanname, p.probin, p.proconfig::text, \
    coalesce(nullif(p.prosrc, ''), pg_get_functiondef(p.oid)) \
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
    WHERE p.oid >= $1 AND p.prokind IN ('f', 'w') AND n.nspname || '.' || p.proname = ANY ($2) ORDER BY p.oid";

/// Functions with the digests of their sources, by `schema.name(argument types)`.
type Sources = HashMap<String, (Oid, String)>;

/// `[resource.functions]`, checked: the digest of each source, by `schema.name(argument types)`. Their value comes
/// from their arguments alone, and they change nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    functions: BTreeMap<String, String>,
}

/// One line of `[resource.functions]` that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unregistered {
    /// There is no such function; these have the name.
    Missing { signature: String, alike: Vec<String> },
    /// It has another source than the one that was read.
    Changed { signature: String, digest: String },
}

impl fmt::Display for Unregistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { signature, alike } if alike.is_empty() => {
                write!(f, "[resource.functions]: there is no function `{signature}`")
            }
            Self::Missing { signature, alike } => {
                write!(
                    f,
                    "[resource.functions]: there is no function `{signature}`, but {}",
                    alike.join(", ")
                )
            }
            Self::Changed { signature, digest } => write!(
                f,
                "[resource.functions]: `{signature}` has another source; once somebody has read it: \"{signature}\" \
                 = \"{digest}\""
            ),
        }
    }
}

impl Registered {
    /// Takes up one line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, signature: &str, digest: &str) -> Result<(), &'static str> {
        if name_of(signature).is_none() {
            return Err(
                "a function is named as `schema.name(argument types)`: for example `public.slugify(text)`",
            );
        }
        let hexadecimal = digest.strip_prefix(PREFIX).unwrap_or_default();
        if hexadecimal.len() != 64
            || !hexadecimal.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(
                "the source that was read is named as `sha256:` and 64 digits, which `connect-agent check` shows",
            );
        }
        self.functions.insert(signature.to_owned(), digest.to_owned());
        Ok(())
    }

    /// Marks the functions of a snapshot that are still as they were read. Tells what does not count.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) async fn settle(
        &self,
        connection: &Connection,
        catalog: &mut Catalog,
    ) -> Result<Vec<Unregistered>, ReadError> {
        if self.functions.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.sources(connection).await?;
        let functions = Arc::make_mut(&mut Arc::make_mut(&mut catalog.code).functions);
        for (signature, (oid, digest)) in &found {
            if let Some(function) = functions.get_mut(oid) {
                function.registered = self.functions.get(signature) == Some(digest);
            }
        }
        catalog.forget_bindings();
        Ok(self.unregistered(&found))
    }

    /// What does not count now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) async fn look(&self, connection: &Connection) -> Result<Vec<Unregistered>, ReadError> {
        let found = self.sources(connection).await?;
        Ok(self.unregistered(&found))
    }

    fn unregistered(&self, found: &Sources) -> Vec<Unregistered> {
        self.functions.iter().filter_map(|line| unregistered(line, found)).collect()
    }

    async fn sources(&self, connection: &Connection) -> Result<Sources, ReadError> {
        let names: Vec<&str> = self.functions.keys().filter_map(|signature| name_of(signature)).collect();
        let rows =
            connection.client.query(SOURCES, &[&FIRST_NORMAL_OID, &names]).await.map_err(ReadError::from)?;
        let mut found = HashMap::new();
        for row in rows {
            let mut context = Context::new(&SHA256);
            for column in 2..6 {
                let part: &str = row.try_get::<_, Option<&str>>(column)?.unwrap_or_default();
                // Lengths keep the parts apart.
                context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                context.update(part.as_bytes());
            }
            let digest = format!("{PREFIX}{}", hexadecimal(context.finish().as_ref()));
            found.insert(row.try_get(1)?, (Oid(row.try_get(0)?), digest));
        }
        Ok(found)
    }
}

/// `schema.name` of `schema.name(argument types)`
fn name_of(signature: &str) -> Option<&str> {
    let (name, rest) = signature.split_once('(')?;
    let (schema, function) = name.split_once('.')?;
    (rest.ends_with(')') && !schema.is_empty() && !function.is_empty()).then_some(name)
}

fn unregistered((signature, wanted): (&String, &String), found: &Sources) -> Option<Unregistered> {
    let signature = signature.clone();
    match found.get(&signature) {
        Some((_, digest)) if digest == wanted => None,
        Some((_, digest)) => Some(Unregistered::Changed { signature, digest: digest.clone() }),
        None => {
            let name = name_of(&signature);
            let mut alike: Vec<String> = found
                .keys()
                .filter(|other| name_of(other) == name)
                .map(|other| format!("`{other}`"))
                .collect();
            alike.sort();
            Some(Unregistered::Missing { signature, alike })
        }
    }
}
