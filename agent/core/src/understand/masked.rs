//! Masks where columns are read, so that a statement may compute with them: each protected relation in FROM
//! becomes a subselect of the same name and columns, in which protected columns are their masks
//! ([`crate::mask::sql`]). All that the statement then computes is a function of masks.
//!
//! Only for queries that read and what carries one ([`carried`]), and only where every name is known for
//! certain: the binder says which relation a name in FROM means, and the new text names it with its schema,
//! so that no search path can make it another one. Edits are made between tokens ([`edit`]); the new text is parsed again and must be
//! the old tree with these subselects in it and nothing else ([`check`]). What cannot be done is refused.

mod carried;
mod check;
mod copied;
mod edit;
mod grouped;
mod lookup;
mod source;

use bytes::Bytes;
use pg_query::{
    NodeEnum,
    protobuf::{CopyStmt, Node, RangeTableSample, RangeVar, RawStmt},
};

pub(crate) use self::source::modifier;
use self::{
    carried::{Carried, Sink},
    edit::Edit,
    source::Wanted,
};
use super::{
    Limits,
    bind::{Meaning, Names, bind_named},
    facts::{Facts, Item, ScopeId, Source},
    hidden_rows, parsed, query, refusal, resolve,
    tokens::Tokens,
    walk,
};
use crate::{
    catalog::{Catalog, Relation},
    lineage::{Lineage, Status},
    mask::MaskKey,
    record::ReadProof,
    session::Session,
    statement::{Kind, ProtectedColumn, Protection, Refusal, Statement},
};

/// Longest statement that is rewritten, in bytes: its tree is printed and compared, which takes a hundred
/// times its memory for a moment.
const LONGEST: usize = 128 << 10;

/// Most places of a statement that are edited: each is looked for in the printed tree.
const MOST_EDITS: usize = 500;

/// A text of which at least one statement reads masks in place of values.
#[derive(Debug)]
pub(super) struct Masked {
    /// What goes to the server.
    pub(super) text: Bytes,
    /// Its statements in order: those that are rewritten are [`Protection::Masked`].
    pub(super) statements: Vec<Statement>,
}

/// Rewrites a text some of whose statements are refused, if all of them can be.
///
/// `statements`: what [`super::understand`] says of it in this state of the session.
///
/// # Errors
/// Why one of them cannot be, in its own terms; then nothing is changed.
pub(super) fn masked(
    text: &[u8],
    statements: &[Statement],
    catalog: &Catalog,
    session: &Session,
    key: &MaskKey,
    limits: &Limits,
) -> Result<Masked, Refusal> {
    let (tokens, parsed) = parsed(text, catalog, limits)?;
    let text = std::str::from_utf8(text).map_err(|_| refusal::not_reviewed("a text that is not UTF-8"))?;
    let mut session = session.clone();
    let mut done = Masked { text: Bytes::new(), statements: Vec::new() };
    let mut edits = Vec::new();
    for (raw, known) in parsed.iter().zip(statements) {
        let own = matches!(known.protection, Protection::Refused(_));
        let statement = if own {
            let asked = Asked { raw, known, tokens: &tokens, text, catalog, session: &session, key };
            let rewritten = asked.rewrite()?;
            edits.extend(rewritten.edits);
            rewritten.statement
        } else {
            known.clone()
        };
        if !statement.change.is_empty() {
            session.apply(&statement.change, catalog);
        }
        done.statements.push(statement);
    }
    done.text = Bytes::from(edit::applied(text, 0..text.len(), &edits)?);
    // One statement stays one, however the others are cut.
    if super::parse::statements(std::str::from_utf8(&done.text).unwrap_or_default())?.len() != parsed.len() {
        return Err(refusal::not_reviewed("a text whose statements cannot be told apart"));
    }
    Ok(done)
}

/// A statement that is to be rewritten.
struct Asked<'t> {
    raw: &'t RawStmt,
    known: &'t Statement,
    tokens: &'t Tokens<'t>,
    text: &'t str,
    catalog: &'t Catalog,
    session: &'t Session,
    key: &'t MaskKey,
}

