//! GROUP BY on a primary key: of a stored table the server knows that the key decides all other columns,
//! and lets a query name them outside of GROUP BY. Of a subselect it does not know that, so those that are
//! named are added to the list. More columns of the same row change no group.

use pg_query::{
    NodeEnum,
    protobuf::{AStar, ColumnRef, Node, String as Name, a_const::Val},
};

use super::{Named, check::Replacement, source::whole_rows};
use crate::{
    catalog::{Catalog, Oid, Relation, RelationKind, quoted},
    statement::Refusal,
    understand::{
        facts::{Facts, Group, Place, Scope, Source},
        overload, refusal, resolve,
        tokens::Tokens,
        walk::{text, texts},
    },
};

/// What every list of GROUP BY must be given.
///
/// # Errors
/// A column that must be added is of a type that cannot be grouped by.
pub(super) fn completed(
    facts: &Facts<'_>,
    named: &[Named<'_, '_>],
    tokens: &Tokens<'_>,
    catalog: &Catalog,
) -> Result<Vec<Replacement>, Refusal> {
    let mut replacements = Vec::new();
    for group in &facts.groups {
        let Some(scope) = facts.scope(group.scope) else { continue };
        for named in named.iter().filter(|named| named.scope == group.scope) {
            let list = List { group, scope, facts, named, catalog };
            if let Some(last) = list.key() {
                let more = list.more()?;
                if !more.is_empty() {
                    replacements.push(Replacement::more(last, &more, tokens)?);
                }
            }
        }
    }
    Ok(replacements)
}

/// A list of GROUP BY, and an item of its level.
struct List<'l> {
    group: &'l Group<'l>,
    scope: &'l Scope<'l>,
    facts: &'l Facts<'l>,
    named: &'l Named<'l, 'l>,
    catalog: &'l Catalog,
}

