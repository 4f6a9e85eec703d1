//! Which resources a run had and what it read of them: told in several places that must agree, so that nothing
//! can be left out of one or added to one.

use std::collections::BTreeSet;

use connect_shared::{attest::RunPredicate, openlineage::split, text::printable_name};

use super::check::unsound;
use crate::failure::Outcome;

/// The run has the resources that the log says, and each statement and source is of one of them.
pub(super) fn resources<'a>(run: &RunPredicate, logged: impl Iterator<Item = &'a String>) -> Outcome<()> {
    let (logged, told) = (logged.map(String::as_str).collect(), run.all_resources().collect::<BTreeSet<_>>());
    if let Some(name) = BTreeSet::difference(&logged, &told).next() {
        let words = format!(
            "the log has the run on {}, too, and the attestation leaves it out",
            printable_name(name)
        );
        return Err(unsound("resource_left_out", &words));
    }
    let added = |name: &str| {
        let words = format!("{} is none of the resources that the log has the run on", printable_name(name));
        Err(unsound("resource_added", &words))
    };
    if let Some(name) = told.difference(&logged).next() {
        return added(name);
    }
    let of_statements = run.statements.iter().map(|statement| statement.resource.as_deref());
    let of_sources = run.sources.iter().map(|source| source.resource.as_deref());
    for resource in of_statements.chain(of_sources) {
        match resource {
            Some(name) if told.contains(name) => {}
            None if told.len() == 1 => {}
            Some(name) => return added(name),
            None => {
                return Err(unsound("form", "a statement or a source does not say of which resource it is"));
            }
        }
    }
    Ok(())
}

/// A column of a table of a resource.
type Read<'a> = (Option<&'a str>, &'a str, &'a str);

/// The sources are what the statements read, and nothing else.
pub(super) fn sources(run: &RunPredicate) -> Outcome<()> {
    let mut of_statements = BTreeSet::new();
    for statement in &run.statements {
        let columns = statement.direct.iter().chain(&statement.indirect).filter_map(|name| split(name));
        let resource = statement.resource.as_deref();
        of_statements.extend(columns.map(|(table, column)| -> Read<'_> { (resource, table, column) }));
    }
    let mut listed = BTreeSet::new();
    for source in &run.sources {
        let (resource, table) = (source.resource.as_deref(), source.table.as_str());
        listed.extend(source.columns.iter().map(|column| -> Read<'_> { (resource, table, &column.name) }));
    }
    let words = |(resource, table, column): &Read<'_>, what: &str| {
        let resource = resource.map(|name| format!("{name}/")).unwrap_or_default();
        format!("{} {what}", printable_name(&format!("{resource}{table}.{column}")))
    };
    if let Some(read) = of_statements.difference(&listed).next() {
        let words = words(read, "was read and stands not among the sources");
        return Err(unsound("source_left_out", &words));
    }
    match listed.difference(&of_statements).next() {
        None => Ok(()),
        Some(read) => {
            Err(unsound("source_added", &words(read, "stands among the sources and no statement read it")))
        }
    }
}

/// Resources of several on which no statement ran.
pub(super) fn unused(run: &RunPredicate) -> impl Iterator<Item = &str> {
    let used: BTreeSet<&str> =
        run.statements.iter().filter_map(|statement| statement.resource.as_deref()).collect();
    run.resources.iter().map(String::as_str).filter(move |name| !used.contains(name))
}

#[cfg(test)]
mod tests {
    use connect_shared::{
        attest::{Counters, Principal, Source, SourceColumn, StatementRecord, Use},
        entry::TextRef,
        ids::StatementId,
    };

    use super::*;

    fn statement(resource: Option<&str>) -> StatementRecord {
        StatementRecord {
            resource: resource.map(str::to_owned),
            direct: vec!["public.t.a".into()],
            indirect: vec!["public.t.b".into()],
            ..StatementRecord::new(StatementId::from_random([1; 16]), 1, TextRef::Length(1))
        }
    }

    fn source(resource: Option<&str>) -> Source {
        let column = |name: &str| SourceColumn { name: name.into(), usage: Use::Direct, masked: None };
        Source {
            resource: resource.map(str::to_owned),
            table: "public.t".into(),
            columns: vec![column("a"), column("b")],
            statements: 1,
            rows: 1,
            approvals: Vec::new(),
        }
    }

    fn run(resources: &[&str]) -> RunPredicate {
        let several = resources.len() > 1;
        let each = || resources.iter().map(|name| several.then_some(*name));
        RunPredicate {
            version: 1,
            approvals: Vec::new(),
            receipts: Vec::new(),
            run: String::new(),
            job: String::new(),
            parent: None,
            agent: String::new(),
            resource: resources[0].to_owned(),
            resources: if several {
                resources.iter().map(|name| (*name).to_owned()).collect()
            } else {
                Vec::new()
            },
            principal: Principal { name: String::new(), sub: String::new(), idp: String::new(), actor: None },
            key: String::new(),
            started: 0,
            ended: 0,
            last_read: None,
            sources: each().map(source).collect(),
            statements: each().map(statement).collect(),
            policies: Vec::new(),
            counters: Counters::default(),
            lost: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            folders: Vec::new(),
            not_covered: Vec::new(),
            index: 0,
            receipt: String::new(),
        }
    }

    /// What the verifier says of a run of which the log has these resources.
    fn code(run: &RunPredicate, logged: &[&str]) -> Option<String> {
        let logged: Vec<String> = logged.iter().map(|name| (*name).to_owned()).collect();
        let checked = resources(run, logged.iter()).and_then(|()| sources(run));
        checked.err().map(|report| report.code)
    }

    #[test]
    fn a_resource_is_neither_left_out_nor_added_and_neither_is_what_was_read_of_it() {
        let both = ["shop", "stock"];
        assert_eq!(code(&run(&both), &both), None);
        assert_eq!(code(&run(&["shop"]), &["shop"]), None);
        let is = |what: &str| Some(format!("attestation_{what}"));
        assert_eq!(code(&run(&["shop"]), &both), is("resource_left_out"));
        assert_eq!(code(&run(&both), &["shop"]), is("resource_added"));
        let changed = |change: fn(&mut RunPredicate)| {
            let mut run = run(&both);
            change(&mut run);
            code(&run, &both)
        };
        // A statement, or what it read, comes from elsewhere.
        assert_eq!(changed(|run| run.statements.push(statement(Some("other")))), is("resource_added"));
        assert_eq!(changed(|run| run.sources.push(source(Some("other")))), is("resource_added"));
        assert_eq!(changed(|run| run.statements.push(statement(None))), is("form"));
        // What was read of one resource is left out, or said of the other.
        assert_eq!(changed(|run| drop(run.sources.pop())), is("source_left_out"));
        assert_eq!(changed(|run| drop(run.sources[1].columns.pop())), is("source_left_out"));
        assert_eq!(changed(|run| run.sources[1].resource = Some("shop".into())), is("source_left_out"));
        assert_eq!(changed(|run| drop(run.statements.pop())), is("source_added"));
        let mut quiet = run(&both);
        quiet.statements.truncate(1);
        assert_eq!(unused(&quiet).collect::<Vec<_>>(), ["stock"]);
    }
}
