//! What a policy set is asked about a statement: one question for each (action, relation).

use std::collections::{BTreeSet, HashSet};

use connect_shared::{grant::Action, label::Label};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use super::{
    Asking,
    set::{Act, Policies, Spoken},
};
use crate::{
    approval::Approved,
    catalog::FIRST_NORMAL_OID,
    principal::{Principal, ResourceClass},
    statement::{Changes, Kind, ProtectedColumn, Protection, Shape, Statement},
};

/// Group whose members are programs, whoever they act for.
pub(super) const AI_AGENTS: &str = "ai-agents";
/// Group of programs with an identity of their own.
const SERVICES: &str = "services";

/// Administration of one's own objects, without lasting effect on the server.
const ORDINARY: [&str; 11] = [
    "analyze",
    "checkpoint",
    "cluster",
    "commit prepared",
    "lock table",
    "prepare transaction",
    "refresh materialized view",
    "reindex",
    "rollback prepared",
    "vacuum",
    "vacuum full",
];

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Database,
    /// `schema.name`
    Table(String),
    /// `schema.table.column` with its label.
    Column(String, &'static str),
}

/// Every question that a statement asks, each once.
pub(super) fn questions(statement: &Statement, columns: bool) -> BTreeSet<(Act, Target)> {
    let mut all = BTreeSet::new();
    match statement.kind {
        Kind::Transaction | Kind::SessionControl => {
            all.insert((Act::Connect, Target::Database));
        }
        Kind::Read => read(statement, &mut all),
        Kind::Write => write(statement, &mut all),
        Kind::SchemaChange => each(Act::Ddl, &statement.writes, &mut all),
        Kind::Privilege => each(Act::Grant, &statement.writes, &mut all),
        Kind::Administration => {
            all.insert((Act::Admin, Target::Database));
        }
    }
    if statement.verb == "copy" {
        all.insert((Act::Copy, Target::Database));
    }
    if columns {
        all.extend(
            labelled(statement)
                .map(|column| (Act::Read, Target::Column(column.name.clone(), column.own_label().as_str()))),
        );
    }
    all
}

/// Protected columns whose values a statement reads.
pub(super) fn protected(statement: &Statement) -> &[ProtectedColumn] {
    match &statement.protection {
        Protection::Projection { columns } | Protection::Masked { columns, .. } => columns,
        _ => &[],
    }
}

/// All columns with labels that a statement reads, masked or in clear. What is hidden of the server's own relations is
/// NULL to everybody: there is nothing to ask about.
pub(super) fn labelled(statement: &Statement) -> impl Iterator<Item = &ProtectedColumn> {
    let own = protected(statement).iter().filter(|column| column.relation.0 >= FIRST_NORMAL_OID);
    own.chain(&statement.shown)
}

fn read(statement: &Statement, all: &mut BTreeSet<(Act, Target)>) {
    each(Act::Read, &statement.reads, all);
}

fn write(statement: &Statement, all: &mut BTreeSet<(Act, Target)>) {
    let Changes { insert, update, delete, beside: _ } = statement.changes();
    for (act, does) in [(Act::Insert, insert), (Act::Update, update), (Act::Delete, delete)] {
        if does {
            each(act, &statement.writes, all);
        }
    }
    let others: Vec<String> =
        statement.reads.iter().filter(|name| !statement.writes.contains(name)).cloned().collect();
    if !others.is_empty() {
        each(Act::Read, &others, all);
    }
}

/// The server's own relations are those of the database; what names none is about the database, too.
fn each(act: Act, names: &[String], all: &mut BTreeSet<(Act, Target)>) {
    let own = names.iter().filter(|name| !is_system(name));
    let before = all.len();
    all.extend(own.map(|name| (act, Target::Table(name.clone()))));
    if all.len() == before {
        all.insert((act, Target::Database));
    }
}

pub(super) fn is_system(name: &str) -> bool {
    name.starts_with("pg_catalog.") || name.starts_with("information_schema.")
}

/// Everything that Cedar is told about one statement, for one principal.
pub(super) struct World<'p> {
    policies: &'p Policies,
    principal: EntityUid,
    database: EntityUid,
    entities: Entities,
    context: Context,
    name: String,
}

impl<'p> World<'p> {
    /// Of this principal: an AI agent, or the person that it acts for.
    pub(super) fn new(
        policies: &'p Policies,
        asking: &Asking<'_>,
        who: Who,
        statement: &Statement,
        questions: &BTreeSet<(Act, Target)>,
        approved: Option<Approved<'_>>,
    ) -> Result<Self, String> {
        let context = context(asking, &Told::of(statement), approved)?;
        Self::with(policies, asking, who, questions, context)
    }

    /// Of somebody who looks at columns of one label with a plain SELECT.
    pub(super) fn looking(
        policies: &'p Policies,
        asking: &Asking<'_>,
        who: Who,
        label: Label,
        questions: &BTreeSet<(Act, Target)>,
    ) -> Result<Self, String> {
        let context = context(asking, &Told::of_a_look(label), None)?;
        Self::with(policies, asking, who, questions, context)
    }