impl<'l> List<'l> {
    fn item(&self) -> &'l str {
        self.named.item.name
    }

    /// The last column of the item's primary key in the list, if all of them stand there.
    fn key(&self) -> Option<&'l Node> {
        let relation = self.named.relation;
        let renamed = matches!(self.named.item.source, Source::Relation { renamed: true, .. });
        let sets = self.group.list.iter().any(|node| matches!(node.node, Some(NodeEnum::GroupingSet(_))));
        let alone = self.scope.items.iter().filter(|item| item.name == self.item()).count() == 1;
        // A key holds for a table's own rows, and says nothing about those of its children.
        let inherited = relation.kind == RelationKind::Table && !relation.children.is_empty();
        if !relation.is_protected() || renamed || sets || !alone || inherited || self.scope.join_alias {
            return None;
        }
        let key = relation.details.as_ref()?.uniques.iter().find(|unique| unique.primary)?;
        let mut last = None;
        for number in &key.columns {
            last = Some(self.standing(&relation.column(*number)?.name)?);
        }
        last
    }

    /// Where a column of the item stands in the list.
    fn standing(&self, column: &str) -> Option<&'l Node> {
        self.group.list.iter().find(|node| self.means(node, column))
    }

    /// Whether an element of the list is this column of the item, for certain.
    fn means(&self, node: &Node, column: &str) -> bool {
        match &node.node {
            Some(NodeEnum::ColumnRef(reference)) => self.is(reference, column),
            Some(NodeEnum::AConst(constant)) => match &constant.val {
                Some(Val::Ival(place)) => self.output(place.ival).is_some_and(|it| self.is(it, column)),
                _ => false,
            },
            _ => false,
        }
    }

    /// The reference that a number means.
    fn output(&self, place: i32) -> Option<&'l ColumnRef> {
        let upto = self.group.outputs.get(..usize::try_from(place).ok()?)?;
        let mut found = None;
        for node in upto {
            let Some(NodeEnum::ResTarget(target)) = &node.node else { return None };
            match target.val.as_ref().and_then(|value| value.node.as_ref()) {
                Some(NodeEnum::ColumnRef(reference))
                    if texts(&reference.fields).len() < reference.fields.len() =>
                {
                    // As many as the item has.
                    return None;
                }
                Some(NodeEnum::AIndirection(_)) => return None,
                Some(NodeEnum::ColumnRef(reference)) => found = Some(reference),
                _ => found = None,
            }
        }
        found
    }

    fn is(&self, reference: &ColumnRef, column: &str) -> bool {
        let Some(names) = reference.fields.iter().map(text).collect::<Option<Vec<_>>>() else { return false };
        match names.as_slice() {
            [name] => *name == column && self.is_only_here(column),
            [.., item, name] => *item == self.item() && *name == column,
            [] => false,
        }
    }

    /// Whether no other item of the level can have a column of this name.
    fn is_only_here(&self, column: &str) -> bool {
        let merged = self.facts.natural.contains(&self.group.scope)
            || self.facts.compared.iter().any(|(scope, name)| *scope == self.group.scope && *name == column);
        let elsewhere = self.scope.items.iter().filter(|item| item.name != self.item()).any(|item| {
            let Source::Relation { relation, renamed: false } = item.source else { return true };
            let is_query = self.facts.ctes.contains(&relation.relname.as_str());
            let candidates = resolve::candidates(relation, self.catalog);
            is_query || candidates.into_iter().any(|other| other.columns.iter().any(|it| &*it.name == column))
        });
        !merged && !elsewhere
    }

    /// References to what the query may name of the item outside of the list.
    fn more(&self) -> Result<Vec<(String, ColumnRef)>, Refusal> {
        let relation = self.named.relation;
        let whole = whole_rows(self.facts).any(|name| name == self.item());
        let mut more = Vec::new();
        for column in &relation.columns {
            let used = whole || self.is_named(&column.name);
            if !used || self.standing(&column.name).is_some() {
                continue;
            }
            if !can_be_grouped(self.catalog, column.type_oid) {
                return Err(cannot_be_grouped(relation, &column.name));
            }
            let written = format!("{}.{}", quoted(self.item()), quoted(&column.name));
            more.push((written, reference([self.item(), &column.name].map(word).to_vec())));
        }
        if whole {
            let star = Node { node: Some(NodeEnum::AStar(AStar {})) };
            let written = format!("{}.*", quoted(self.item()));
            more.push((written, reference(vec![word(self.item()), star])));
        }
        Ok(more)
    }

    /// Whether the query may name a column of the item. One that it names without need does no harm.
    fn is_named(&self, column: &str) -> bool {
        self.facts.fields.contains(&column)
            || self.facts.columns.iter().any(|reference| match (reference.names.as_slice(), reference.star) {
                ([], true) => reference.place != Place::Ignored,
                ([.., item], true) => *item == self.item(),
                ([name], false) => *name == column,
                ([.., item, name], false) => *item == self.item() && *name == column,
                ([], false) => false,
            })
    }
}

fn word(name: &str) -> Node {
    Node { node: Some(NodeEnum::String(Name { sval: name.to_owned() })) }
}

const fn reference(fields: Vec<Node>) -> ColumnRef {
    ColumnRef { fields, location: 0 }
}

/// Types of PostgreSQL's own without an equality that GROUP BY can use, and arrays of them: json, point,
/// lseg, path, box, polygon, line, circle, xml, jsonpath, refcursor and snapshots.
const WITHOUT_EQUALITY: [u32; 24] = [
    114, 199, 600, 1017, 601, 1018, 602, 1019, 603, 1020, 604, 1027, 628, 629, 718, 719, 142, 143, 4072,
    4073, 1790, 2201, 2970, 5038,
];

fn can_be_grouped(catalog: &Catalog, type_oid: Oid) -> bool {
    !WITHOUT_EQUALITY.contains(&overload::base_type(catalog, type_oid).0)
}

fn cannot_be_grouped(relation: &Relation, column: &str) -> Refusal {
    let name = relation.qualified_name();
    refusal::not_reviewed(&format!("`{name}.{column}`, whose type has no equality, beside GROUP BY on a key"))
}
