//! Columns and constraints as CREATE TABLE and ALTER TABLE write them.

use pg_query::{
    DeparseOptions, NodeEnum,
    protobuf::{ColumnDef, ConstrType, Constraint as Written, Node, ResTarget, SelectStmt, TypeName},
};

use super::texts;
use crate::{
    catalog::{ColumnExpression, Effect, Identity, code::Name},
    session::{
        change::{ColumnSpec, Constraint, TypeSpec},
        find::Named,
    },
    understand::named::numbers,
};

/// Names that stand for an integer with a sequence of its own.
const SERIALS: [(&str, &str); 6] = [
    ("bigserial", "int8"),
    ("serial", "int4"),
    ("serial2", "int2"),
    ("serial4", "int4"),
    ("serial8", "int8"),
    ("smallserial", "int2"),
];

/// A column, and the constraints that are written with it.
pub(super) fn column(definition: &ColumnDef) -> (ColumnSpec, Vec<Constraint>) {
    let serial = definition.type_name.as_ref().and_then(serial);
    let name = Name::from(definition.colname.as_str());
    let mut column = ColumnSpec {
        kind: serial.clone().or_else(|| definition.type_name.as_ref().and_then(type_spec)),
        name: name.clone(),
        not_null: definition.is_not_null || serial.is_some(),
        expression: None,
        computed_from: Box::default(),
        sequence: serial.is_some(),
        identity: None,
    };
    if let Some(default) = &definition.raw_default {
        column.expression = text_of(default).map(ColumnExpression::Default);
    }
    let mut constraints = Vec::new();
    for node in &definition.constraints {
        let Some(NodeEnum::Constraint(written)) = &node.node else { continue };
        with_constraint(&mut column, written);
        constraints.extend(constraint(written, Some(&name)));
    }
    (column, constraints)
}

fn with_constraint(column: &mut ColumnSpec, written: &Written) {
    let expression = written.raw_expr.as_deref();
    match ConstrType::try_from(written.contype) {
        Ok(ConstrType::ConstrNotnull | ConstrType::ConstrPrimary) => column.not_null = true,
        Ok(ConstrType::ConstrIdentity) => {
            column.not_null = true;
            column.sequence = true;
            column.identity = identity(&written.generated_when);
        }
        Ok(ConstrType::ConstrDefault) => {
            column.expression = expression.and_then(text_of).map(ColumnExpression::Default);
        }
        Ok(ConstrType::ConstrGenerated) => {
            let stored = written.generated_kind != "v";
            column.computed_from = expression.map(columns_in).unwrap_or_default();
            let text = expression.and_then(text_of);
            column.expression =
                text.map(if stored { ColumnExpression::Stored } else { ColumnExpression::Virtual });
        }
        _ => {}
    }
}

/// A constraint of the table, or of one of its columns.
pub(super) fn constraint(written: &Written, column: Option<&Name>) -> Option<Constraint> {
    let kind = ConstrType::try_from(written.contype).ok()?;
    match kind {
        ConstrType::ConstrPrimary | ConstrType::ConstrUnique => {
            let keys = texts(&written.keys);
            let columns = if keys.is_empty() { column.cloned().into_iter().collect() } else { keys };
            let name = Some(written.conname.as_str()).filter(|name| !name.is_empty()).map(Name::from);
            let primary = kind == ConstrType::ConstrPrimary;
            Some(Constraint::Unique { name, primary, columns: columns.into() })
        }
        ConstrType::ConstrForeign => {
            // CASCADE, SET NULL, SET DEFAULT; the others only refuse.
            let effect = |action: &str| Effect::from_catalog(action.bytes().next().unwrap_or_default());
            let (on_delete, on_update) = (effect(&written.fk_del_action), effect(&written.fk_upd_action));
            let of = Named::of(written.pktable.as_ref()?);
            let changes = [on_delete, on_update] != [Effect::Nothing; 2];
            changes.then_some(Constraint::Cascade { of, on_delete, on_update })
        }
        _ => None,
    }
}

pub(super) fn type_spec(written: &TypeName) -> Option<TypeSpec> {
    let (schema, name) = match texts(&written.names).as_slice() {
        [name] => (None, name.clone()),
        [.., schema, name] => (Some(schema.clone()), name.clone()),
        [] => return None,
    };
    let array = !written.array_bounds.is_empty();
    let modifiers = numbers(&written.typmods);
    (!written.setof && !written.pct_type).then_some(TypeSpec { schema, name, array, modifiers })
}

/// `a` or `d`
pub(super) fn identity(generated_when: &str) -> Option<Identity> {
    generated_when.bytes().next().and_then(Identity::from_catalog)
}

fn serial(written: &TypeName) -> Option<TypeSpec> {
    let names = texts(&written.names);
    let [name] = names.as_slice() else { return None };
    let (_, kind) = SERIALS.iter().find(|(serial, _)| *serial == &**name)?;
    Some(TypeSpec {
        schema: Some("pg_catalog".into()),
        name: (*kind).into(),
        array: false,
        modifiers: Box::default(),
    })
}

/// The expression as text, as far as the printer can.
pub(super) fn text_of(expression: &Node) -> Option<std::sync::Arc<str>> {
    let target = ResTarget { val: Some(Box::new(expression.clone())), ..ResTarget::default() };
    let target = Node { node: Some(NodeEnum::ResTarget(Box::new(target))) };
    let select = SelectStmt {
        target_list: vec![target],
        limit_option: pg_query::protobuf::LimitOption::Default as i32,
        op: pg_query::protobuf::SetOperation::SetopNone as i32,
        ..SelectStmt::default()
    };
    let text = NodeEnum::SelectStmt(Box::new(select)).deparse(DeparseOptions::default()).ok()?;
    text.strip_prefix("SELECT ").map(std::sync::Arc::from)
}

/// Columns that an expression over one table names.
pub(super) fn columns_in(expression: &Node) -> Box<[Name]> {
    crate::understand::named::columns(expression).into_iter().map(Name::from).collect()
}
