//! The graph as it grows, node by node, nearest first.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use connect_shared::{
    api::{Flow, LineageEdge, LineageGap, LineageNode, Moment},
    label::Label,
    lineage::UNKNOWN_RENAME,
};
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{
    Asked, MAX_EDGES, folders,
    nodes::Describing,
    roots::Spot,
    steps::{Bound, Step, Walker},
};
use crate::lineage::index::status_of;

/// Gaps in one answer.
const MAX_GAPS: usize = 50;

pub(super) struct Graph<'a> {
    walker: Walker<'a>,
    roots: Vec<Spot>,
    /// When each column that was asked about is first seen with a label, where that matters.
    limits: HashMap<Spot, Option<Bound>>,
    /// With which bound, and how far from a root.
    reached: BTreeMap<Spot, (Bound, u8)>,
    /// What was found from each node, the last time that it was looked at.
    steps: BTreeMap<Spot, Vec<Step>>,
    edges: usize,
    pub(super) more: bool,
}

impl<'a> Graph<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        asked: &'a Asked<'a>,
        roots: Vec<Spot>,
    ) -> Result<Self, rusqlite::Error> {
        let mut graph = Self {
            walker: Walker { connection, asked },
            roots,
            limits: HashMap::new(),
            reached: BTreeMap::new(),
            steps: BTreeMap::new(),
            edges: 0,
            more: false,
        };
        if asked.question.before_label {
            let describing = Describing { connection, asked };
            for root in &graph.roots {
                if let Spot::Column(node) = root {
                    graph.limits.insert(root.clone(), describing.labelled_before(*node)?);
                }
            }
        }
        Ok(graph)
    }

    pub(super) fn grow(&mut self) -> Result<(), rusqlite::Error> {
        let first = if self.walker.asked.is_down() { 0 } else { i64::MAX };
        let mut queue: VecDeque<Spot> = self.roots.iter().cloned().collect();
        self.reached = queue.iter().map(|root| (root.clone(), (first, 0))).collect();
        while let Some(spot) = queue.pop_front() {
            let Some((bound, depth)) = self.reached.get(&spot).copied() else { continue };
            let mut steps = self.walker.steps(&spot, bound, depth == 0)?;
            steps.retain(|step| step.to != spot);
            if let Some(limit) = self.limits.get(&spot) {
                steps.retain(|step| limit.is_some_and(|limit| before(step, limit)));
            }
            if depth >= self.walker.asked.question.depth {
                self.more |= !steps.is_empty();
                continue;
            }
            self.edges += steps.len();
            self.edges -= self.steps.get(&spot).map_or(0, Vec::len);
            for step in &steps {
                if self.is_news(step, depth) && !queue.contains(&step.to) {
                    queue.push_back(step.to.clone());
                }
            }
            self.steps.insert(spot, steps);
            if self.edges > MAX_EDGES {
                self.more = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether more can be found from where a step leads than before.
    fn is_news(&mut self, step: &Step, depth: u8) -> bool {
        let down = self.walker.asked.is_down();
        let index = if down { step.first.index } else { step.last.index };
        let bound = i64::try_from(index).unwrap_or(i64::MAX);
        match self.reached.get_mut(&step.to) {
            None => {
                self.reached.insert(step.to.clone(), (bound, depth + 1));
                true
            }
            Some((known, _)) if (down && *known <= bound) || (!down && *known >= bound) => false,
            Some((known, _)) => {
                *known = bound;
                true
            }
        }
    }

    pub(super) fn root_ids(&self) -> Result<Vec<String>, rusqlite::Error> {
        self.roots.iter().map(|root| self.describing().id(root)).collect()
    }

    fn describing(&self) -> Describing<'_> {
        Describing { connection: self.walker.connection, asked: self.walker.asked }
    }

    /// Nodes and edges as the answer has them: one edge for each way in which two nodes are joined.
    pub(super) fn describe(&self) -> Result<(Vec<LineageNode>, Vec<LineageEdge>), rusqlite::Error> {
        let (describing, down) = (self.describing(), self.walker.asked.is_down());
        let mut shown: BTreeSet<&Spot> = self.roots.iter().collect();
        let mut edges: BTreeMap<(String, String, Flow, Option<Label>), LineageEdge> = BTreeMap::new();
        for (from, steps) in &self.steps {
            for step in steps {
                shown.insert(&step.to);
                let (one, other) = (describing.id(from)?, describing.id(&step.to)?);
                let (from, to) = if down { (one, other) } else { (other, one) };
                let key = (from.clone(), to.clone(), step.flow, step.masked);
                match edges.get_mut(&key) {
                    Some(edge) => add(edge, step),
                    None => drop(edges.insert(key, edge(from, to, step))),
                }
            }
        }
        let mut nodes = Vec::with_capacity(shown.len());
        for spot in shown {
            nodes.push(describing.node(spot)?);
        }
        folders::list(self.walker.connection, &mut nodes)?;
        Ok((nodes, edges.into_values().collect()))
    }

    /// Statements that can have done more than is known: opaque ones on the same resources, and those that
    /// are understood in part if they or whoever sent them is in the graph. A rename that failed did nothing.
    pub(super) fn gaps(&mut self) -> Result<Vec<LineageGap>, rusqlite::Error> {
        let describing = self.describing();
        let resources = describing.resources(self.reached.keys())?;
        let nodes = serde_json::to_string(&self.columns()).unwrap_or_default();
        let whose = self.walker.asked.whose();
        let sql = format!(
            "SELECT u.run, u.sub, u.idp, u.actor, s.resource, s.status, count(*), min(u.idx), min(u.time), s.reasons \
             FROM shape s JOIN used_shape u ON u.shape = s.id WHERE s.status > 0 \
             AND s.resource IN (SELECT value FROM json_each(:resources)) \
             AND u.time >= :since AND u.time < :until AND {whose} \
             AND NOT (u.failed AND s.reasons LIKE :rename || '%') AND (s.status = 2 OR EXISTS ( \
             SELECT 1 FROM part p WHERE p.shape = s.id AND p.node IN (SELECT value FROM json_each(:nodes)))) \
             GROUP BY u.run, u.sub, u.idp, u.actor, s.resource, s.status ORDER BY s.status DESC, 8 LIMIT :limit"
        );
        let ((since, until), asker) = (self.walker.window(), self.walker.asked.asker);
        let mut statement = self.walker.connection.prepare(&sql)?;
        let resources = serde_json::to_string(&resources).unwrap_or_default();
        let mut rows = statement.query(named_params! {
            ":resources": resources, ":nodes": nodes, ":since": since, ":until": until,
            ":rename": format!("[\"{UNKNOWN_RENAME}"), ":limit": i64::try_from(MAX_GAPS + 1).unwrap_or(i64::MAX), ":sub": asker.sub, ":idp": asker.idp,
        })?;
        let mut gaps = Vec::new();
        while let Some(row) = rows.next()? {
            let run: String = row.get(0)?;
            let by = match run.is_empty() {
                true => Spot::Principal { sub: row.get(1)?, idp: row.get(2)?, actor: row.get(3)? },
                false => Spot::Run(run),
            };
            gaps.push(LineageGap {
                by: describing.id(&by)?,
                name: describing.name(&by)?,
                resource: row.get(4)?,
                status: status_of(row.get(5)?),
                statements: row.get(6)?,
                first: Moment { index: row.get(7)?, time: row.get(8)? },
                reasons: serde_json::from_str(&row.get::<_, String>(9)?).unwrap_or_default(),
            });
        }
        drop(rows);
        drop(statement);
        let cut = gaps.len() > MAX_GAPS;
        gaps.truncate(MAX_GAPS);
        self.more |= cut;
        Ok(gaps)
    }

    fn columns(&self) -> Vec<i64> {
        let column = |spot: &Spot| match spot {
            Spot::Column(node) => Some(*node),
            _ => None,
        };
        self.reached.keys().filter_map(column).collect()
    }
}

/// A step of which at least the first statement came before.
fn before(step: &Step, limit: Bound) -> bool {
    i64::try_from(step.first.index).is_ok_and(|first| first < limit)
}

fn edge(from: String, to: String, step: &Step) -> LineageEdge {
    LineageEdge {
        from,
        to,
        flow: step.flow,
        masked: step.masked,
        through: step.through.clone(),
        statements: step.statements,
        rows: step.rows,
        first: step.first,
        last: step.last,
        status: step.status,
        approvals: step.approvals.clone(),
    }
}

fn add(edge: &mut LineageEdge, step: &Step) {
    edge.through.extend(step.through.iter().cloned());
    edge.statements += step.statements;
    edge.rows += step.rows;
    edge.first = edge.first.min(step.first);
    edge.last = edge.last.max(step.last);
    edge.status = edge.status.max(step.status);
    edge.approvals.extend(&step.approvals);
}

/// One text of a query that finds one, or none.
pub(super) fn text(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Option<String>, rusqlite::Error> {
    connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0)).optional()
}
