//! What runs when a statement is evaluated: types, functions, operators and casts, of the server itself
//! and of its users, as `pg_type`, `pg_proc`, `pg_operator` and `pg_cast` have them.
//!
//! Shared between snapshots and connections; read next: `understand::overload`, which chooses among them.

use std::{collections::HashMap, sync::Arc};

use super::{Modifier, Oid, Volatility};

/// A name as the catalog keeps it: case and spaces as they are, without quotes.
pub type Name = Arc<str>;

/// Everything that a name in an expression may stand for, but for columns and relations. A clone shares it
/// until it is changed.
#[derive(Debug, Clone, Default)]
pub struct Code {
    pub types: Arc<HashMap<Oid, Type>>,
    /// Types by bare name, in every schema.
    pub types_by_name: Arc<HashMap<Name, Vec<Oid>>>,
    pub functions: Arc<HashMap<Oid, Function>>,
    /// Functions, aggregates, window functions and procedures by bare name, in every schema.
    pub functions_by_name: Arc<HashMap<Name, Vec<Oid>>>,
    pub operators: Arc<HashMap<Oid, Operator>>,
    /// Operators by bare name, in every schema.
    pub operators_by_name: Arc<HashMap<Name, Vec<Oid>>>,
    /// By (source type, target type).
    pub casts: Arc<HashMap<(Oid, Oid), Cast>>,
    /// What domains run that have a default, or checks that call functions.
    pub domains: Arc<HashMap<Oid, Domain>>,
    /// Of users' functions with defaults: those of the last input arguments, as one list of expressions.
    pub argument_defaults: Arc<HashMap<Oid, Arc<str>>>,
}

/// What a domain runs, as `pg_get_expr` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domain {
    pub default: Option<Arc<str>>,
    /// Conditions over `VALUE` that call functions, or use what users have made.
    pub checks: Vec<Arc<str>>,
}

/// `pg_type`
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    pub oid: Oid,
    pub schema: Name,
    pub name: Name,
    pub kind: TypeKind,
    /// `typcategory`, one ASCII letter: `S` string, `N` numeric, `A` array …
    pub category: u8,
    /// `typispreferred`
    pub preferred: bool,
    /// Element of a true array; `Oid(0)` otherwise, also for `point`, `name` and their like.
    pub element: Oid,
    /// The type whose elements are of this one; `Oid(0)` if there is none.
    pub array: Oid,
    /// Length or precision that a domain gives the type under it.
    pub modifier: Modifier,
    /// The type subscripts of which give values, as `typelem` has it also where it is no true array.
    pub subscript: Oid,
}

/// `pg_type.typtype`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    Base,
    /// With its relation.
    Composite(Oid),
    /// With the type under it.
    Domain(Oid),
    Enum,
    Pseudo,
    /// With its subtype.
    Range(Oid),
    /// With its range type.
    Multirange(Oid),
}

/// `pg_proc`
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub oid: Oid,
    pub schema: Name,
    pub name: Name,
    pub kind: FunctionKind,
    pub language: Language,
    pub volatility: Volatility,
    pub strict: bool,
    pub returns_set: bool,
    /// `prorettype`; for OUT parameters and TABLE see `outputs`.
    pub result: Oid,
    /// Types of the input arguments, in order (`proargtypes`).
    pub arguments: Box<[Oid]>,
    /// Names of the input arguments, in order; empty text for one without; empty if none has a name.
    pub argument_names: Box<[Name]>,
    /// How many of the last input arguments have a default.
    pub defaults: u16,
    /// Element type of a VARIADIC last argument (`provariadic`; may be `any`), else `Oid(0)`.
    pub variadic: Oid,
    /// OUT, INOUT and TABLE columns in order, as (name, type).
    pub outputs: Box<[(Name, Oid)]>,
    /// Source of SQL and PL/pgSQL functions that are not the server's own; what
    /// `pg_get_function_sqlbody` gives for a body in standard form.
    pub body: Option<Arc<str>>,
    /// `search_path` set by the function itself (`proconfig`), as written.
    pub search_path: Option<Name>,
    pub security_definer: bool,
    /// The extension it belongs to.
    pub extension: Option<Name>,
    /// An administrator has read it: its value comes from its arguments alone, and it changes nothing.
    pub registered: bool,
}

