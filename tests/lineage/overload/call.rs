//! Questions: random calls, and what we say of them.

use connect_core::{
    catalog::{
        Catalog, Oid,
        code::{AggregateKind, CastContext, Function, FunctionKind, Name, TypeKind},
    },
    session::SearchPath,
    understand::overload::{
        Call, Failure, UNKNOWN, array_operator, coercion, common_type, function, operator,
    },
};

use super::{
    Random,
    answer::Answer,
    types::{RECORD, Types, expression, name},
};

const ANY: Oid = Oid(2276);

/// A question.
pub(super) enum Asked {
    Operator { sign: Vec<Name>, left: Option<Oid>, right: Oid, sql: String },
    ArrayOperator { sign: Name, left: Oid, array: Oid, sql: String },
    Function { called: Called, sql: String, columns: bool },
    Common { types: Vec<Oid>, sql: String },
    Cast { from: Oid, to: Oid, sql: String },
}

/// A function call, written out.
#[derive(Clone, Default)]
pub(super) struct Called {
    name: Vec<Name>,
    arguments: Vec<Oid>,
    names: Vec<Option<Name>>,
    variadic: bool,
    star: bool,
    within_group: Option<usize>,
    over: bool,
}

impl Asked {
    pub(super) fn sql(&self) -> String {
        match self {
            Self::Operator { sql, .. }
            | Self::ArrayOperator { sql, .. }
            | Self::Function { sql, .. }
            | Self::Common { sql, .. }
            | Self::Cast { sql, .. } => sql.clone(),
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "operators",
            Self::ArrayOperator { .. } => "operators over arrays",
            Self::Function { columns: false, .. } => "functions",
            Self::Function { .. } => "output columns",
            Self::Common { .. } => "common types",
            Self::Cast { .. } => "casts",
        }
    }

    pub(super) const fn wants_columns(&self) -> bool {
        matches!(self, Self::Function { columns: true, .. })
    }

    /// One of each kind.
    pub(super) fn some(catalog: &Catalog, types: &Types, random: &mut Random) -> Vec<Self> {
        let mut asked = vec![common(catalog, types, random), a_cast(catalog, types, random)];
        asked.extend([(); 2].map(|()| an_operator(catalog, types, random)));
        asked.extend(over_array(catalog, types, random));
        for _ in 0..4 {
            asked.extend(a_function(catalog, types, random));
        }
        asked
    }

    pub(super) fn ours(&self, catalog: &Catalog, path: &SearchPath) -> Answer {
        match self {
            Self::Operator { sign, left, right, .. } => {
                let sign: Vec<&str> = sign.iter().map(|part| &**part).collect();
                let found = operator(catalog, path, &sign, *left, *right);
                runs(found.map(|found| (found.operator, found.result, found.coercions)))
            }
            Self::ArrayOperator { sign, left, array, .. } => {
                let found = array_operator(catalog, path, &[sign], *left, *array);
                runs(found.map(|found| (found.operator, found.result, found.coercions)))
            }
            Self::Function { called, columns, .. } => called.ours(catalog, path, *columns),
            Self::Common { types, .. } => match common_type(catalog, types) {
                Ok(result) => Answer::Becomes { result, conversions: None },
                Err(failure) => Answer::Refused(Some(failure)),
            },
            Self::Cast { from, to, .. } => match coercion(catalog, *from, *to, CastContext::Explicit) {
                Some(found) => {
                    Answer::Becomes { result: *to, conversions: Some(found.function.into_iter().collect()) }
                }
                None => Answer::Refused(None),
            },
        }
    }
}

fn runs(found: Result<(Oid, Oid, Vec<Oid>), Failure>) -> Answer {
    match found {
        Ok((what, result, mut conversions)) => {
            conversions.sort_unstable();
            Answer::Runs { what, result, conversions }
        }
        Err(failure) => Answer::Refused(Some(failure)),
    }
}

impl Called {
    fn ours(&self, catalog: &Catalog, path: &SearchPath, columns: bool) -> Answer {
        let name: Vec<&str> = self.name.iter().map(|part| &**part).collect();
        let names: Vec<Option<&str>> = self.names.iter().map(Option::as_deref).collect();
        let call = Call {
            name: &name,
            arguments: &self.arguments,
            names: &names,
            variadic: self.variadic,
            star: self.star,
            within_group: self.within_group,
        };
        match function(catalog, path, &call) {
            Ok(chosen) if columns => Answer::columns(catalog, chosen.outputs.iter().map(|(_, oid)| *oid)),
            Ok(chosen) if chosen.is_cast => Answer::Becomes { result: chosen.result, conversions: None },
            Ok(chosen) => runs(Ok((chosen.function, chosen.result, chosen.coercions))),
            Err(failure) => Answer::Refused(Some(failure)),
        }
    }