    fn with(
        policies: &'p Policies,
        asking: &Asking<'_>,
        who: Who,
        questions: &BTreeSet<(Act, Target)>,
        context: Context,
    ) -> Result<Self, String> {
        let name = asking.resource.name.clone();
        let database = uid(&policies.types.database, &name);
        let (principal, mut entities) = principal(policies, asking.principal, who)?;
        resources(policies, asking, questions, &mut entities)?;
        let entities = Entities::from_entities(entities, None).map_err(|error| error.to_string())?;
        Ok(Self { policies, principal, database, entities, context, name })
    }

    /// Which rules speak.
    pub(super) fn ask(&self, act: Act, target: &Target) -> Spoken<'p> {
        let resource = match target {
            Target::Database => self.database.clone(),
            Target::Table(name) => uid(&self.policies.types.table, &format!("{}/{name}", self.name)),
            Target::Column(name, _) => uid(&self.policies.types.column, &format!("{}/{name}", self.name)),
        };
        let failed = |message: String| Spoken { failed: Some(message), ..Spoken::default() };
        let Some(action) = self.policies.action(act) else { return failed("no such action".to_owned()) };
        let request =
            Request::new(self.principal.clone(), action.clone(), resource, self.context.clone(), None);
        match request {
            Ok(request) => self.policies.ask(act, &request, &self.entities),
            Err(error) => failed(error.to_string()),
        }
    }
}

/// As whom a principal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// As what it is.
    Self_,
    /// As the AI agent of this place in the chain, which handed its grant on.
    Link(usize),
    /// As the person or service that an AI agent acts for.
    Behind,
}

/// Everybody for whom a statement is decided; the strictest answer counts. What is decided for an AI agent is
/// decided for whoever it acts for, too: each one that handed its grant on, and the person.
pub(super) fn everybody(principal: &Principal) -> impl Iterator<Item = Who> {
    let links = principal.reference.chain().count().saturating_sub(1);
    let behind = is_agent(principal).then_some(Who::Behind);
    std::iter::once(Who::Self_).chain((0..links).map(Who::Link)).chain(behind)
}

/// Whether an AI agent acts, for somebody or on its own.
pub(super) fn is_agent(principal: &Principal) -> bool {
    principal.reference.actor.is_some() || principal.groups.iter().any(|group| group == AI_AGENTS)
}

/// Whether no person acts: an AI agent, or a service with an identity of its own.
#[must_use]
pub fn is_program(principal: &Principal) -> bool {
    is_agent(principal) || principal.groups.iter().any(|group| group == SERVICES)
}

fn principal(
    policies: &Policies,
    principal: &Principal,
    who: Who,
) -> Result<(EntityUid, Vec<Entity>), String> {
    let types = &policies.types;
    let groups = principal.groups.iter().filter(|group| who != Who::Behind || *group != AI_AGENTS);
    let groups: HashSet<EntityUid> = groups.map(|group| uid(&types.group, group)).collect();
    let mut attributes = vec![("name".to_owned(), text(&principal.name))];
    let kind = if who != Who::Behind && is_agent(principal) {
        let chain: Vec<&str> = principal.reference.chain().collect();
        let actor = match who {
            Who::Link(place) => chain.get(place),
            Who::Self_ | Who::Behind => chain.last(),
        };
        attributes.push(("actor".to_owned(), text(actor.copied().unwrap_or_default())));
        let chain = chain.into_iter().map(text);
        attributes.push(("chain".to_owned(), RestrictedExpression::new_set(chain)));
        &types.agent
    } else if principal.groups.iter().any(|group| group == SERVICES) {
        &types.service
    } else {
        &types.human
    };
    let id = uid(kind, &format!("{} {}", principal.reference.sub, principal.reference.idp));
    let mut entities: Vec<Entity> =
        groups.iter().map(|group| Entity::new_no_attrs(group.clone(), HashSet::new())).collect();
    let attributes = attributes.into_iter().collect();
    entities.push(Entity::new(id.clone(), attributes, groups).map_err(|error| error.to_string())?);
    Ok((id, entities))
}

