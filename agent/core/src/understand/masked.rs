//! Masks where columns are read, so that a statement may compute with them: each protected relation in FROM
//! becomes a subselect of the same name and columns, in which protected columns are their masks
//! ([`crate::mask::sql`]). All that the statement then computes is a function of masks.
//!
//! Only for queries that read, and only where every name is known for certain: the binder says which
//! relation a name in FROM means, and the new text names it with its schema, so that no search path can
//! make it another one. Edits are made between tokens ([`edit`]); the new text is parsed again and must be
//! the old tree with these subselects in it and nothing else ([`check`]). What cannot be done is refused.

mod check;
mod edit;
mod lookup;
mod source;

use bytes::Bytes;
use pg_query::{
    NodeEnum,
    protobuf::{RangeVar, RawStmt},
};

use self::{edit::Edit, source::Wanted};
use super::{
    Limits,
    bind::{Meaning, Names, bind_named},
    facts::{Facts, Item, Source},
    found::{BoundIn, Found},
    functions::Consequence,
    parsed, query, refusal, resolve, tokens,
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
            let asked = Asked { raw, tokens: &tokens, text, catalog, session: &session, key };
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

impl Asked<'_> {
    fn rewrite(&self) -> Result<Rewritten, Refusal> {
        let Some(node) = self.raw.stmt.as_deref() else {
            return Err(refusal::not_reviewed("an empty command"));
        };
        if !matches!(node.node, Some(NodeEnum::SelectStmt(_))) {
            return Err(refusal::not_reviewed("a command that is no query, beside protected columns"));
        }
        let facts = walk::statement(node);
        let consequence = query::judge_masked(&facts, self.catalog)?;
        let (lineage, names) = bind_named(self.raw, self.catalog, self.session);
        if lineage.status == Status::Opaque {
            return Err(not_bound(&lineage));
        }
        let (mut edits, columns) = self.edits(&facts, &names)?;
        let lookups = lookup::lookups(&facts, &names, self.catalog, self.key);
        let looked_up = u32::try_from(lookups.len()).unwrap_or(u32::MAX);
        for lookup in lookups {
            edits.push(check::Replacement::constant(lookup.constant, lookup.text, self.tokens)?);
        }
        check::same(self.raw, self.text, self.range(), &edits)?;
        let protection = Protection::Masked { columns, lookups: looked_up };
        let statement = self.statement(&facts, consequence, protection, lineage);
        Ok(Rewritten { edits: edits.into_iter().map(check::Replacement::into_edit).collect(), statement })
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
        let mut edits = Vec::new();
        let mut columns: Vec<ProtectedColumn> = Vec::new();
        let mut bare: Vec<&str> = Vec::new();
        for (range_var, relation) in self.named(facts, names)? {
            let source = source::of(relation, range_var, &wanted, self.catalog, self.key)?;
            for column in source.masked {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            edits.push(check::Replacement::of(range_var, source.text, self.tokens)?);
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

    /// Names in FROM that could mean something protected, and the relation that each does mean.
    fn named<'f>(
        &self,
        facts: &'f Facts<'_>,
        names: &Names,
    ) -> Result<Vec<(&'f RangeVar, &Relation)>, Refusal> {
        let mut named = Vec::new();
        for item in facts.items() {
            let Item { source: Source::Relation { relation: range_var, .. }, .. } = item else { continue };
            let candidates = resolve::candidates(range_var, self.catalog);
            if !resolve::reaches_protected(self.catalog, candidates.into_iter()) {
                continue;
            }
            match names.relations.get(&range_var.location) {
                Some(Meaning::Query) => {}
                Some(Meaning::Relation(oid)) => {
                    let relation = self.catalog.relation(*oid);
                    named.push((*range_var, relation.ok_or_else(|| refusal::unknown_relation(range_var))?));
                }
                Some(Meaning::Own) | None => {
                    return Err(refusal::not_reviewed("a relation that this session changed, beside masks"));
                }
            }
        }
        Ok(named)
    }

    fn statement(
        &self,
        facts: &Facts<'_>,
        consequence: Consequence,
        protection: Protection,
        lineage: Lineage,
    ) -> Statement {
        let kind = if facts.locks || consequence == Consequence::Write { Kind::Write } else { Kind::Read };
        let mut found = Found::new("select", kind);
        query::name_relations(facts, self.catalog, &mut found);
        if consequence != Consequence::None {
            found.proof = ReadProof::MayWrite;
        }
        found.protection = protection;
        let bound = BoundIn {
            lineage,
            change: crate::session::SessionChange::default(),
            under: self.session.fingerprint(),
        };
        let range = self.range();
        found.with_text(tokens::normal(self.tokens, range.start, range.end), bound)
    }
}

fn not_bound(lineage: &Lineage) -> Refusal {
    let what = lineage.gaps.first().map_or("the statement", |gap| gap.what.as_str());
    refusal::not_reviewed(&format!("{what}, beside protected columns"))
}