/// `pg_proc.prokind`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    Function,
    Aggregate(AggregateKind),
    Window,
    Procedure,
}

/// `pg_aggregate.aggkind`, with `aggnumdirectargs`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateKind {
    Normal,
    OrderedSet { direct: u16 },
    Hypothetical { direct: u16 },
}

/// `pg_language`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Internal,
    C,
    Sql,
    PlPgSql,
    Other,
}

/// `pg_operator`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    pub oid: Oid,
    pub schema: Name,
    pub name: Name,
    /// `Oid(0)` for a prefix operator.
    pub left: Oid,
    pub right: Oid,
    pub result: Oid,
    /// The function that computes it.
    pub function: Oid,
}

/// `pg_cast`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    pub context: CastContext,
    /// The function that converts; `None` for binary-coercible types and those that go by input and output.
    pub function: Option<Oid>,
    /// `castmethod = 'b'`
    pub binary: bool,
}

/// `pg_cast.castcontext`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    Implicit,
    Assignment,
    Explicit,
}

impl TypeKind {
    /// From `pg_type.typtype` and the relation, base type, subtype or range that the kind is about.
    #[must_use]
    pub const fn from_catalog(typtype: u8, about: Oid) -> Option<Self> {
        match typtype {
            b'b' => Some(Self::Base),
            b'c' => Some(Self::Composite(about)),
            b'd' => Some(Self::Domain(about)),
            b'e' => Some(Self::Enum),
            b'p' => Some(Self::Pseudo),
            b'r' => Some(Self::Range(about)),
            b'm' => Some(Self::Multirange(about)),
            _ => None,
        }
    }
}

impl FunctionKind {
    /// From `pg_proc.prokind`, or for aggregates that are not ordinary ones `pg_aggregate.aggkind` with
    /// `aggnumdirectargs`.
    #[must_use]
    pub const fn from_catalog(kind: u8, direct: u16) -> Option<Self> {
        match kind {
            b'f' => Some(Self::Function),
            b'a' => Some(Self::Aggregate(AggregateKind::Normal)),
            b'o' => Some(Self::Aggregate(AggregateKind::OrderedSet { direct })),
            b'h' => Some(Self::Aggregate(AggregateKind::Hypothetical { direct })),
            b'w' => Some(Self::Window),
            b'p' => Some(Self::Procedure),
            _ => None,
        }
    }
}

impl Language {
    /// From `pg_language.lanname`.
    #[must_use]
    pub fn from_catalog(name: &str) -> Self {
        match name {
            "internal" => Self::Internal,
            "c" => Self::C,
            "sql" => Self::Sql,
            "plpgsql" => Self::PlPgSql,
            _ => Self::Other,
        }
    }
}

impl CastContext {
    /// From `pg_cast.castcontext`.
    #[must_use]
    pub const fn from_catalog(context: u8) -> Option<Self> {
        match context {
            b'i' => Some(Self::Implicit),
            b'a' => Some(Self::Assignment),
            b'e' => Some(Self::Explicit),
            _ => None,
        }
    }
}

impl Code {
    /// Adds a type under its name.
    pub fn insert_type(&mut self, new: Type) {
        Arc::make_mut(&mut self.types_by_name).entry(new.name.clone()).or_default().push(new.oid);
        Arc::make_mut(&mut self.types).insert(new.oid, new);
    }

    /// Adds a function under its name.
    pub fn insert_function(&mut self, new: Function) {
        Arc::make_mut(&mut self.functions_by_name).entry(new.name.clone()).or_default().push(new.oid);
        Arc::make_mut(&mut self.functions).insert(new.oid, new);
    }

    /// Adds an operator under its name.
    pub fn insert_operator(&mut self, new: Operator) {
        Arc::make_mut(&mut self.operators_by_name).entry(new.name.clone()).or_default().push(new.oid);
        Arc::make_mut(&mut self.operators).insert(new.oid, new);
    }
}
