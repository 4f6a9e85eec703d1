//! Queries and writes: calls of `set_config`, rows that go into temporary tables, code that runs.

use pg_query::{
    NodeEnum,
    protobuf::{AConst, FuncCall, Node, ResTarget, SelectStmt, SetOperation, a_const::Val},
};

use super::{Found, Reader, texts};
use crate::{
    catalog::{FIRST_NORMAL_OID, Oid, Volatility},
    lineage::{OutputKind, Status},
    session::{
        FIRST_OWN_OID,
        change::{Step, Written},
        code::{self, SET_CONFIG},
        find::Named,
        settings::{self, Scope, Setting, Value},
    },
    understand::named::{self, Named as Names},
};

const ALL: [Setting; 4] = [Setting::SearchPath, Setting::Role, Setting::Authorization, Setting::Strings];

impl Reader<'_> {
    pub(super) fn query(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::SelectStmt(select) => self.select(node, select),
            NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_) => self.executed(node),
            NodeEnum::CopyStmt(copy) => {
                if let Some(query) = copy.query.as_ref().and_then(|query| query.node.as_ref()) {
                    self.executed(query);
                } else if let Some(relation) = copy.relation.as_ref().filter(|_| copy.is_from) {
                    self.written(vec![Named::of(relation)]);
                }
                self.code_beside();
            }
            NodeEnum::ExplainStmt(explain) => {
                let analyzes = explain.options.iter().any(is_analyze);
                match explain.query.as_ref().and_then(|query| query.node.as_ref()) {
                    Some(inner) if analyzes => self.statement(inner),
                    // The planner runs what does not change while a statement runs.
                    _ if self.calls_steady() => self.code(),
                    _ => {}
                }
            }
            NodeEnum::DoStmt(_) | NodeEnum::CallStmt(_) => self.push(Step::CodeRan),
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn select(&mut self, node: &NodeEnum, select: &SelectStmt) {
        match leftmost(select).into_clause.as_deref() {
            Some(into) => self.select_into(node, into),
            None => self.executed(node),
        }
    }

    /// A query or write that runs now.
    pub(super) fn executed(&mut self, node: &NodeEnum) {
        let names = named::named(node);
        self.settings_in(node, &names);
        // Functions write too.
        let writes = self.lineage.outputs.iter().any(|output| matches!(output.kind, OutputKind::Table(_)));
        if writes || !names.targets.is_empty() {
            self.written(names.targets.iter().map(|relation| Named::of(relation)).collect());
        }
        self.code();
    }

    /// Expressions that run now, outside of any query.
    pub(super) fn arguments(&mut self, nodes: &[Node]) {
        if !nodes.is_empty() {
            let target = |node: &Node| {
                let target = ResTarget { val: Some(Box::new(node.clone())), ..ResTarget::default() };
                Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }
            };
            let target_list = nodes.iter().map(target).collect();
            let op = SetOperation::SetopNone as i32;
            let select = SelectStmt { target_list, op, ..SelectStmt::default() };
            self.executed(&NodeEnum::SelectStmt(Box::new(select)));
        }
    }

    fn code(&mut self) {
        if code::may_change_session(self.lineage, self.catalog) {
            self.push(Step::CodeRan);
        } else if code::may_write_unseen(self.lineage, self.catalog) {
            self.push(Step::RowsUnclear);
        }
    }

    /// Whether it calls users' functions that are said to change nothing.
    fn calls_steady(&self) -> bool {
        let users = self.lineage.functions.iter().filter(|oid| oid.0 >= FIRST_NORMAL_OID);
        let mut known = users.filter_map(|oid| self.catalog.code.functions.get(oid));
        known.any(|function| function.volatility != Volatility::Volatile)
    }

    /// Code that runs beside a command that is no query.
    pub(super) fn code_beside(&mut self) {
        if self.lineage.functions.contains(&SET_CONFIG) {
            self.all_unknown();
        }
        self.code();
    }

    /// What `set_config`, and the rule of `pg_settings` that calls it, set.
    fn settings_in(&mut self, node: &NodeEnum, names: &Names<'_>) {
        if names.targets.iter().any(|relation| relation.relname == "pg_settings") {
            return self.all_unknown();
        }
        let complete = self.lineage.status == Status::Complete;
        let resolved = self.lineage.functions.contains(&SET_CONFIG);
        let written = names.calls.iter().filter(|call| is_set_config(call)).count();
        match written {
            // Some other function of that name.
            _ if complete && !resolved && !self.lineage.functions.is_empty() => {}
            // Behind a view or in a body.
            0 if resolved || (names.incomplete && !complete) => self.all_unknown(),
            0 => {}
            _ if self.is_certain(node, names, written) => {
                for call in top_calls(node) {
                    self.set_config(call);
                }
            }
            _ => self.perhaps(node),
        }
    }

    /// Whether each call runs exactly once, and nothing else with it that may set something.
    fn is_certain(&self, node: &NodeEnum, names: &Names<'_>, written: usize) -> bool {
        let foreign = self.lineage.functions.iter().any(|oid| oid.0 >= FIRST_NORMAL_OID);
        names.is_flat
            && !names.incomplete
            && !foreign
            && is_one_row(node)
            && top_calls(node).count() == written
    }

    fn set_config(&mut self, call: &FuncCall) {
        let [setting, value, local] = call.args.as_slice() else { return self.all_unknown() };
        let Constant::Text(setting) = constant(setting) else { return self.all_unknown() };
        let Some(setting) = Setting::named(setting) else { return };
        let value = match constant(value) {
            Constant::Text(text) => Value::Text(text.into()),
            Constant::Null => Value::Default,
            Constant::Truth(_) | Constant::Unknown => Value::Unknown,
        };
        let scope = match constant(local) {
            Constant::Truth(true) => Scope::Local,
            Constant::Truth(false) | Constant::Null => Scope::Session,
            Constant::Text(text) if settings::is_true(text.trim()) => Scope::Local,
            Constant::Text(text) if settings::is_false(text.trim()) => Scope::Session,
            Constant::Text(_) | Constant::Unknown => Scope::Unknown,
        };
        self.push(Step::Set { setting, value, scope });
    }

    /// It may run, or not, or more than once.
    fn perhaps(&mut self, node: &NodeEnum) {
        let settings: Option<Vec<_>> = top_calls(node)
            .map(|call| match call.args.first().map(constant) {
                Some(Constant::Text(name)) => Some(Setting::named(name)),
                _ => None,
            })
            .collect();
        let all_seen = top_calls(node).count()
            == named::named(node).calls.iter().filter(|call| is_set_config(call)).count();
        match settings {
            Some(settings) if all_seen => {
                for setting in settings.into_iter().flatten() {
                    self.push(Step::Set { setting, value: Value::Unknown, scope: Scope::Session });
                }
            }
            _ => self.all_unknown(),
        }
    }

    pub(super) fn all_unknown(&mut self) {
        for setting in ALL {
            self.push(Step::Set { setting, value: Value::Unknown, scope: Scope::Session });
        }
    }

    /// Rows go into these relations, as far as the lineage does not say it better.
    pub(super) fn written(&mut self, targets: Vec<Named>) {
        let lineage = self.lineage;
        let outputs: Vec<_> = lineage
            .outputs
            .iter()
            .filter_map(|output| match output.kind {
                OutputKind::Table(oid) if self.may_be_temporary(oid) => {
                    let columns = output.columns.iter();
                    let flows = columns.map(|column| (column.name.clone(), column.direct.clone()));
                    Some((oid, flows.collect()))
                }
                _ => None,
            })
            .collect();
        let says_tables = lineage.outputs.iter().any(|output| matches!(output.kind, OutputKind::Table(_)));
        let exact = lineage.status != Status::Opaque && says_tables;
        if exact && outputs.is_empty() {
            // Stored tables only.
            return;
        }
        let (indirect, gaps) = (lineage.indirect.clone(), lineage.gaps.clone());
        self.push(Step::Write(Box::new(Written { outputs, targets, indirect, gaps, exact })));
    }

    fn may_be_temporary(&self, oid: Oid) -> bool {
        oid.0 >= FIRST_OWN_OID
            || self.catalog.relation(oid).is_none_or(|found| found.schema.starts_with("pg_temp"))
    }
}

