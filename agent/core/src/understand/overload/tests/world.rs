//! PostgreSQL 15's own objects and some of users', and questions about them in a short writing.
//!
//! A function is `schema.name(type, type name, type name =, VARIADIC type[]) type`, where ` =` gives it a
//! default; a call is `name(type, name => type, VARIADIC type)`, where `?` is a type that is not known.

use std::sync::Arc;

use super::super::{Call, Failure, function, operator, type_named};
use crate::{
    catalog::{
        Catalog, Oid, Relation, RelationKind, ViewReading, Volatility,
        code::{
            AggregateKind, Cast, CastContext, Code, Function, FunctionKind, Language, Name, Operator, Type,
            TypeKind,
        },
        fixture::{Version, empty},
    },
    session::SearchPath,
};

pub(super) struct World {
    pub(super) catalog: Catalog,
    path: SearchPath,
    next: u32,
}

impl World {
    /// The server's own objects, `search_path = public`.
    pub(super) fn new() -> Self {
        let world = Self { catalog: empty(Version::Postgres15), path: SearchPath::default(), next: 20_000 };
        world.with_path(&["pg_catalog", "public"])
    }

    pub(super) fn with_path(mut self, schemas: &[&str]) -> Self {
        self.path.schemas = schemas.iter().map(|schema| Name::from(*schema)).collect();
        self
    }

    fn oid(&mut self) -> Oid {
        self.next += 1;
        Oid(self.next)
    }

    fn code(&mut self) -> &mut Code {
        Arc::make_mut(&mut self.catalog.code)
    }

    /// A type with its array.
    pub(super) fn with_type(mut self, name: &str, kind: TypeKind, category: u8) -> Self {
        let (oid, array) = (self.oid(), self.oid());
        let schema: Name = "public".into();
        let new = Type {
            oid,
            schema: schema.clone(),
            name: name.into(),
            kind,
            category,
            preferred: false,
            element: Oid(0),
            array,
            modifier: crate::catalog::Modifier::NONE,
            subscript: Oid(0),
        };
        let arrays = Type {
            oid: array,
            name: format!("_{name}").into(),
            kind: TypeKind::Base,
            category: b'A',
            element: oid,
            array: Oid(0),
            modifier: crate::catalog::Modifier::NONE,
            subscript: oid,
            ..new.clone()
        };
        self.code().insert_type(new);
        self.code().insert_type(arrays);
        self
    }

    pub(super) fn with_domain(self, name: &str, over: &str) -> Self {
        let base = self.type_of(over);
        let category = super::super::category(&self.catalog, base);
        self.with_type(name, TypeKind::Domain(base), category)
    }

    pub(super) fn with_function(self, written: &str) -> Self {
        self.with_kind(written, FunctionKind::Function)
    }

    pub(super) fn with_aggregate(self, written: &str, kind: AggregateKind) -> Self {
        self.with_kind(written, FunctionKind::Aggregate(kind))
    }

    fn with_kind(mut self, written: &str, kind: FunctionKind) -> Self {
        let (full, rest) = written.split_once('(').expect("arguments");
        let (inside, result) = rest.rsplit_once(") ").expect("a result");
        let (schema, name) = full.split_once('.').expect("a schema");
        let mut arguments = Vec::new();
        let mut names: Vec<Name> = Vec::new();
        let mut variadic = Oid(0);
        for argument in inside.split(", ").filter(|argument| !argument.is_empty()) {
            let bare = argument.strip_prefix("VARIADIC ").unwrap_or(argument).trim_end_matches(" =");
            let mut words = bare.split(' ');
            let of = self.type_of(words.next().expect("a type"));
            if argument.starts_with("VARIADIC ") {
                variadic = match super::super::element_type(&self.catalog, of) {
                    Some(element) => element,
                    None => self.variadic_of(of),
                };
            }
            arguments.push(of);
            names.push(words.next().unwrap_or_default().into());
        }
        let result = self.type_of(result);
        let oid = self.oid();
        self.code().insert_function(Function {
            oid,
            schema: schema.into(),
            name: name.into(),
            kind,
            language: Language::Sql,
            volatility: Volatility::Volatile,
            strict: false,
            returns_set: false,
            result,
            defaults: u16::try_from(inside.matches(" =").count()).expect("few"),
            arguments: arguments.into(),
            argument_names: names.into(),
            variadic,
            outputs: Box::default(),
            body: None,
            search_path: None,
            security_definer: false,
            extension: None,
            registered: false,
        });
        self
    }