/// It, rewritten.
struct Rewritten {
    edits: Vec<Edit>,
    statement: Statement,
}

/// A relation that is rewritten, where it stands in FROM.
struct Named<'f, 'c> {
    scope: ScopeId,
    item: &'f Item<'f>,
    written: &'f RangeVar,
    relation: &'c Relation,
}

impl Asked<'_> {
    fn rewrite(&self) -> Result<Rewritten, Refusal> {
        let Some(node) = self.raw.stmt.as_deref() else {
            return Err(refusal::not_reviewed("an empty command"));
        };
        if self.range().len() > LONGEST {
            return Err(refusal::too_large(format!("a statement that is masked may have {LONGEST} bytes")));
        }
        let rewritten = match carried::of(node)? {
            Carried::Query(query, sink) => self.query(query, sink),
            Carried::Table(copy) => self.table(copy),
        }?;
        carried::check(node, self.catalog)?;
        Ok(rewritten)
    }

    fn query(&self, query: &Node, sink: Sink) -> Result<Rewritten, Refusal> {
        let facts = walk::statement(query);
        let consequence = query::judge_masked(&facts, self.catalog)?;
        let names = self.names()?;
        let (mut edits, columns) = self.edits(&facts, &names)?;
        let found = lookup::lookups(&facts, &names, self.catalog, self.key)?;
        let lookups = u32::try_from(found.len()).unwrap_or(u32::MAX);
        for lookup in found {
            edits.push(check::Replacement::constant(lookup.constant, lookup.text, self.tokens)?);
        }
        if edits.len() > MOST_EDITS {
            return Err(refusal::too_large(format!(
                "{MOST_EDITS} names of protected relations in a statement"
            )));
        }
        check::same(self.raw, self.text, self.range(), &edits)?;
        let edits = edits.into_iter().map(check::Replacement::into_edit).collect();
        let kind = sink.kind(facts.locks, consequence);
        let statement = self.statement(kind, sink.proof(kind, consequence), columns);
        Ok(Rewritten { edits, statement: Statement { lookups, ..statement } })
    }

    fn table(&self, copy: &CopyStmt) -> Result<Rewritten, Refusal> {
        let Some(written) = &copy.relation else { return Err(refusal::not_reviewed("COPY of nothing")) };
        query::judge_masked(&walk::listed(written, &copy.attlist), self.catalog)?;
        let relation = self.meant(written, &self.names()?)?.ok_or_else(own)?;
        let place = (self.text, self.range());
        let (edit, columns) = copied::of(copy, relation, place, self.tokens, self.catalog, self.key)?;
        let statement = self.statement(Kind::Read, ReadProof::MayWrite, columns);
        Ok(Rewritten { edits: vec![edit], statement })
    }

    /// What the statement's names mean.
    fn names(&self) -> Result<Names, Refusal> {
        let (lineage, names) = bind_named(self.raw, self.catalog, self.session);
        hidden_rows::understood(&lineage, self.catalog)?;
        if lineage.status == Status::Opaque { Err(not_bound(&lineage)) } else { Ok(names) }
    }

    fn range(&self) -> std::ops::Range<usize> {
        let start = usize::try_from(self.raw.stmt_location).unwrap_or_default();
        let end = match usize::try_from(self.raw.stmt_len) {
            Ok(length) if length > 0 => start.saturating_add(length).min(self.text.len()),
            _ => self.text.len(),
        };
        start..end
    }

    /// What each name in FROM becomes.
    fn edits(
        &self,
        facts: &Facts<'_>,
        names: &Names,
    ) -> Result<(Vec<check::Replacement>, Vec<ProtectedColumn>), Refusal> {
        let wanted = Wanted::of(facts);
        let named = self.named(facts, names)?;
        let mut edits = grouped::completed(facts, &named, self.tokens, self.catalog)?;
        let mut columns: Vec<ProtectedColumn> = Vec::new();
        let mut bare: Vec<&str> = Vec::new();
        for one in &named {
            let Named { written: range_var, relation, .. } = one;
            let implied = lookup::implied(facts, names, one, self.catalog);
            let sample = self.sample(facts, range_var, relation)?;
            let behind = sample.as_ref().map_or("", |(_, written)| written);
            let shown = (*range_var, behind);
            let source = source::of(relation, shown, &wanted, &implied, self.catalog, self.key)?;
            for column in source.masked {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            edits.push(match sample {
                Some((sample, _)) => {
                    check::Replacement::sampled(range_var, sample, source.text, (self.text, self.tokens))?
                }
                None => check::Replacement::of(range_var, source.text, self.tokens)?,
            });
            if range_var.alias.is_none() {
                bare.push(&range_var.relname);
            }
        }
        // `schema.table.column` finds no schema behind a subselect.
        for column in &facts.columns {
            let qualifiers = column.names.len() - usize::from(!column.star);
            if let (2, [_, item, ..]) = (qualifiers, column.names.as_slice())
                && bare.contains(item)
            {
                if facts.items().filter(|other| other.name == *item).count() > 1 {
                    return Err(refusal::not_reviewed(
                        "a name with its schema, of one table among namesakes",
                    ));
                }
                edits.push(check::Replacement::without_schema(column, self.tokens)?);
            }
        }
        Ok((edits, columns))
    }

    /// TABLESAMPLE of a relation that is rewritten, as it is written.
    fn sample<'f>(
        &self,
        facts: &Facts<'f>,
        named: &RangeVar,
        relation: &Relation,
    ) -> Result<Option<(&'f RangeTableSample, String)>, Refusal> {
        let is_of = |sample: &&RangeTableSample| match sample.relation.as_ref().map(|node| &node.node) {
            Some(Some(NodeEnum::RangeVar(sampled))) => sampled.location == named.location,
            _ => false,
        };
        let Some(sample) = facts.samples.iter().copied().find(is_of).filter(|_| relation.is_protected())
        else {
            return Ok(None);
        };
        let written = self.tokens.sample(sample.location).and_then(|range| self.text.get(range));
        let written = written.ok_or_else(|| refusal::not_reviewed("TABLESAMPLE in an unusual form"))?;
        Ok(Some((sample, format!(" {written}"))))
    }

    /// Names in FROM that could mean something protected, and the relation that each does mean.
    fn named<'f>(&self, facts: &'f Facts<'f>, names: &Names) -> Result<Vec<Named<'f, '_>>, Refusal> {
        let mut named = Vec::new();
        for (place, scope) in facts.scopes.iter().enumerate() {
            for item in &scope.items {
                let Item { source: Source::Relation { relation: written, .. }, .. } = item else { continue };
                let candidates = resolve::candidates(written, self.catalog);
                if !resolve::reaches_protected(self.catalog, candidates.into_iter()) {
                    continue;
                }
                if let Some(relation) = self.meant(written, names)? {
                    named.push(Named { scope: ScopeId(place), item, written, relation });
                }
            }
        }
        Ok(named)
    }

    /// The relation that a name means; `None` if it is a query's.
    fn meant(&self, written: &RangeVar, names: &Names) -> Result<Option<&Relation>, Refusal> {
        match names.relations.get(&written.location) {
            Some(Meaning::Query) => Ok(None),
            Some(Meaning::Relation(oid)) => {
                let relation = self.catalog.relation(*oid);
                relation.map(Some).ok_or_else(|| refusal::unknown_relation(written))
            }
            Some(Meaning::Own) | None => Err(own()),
        }
    }

    /// The statement as it was understood, without what it was refused for.
    fn statement(&self, kind: Kind, proof: ReadProof, columns: Vec<ProtectedColumn>) -> Statement {
        let protection = Protection::Masked { columns };
        Statement { kind, proof, protection, ..self.known.clone() }
    }
}

fn own() -> Refusal {
    refusal::not_reviewed("a relation that this session changed, beside masks")
}

fn not_bound(lineage: &Lineage) -> Refusal {
    let what = lineage.gaps.first().map_or("the statement", |gap| gap.what.as_str());
    refusal::not_reviewed(&format!("{what}, beside protected columns"))
}

#[cfg(test)]
mod tests;
