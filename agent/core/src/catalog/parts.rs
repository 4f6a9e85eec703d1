//! What types are made of, and what stands under relations: each thing once, however often it is reached.

use std::collections::{HashMap, HashSet};

use super::{
    Catalog, Oid, Relation,
    code::{Type, TypeKind},
};

/// Most parts of one type that are looked at. Tables have at most 1,600 columns; types of more parts are made
/// of such tables.
const MOST_PARTS: usize = 8_192;

/// Most columns of rows that are looked at to find them.
const MOST_COLUMNS: usize = 16 * MOST_PARTS;

/// A type has more parts than anybody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyParts;

impl Catalog {
    /// A type and all that its values are made of: the type under a domain, the subtype of a range, the columns
    /// of a row, the elements of an array. Types that are not in this snapshot are among them.
    ///
    /// # Errors
    /// There are too many to look at.
    pub fn parts_of(&self, type_oid: Oid) -> Result<Vec<Oid>, TooManyParts> {
        let mut parts = vec![type_oid];
        // Most types are made of no others.
        if self.code.types.get(&type_oid).is_none_or(is_plain) {
            return Ok(parts);
        }
        let mut seen = HashSet::from([type_oid]);
        let (mut at, mut columns) = (0, 0);
        while let Some(known) = parts.get(at).map(|oid| self.code.types.get(oid)) {
            at += 1;
            let Some(known) = known else { continue };
            let mut add = |oid: Oid| {
                if seen.insert(oid) {
                    parts.push(oid);
                }
            };
            match known.kind {
                TypeKind::Domain(of) | TypeKind::Range(of) | TypeKind::Multirange(of) => add(of),
                TypeKind::Composite(relation) => {
                    let own = self.relation(relation).map_or(&[][..], |found| &found.columns);
                    columns += own.len();
                    own.iter().for_each(|column| add(column.type_oid));
                }
                TypeKind::Base if known.element != Oid(0) => add(known.element),
                TypeKind::Base | TypeKind::Enum | TypeKind::Pseudo => {}
            }
            if parts.len() > MOST_PARTS || columns > MOST_COLUMNS {
                return Err(TooManyParts);
            }
        }
        Ok(parts)
    }

    /// A relation and all under it, by inheritance or as partitions, each once. Those that this snapshot does not
    /// have are left out.
    #[must_use]
    pub fn with_children<'a>(&'a self, relation: &'a Relation) -> Vec<&'a Relation> {
        let mut all = vec![relation];
        if relation.children.is_empty() {
            return all;
        }
        let mut seen = HashSet::from([relation.oid]);
        let mut at = 0;
        while let Some(children) = all.get(at).map(|relation| &relation.children) {
            at += 1;
            let below = children.iter().filter(|oid| seen.insert(**oid));
            all.extend(below.filter_map(|oid| self.relation(*oid)));
        }
        all
    }

    /// What a relation is a part of, by inheritance or as a partition, and what that is a part of, each once.
    #[must_use]
    pub fn wholes(&self, part: Oid) -> Vec<&Relation> {
        let wholes = self.asked.wholes.get_or_init(|| {
            let mut wholes: HashMap<Oid, Vec<Oid>> = HashMap::new();
            for relation in self.relations.values() {
                for child in &relation.children {
                    wholes.entry(*child).or_default().push(relation.oid);
                }
            }
            wholes.values_mut().for_each(|all| all.sort_unstable());
            wholes
        });
        let (mut seen, mut next) = (HashSet::from([part]), vec![part]);
        let mut all = Vec::new();
        while let Some(oid) = next.pop() {
            let above = wholes.get(&oid).into_iter().flatten().filter(|oid| seen.insert(**oid));
            for whole in above.filter_map(|oid| self.relation(*oid)) {
                next.push(whole.oid);
                all.push(whole);
            }
        }
        all
    }
}

const fn is_plain(known: &Type) -> bool {
    match known.kind {
        TypeKind::Base => known.element.0 == 0,
        TypeKind::Enum | TypeKind::Pseudo => true,
        TypeKind::Domain(_) | TypeKind::Range(_) | TypeKind::Multirange(_) | TypeKind::Composite(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::catalog::{
        Catalog, Oid,
        fixture::{Version, catalog},
    };

    fn of(catalog: &Catalog, name: &str) -> Oid {
        *catalog.code.types_by_name[name].first().expect("it is there")
    }

    #[test]
    fn each_part_counts_once_however_often_it_is_used() {
        // Each is made twice of the one before: 2⁴⁰ ways lead to the first.
        let mut text = "type public.t0 as (a int4);".to_owned();
        for n in 1..=40 {
            write!(text, "type public.t{n} as (a public.t{}, b public.t{});", n - 1, n - 1).expect("text");
        }
        let catalog = catalog(Version::Postgres18, &text).expect("a database");
        assert_eq!(catalog.parts_of(of(&catalog, "t40")).map(|parts| parts.len()), Ok(42));
    }

    #[test]
    fn what_is_under_a_relation_comes_once() {
        let text =
            "public.a(x int4); public.b(x int4) inherits public.a; public.c(x int4) inherits public.a;";
        let mut catalog = catalog(Version::Postgres18, text).expect("a database");
        let oid = |name: &str| catalog.candidates(None, name).next().expect("it is there").oid;
        let (a, b, c) = (oid("a"), oid("b"), oid("c"));
        // Two parents, and a ring as no server makes it.
        catalog.relation_mut(b).expect("it is there").children.extend([c, a]);
        let a = catalog.relation(a).expect("it is there");
        let names: Vec<&str> = catalog.with_children(a).iter().map(|relation| &*relation.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let above = |oid: Oid| -> Vec<&str> {
            let mut names: Vec<&str> = catalog.wholes(oid).iter().map(|relation| &*relation.name).collect();
            names.sort_unstable();
            names
        };
        assert_eq!((above(c), above(b)), (vec!["a", "b"], vec!["a"]));
    }
}