    fn sql(&self, catalog: &Catalog, columns: bool) -> String {
        let quoted: Vec<String> = self.name.iter().map(|part| format!("\"{part}\"")).collect();
        let mut written: Vec<String> = Vec::new();
        for (place, argument) in self.arguments.iter().enumerate() {
            let named = self.names.get(place).and_then(Option::as_deref);
            let prefix = named.map_or(String::new(), |name| format!("\"{name}\" => "));
            let last = place + 1 == self.arguments.len();
            let variadic = if self.variadic && last { "VARIADIC " } else { "" };
            written.push(format!("{variadic}{prefix}{}", expression(catalog, *argument)));
        }
        let ordered = written.split_off(written.len() - self.within_group.unwrap_or_default());
        let inside = if self.star { "*".to_owned() } else { written.join(", ") };
        let mut call = format!("{}({inside})", quoted.join("."));
        if self.within_group.is_some() {
            call = format!("{call} WITHIN GROUP (ORDER BY {})", ordered.join(", "));
        }
        if self.over {
            call += " OVER ()";
        }
        if columns { format!("SELECT * FROM {call}") } else { format!("SELECT {call}") }
    }
}

fn an_operator(catalog: &Catalog, types: &Types, random: &mut Random) -> Asked {
    let code = &catalog.code;
    let mut oids: Vec<Oid> = code.operators.keys().copied().collect();
    oids.sort_unstable();
    // Signs with few operators are as interesting as `=` with its many, and users' more so.
    let users: Vec<Oid> = oids.iter().copied().filter(|oid| oid.0 >= 16_384).collect();
    let mut signs: Vec<&Name> = code.operators_by_name.keys().collect();
    signs.sort_unstable();
    let known = match random.below(8) {
        0 => &code.operators[random.of(&users)],
        1..4 => {
            let sign = *random.of(&signs);
            &code.operators[random.of(&code.operators_by_name[sign])]
        }
        _ => &code.operators[random.of(&oids)],
    };
    let prefix = known.left == Oid(0);
    let near = !random.once_in(4);
    let mut side =
        |declared: Oid| if near { types.near(catalog, declared, random) } else { types.any(random) };
    let (left, mut right) = ((!prefix).then(|| side(known.left)), side(known.right));
    // Two rows in brackets are compared column by column, which is another question.
    if left == Some(RECORD) && right == RECORD {
        right = UNKNOWN;
    }
    let qualified = random.once_in(8);
    let sign =
        if qualified { vec![known.schema.clone(), known.name.clone()] } else { vec![known.name.clone()] };
    let written = if qualified {
        format!("OPERATOR(\"{}\".{})", known.schema, known.name)
    } else {
        known.name.to_string()
    };
    let first = left.map_or(String::new(), |left| format!("({}) ", expression(catalog, left)));
    let sql = format!("SELECT {first}{written} ({})", expression(catalog, right));
    Asked::Operator { sign, left, right, sql }
}

fn over_array(catalog: &Catalog, types: &Types, random: &mut Random) -> Option<Asked> {
    let sign = *random.of(&["=", "<>", "<", ">=", "~~", "@>", "+", "||"]);
    let left = types.any(random);
    let array = if random.once_in(6) { types.any(random) } else { types.near(catalog, Oid(2277), random) };
    if array == RECORD {
        return None;
    }
    let sql = format!("SELECT ({}) {sign} ANY (({}))", expression(catalog, left), expression(catalog, array));
    Some(Asked::ArrayOperator { sign: sign.into(), left, array, sql })
}

fn common(catalog: &Catalog, types: &Types, random: &mut Random) -> Asked {
    let first = types.any(random);
    let mut given = vec![first];
    for _ in 0..=random.below(3) {
        given.push(if random.once_in(6) { types.any(random) } else { types.near(catalog, first, random) });
    }
    let written: Vec<String> = given.iter().map(|oid| expression(catalog, *oid)).collect();
    Asked::Common { types: given, sql: format!("SELECT COALESCE({})", written.join(", ")) }
}

fn a_cast(catalog: &Catalog, types: &Types, random: &mut Random) -> Asked {
    let to = loop {
        let to = types.any(random);
        if catalog.code.types.contains_key(&to) && ![UNKNOWN, RECORD, Oid(2277)].contains(&to) {
            break to;
        }
    };
    let from = types.near(catalog, to, random);
    let sql = format!("SELECT CAST({} AS {})", expression(catalog, from), name(catalog, to));
    Asked::Cast { from, to, sql }
}

