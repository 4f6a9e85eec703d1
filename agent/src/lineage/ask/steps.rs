//! One step: everything that a node gives to, or has from, others.

use std::collections::BTreeSet;

use connect_shared::{
    api::{Flow, Moment},
    attest::EMPTY_SHA256,
    ids::RequestId,
    label::Label,
    lineage::UnderstandingStatus,
};
use rusqlite::{Connection, Row, ToSql, named_params};

use super::{Asked, roots::Spot};
use crate::lineage::index::status_of;

/// From where on (going down) or up to where (going up) something counts: an index of the log.
pub(super) type Bound = i64;

/// Where a step leads.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) to: Spot,
    pub(super) flow: Flow,
    pub(super) masked: Option<Label>,
    pub(super) through: BTreeSet<String>,
    pub(super) statements: u64,
    pub(super) rows: u64,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) status: UnderstandingStatus,
    pub(super) approvals: BTreeSet<RequestId>,
}

/// Whoever takes steps.
pub(super) struct Walker<'a> {
    pub(super) connection: &'a Connection,
    pub(super) asked: &'a Asked<'a>,
}

/// What is counted of statements `u` of shapes `s`, with what a part `p` says of the column that is read.
const COUNTED: &str = "count(*), sum(u.rows), min(u.idx), max(u.idx), min(u.time), max(u.time), max(s.status), \
    p.masked, p.through, group_concat(DISTINCT u.approvals)";
/// When something was taken, or given, where one COPY took what another one gave.
const TAKEN: &str = "min(u.idx), max(u.idx), min(u.time), max(u.time)";
const GIVEN: &str = "min(g.first), max(g.last), min(g.began), max(g.ended)";
/// Statements in the time that the path leaves, and that the question is about.
const DOWNWARD: &str = "u.idx >= :bound";
const UPWARD: &str = "u.idx <= :bound";
/// For what people, agents and runs do.
const IN_TIME: &str = "u.time >= :since AND u.time < :until";
/// For what flows within the database.
const BEFORE: &str = "u.time < :until AND u.failed = 0 AND :since >= 0";
/// A run, or a principal.
const WHO: &str = "u.run, CASE u.run WHEN '' THEN u.sub ELSE '' END, CASE u.run WHEN '' THEN u.idp ELSE '' END, \
    CASE u.run WHEN '' THEN u.actor ELSE '' END";

/// Columns that can be the same one, under a name of their table that it has, too.
const NAMESAKES: &str = "SELECT o.node, o.tbl, o.col FROM named n JOIN named o ON o.tbl = n.tbl AND o.col = n.col \
    WHERE n.node = :node AND o.node <> n.node \
    UNION SELECT o.node, o.tbl, NULL FROM made m JOIN named o ON o.tbl = m.tbl JOIN node b ON b.id = o.node \
    AND b.number = m.number WHERE m.node = :node \
    UNION SELECT m.node, m.tbl, NULL FROM named n JOIN node b ON b.id = n.node JOIN made m ON m.tbl = n.tbl \
    AND m.number = b.number WHERE n.node = :node";

