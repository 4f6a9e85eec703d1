//! FunctionCall: a function by its number, with arguments and no statement. It is understood as the statement
//! that would call it with them; what would become of that becomes of the call: it is denied or held for the
//! same reasons, recorded under the same text, and sent as it came.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use connect_shared::decision::ReasonCode;

use super::{
    Connection, Resync,
    exact::Keep,
    intend::{Pending, Understood},
    names::Prepared,
    stage::{Carrier, Execution},
};
use crate::{
    catalog::{
        Catalog, Oid,
        code::{Function, FunctionKind, TypeKind},
        quoted,
    },
    protocol::postgres::{
        message::Call,
        values::{MAX_SHOWN, Values},
    },
    statement::{Protection, Refusal, Statement},
};

/// Longest argument that stands in the statement as it is; of a longer one only its type does.
const LONGEST_SHOWN: usize = 1_024;

impl Connection {
    pub(super) fn function_call(&mut self, pending: Pending, call: &Call) {
        let Some(catalog) = self.setup.catalog.clone() else {
            return self.block_for_catalog(pending, 0);
        };
        let Written { text, given } = match statement(call, &catalog) {
            Ok(written) => written,
            // It may be newer than the snapshot.
            Err(Unreadable::Unknown) if !pending.refreshed => {
                return self.block_for_catalog(Pending { refreshed: true, ..pending }, catalog.version);
            }
            Err(why) => return self.deny_call(why.refusal(call)),
        };
        let Understood::Facts(analysed) = self.understand(&pending, &text) else { return };
        let [facts] = analysed.statements.as_slice() else {
            return self.deny_call(Unreadable::Kind.refusal(call));
        };
        let facts = self.as_called(facts, call);
        let binds = self.binds(&pending.message.bytes, &Bytes::new());
        let prepared = Prepared {
            text: text.clone(),
            place: 0,
            keep: Keep::of(std::iter::once(&*facts)),
            facts: Some(facts.clone()),
            version: analysed.version,
            sent: None,
            types: Bytes::new(),
        };
        let execution = Execution { facts, text, binds, prepared: Arc::new(prepared), given };
        let bytes = pending.message.bytes.clone();
        self.stage(vec![execution], bytes, Carrier::Query, pending);
    }

    /// The statement's facts as those of the call: what only a rewritten statement may do, it may not.
    fn as_called(&self, facts: &Statement, call: &Call) -> Arc<Statement> {
        let meant = facts.lineage.functions.contains(&Oid(call.function));
        let protection = match &facts.protection {
            Protection::Refused(refusal) => Protection::Refused(refusal.clone()),
            // A long argument does not stand in the text, so which setting it names was not seen.
            Protection::Introspection | Protection::Untouched if meant && facts.settings.is_empty() => {
                facts.protection.clone()
            }
            _ => Protection::Refused(Unreadable::Kind.refusal(call)),
        };
        Arc::new(Statement { verb: "function call".to_owned(), protection, ..facts.clone() })
    }

    fn deny_call(&mut self, refusal: Refusal) {
        self.deny_unanalysed("function call", 0, refusal, Resync::Query);
    }
}

/// Why there is no statement for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    /// There is no such function.
    Unknown,
    /// It takes so many arguments.
    Arguments(usize),
    /// No call of that kind can be written or understood.
    Kind,
}

impl Unreadable {
    fn refusal(self, call: &Call) -> Refusal {
        let (sqlstate, message) = match self {
            // The server's own words.
            Self::Unknown => (Some("42883"), format!("function with OID {} does not exist", call.function)),
            Self::Arguments(wanted) => (
                Some("08P01"),
                format!(
                    "function call message contains {} arguments but function requires {wanted}",
                    call.arguments
                ),
            ),
            Self::Kind => {
                (None, format!("the call of the function with OID {} cannot be understood", call.function))
            }
        };
        Refusal {
            code: ReasonCode::NotUnderstood,
            object: None,
            message,
            hint: Some("Call the function in a SELECT.".to_owned()),
            sqlstate,
            unknown_object: None,
        }
    }
}

/// A call as a statement.
#[derive(Debug)]
struct Written {
    text: Bytes,
    /// Its arguments, if one of them does not stand in the text: whoever approves the call must see it.
    given: Option<Values>,
}