/// A call of some function; of one with output columns, also for their types.
fn a_function(catalog: &Catalog, types: &Types, random: &mut Random) -> Vec<Asked> {
    let code = &catalog.code;
    let callable = |function: &&Function| {
        !function.arguments.contains(&Oid(2281)) && function.kind != FunctionKind::Procedure
    };
    let mut all: Vec<&Function> = code.functions.values().filter(callable).collect();
    all.sort_unstable_by_key(|function| function.oid);
    let users: Vec<&Function> = all.iter().copied().filter(|function| function.oid.0 >= 16_384).collect();
    let polymorphic = |function: &&&Function| {
        function.arguments.iter().any(|oid| connect_core::understand::overload::is_polymorphic(*oid))
    };
    let polymorphics: Vec<&Function> = all.iter().filter(polymorphic).copied().collect();
    let mut names: Vec<&Name> = code.functions_by_name.keys().collect();
    names.sort_unstable();
    let known = match random.below(10) {
        0..2 => *random.of(&users),
        2..4 => *random.of(&polymorphics),
        4..7 => {
            let name = *random.of(&names);
            let namesakes: Vec<&Function> =
                all.iter().copied().filter(|function| function.name == *name).collect();
            if namesakes.is_empty() { *random.of(&users) } else { *random.of(&namesakes) }
        }
        _ => *random.of(&all),
    };
    let called = if random.once_in(12) {
        by_type_name(catalog, types, random)
    } else {
        call_of(catalog, types, known, random)
    };
    // A row may have a column of the function's name, which is the caller's to find.
    let mut asked = vec![];
    if known.outputs.len() > 1 && !called.over && called.within_group.is_none() {
        let sql = called.sql(catalog, true);
        if called.name.last() == Some(&known.name) {
            asked.push(Asked::Function { called: called.clone(), sql, columns: true });
        }
    }
    let sql = called.sql(catalog, false);
    asked.push(Asked::Function { called, sql, columns: false });
    asked
}

fn by_type_name(catalog: &Catalog, types: &Types, random: &mut Random) -> Called {
    loop {
        let oid = types.any(random);
        // What is left untyped becomes text in the end.
        if let Some(found) = catalog.code.types.get(&oid).filter(|found| found.kind != TypeKind::Pseudo) {
            return Called {
                name: vec![found.name.clone()],
                arguments: vec![types.any(random)],
                ..Called::default()
            };
        }
    }
}

fn call_of(catalog: &Catalog, types: &Types, known: &Function, random: &mut Random) -> Called {
    let mut called = Called { name: vec![known.name.clone()], ..Called::default() };
    if random.once_in(8) {
        called.name.insert(0, known.schema.clone());
    }
    let mut declared: Vec<Oid> = known.arguments.to_vec();
    let least = declared.len() - usize::from(known.defaults);
    if known.defaults > 0 && random.once_in(2) {
        declared.truncate(least + random.below(usize::from(known.defaults) + 1));
    }
    let whole = declared.len() == known.arguments.len();
    if known.variadic != Oid(0) && whole && !declared.is_empty() {
        if known.variadic != ANY && random.once_in(3) || known.variadic == ANY && random.once_in(8) {
            called.variadic = true;
        } else {
            let element = known.variadic;
            declared.pop();
            declared.extend(std::iter::repeat_n(element, 1 + random.below(3)));
        }
    }
    // All of one type, or each on its own.
    let alike = random.once_in(3).then(|| types.any(random));
    for declared in &declared {
        let polymorphic = connect_core::understand::overload::is_polymorphic(*declared) || *declared == ANY;
        let given = alike.filter(|_| polymorphic && !random.once_in(5));
        called.arguments.push(given.unwrap_or_else(|| types.near(catalog, *declared, random)));
    }
    let named =
        !known.argument_names.is_empty() && random.once_in(3) && declared.len() == known.arguments.len();
    if named && !matches!(known.kind, FunctionKind::Aggregate(_)) {
        name_arguments(&mut called, known, random);
    }
    match known.kind {
        FunctionKind::Aggregate(
            AggregateKind::OrderedSet { direct } | AggregateKind::Hypothetical { direct },
        ) => {
            let last = called.arguments.len().saturating_sub(usize::from(direct)).max(1);
            called.within_group = Some(last.min(called.arguments.len())).filter(|ordered| *ordered > 0);
            if known.variadic != Oid(0) {
                let half = called.arguments.clone();
                called.within_group = Some(half.len());
                called.arguments.extend(half);
                called.variadic = false;
            }
        }
        FunctionKind::Aggregate(AggregateKind::Normal) if known.arguments.is_empty() => {
            called.star = !random.once_in(4)
        }
        FunctionKind::Window => called.over = true,
        _ => {}
    }
    called
}

/// Some of the last arguments by name, in another order, and some left out.
fn name_arguments(called: &mut Called, known: &Function, random: &mut Random) {
    let positional = random.below(called.arguments.len() + 1);
    let mut named: Vec<(Option<Name>, Oid)> = (positional..called.arguments.len())
        .map(|place| {
            (
                known.argument_names.get(place).cloned().filter(|name| !name.is_empty()),
                called.arguments[place],
            )
        })
        .collect();
    if named.iter().any(|(name, _)| name.is_none()) {
        return;
    }
    if !named.is_empty() {
        let turn = random.below(named.len());
        named.rotate_left(turn);
    }
    if random.once_in(2) && named.len() > 1 {
        named.pop();
    }
    called.arguments.truncate(positional);
    called.names = vec![None; positional];
    for (name, oid) in named {
        called.names.push(name);
        called.arguments.push(oid);
    }
    if called.names.iter().all(Option::is_none) {
        called.names.clear();
    }
}