impl Walker<'_> {
    pub(super) fn steps(&self, from: &Spot, bound: Bound, root: bool) -> Result<Vec<Step>, rusqlite::Error> {
        let mut steps = Vec::new();
        match (from, self.asked.is_down()) {
            (Spot::Column(node), true) => self.column_down(*node, bound, &mut steps)?,
            (Spot::Column(node), false) => self.column_up(*node, bound, &mut steps)?,
            (Spot::Run(run), true) => {
                self.writes(&Does::Run(run), bound, &mut steps)?;
                self.files(Files::Of { run, output: true }, bound, &mut steps)?;
            }
            (Spot::Run(run), false) => {
                self.reads(&Does::Run(run), bound, &mut steps)?;
                self.files(Files::Of { run, output: false }, bound, &mut steps)?;
            }
            // All empty files are one by their hash, and nothing went through any of them.
            (Spot::File(sha256), _) if sha256 == EMPTY_SHA256 => {}
            (Spot::File(sha256), down) => {
                self.files(Files::With { sha256, output: !down }, bound, &mut steps)?
            }
            // What somebody does with what he has seen, nobody knows: a path ends with a principal.
            (Spot::Principal { .. }, _) if !root => {}
            (Spot::Principal { sub, idp, actor }, down) => {
                let does = Does::Principal { sub, idp, actor };
                match down {
                    true => self.writes(&does, bound, &mut steps)?,
                    false => self.reads(&does, bound, &mut steps)?,
                }
            }
        }
        Ok(steps)
    }

    fn column_down(&self, node: i64, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        let whose = self.asked.whose();
        let flows = format!(
            "SELECT f.target, {COUNTED} FROM flow f JOIN used_shape u ON u.shape = f.shape \
             JOIN shape s ON s.id = f.shape JOIN part p ON p.node = f.source AND p.shape = f.shape AND p.how = 0 \
             WHERE f.source = :node AND f.target <> 0 AND {DOWNWARD} AND {BEFORE} AND {whose} \
             GROUP BY f.target, f.shape"
        );
        self.columns(&flows, node, bound, Flow::Direct, steps)?;
        let decides = format!(
            "SELECT w.node, {COUNTED} FROM part p JOIN part w ON w.shape = p.shape AND w.how = 2 \
             JOIN used_shape u ON u.shape = p.shape JOIN shape s ON s.id = p.shape \
             WHERE p.node = :node AND p.how = 1 AND {DOWNWARD} AND {BEFORE} AND {whose} \
             GROUP BY w.node, p.shape"
        );
        self.columns(&decides, node, bound, Flow::Indirect, steps)?;
        let seen = format!(
            "SELECT {WHO}, {COUNTED} FROM flow f JOIN used_shape u ON u.shape = f.shape \
             JOIN shape s ON s.id = f.shape JOIN part p ON p.node = f.source AND p.shape = f.shape AND p.how = 0 \
             WHERE f.source = :node AND f.target = 0 AND {DOWNWARD} AND {IN_TIME} AND {whose} \
             GROUP BY 1, 2, 3, 4, f.shape"
        );
        self.people(&seen, node, bound, Flow::Direct, steps)?;
        let decided = format!(
            "SELECT {WHO}, {COUNTED} FROM part p JOIN used_shape u ON u.shape = p.shape \
             JOIN shape s ON s.id = p.shape WHERE p.node = :node AND p.how = 1 \
             AND {DOWNWARD} AND {IN_TIME} AND {whose} GROUP BY 1, 2, 3, 4, p.shape"
        );
        self.people(&decided, node, bound, Flow::Indirect, steps)?;
        self.copied(node, bound, steps)?;
        self.same(node, bound, steps)
    }

    fn column_up(&self, node: i64, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        let whose = self.asked.whose();
        let flows = format!(
            "SELECT f.source, {COUNTED} FROM flow f JOIN used_shape u ON u.shape = f.shape \
             JOIN shape s ON s.id = f.shape JOIN part p ON p.node = f.source AND p.shape = f.shape AND p.how = 0 \
             WHERE f.target = :node AND {UPWARD} AND {BEFORE} AND {whose} GROUP BY f.source, f.shape"
        );
        self.columns(&flows, node, bound, Flow::Direct, steps)?;
        let decides = format!(
            "SELECT p.node, {COUNTED} FROM part w JOIN part p ON p.shape = w.shape AND p.how = 1 \
             JOIN used_shape u ON u.shape = w.shape JOIN shape s ON s.id = w.shape \
             WHERE w.node = :node AND w.how = 2 AND {UPWARD} AND {BEFORE} AND {whose} \
             GROUP BY p.node, p.shape"
        );
        self.columns(&decides, node, bound, Flow::Indirect, steps)?;
        let written = format!(
            "SELECT {WHO}, {COUNTED} FROM part p JOIN used_shape u ON u.shape = p.shape \
             JOIN shape s ON s.id = p.shape WHERE p.node = :node AND p.how = 2 AND u.failed = 0 \
             AND (u.own = 1 OR s.temporary = 1) AND {UPWARD} AND {IN_TIME} AND {whose} \
             GROUP BY 1, 2, 3, 4, p.shape"
        );
        self.people(&written, node, bound, Flow::Written, steps)?;
        self.copied(node, bound, steps)?;
        self.same(node, bound, steps)
    }

    /// What one COPY gave and a later one took, byte for byte. Which of its columns became which is not known, so each
    /// can be any. Both are the asker's, where others' are none of his business. However often the same was given, it
    /// is one giver.
    fn copied(&self, node: i64, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        let (whose, givers) = (self.asked.whose(), self.asked.whose().replace("u.", "given."));
        let (leads, from, times, given_in_time, in_time) = match self.asked.is_down() {
            true => ("w.node", "f.source", TAKEN, "given.idx >= :bound", DOWNWARD),
            // The path goes on from where it was given.
            false => ("f.source", "w.node", GIVEN, "given.idx < :bound", UPWARD),
        };
        let sql = format!(
            "SELECT {leads}, count(*), sum(u.rows), {times}, max(s.status), p.masked, p.through, \
             group_concat(DISTINCT u.approvals) FROM (SELECT gave.hash, given.shape, min(given.idx) AS first, \
             max(given.idx) AS last, min(given.time) AS began, max(given.time) AS ended FROM content gave \
             JOIN used_shape given ON given.idx = gave.idx WHERE {given_in_time} AND {givers} GROUP BY 1, 2) g \
             JOIN flow f ON f.shape = g.shape AND f.target = 0 \
             JOIN content took ON took.hash = g.hash AND took.idx > g.first \
             JOIN used_shape u ON u.idx = took.idx JOIN shape s ON s.id = u.shape \
             JOIN part w ON w.shape = u.shape AND w.how = 2 \
             JOIN part p ON p.node = f.source AND p.shape = f.shape AND p.how = 0 \
             WHERE {from} = :node AND {in_time} AND {BEFORE} AND {whose} GROUP BY {leads}, g.shape, u.shape"
        );
        self.columns(&sql, node, bound, Flow::Direct, steps)
    }

    /// A table when a statement made it has no OID yet; one that was found later under this name can be it. Its
    /// columns are known by their names, and by their numbers in case they got new names meanwhile.
    fn same(&self, node: i64, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        let whose = self.asked.whose();
        let (order, before) = if self.asked.is_down() { ("min", DOWNWARD) } else { ("max", UPWARD) };
        let sql = format!(
            "SELECT o.node, 0, 0, {order}(u.idx), {order}(u.idx), {order}(u.time), {order}(u.time), 0, NULL, '[]', NULL \
             FROM ({NAMESAKES}) o JOIN node a ON a.id = :node JOIN node b ON b.id = o.node AND b.resource = a.resource \
             JOIN part p ON p.node = o.node AND p.tbl = o.tbl AND p.col = ifnull(o.col, p.col) \
             JOIN used_shape u ON u.shape = p.shape \
             WHERE (a.oid IS NULL) <> (b.oid IS NULL) AND {before} AND {BEFORE} AND {whose} GROUP BY o.node"
        );
        self.columns(&sql, node, bound, Flow::Same, steps)
    }

    fn writes(&self, does: &Does<'_>, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        let (whose, who) = (self.asked.whose(), does.condition());
        let sql = format!(
            "SELECT p.node, {COUNTED} FROM used_shape u JOIN part p ON p.shape = u.shape AND p.how = 2 \
             JOIN shape s ON s.id = u.shape WHERE {who} AND u.failed = 0 AND (u.own = 1 OR s.temporary = 1) \
             AND {DOWNWARD} AND {IN_TIME} AND {whose} GROUP BY p.node, p.shape"
        );
        self.does(&sql, does, bound, Flow::Written, steps)
    }

    fn reads(&self, does: &Does<'_>, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        let (whose, who) = (self.asked.whose(), does.condition());
        let direct = format!(
            "SELECT f.source, {COUNTED} FROM used_shape u JOIN flow f ON f.shape = u.shape AND f.target = 0 \
             JOIN shape s ON s.id = u.shape JOIN part p ON p.node = f.source AND p.shape = f.shape AND p.how = 0 \
             WHERE {who} AND {UPWARD} AND {IN_TIME} AND {whose} GROUP BY f.source, f.shape"
        );
        self.does(&direct, does, bound, Flow::Direct, steps)?;
        let indirect = format!(
            "SELECT p.node, {COUNTED} FROM used_shape u JOIN part p ON p.shape = u.shape AND p.how = 1 \
             JOIN shape s ON s.id = u.shape WHERE {who} AND {UPWARD} AND {IN_TIME} AND {whose} \
             GROUP BY p.node, p.shape"
        );
        self.does(&indirect, does, bound, Flow::Indirect, steps)
    }

    fn columns(
        &self,
        sql: &str,
        node: i64,
        bound: Bound,
        flow: Flow,
        steps: &mut Vec<Step>,
    ) -> Result<(), rusqlite::Error> {
        self.around(sql, node, bound, flow, steps, |row| Ok((Spot::Column(row.get(0)?), 1)))
    }

    fn people(
        &self,
        sql: &str,
        node: i64,
        bound: Bound,
        flow: Flow,
        steps: &mut Vec<Step>,
    ) -> Result<(), rusqlite::Error> {
        self.around(sql, node, bound, flow, steps, |row| {
            let run: String = row.get(0)?;
            let spot = match run.is_empty() {
                true => Spot::Principal { sub: row.get(1)?, idp: row.get(2)?, actor: row.get(3)? },
                false => Spot::Run(run),
            };
            Ok((spot, 4))
        })
    }

    /// What is one step away from a node.
    fn around(
        &self,
        sql: &str,
        node: i64,
        bound: Bound,
        flow: Flow,
        steps: &mut Vec<Step>,
        spot: impl Fn(&Row<'_>) -> Result<(Spot, usize), rusqlite::Error>,
    ) -> Result<(), rusqlite::Error> {
        let (since, until) = self.window();
        let parameters = named_params! {
            ":node": node, ":bound": bound, ":since": since, ":until": until,
            ":sub": self.asked.asker.sub, ":idp": self.asked.asker.idp,
        };
        self.collect(sql, parameters, flow, steps, spot)
    }

    fn does(
        &self,
        sql: &str,
        does: &Does<'_>,
        bound: Bound,
        flow: Flow,
        steps: &mut Vec<Step>,
    ) -> Result<(), rusqlite::Error> {
        let (since, until) = self.window();
        let ((one, two, three), asker) = (does.words(), self.asked.asker);
        let parameters = named_params! {
            ":one": one, ":two": two, ":three": three, ":bound": bound, ":since": since, ":until": until,
            ":sub": asker.sub, ":idp": asker.idp,
        };
        self.collect(sql, parameters, flow, steps, |row| Ok((Spot::Column(row.get(0)?), 1)))
    }

    fn files(&self, files: Files<'_>, bound: Bound, steps: &mut Vec<Step>) -> Result<(), rusqlite::Error> {
        // A run names its inputs when it ends, and has them from its beginning on.
        let before = match files {
            _ if self.asked.is_down() => "f.idx >= :bound",
            Files::Of { output: false, .. } => "r.idx <= :bound",
            _ => "f.idx <= :bound",
        };
        let (by, about, output) = match files {
            Files::Of { run, output } => ("f.run", run, output),
            Files::With { sha256, output } => ("f.sha256", sha256, output),
        };
        let sql = format!(
            "SELECT f.run, f.sha256, r.sub, r.idp, f.idx, f.time, r.idx FROM file f JOIN run r ON r.run = f.run \
             WHERE {by} = :about AND f.output = :output AND {before}"
        );
        let flow = if output { Flow::Output } else { Flow::Input };
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows =
            statement.query(named_params! { ":about": about, ":output": output, ":bound": bound })?;
        while let Some(row) = rows.next()? {
            if !self.asked.may_see(&row.get::<_, String>(2)?, &row.get::<_, String>(3)?) {
                continue;
            }
            let (index, time, begun): (u64, u64, u64) = (row.get(4)?, row.get(5)?, row.get(6)?);
            let (to, index) = match files {
                Files::Of { .. } => (Spot::File(row.get(1)?), index),
                // A run has its inputs from its beginning on, and nobody knows when it read them.
                Files::With { .. } if !output => (Spot::Run(row.get(0)?), begun),
                Files::With { .. } => (Spot::Run(row.get(0)?), index),
            };
            let at = Moment { index, time };
            steps.push(Step {
                to,
                flow,
                masked: None,
                through: BTreeSet::new(),
                statements: 0,
                rows: 0,
                first: at,
                last: at,
                status: UnderstandingStatus::Complete,
                approvals: BTreeSet::new(),
            });
        }
        Ok(())
    }

    /// Rows of a query: what a step leads to in the first columns, then what is [`COUNTED`].
    fn collect(
        &self,
        sql: &str,
        parameters: &[(&str, &dyn ToSql)],
        flow: Flow,
        steps: &mut Vec<Step>,
        spot: impl Fn(&Row<'_>) -> Result<(Spot, usize), rusqlite::Error>,
    ) -> Result<(), rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            let (to, at) = spot(row)?;
            let masked: Option<String> = row.get(at + 7)?;
            let through: String = row.get(at + 8)?;
            let approvals: Option<String> = row.get(at + 9)?;
            let approvals = approvals.unwrap_or_default();
            steps.push(Step {
                to,
                flow,
                masked: masked.and_then(|label| label_of(&label)),
                through: serde_json::from_str(&through).unwrap_or_default(),
                statements: row.get(at)?,
                rows: row.get(at + 1)?,
                first: Moment { index: row.get(at + 2)?, time: row.get(at + 4)? },
                last: Moment { index: row.get(at + 3)?, time: row.get(at + 5)? },
                status: status_of(row.get(at + 6)?),
                approvals: approvals.split(',').filter_map(|id| id.parse().ok()).collect(),
            });
        }
        Ok(())
    }

    /// The time that the question is about.
    pub(super) fn window(&self) -> (i64, i64) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let question = self.asked.question;
        (question.since.map_or(0, number), question.until.map_or(i64::MAX, number))
    }
}

/// Who did something.
enum Does<'a> {
    Run(&'a str),
    Principal { sub: &'a str, idp: &'a str, actor: &'a str },
}

impl Does<'_> {
    const fn condition(&self) -> &'static str {
        match self {
            Self::Run(_) => "u.run = :one AND :two = '' AND :three = ''",
            Self::Principal { .. } => "u.sub = :one AND u.idp = :two AND u.actor = :three",
        }
    }

    const fn words(&self) -> (&str, &str, &str) {
        match self {
            Self::Run(run) => (run, "", ""),
            Self::Principal { sub, idp, actor } => (sub, idp, actor),
        }
    }
}

/// Which files.
#[derive(Clone, Copy)]
enum Files<'a> {
    /// A run's outputs, or its inputs.
    Of { run: &'a str, output: bool },
    /// Where a file was an output, or an input.
    With { sha256: &'a str, output: bool },
}

/// The label behind its word.
pub(super) fn label_of(word: &str) -> Option<Label> {
    Label::ALL.into_iter().find(|label| label.as_str() == word)
}