    /// `provariadic` of the pseudo-types.
    fn variadic_of(&self, of: Oid) -> Oid {
        let names = [("any", "any"), ("anyarray", "anyelement"), ("anycompatiblearray", "anycompatible")];
        let named = names.iter().find(|(array, _)| self.type_of(array) == of).expect("an array");
        self.type_of(named.1)
    }

    /// `schema.sign(left, right) result`, run by a function of its own.
    pub(super) fn with_operator(mut self, written: &str) -> Self {
        let (full, rest) = written.split_once('(').expect("operands");
        let (inside, result) = rest.rsplit_once(") ").expect("a result");
        let (schema, name) = full.split_once('.').expect("a schema");
        let operands: Vec<Oid> = inside.split(", ").map(|of| self.type_of(of)).collect();
        let (left, right) = match *operands {
            [right] => (Oid(0), right),
            [left, right] => (left, right),
            _ => panic!("one or two operands"),
        };
        let (oid, function, result) = (self.oid(), self.oid(), self.type_of(result));
        let (schema, name) = (schema.into(), name.into());
        self.code().insert_operator(Operator { oid, schema, name, left, right, result, function });
        self
    }

    pub(super) fn with_cast(mut self, from: &str, to: &str, context: CastContext) -> Self {
        let pair = (self.type_of(from), self.type_of(to));
        let function = Some(self.oid());
        let cast = Cast { context, function, binary: false };
        Arc::make_mut(&mut self.code().casts).insert(pair, cast);
        self
    }

    pub(super) fn type_of(&self, name: &str) -> Oid {
        if name == "?" {
            return Oid(0);
        }
        let bare = name.strip_suffix("[]");
        let all = SearchPath { schemas: vec!["pg_catalog".into(), "public".into()], creation: None };
        type_named(&self.catalog, &all, &[bare.unwrap_or(name)], bare.is_some())
            .unwrap_or_else(|| panic!("there is no type {name}"))
    }

    pub(super) fn name_of(&self, oid: Oid) -> String {
        match self.catalog.code.types.get(&oid) {
            Some(found) if found.element != Oid(0) => format!("{}[]", self.name_of(found.element)),
            Some(found) => found.name.to_string(),
            None => "?".into(),
        }
    }

    /// What a call runs: `schema.name(declared types) → result`.
    pub(super) fn call(&self, written: &str) -> String {
        let (written, within_group) = match written.split_once(" within ") {
            Some((call, ordered)) => (call, Some(ordered.parse().expect("a number"))),
            None => (written, None),
        };
        let (name, inside) = written.strip_suffix(')').and_then(|call| call.split_once('(')).expect("a call");
        let name: Vec<&str> = name.split('.').collect();
        let given: Vec<&str> = inside.split(", ").filter(|given| !matches!(*given, "" | "*")).collect();
        let variadic = given.last().is_some_and(|last| last.contains("VARIADIC "));
        let mut names: Vec<Option<&str>> = Vec::new();
        let mut arguments = Vec::new();
        for argument in given {
            let argument = argument.trim_start_matches("VARIADIC ");
            let (named, of) =
                argument.split_once(" => ").map_or((None, argument), |(name, of)| (Some(name), of));
            names.push(named);
            arguments.push(self.type_of(of.trim_start_matches("VARIADIC ")));
        }
        if names.iter().all(Option::is_none) {
            names.clear();
        }
        let star = inside == "*";
        let call = Call { name: &name, arguments: &arguments, names: &names, variadic, star, within_group };
        match function(&self.catalog, &self.path, &call) {
            Ok(chosen) if chosen.is_cast => format!("cast → {}", self.name_of(chosen.result)),
            Ok(chosen) => {
                let set = if chosen.returns_set { "setof " } else { "" };
                format!("{} → {set}{}", self.signature(chosen.function), self.name_of(chosen.result))
            }
            Err(failure) => failed(failure),
        }
    }

