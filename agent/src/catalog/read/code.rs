//! Types, functions, operators, casts and schemas.

mod function;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use connect_core::catalog::{
    BuiltinFunction, Catalog, EventTrigger, FIRST_NORMAL_OID, Modifier, Oid, Rights, Role, RoleRights,
    code::{Cast, CastContext, Code, Domain, Function, FunctionKind, Name, Operator, Type, TypeKind},
};

use self::function::function;
use super::{
    super::{connection::ReadError, queries},
    rows::{PATIENCE, Row, Source},
};

/// Roles whose rights are kept. Of the others nothing is known.
const MOST_ROLES: i64 = 200;

/// Roles of which is kept who has whose rights.
const MOST_RIGHTS: i64 = 50_000;

/// Reads schemas, and who may use them; tells whether one that was there has another name.
pub(super) async fn schemas(source: &mut Source<'_>, catalog: &mut Catalog) -> Result<bool, ReadError> {
    let mut schemas = HashMap::new();
    source
        .each(queries::code::SCHEMAS, &[], |row, names| {
            schemas.insert(row.name(1, names)?, row.oid(0)?);
            Ok(())
        })
        .await?;
    let mut roles = HashMap::new();
    source
        .each(queries::code::ROLES, &[&MOST_ROLES], |row, names| {
            let closed = row.of::<Vec<&str>>(1)?.into_iter().map(|schema| names.of(schema));
            let closed_schemas = closed.collect();
            roles.insert(row.name(0, names)?, Role { closed_schemas });
            Ok(())
        })
        .await?;
    catalog.rights = Arc::new(rights(source, catalog.server_version).await?);
    let now: HashMap<Oid, &Name> = schemas.iter().map(|(name, oid)| (*oid, name)).collect();
    let renamed = catalog.schemas.iter().any(|(name, oid)| now.get(oid).is_some_and(|now| *now != name));
    catalog.schemas = Arc::new(schemas);
    catalog.roles = roles;
    Ok(renamed)
}

async fn rights(source: &mut Source<'_>, version: u32) -> Result<Rights, ReadError> {
    let mut rights = Rights::default();
    source
        .each(&queries::code::rights(version), &[&MOST_RIGHTS], |row, names| {
            let oid = row.oid(0)?;
            rights.by_name.insert(row.name(1, names)?, oid);
            let (superuser, bypasses_row_security) = (row.of(2)?, row.of(3)?);
            let role = RoleRights { superuser, bypasses_row_security, inherits: row.oids(4)? };
            rights.roles.insert(oid, role);
            Ok(())
        })
        .await?;
    Ok(rights)
}

/// Event triggers, which run beside commands.
pub(super) async fn event_triggers(source: &mut Source<'_>, catalog: &mut Catalog) -> Result<(), ReadError> {
    let mut found = Vec::new();
    source
        .each(queries::code::EVENT_TRIGGERS, &[], |row, names| {
            found.push(EventTrigger { name: row.name(0, names)?, function: row.oid(1)? });
            Ok(())
        })
        .await?;
    catalog.event_triggers = found.into();
    Ok(())
}

/// A catalog's code while it is read. What is not read again is shared with the snapshot before.
pub(super) struct CodeReading {
    version: u32,
    code: Arc<Code>,
    types: bool,
    functions: bool,
    operators: bool,
}

impl CodeReading {
    /// Takes the code out of the catalog, so that it need not be copied if nothing else has it.
    pub(super) fn new(catalog: &mut Catalog) -> Self {
        Self {
            version: catalog.server_version,
            code: std::mem::take(&mut catalog.code),
            types: false,
            functions: false,
            operators: false,
        }
    }

    /// Types that are newer than `since`, or all.
    pub(super) async fn types(
        &mut self,
        source: &mut Source<'_>,
        since: Option<i64>,
    ) -> Result<bool, ReadError> {
        let newer = since.map(|_| format!(" AND {}", queries::change::newer("t"))).unwrap_or_default();
        let query = queries::code::types(self.version, &newer);
        let mut types = HashMap::new();
        if let Some(since) = since {
            let there: HashSet<u32> = source.oids(queries::code::TYPE_OIDS).await?.into_iter().collect();
            let kept = self.code.types.iter().filter(|(oid, _)| there.contains(&oid.0));
            types = kept.map(|(oid, known)| (*oid, known.clone())).collect();
            source.each(&query, &[&since], |row, names| insert_type(&mut types, row, names)).await?;
        } else {
            source.each(&query, &[], |row, names| insert_type(&mut types, row, names)).await?;
        }
        let renamed = self.code.types.iter().any(|(oid, old)| types.get(oid).is_some_and(|new| old != new));
        let code = Arc::make_mut(&mut self.code);
        code.types_by_name = Arc::new(by_name(&types, |known| &known.name));
        code.types = Arc::new(types);
        self.types = true;
        Ok(renamed)
    }

