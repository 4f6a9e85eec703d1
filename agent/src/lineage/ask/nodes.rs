//! What a node is called, and what else is known of it.

use connect_shared::{
    api::{LineageNode, Moment, Named, NodeKind, SearchScope},
    label::Label,
};
use rusqlite::{Connection, OptionalExtension as _, named_params, params};

use super::{
    Asked,
    graph::text,
    roots::Spot,
    steps::{Bound, label_of},
};

/// Names of one column.
const MAX_NAMES: usize = 16;

pub(super) struct Describing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) asked: &'a Asked<'a>,
}

/// A part of an id, so that no two principals have one: what stands between parts does not stand in them.
fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace('#', "%23").replace('+', "%2B")
}

impl Describing<'_> {
    /// Within the answer and the next one.
    pub(super) fn id(&self, spot: &Spot) -> Result<String, rusqlite::Error> {
        Ok(match spot {
            Spot::Column(node) => {
                let sql = "SELECT 'column:' || resource || '/' || key FROM node WHERE id = ?1";
                text(self.connection, sql, [node])?.unwrap_or_default()
            }
            Spot::Run(run) => format!("run:{run}"),
            Spot::File(sha256) => format!("file:{sha256}"),
            Spot::Principal { sub, idp, actor } if actor.is_empty() => {
                format!("principal:{}#{}", escaped(idp), escaped(sub))
            }
            Spot::Principal { sub, idp, actor } => {
                format!("principal:{}#{}+{}", escaped(idp), escaped(sub), escaped(actor))
            }
        })
    }

    pub(super) fn name(&self, spot: &Spot) -> Result<String, rusqlite::Error> {
        Ok(match spot {
            Spot::Column(node) => self.names(*node)?.pop().map_or_else(|| "?".to_owned(), |named| named.name),
            Spot::Run(run) => {
                let job = text(self.connection, "SELECT job FROM run WHERE run = ?1", [run])?;
                format!("{} {run}", job.unwrap_or_default())
            }
            Spot::File(sha256) => self.file(sha256)?.0,
            Spot::Principal { sub, idp, actor } => {
                let sql = "SELECT name FROM name WHERE sub = ?1 AND idp = ?2";
                let person = text(self.connection, sql, [sub, idp])?.unwrap_or_else(|| sub.clone());
                if actor.is_empty() { person } else { format!("{actor} for {person}") }
            }
        })
    }

    pub(super) fn node(&self, spot: &Spot) -> Result<LineageNode, rusqlite::Error> {
        let (id, name) = (self.id(spot)?, self.name(spot)?);
        let kind = match spot {
            Spot::Column(node) => self.column(*node)?,
            Spot::Run(run) => self.run(run)?,
            Spot::File(sha256) => {
                let (_, length, files) = self.file(sha256)?;
                NodeKind::File { sha256: sha256.clone(), length, files, within: Vec::new() }
            }
            Spot::Principal { sub, idp, actor } => NodeKind::Principal {
                sub: sub.clone(),
                idp: idp.clone(),
                actor: Some(actor.clone()).filter(|actor| !actor.is_empty()),
            },
        };
        Ok(LineageNode { id, name, kind })
    }

    /// Name, length, and how many files it has if it is a folder. The same content may have another name with somebody else, and whoever says later that a
    /// file is his changes nothing about what its maker calls it.
    fn file(&self, sha256: &str) -> Result<(String, u64, Option<u64>), rusqlite::Error> {
        let sql = "SELECT f.name, f.length, f.files FROM file f JOIN run r ON r.run = f.run WHERE f.sha256 = ?1 \
                   AND (?2 OR (r.sub = ?3 AND r.idp = ?4)) ORDER BY f.output DESC, f.idx LIMIT 1";
        let (all, asker) = (self.asked.question.scope == SearchScope::All, self.asked.asker);
        let parameters = params![sha256, all, asker.sub, asker.idp];
        let found = self
            .connection
            .prepare_cached(sql)?
            .query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        Ok(found.optional()?.unwrap_or_default())
    }

    fn run(&self, run: &str) -> Result<NodeKind, rusqlite::Error> {
        let sql = "SELECT job, resources, sub, idp, actor, status FROM run WHERE run = ?1";
        self.connection.prepare_cached(sql)?.query_row([run], |row| {
            let principal = Spot::Principal { sub: row.get(2)?, idp: row.get(3)?, actor: row.get(4)? };
            let all: Vec<String> = serde_json::from_str(&row.get::<_, String>(1)?).unwrap_or_default();
            Ok(NodeKind::Run {
                run: run.to_owned(),
                job: row.get(0)?,
                resource: all.first().cloned().unwrap_or_default(),
                resources: if all.len() > 1 { all } else { Vec::new() },
                principal: self.id(&principal)?,
                by: self.name(&principal)?,
                status: row.get(5)?,
            })
        })
    }

    fn column(&self, node: i64) -> Result<NodeKind, rusqlite::Error> {
        let sql = "SELECT resource, oid, number FROM node WHERE id = ?1";
        let (resource, oid, number): (String, Option<u32>, Option<i16>) = self
            .connection
            .prepare_cached(sql)?
            .query_row([node], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let names = self.names(node)?;
        let last = names.last().map_or_else(String::new, |named| named.name.clone());
        let (table, column) = connect_shared::openlineage::split(&last).unwrap_or_default();
        let (seen, labelled) = self.labels(node)?;
        let now = oid.zip(number).and_then(|(oid, number)| (self.asked.label)(&resource, oid, number));
        Ok(NodeKind::Column {
            table: table.to_owned(),
            column: column.to_owned(),
            resource,
            oid,
            number,
            names,
            label: now.or(seen),
            labelled,
        })
    }

    /// Every name with its time, the latest last: as far as the asker's own statements, or all, have used it.
    fn names(&self, node: i64) -> Result<Vec<Named>, rusqlite::Error> {
        let whose = self.asked.whose();
        let sql = format!(
            "SELECT p.tbl || '.' || p.col, min(u.idx), min(u.time), max(u.idx), max(u.time) \
             FROM part p JOIN used_shape u ON u.shape = p.shape WHERE p.node = :node AND {whose} \
             GROUP BY p.tbl, p.col ORDER BY max(u.idx) DESC LIMIT {MAX_NAMES}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let asker = self.asked.asker;
        let parameters = named_params! { ":node": node, ":sub": asker.sub, ":idp": asker.idp };
        let rows = statement.query_map(parameters, |row| {
            Ok(Named {
                name: row.get(0)?,
                first: Moment { index: row.get(1)?, time: row.get(2)? },
                last: Moment { index: row.get(3)?, time: row.get(4)? },
            })
        })?;
        let mut names = rows.collect::<Result<Vec<_>, _>>()?;
        names.reverse();
        Ok(names)
    }

    /// The last label, and since when there is one: as far as the same statements saw it.
    fn labels(&self, node: i64) -> Result<(Option<Label>, Option<Moment>), rusqlite::Error> {
        let whose = self.asked.whose();
        let seen = format!(
            "FROM part p JOIN used_shape u ON u.shape = p.shape \
             WHERE p.node = :node AND p.label IS NOT NULL AND {whose}"
        );
        let asker = self.asked.asker;
        let parameters = named_params! { ":node": node, ":sub": asker.sub, ":idp": asker.idp };
        let last = format!("SELECT p.label {seen} ORDER BY u.idx DESC LIMIT 1");
        let label = text(self.connection, &last, parameters)?.and_then(|word| label_of(&word));
        let first = format!("SELECT min(u.idx), min(u.time) {seen}");
        let at = self.connection.prepare_cached(&first)?.query_row(parameters, |row| {
            let (index, time): (Option<u64>, Option<u64>) = (row.get(0)?, row.get(1)?);
            Ok(index.zip(time).map(|(index, time)| Moment { index, time }))
        })?;
        Ok((label, at))
    }

    /// Before which entry a column had no label. `None`: it has none at all.
    pub(super) fn labelled_before(&self, node: i64) -> Result<Option<Bound>, rusqlite::Error> {
        let (_, at) = self.labels(node)?;
        if let Some(at) = at {
            return Ok(Some(i64::try_from(at.index).unwrap_or(i64::MAX)));
        }
        let sql = "SELECT resource, oid, number FROM node WHERE id = ?1";
        let now = self.connection.prepare_cached(sql)?.query_row([node], |row| {
            let (resource, oid, number): (String, Option<u32>, Option<i16>) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(oid.zip(number).and_then(|(oid, number)| (self.asked.label)(&resource, oid, number)))
        })?;
        // It has got one that no statement has met yet.
        Ok(now.map(|_| i64::MAX))
    }

    /// The resources that nodes are of.
    pub(super) fn resources<'n>(
        &self,
        spots: impl Iterator<Item = &'n Spot>,
    ) -> Result<std::collections::BTreeSet<String>, rusqlite::Error> {
        let mut found = std::collections::BTreeSet::new();
        for spot in spots {
            match spot {
                Spot::Column(node) => {
                    found.extend(text(self.connection, "SELECT resource FROM node WHERE id = ?1", [node])?);
                }
                Spot::Run(run) => {
                    let all = text(self.connection, "SELECT resources FROM run WHERE run = ?1", [run])?;
                    let all = all.and_then(|all| serde_json::from_str::<Vec<String>>(&all).ok());
                    found.extend(all.unwrap_or_default());
                }
                _ => {}
            }
        }
        Ok(found)
    }
}