    pub(super) fn chosen(&self, name: &str, arguments: &[&str]) -> super::super::Chosen {
        let arguments: Vec<Oid> = arguments.iter().map(|of| self.type_of(of)).collect();
        let call = Call { name: &[name], arguments: &arguments, ..Call::default() };
        function(&self.catalog, &self.path, &call).expect("a function")
    }

    pub(super) fn path(&self) -> &SearchPath {
        &self.path
    }

    /// Gives a relation its children.
    pub(super) fn relate(&mut self, oid: Oid, children: Vec<Oid>) {
        self.catalog.insert(Relation {
            oid,
            schema: "public".into(),
            name: oid.0.to_string().into(),
            kind: RelationKind::Table,
            columns: Vec::new(),
            view_reads: Vec::new(),
            view: ViewReading::Untouched,
            children,
            runs_code: false,
            details: None,
        });
    }

    /// `schema.name(types)`
    pub(super) fn signature(&self, oid: Oid) -> String {
        let found = &self.catalog.code.functions[&oid];
        let types: Vec<String> = found.arguments.iter().map(|of| self.name_of(*of)).collect();
        format!("{}.{}({})", found.schema, found.name, types.join(", "))
    }

    /// What a sign runs: `left sign right → result` as declared; written `left sign right` or `sign right`.
    pub(super) fn sign(&self, written: &str) -> String {
        let words: Vec<&str> = written.split(' ').collect();
        let (left, sign, right) = match *words {
            [sign, right] => (None, sign, right),
            [left, sign, right] => (Some(self.type_of(left)), sign, right),
            _ => panic!("two or three words"),
        };
        let name: Vec<&str> = sign.split("::").collect();
        match operator(&self.catalog, &self.path, &name, left, self.type_of(right)) {
            Ok(chosen) => {
                let found = &self.catalog.code.operators[&chosen.operator];
                assert_eq!(found.function, chosen.function);
                let left = if found.left == Oid(0) { String::new() } else { self.name_of(found.left) + " " };
                let schema = if &*found.schema == "pg_catalog" { "" } else { &format!("{}.", found.schema) };
                let (right, result) = (self.name_of(found.right), self.name_of(chosen.result));
                format!("{left}{schema}{} {right} → {result}", found.name)
            }
            Err(failure) => failed(failure),
        }
    }

    /// Compares answers to calls.
    #[track_caller]
    pub(super) fn calls(&self, cases: &[(&str, &str)]) {
        let answers: Vec<(&str, String)> = cases.iter().map(|(call, _)| (*call, self.call(call))).collect();
        compare(&answers, cases);
    }

    /// Compares answers to signs.
    #[track_caller]
    pub(super) fn signs(&self, cases: &[(&str, &str)]) {
        let answers: Vec<(&str, String)> = cases.iter().map(|(sign, _)| (*sign, self.sign(sign))).collect();
        compare(&answers, cases);
    }
}

#[track_caller]
fn compare(answers: &[(&str, String)], cases: &[(&str, &str)]) {
    let wanted: Vec<(&str, String)> =
        cases.iter().map(|(case, answer)| (*case, (*answer).to_owned())).collect();
    assert_eq!(answers, wanted);
}

fn failed(failure: Failure) -> String {
    match failure {
        Failure::Missing => "missing".into(),
        Failure::Ambiguous => "ambiguous".into(),
        Failure::Unknown => "unknown".into(),
    }
}