fn resources(
    policies: &Policies,
    asking: &Asking<'_>,
    questions: &BTreeSet<(Act, Target)>,
    entities: &mut Vec<Entity>,
) -> Result<(), String> {
    let types = &policies.types;
    let class = match asking.resource.class {
        ResourceClass::Production => "production",
        ResourceClass::Development => "development",
    };
    let name = &asking.resource.name;
    let mut made: HashSet<EntityUid> = HashSet::new();
    let mut make = |id: EntityUid, attributes: &[(&str, &str)], parent: Option<EntityUid>| {
        if !made.insert(id.clone()) {
            return Ok(());
        }
        let class = [("class", class)];
        let attributes = class.iter().chain(attributes);
        let attributes = attributes.map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        let entity = Entity::new(id, attributes, parent.into_iter().collect());
        entities.push(entity.map_err(|error| error.to_string())?);
        Ok::<(), String>(())
    };
    let database = uid(&types.database, name);
    make(database.clone(), &[], None)?;
    for (_, target) in questions {
        let (table, column) = match target {
            Target::Database => continue,
            Target::Table(table) => (table.as_str(), None),
            Target::Column(column, label) => match column.rsplit_once('.') {
                Some((table, name)) => (table, Some((column, name, *label))),
                None => return Err(format!("`{column}` is no column")),
            },
        };
        let (schema, relation) = table.split_once('.').unwrap_or(("", table));
        if relation.contains('.') && policies.speaks_of_columns() {
            // It could pass for a relation of another schema.
            return Err(format!("`{table}` has a dot in a name, so that policies cannot tell it apart"));
        }
        let schema_id = uid(&types.schema, &format!("{name}/{schema}"));
        make(schema_id.clone(), &[("database", name)], Some(database.clone()))?;
        let table_id = uid(&types.table, &format!("{name}/{table}"));
        let attributes = [("database", name.as_str()), ("schema", schema), ("name", relation)];
        make(table_id.clone(), &attributes, Some(schema_id))?;
        if let Some((column, column_name, label)) = column {
            let attributes = [
                ("database", name.as_str()),
                ("schema", schema),
                ("table", relation),
                ("name", column_name),
                ("label", label),
            ];
            make(uid(&types.column, &format!("{name}/{column}")), &attributes, Some(table_id))?;
        }
    }
    Ok(())
}

/// What policies are told of a statement itself.
struct Told<'s> {
    verb: &'s str,
    labels: BTreeSet<&'static str>,
    shapes: &'s [Shape],
}

impl<'s> Told<'s> {
    fn of(statement: &'s Statement) -> Self {
        let labels = labelled(statement).map(|column| column.own_label().as_str()).collect();
        Self { verb: &statement.verb, labels, shapes: &statement.shapes }
    }

    fn of_a_look(label: Label) -> Self {
        Self { verb: "select", labels: BTreeSet::from([label.as_str()]), shapes: &[] }
    }
}

fn context(asking: &Asking<'_>, told: &Told<'_>, approved: Option<Approved<'_>>) -> Result<Context, String> {
    let has = |wanted: fn(&Shape) -> bool| truth(told.shapes.iter().any(wanted));
    let labels = told.labels.iter().map(|label| text(label));
    let granted = asking.grant.actions.iter().map(|action| {
        text(match action {
            Action::Read => "read",
            Action::Write => "write",
        })
    });
    let mut pairs = vec![
        ("granted", RestrictedExpression::new_set(granted)),
        ("verb", text(told.verb)),
        ("labels", RestrictedExpression::new_set(labels)),
        ("unbounded", has(|shape| matches!(shape, Shape::Unbounded { .. }))),
        ("destructive", has(|shape| matches!(shape, Shape::Destructive { .. }))),
        ("serverFile", has(|shape| *shape == Shape::ServerFile)),
        ("ordinary", truth(is_ordinary(told.verb))),
        ("time", time(asking.wall.as_secs())?),
    ];
    if let Some(purpose) = asking.purpose() {
        pairs.push(("purpose", text(purpose)));
    }
    if let Some(task) = &asking.grant.task {
        pairs.push(("task", text(task)));
    }
    if let Some(approved) = approved {
        let by = [("by", text(&approved.by())), ("request", text(&approved.request().to_string()))];
        pairs.push(("approval", record(by)?));
    }
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

pub(super) fn is_ordinary(verb: &str) -> bool {
    ORDINARY.contains(&verb)
}

/// Hour, minute and weekday (1 is Monday), all UTC.
fn time(seconds: u64) -> Result<RestrictedExpression, String> {
    let minutes = seconds / 60;
    let days = minutes / (24 * 60);
    // 1970-01-01 was a Thursday.
    let weekday = (days + 3) % 7 + 1;
    let number = |number: u64| RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX));
    record([
        ("hour", number(minutes / 60 % 24)),
        ("minute", number(minutes % 60)),
        ("weekday", number(weekday)),
    ])
}

fn record<const N: usize>(fields: [(&str, RestrictedExpression); N]) -> Result<RestrictedExpression, String> {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn truth(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_hour_and_weekday() {
        // 2026-11-26 03:22:34 UTC, a Thursday.
        let context = Context::from_pairs([("time".to_owned(), time(1_795_663_354).expect("a record"))]);
        let shown = context.expect("a context").to_string();
        for part in ["\"hour\": 3", "\"minute\": 22", "\"weekday\": 4"] {
            assert!(shown.contains(part) || shown.contains(&part.replace('"', "")), "{shown}");
        }
    }

    #[test]
    fn a_table_of_the_server_is_part_of_the_database() {
        let mut all = BTreeSet::new();
        let names = ["pg_catalog.pg_class".to_owned(), "information_schema.tables".to_owned()];
        each(Act::Read, &names, &mut all);
        assert_eq!(all, [(Act::Read, Target::Database)].into());
        all.clear();
        each(Act::Read, &["pg_catalog.pg_class".to_owned(), "public.orders".to_owned()], &mut all);
        assert_eq!(all, [(Act::Read, Target::Table("public.orders".to_owned()))].into());
    }
}