/// The SELECT that calls the function with these arguments: each type is written out, so that no other function
/// of the name fits.
fn statement(call: &Call, catalog: &Catalog) -> Result<Written, Unreadable> {
    let function = catalog.code.functions.get(&Oid(call.function)).ok_or(Unreadable::Unknown)?;
    if function.arguments.len() != call.arguments {
        return Err(Unreadable::Arguments(function.arguments.len()));
    }
    if function.kind != FunctionKind::Function || function.returns_set {
        return Err(Unreadable::Kind);
    }
    let types: Vec<String> = function
        .arguments
        .iter()
        .map(|oid| type_name(*oid, catalog).ok_or(Unreadable::Kind))
        .collect::<Result<_, _>>()?;
    let values = Values::new(call.given.clone(), declared(function)).literals();
    let mut arguments = Vec::with_capacity(types.len());
    let mut is_whole = true;
    for (place, of) in types.iter().enumerate() {
        let value = values.get(place).cloned().flatten().filter(|value| value.len() <= LONGEST_SHOWN);
        is_whole &= value.is_some();
        let value = value.unwrap_or_else(|| format!("${}", place + 1));
        let last = place + 1 == types.len();
        let spread = if last && function.variadic != Oid(0) { "VARIADIC " } else { "" };
        arguments.push(format!("{spread}{value}::{of}"));
    }
    let name = format!("{}.{}", quoted(&function.schema), quoted(&function.name));
    // A copy: a slice would keep the whole buffer that it was read into.
    let given = (!is_whole && call.given.len() <= MAX_SHOWN)
        .then(|| Values::new(Bytes::copy_from_slice(&call.given), declared(function)));
    Ok(Written { text: format!("SELECT {name}({})", arguments.join(", ")).into(), given })
}

fn type_name(oid: Oid, catalog: &Catalog) -> Option<String> {
    let found = catalog.code.types.get(&oid).filter(|found| found.kind != TypeKind::Pseudo)?;
    Some(format!("{}.{}", quoted(&found.schema), quoted(&found.name)))
}

/// The argument types as a Parse would declare them.
fn declared(function: &Function) -> Bytes {
    let mut types = BytesMut::new();
    types.put_u16(u16::try_from(function.arguments.len()).unwrap_or(u16::MAX));
    for oid in &function.arguments {
        types.put_u32(oid.0);
    }
    types.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{Version, catalog};

    /// The statement for a call with arguments in text.
    fn call(function: u32, arguments: &[Option<&str>]) -> Result<String, Unreadable> {
        let mut given = vec![0, 0];
        given.extend((arguments.len() as u16).to_be_bytes());
        for argument in arguments {
            given.extend(argument.map_or(-1, |text| text.len() as i32).to_be_bytes());
            given.extend(argument.unwrap_or_default().as_bytes());
        }
        let catalog = catalog(
            Version::Postgres15,
            "enum public.mood;
             function public.likes(what public.mood) returns int4 language sql immutable as SELECT 1;",
        );
        let call = Call { function, arguments: arguments.len(), given: given.into() };
        let written = statement(&call, &catalog.expect("a database"))?;
        Ok(String::from_utf8(written.text.to_vec()).expect("a text"))
    }

    #[test]
    fn a_call_is_read_as_the_statement_that_names_its_function_and_types() {
        assert_eq!(
            call(870, &[Some("Ab")]).as_deref(),
            Ok("SELECT \"pg_catalog\".\"lower\"('Ab'::\"pg_catalog\".\"text\")")
        );
        assert_eq!(
            call(2078, &[Some("role"), None, Some("it's")]).as_deref(),
            Ok("SELECT \"pg_catalog\".\"set_config\"('role'::\"pg_catalog\".\"text\", \
                NULL::\"pg_catalog\".\"text\", 'it''s'::\"pg_catalog\".\"bool\")")
        );
        let long = "x".repeat(LONGEST_SHOWN + 1);
        assert_eq!(
            call(870, &[Some(&long)]).as_deref(),
            Ok("SELECT \"pg_catalog\".\"lower\"($1::\"pg_catalog\".\"text\")")
        );
    }

    #[test]
    fn what_is_no_call_of_a_plain_function_has_none() {
        assert_eq!(call(999_999, &[]), Err(Unreadable::Unknown));
        assert_eq!(call(870, &[]), Err(Unreadable::Arguments(1)));
        // count(*), generate_series, array_append: an aggregate, a set, types that nobody says.
        assert_eq!(call(2803, &[]), Err(Unreadable::Kind));
        assert_eq!(call(1067, &[Some("1"), Some("2")]), Err(Unreadable::Kind));
        assert_eq!(call(378, &[Some("{}"), Some("2")]), Err(Unreadable::Kind));
    }
}
