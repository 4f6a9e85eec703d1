//! What a name means. Of several readings the first that finds something counts, and of which kinds there is
//! something else of that name is said. Columns and tables come before what anybody can call as he likes: a job, a
//! file or an AI agent that is called as a column is cannot stand before it.

use connect_shared::api::LineageKind;
use rusqlite::{Connection, ToSql, named_params};

use super::Asked;

/// One node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Spot {
    /// By its number in the table.
    Column(i64),
    Run(String),
    /// By its SHA-256.
    File(String),
    Principal {
        sub: String,
        idp: String,
        actor: String,
    },
}

/// That a run `r` has the resource that is asked about, if one is.
const OF_RESOURCE: &str = "(:resource IS NULL OR :resource IN (SELECT value FROM json_each(r.resources)))";

/// In the order in which a name is read.
const READINGS: [(LineageKind, bool); 8] = [
    (LineageKind::Run, true),
    (LineageKind::Column, true),
    (LineageKind::Table, true),
    (LineageKind::Column, false),
    (LineageKind::Table, false),
    (LineageKind::File, true),
    (LineageKind::Job, true),
    (LineageKind::Principal, true),
];

/// What is asked about, and the kinds of which something else is called so.
pub(super) fn find(
    connection: &Connection,
    asked: &Asked<'_>,
) -> Result<(Vec<Spot>, Vec<LineageKind>), rusqlite::Error> {
    let (mut roots, mut also): (Vec<Spot>, Vec<LineageKind>) = (Vec::new(), Vec::new());
    let mut meant = None;
    for (kind, whole) in READINGS {
        // Of principals one is looked for through all statements: only where nothing else is meant.
        let known = meant == Some(kind) || (kind == LineageKind::Principal && meant.is_some());
        if asked.question.kind.is_some_and(|wanted| wanted != kind) || known {
            continue;
        }
        let mut found = read(connection, asked, kind, whole)?;
        found.sort();
        found.dedup();
        match (found.is_empty(), roots.is_empty()) {
            (true, _) => {}
            (false, true) => (roots, meant) = (found, Some(kind)),
            (false, false) if also.contains(&kind) => {}
            (false, false) => also.push(kind),
        }
    }
    Ok((roots, also))
}

fn read(
    connection: &Connection,
    asked: &Asked<'_>,
    kind: LineageKind,
    whole: bool,
) -> Result<Vec<Spot>, rusqlite::Error> {
    match kind {
        LineageKind::Column => columns(connection, asked, "n.tbl || '.' || n.col", whole),
        LineageKind::Table => columns(connection, asked, "n.tbl", whole),
        LineageKind::Run => runs(connection, asked, "r.run = :about"),
        LineageKind::Job => runs(connection, asked, "r.job = :about"),
        LineageKind::File => files(connection, asked),
        LineageKind::Principal => principals(connection, asked),
    }
}

fn columns(
    connection: &Connection,
    asked: &Asked<'_>,
    name: &str,
    whole: bool,
) -> Result<Vec<Spot>, rusqlite::Error> {
    let fits = match whole {
        true => format!("{name} = :about"),
        false => format!("substr({name}, -length(:about) - 1) = '.' || :about"),
    };
    // Names that only others have used are not for everybody.
    let whose = asked.whose();
    let sql = format!(
        "SELECT DISTINCT n.node FROM named n JOIN node c ON c.id = n.node WHERE {fits} \
         AND (:resource IS NULL OR c.resource = :resource) AND EXISTS ( \
         SELECT 1 FROM part p JOIN used_shape u ON u.shape = p.shape WHERE p.node = n.node \
         AND p.tbl = n.tbl AND p.col = n.col AND {whose})"
    );
    let question = asked.question;
    let parameters = named_params! {
        ":about": question.about, ":resource": question.resource,
        ":sub": asked.asker.sub, ":idp": asked.asker.idp,
    };
    spots(connection, &sql, parameters, |row| Ok(Some(Spot::Column(row.get(0)?))))
}