    /// All functions; tells whether one that was there is called otherwise now.
    pub(super) async fn functions(&mut self, source: &mut Source<'_>) -> Result<bool, ReadError> {
        let functions = read_functions(source, self.version).await?;
        if functions == *self.code.functions {
            return Ok(false);
        }
        let renamed = self.code.functions.iter().any(|(oid, old)| {
            functions.get(oid).is_some_and(|new| {
                (&old.schema, &old.name, &old.arguments, &old.outputs, old.result)
                    != (&new.schema, &new.name, &new.arguments, &new.outputs, new.result)
            })
        });
        let code = Arc::make_mut(&mut self.code);
        code.functions_by_name = Arc::new(by_name(&functions, |known| &known.name));
        code.functions = Arc::new(functions);
        self.functions = true;
        Ok(renamed)
    }

    /// All operators.
    pub(super) async fn operators(&mut self, source: &mut Source<'_>) -> Result<bool, ReadError> {
        let mut operators = HashMap::new();
        source
            .each(queries::code::OPERATORS, &[], |row, names| {
                let new = Operator {
                    oid: row.oid(0)?,
                    schema: row.name(1, names)?,
                    name: row.name(2, names)?,
                    left: row.oid(3)?,
                    right: row.oid(4)?,
                    result: row.oid(5)?,
                    function: row.oid(6)?,
                };
                operators.insert(new.oid, new);
                Ok(())
            })
            .await?;
        if operators == *self.code.operators {
            return Ok(false);
        }
        let renamed =
            self.code.operators.iter().any(|(oid, old)| operators.get(oid).is_some_and(|new| old != new));
        let code = Arc::make_mut(&mut self.code);
        code.operators_by_name = Arc::new(by_name(&operators, |known| &known.name));
        code.operators = Arc::new(operators);
        self.operators = true;
        Ok(renamed)
    }

    /// All casts.
    pub(super) async fn casts(&mut self, source: &mut Source<'_>) -> Result<(), ReadError> {
        let mut casts = HashMap::new();
        source
            .each(queries::code::CASTS, &[], |row, _| {
                let function = Some(row.oid(3)?).filter(|oid| *oid != Oid(0));
                if let Some(context) = CastContext::from_catalog(row.letter(2)?) {
                    let cast = Cast { context, function, binary: row.letter(4)? == b'b' };
                    casts.insert((row.oid(0)?, row.oid(1)?), cast);
                }
                Ok(())
            })
            .await?;
        if casts != *self.code.casts {
            Arc::make_mut(&mut self.code).casts = Arc::new(casts);
        }
        Ok(())
    }

    /// What runs where no statement names it: checks and defaults of domains, defaults of arguments.
    pub(super) async fn unnamed(&mut self, source: &mut Source<'_>) -> Result<(), ReadError> {
        let mut domains = HashMap::new();
        source
            .each(queries::code::DOMAINS, &[], |row, _| {
                let default: Option<&str> = row.of(1)?;
                let checks = row.of::<Vec<Option<&str>>>(2)?.into_iter().flatten().map(Into::into);
                let domain = Domain { default: default.map(Into::into), checks: checks.collect() };
                if domain != Domain::default() {
                    domains.insert(row.oid(0)?, domain);
                }
                Ok(())
            })
            .await?;
        if domains != *self.code.domains {
            Arc::make_mut(&mut self.code).domains = Arc::new(domains);
        }
        let mut defaults = HashMap::new();
        source
            .each(queries::code::ARGUMENT_DEFAULTS, &[], |row, _| {
                if let Some(list) = row.of::<Option<&str>>(1)? {
                    defaults.insert(row.oid(0)?, Arc::from(list));
                }
                Ok(())
            })
            .await?;
        if defaults != *self.code.argument_defaults {
            Arc::make_mut(&mut self.code).argument_defaults = Arc::new(defaults);
        }
        Ok(())
    }

