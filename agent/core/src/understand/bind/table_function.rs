//! XMLTABLE and JSON_TABLE.

use std::{borrow::Cow, rc::Rc};

use pg_query::{
    NodeEnum,
    protobuf::{JsonTable, JsonTableColumn, Node, RangeTableFunc, RangeTableFuncCol},
};

use super::{
    Binder, Bound,
    flow::{Flow, INT4},
    gap,
    item::{Item, Named},
    scope::{Entry, Env, Level},
    set::Set,
};
use crate::lineage::GapKind;

impl<'a> Binder<'a> {
    pub(super) fn xml_table(
        &mut self,
        table: &'a RangeTableFunc,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Item<'a>> {
        let RangeTableFunc { lateral: _, docexpr, rowexpr, namespaces, columns, alias, location: _ } = table;
        let level = Level::of(before.to_vec(), env.level);
        let here = Env { level: Some(&level), ..env };
        let mut source = self.optional(docexpr.as_deref(), here)?;
        let rows = self.optional(rowexpr.as_deref(), here)?;
        source.mix(&rows);
        for node in namespaces {
            if let Some(NodeEnum::ResTarget(target)) = &node.node {
                let namespace = self.optional(target.val.as_deref(), here)?;
                source.mix(&namespace);
            }
        }
        indirect.add(&source.direct);
        indirect.add(&source.indirect);
        let mut named = Vec::with_capacity(columns.len());
        for node in columns {
            let Some(NodeEnum::RangeTableFuncCol(column)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a column of XMLTABLE"));
            };
            named.push(self.xml_column(column, &source, here)?);
        }
        Ok(table_item(alias.as_ref(), "xmltable", named))
    }

    fn xml_column(
        &mut self,
        column: &'a RangeTableFuncCol,
        source: &Flow,
        here: Env<'_, 'a>,
    ) -> Bound<Named<'a>> {
        let RangeTableFuncCol {
            colname,
            type_name,
            for_ordinality,
            is_not_null: _,
            colexpr,
            coldefexpr,
            location: _,
        } = column;
        let name = Cow::Borrowed(colname.as_str());
        if *for_ordinality {
            return Ok(Named { name, flow: Flow::constant(INT4) });
        }
        let mut flow = source.clone();
        for node in [colexpr, coldefexpr].into_iter().flatten() {
            let part = self.expression(node, here)?;
            flow.mix(&part);
        }
        let (type_oid, modifier) = self.full_type(type_name.as_ref())?;
        Ok(Named { name, flow: flow.computed(type_oid).with_modifier(modifier) })
    }

    pub(super) fn json_table(
        &mut self,
        table: &'a JsonTable,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Item<'a>> {
        let JsonTable {
            context_item,
            pathspec: _,
            passing,
            columns,
            on_error,
            alias,
            lateral: _,
            location: _,
        } = table;
        self.since(170_000, "JSON_TABLE")?;
        let level = Level::of(before.to_vec(), env.level);
        let here = Env { level: Some(&level), ..env };
        let mut source = match context_item.as_deref() {
            Some(item) => self.json_value(item, here)?,
            None => return Err(gap(GapKind::NotReviewed, "JSON_TABLE of nothing")),
        };
        let passed = self.json_arguments(passing, here)?;
        source.mix(&passed);
        let behavior = self.json_behavior(on_error.as_deref(), here)?;
        source.mix(&behavior);
        indirect.add(&source.direct);
        indirect.add(&source.indirect);
        let mut named = Vec::new();
        self.json_columns(columns, &source, here, &mut named)?;
        Ok(table_item(alias.as_ref(), "json_table", named))
    }

    fn json_columns(
        &mut self,
        columns: &'a [Node],
        source: &Flow,
        here: Env<'_, 'a>,
        named: &mut Vec<Named<'a>>,
    ) -> Bound<()> {
        use pg_query::protobuf::JsonTableColumnType as Kind;
        for node in columns {
            let Some(NodeEnum::JsonTableColumn(column)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a column of JSON_TABLE"));
            };
            let JsonTableColumn { coltype, name, type_name, columns, on_empty, on_error, .. } = &**column;
            match Kind::try_from(*coltype) {
                Ok(Kind::JtcForOrdinality) => {
                    named.push(Named { name: Cow::Borrowed(name), flow: Flow::constant(INT4) });
                }
                Ok(Kind::JtcNested) => {
                    self.deeper(|binder| binder.json_columns(columns, source, here, named))?;
                }
                _ => {
                    let mut flow = source.clone();
                    for behavior in [on_empty, on_error] {
                        let part = self.json_behavior(behavior.as_deref(), here)?;
                        flow.mix(&part);
                    }
                    let (type_oid, modifier) = self.full_type(type_name.as_ref())?;
                    let flow = flow.computed(type_oid).with_modifier(modifier);
                    named.push(Named { name: Cow::Borrowed(name), flow });
                }
            }
        }
        Ok(())
    }
}

fn table_item<'a>(
    alias: Option<&'a pg_query::protobuf::Alias>,
    name: &'static str,
    columns: Vec<Named<'a>>,
) -> Item<'a> {
    super::from::named(alias, Item::derived(Cow::Borrowed(name), Rc::new(columns)))
}