pub(super) fn is_analyze(option: &Node) -> bool {
    let Some(NodeEnum::DefElem(option)) = &option.node else { return false };
    let argument = option.arg.as_ref().and_then(|node| node.node.as_ref());
    let off = match argument {
        Some(NodeEnum::String(text)) => settings::is_false(&text.sval),
        Some(NodeEnum::Integer(number)) => number.ival == 0,
        Some(NodeEnum::Boolean(truth)) => !truth.boolval,
        _ => false,
    };
    option.defname == "analyze" && !off
}

fn leftmost(select: &SelectStmt) -> &SelectStmt {
    let mut left = select;
    while let Some(larg) = &left.larg {
        left = larg;
    }
    left
}

fn is_set_config(call: &[&str]) -> bool {
    matches!(call, ["set_config"] | ["pg_catalog", "set_config"])
}

/// A SELECT that gives one row, whatever is in the database.
fn is_one_row(node: &NodeEnum) -> bool {
    let NodeEnum::SelectStmt(select) = node else { return false };
    select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.distinct_clause.is_empty()
        && select.values_lists.is_empty()
        && select.sort_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && matches!(SetOperation::try_from(select.op), Ok(SetOperation::SetopNone))
}

/// Calls of `set_config` that stand alone in the output list.
fn top_calls(node: &NodeEnum) -> impl Iterator<Item = &FuncCall> {
    let targets = match node {
        NodeEnum::SelectStmt(select) => select.target_list.as_slice(),
        _ => &[],
    };
    targets.iter().filter_map(|target| match &target.node {
        Some(NodeEnum::ResTarget(target)) => match &target.val.as_deref()?.node {
            Some(NodeEnum::FuncCall(call)) => {
                let name = texts(&call.funcname);
                let name: Vec<&str> = name.iter().map(|part| &**part).collect();
                let plain = call.over.is_none() && call.agg_filter.is_none() && !call.func_variadic;
                (is_set_config(&name) && plain).then_some(&**call)
            }
            _ => None,
        },
        _ => None,
    })
}

/// An argument, as far as it is constant.
enum Constant<'a> {
    Text(&'a str),
    Truth(bool),
    Null,
    Unknown,
}

fn constant(node: &Node) -> Constant<'_> {
    match &node.node {
        Some(NodeEnum::AConst(AConst { isnull: true, .. })) => Constant::Null,
        Some(NodeEnum::AConst(AConst { val: Some(Val::Sval(text)), .. })) => Constant::Text(&text.sval),
        Some(NodeEnum::AConst(AConst { val: Some(Val::Boolval(truth)), .. })) => {
            Constant::Truth(truth.boolval)
        }
        // A cast to text or boolean keeps what a text says; others may not.
        Some(NodeEnum::TypeCast(cast)) => match (cast.arg.as_deref(), cast.type_name.as_ref()) {
            (Some(inner), Some(name)) if is_plain(&texts(&name.names)) && name.array_bounds.is_empty() => {
                constant(inner)
            }
            _ => Constant::Unknown,
        },
        _ => Constant::Unknown,
    }
}

fn is_plain(name: &[crate::catalog::code::Name]) -> bool {
    matches!(name, [.., last] if matches!(&**last, "text" | "bool" | "varchar" | "unknown"))
}