fn runs(connection: &Connection, asked: &Asked<'_>, fits: &str) -> Result<Vec<Spot>, rusqlite::Error> {
    let sql = format!("SELECT r.run, r.sub, r.idp FROM run r WHERE {fits} AND {OF_RESOURCE}");
    let parameters = named_params! { ":about": asked.question.about, ":resource": asked.question.resource };
    spots(connection, &sql, parameters, |row| {
        let own = asked.may_see(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?);
        Ok(if own { Some(Spot::Run(row.get(0)?)) } else { None })
    })
}

/// By its hash or name. A file in a folder is answered for by each folder that has it, and is known by its name
/// below the folder's as well, whatever stands before that; of any other path the last part counts.
fn files(connection: &Connection, asked: &Asked<'_>) -> Result<Vec<Spot>, rusqlite::Error> {
    let about = asked.question.about.as_str();
    let mut found = files_that(connection, asked, WHOLE, about)?;
    found.extend(files_that(connection, asked, INSIDE, about)?);
    let parts = about.match_indices('/').filter_map(|(at, _)| about.get(at + 1..));
    for rest in [about].into_iter().chain(parts).take(MAX_PARTS) {
        found.extend(files_that(connection, asked, BELOW, rest)?);
    }
    if found.is_empty() {
        // A folder's name ends with `/`.
        let last = about.trim_end_matches('/').rfind('/').and_then(|at| about.get(at + 1..));
        return last.map_or(Ok(found), |last| files_that(connection, asked, WHOLE, last));
    }
    Ok(found)
}

/// Parts of a path that are looked at.
const MAX_PARTS: usize = 64;
/// Files `f`, by what `:about` is: a hash or a name; the hash of a file within; a folder's name and that of a
/// file below it.
const WHOLE: &str = "file f WHERE (f.sha256 = :about OR f.name = :about)";
const INSIDE: &str = "within w JOIN file f ON f.sha256 = w.folder WHERE w.sha256 = :about";
const BELOW: &str = "file f JOIN within w ON w.folder = f.sha256 \
    WHERE f.name = substr(:about, 1, instr(:about, '/')) AND w.name = substr(:about, instr(:about, '/') + 1)";

fn files_that(
    connection: &Connection,
    asked: &Asked<'_>,
    fits: &str,
    about: &str,
) -> Result<Vec<Spot>, rusqlite::Error> {
    let sql = format!(
        "SELECT f.sha256, r.sub, r.idp FROM (SELECT f.sha256, f.run FROM {fits}) f \
         JOIN run r ON r.run = f.run WHERE {OF_RESOURCE}"
    );
    let parameters = named_params! { ":about": about, ":resource": asked.question.resource };
    spots(connection, &sql, parameters, |row| {
        let own = asked.may_see(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?);
        Ok(if own { Some(Spot::File(row.get(0)?)) } else { None })
    })
}

fn principals(connection: &Connection, asked: &Asked<'_>) -> Result<Vec<Spot>, rusqlite::Error> {
    let sql = "SELECT DISTINCT u.sub, u.idp, u.actor FROM used_shape u JOIN shape s ON s.id = u.shape \
               WHERE (u.sub = :about OR u.actor = :about \
               OR u.sub IN (SELECT n.sub FROM name n WHERE n.name = :about AND n.idp = u.idp)) \
               AND (:resource IS NULL OR s.resource = :resource)";
    let parameters = named_params! { ":about": asked.question.about, ":resource": asked.question.resource };
    spots(connection, sql, parameters, |row| {
        let (sub, idp): (String, String) = (row.get(0)?, row.get(1)?);
        let own = asked.may_see(&sub, &idp);
        Ok(if own { Some(Spot::Principal { sub, idp, actor: row.get(2)? }) } else { None })
    })
}

fn spots(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    read: impl Fn(&rusqlite::Row<'_>) -> Result<Option<Spot>, rusqlite::Error>,
) -> Result<Vec<Spot>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(read(row)?);
    }
    Ok(found)
}