    /// Writes what was read, and the names that follow from it.
    pub(super) fn into_catalog(self, catalog: &mut Catalog) {
        if self.types {
            catalog.user_types = Arc::new(user_types(&self.code));
        }
        if self.functions {
            catalog.user_functions = Arc::new(user_functions(&self.code));
            catalog.builtin_functions = Arc::new(builtin_functions(&self.code));
        }
        if self.operators {
            let users = self.code.operators.values();
            let users = users.filter(|known| &*known.schema != "pg_catalog" || is_users(known.oid));
            catalog.user_operators = Arc::new(users.map(|known| known.name.clone()).collect());
        }
        catalog.code = self.code;
    }
}

/// A body in standard form is written by the server from what it names: if that is locked, such functions
/// have no body for now.
async fn read_functions(source: &mut Source<'_>, version: u32) -> Result<HashMap<Oid, Function>, ReadError> {
    for bodies in [queries::code::Bodies::All, queries::code::Bodies::Kept] {
        let mut functions = HashMap::new();
        source.try_within(PATIENCE).await?;
        let outcome = source
            .each(&queries::code::functions(version, bodies), &[], |row, names| {
                if let Some(new) = function(row, names)? {
                    functions.insert(new.oid, new);
                }
                Ok(())
            })
            .await;
        if source.tried(outcome).await?.is_some() {
            return Ok(functions);
        }
    }
    Ok(HashMap::new())
}

fn insert_type(
    types: &mut HashMap<Oid, Type>,
    row: &Row,
    names: &mut super::super::names::Names,
) -> Result<(), ReadError> {
    let about = row.oid(9)?;
    let Some(kind) = TypeKind::from_catalog(row.letter(3)?, about) else { return Ok(()) };
    let new = Type {
        oid: row.oid(0)?,
        schema: row.name(1, names)?,
        name: row.name(2, names)?,
        kind,
        category: row.letter(4)?,
        preferred: row.of(5)?,
        element: row.oid(6)?,
        array: row.oid(7)?,
        modifier: Modifier(row.of(10)?),
        subscript: row.oid(8)?,
    };
    types.insert(new.oid, new);
    Ok(())
}

/// In the order of their OIDs, so that every reading gives the same.
fn by_name<T>(known: &HashMap<Oid, T>, name: impl Fn(&T) -> &Name) -> HashMap<Name, Vec<Oid>> {
    let mut names: HashMap<Name, Vec<Oid>> = HashMap::new();
    for (oid, known) in known {
        // Most names are one thing's.
        names.entry(name(known).clone()).or_insert_with(|| Vec::with_capacity(1)).push(*oid);
    }
    names.values_mut().for_each(|oids| oids.sort_unstable());
    names
}

const fn is_users(oid: Oid) -> bool {
    oid.0 >= FIRST_NORMAL_OID
}

fn is_systems(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema")
}

/// Without the array types that come with others.
fn user_types(code: &Code) -> HashSet<Name> {
    let is_array = |known: &Type| code.types.get(&known.element).is_some_and(|of| of.array == known.oid);
    let users = code.types.values().filter(|known| !is_systems(&known.schema) || is_users(known.oid));
    users.filter(|known| !is_array(known)).map(|known| known.name.clone()).collect()
}

fn user_functions(code: &Code) -> HashSet<Name> {
    let users = code.functions.values().filter(|known| !is_systems(&known.schema) || is_users(known.oid));
    users.map(|known| known.name.clone()).collect()
}

/// Of all overloads of a name the most volatile, and whether one aggregates.
fn builtin_functions(code: &Code) -> HashMap<Name, BuiltinFunction> {
    let mut names: HashMap<Name, BuiltinFunction> = HashMap::new();
    let systems = code.functions.values();
    for function in systems.filter(|known| &*known.schema == "pg_catalog" && !is_users(known.oid)) {
        let aggregate = matches!(function.kind, FunctionKind::Aggregate(_) | FunctionKind::Window);
        let known = names
            .entry(function.name.clone())
            .or_insert(BuiltinFunction { volatility: function.volatility, aggregate });
        known.volatility = known.volatility.max(function.volatility);
        known.aggregate |= aggregate;
    }
    names
}
