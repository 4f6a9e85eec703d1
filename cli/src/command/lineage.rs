//! `connect lineage`: where values came from and where they went, by the log of an agent. What the agent
//! answers is a graph; here it becomes a picture, or a document for other programs.

mod formats;
mod graph;
mod picture;
#[cfg(test)]
mod tests;

use std::path::Path;

use connect_shared::{
    api::{
        LineageAnswer, LineageDirection, LineageKind, LineageQuestion, MAX_FILTER_BYTES, NodeKind,
        SearchScope,
    },
    attest::EMPTY_SHA256,
    error::ErrorReport,
    ids::RunId,
};

use crate::{
    application::{Application, Ending},
    arguments::{self, LineageFormat},
    audit::{Asking, When, now},
    failure::{self, Outcome, printable},
};

pub(super) async fn run(application: &Application, wish: &arguments::Lineage) -> Outcome<Ending> {
    let (about, kind) = subject(wish).await?;
    let asking = Asking::new(application, wish.agent.as_deref()).await?;
    let (since, until) = window(wish, now());
    let question = LineageQuestion {
        scope: if wish.all { SearchScope::All } else { SearchScope::Own },
        about,
        kind,
        resource: wish.resource.clone(),
        direction: direction(wish, kind),
        depth: wish.depth,
        since,
        until,
        before_label: wish.before_label,
        actor: None,
        task: None,
        purpose: wish.reason.clone(),
    };
    let waiting = application.console.wait_quietly_for("Asking the agent");
    let answer = asking.lineage(&question).await;
    drop(waiting);
    let answer = turned(&asking, &question, answer, wish).await.map_err(|report| own_only(wish, report))?;
    asking.monitor().await?;
    if answer.indexed < answer.size {
        let words =
            format!("the index is behind: {} of {} entries were looked through", answer.indexed, answer.size);
        application.console.warn(&words);
    }
    show(application, wish, &answer)?;
    Ok(Ending::Done)
}

/// Milliseconds since 1970.
fn window(wish: &arguments::Lineage, now: u64) -> (Option<u64>, Option<u64>) {
    let at = |when: Option<When>| when.map(|when| when.before(now));
    let during = wish.during.map(|period| period.around(now));
    (at(wish.since).or(during.map(|(since, _)| since)), at(wish.until).or(during.map(|(_, until)| until)))
}

/// Without `--up` and `--down` it is what the name turned out to be that decides.
async fn turned(
    asking: &Asking<'_>,
    question: &LineageQuestion,
    answer: Outcome<LineageAnswer>,
    wish: &arguments::Lineage,
) -> Outcome<LineageAnswer> {
    let answer = answer?;
    let of_columns = answer.roots.iter().all(|root| root.starts_with("column:"));
    if wish.up || wish.down || of_columns == (answer.direction == LineageDirection::Down) {
        return Ok(answer);
    }
    let direction = if of_columns { LineageDirection::Down } else { LineageDirection::Up };
    asking.lineage(&LineageQuestion { direction, ..question.clone() }).await
}

fn own_only(wish: &arguments::Lineage, report: ErrorReport) -> ErrorReport {
    if report.code == "nothing_known" && !wish.all {
        return report.help("connect lineage --all looks at everybody's statements; for auditors");
    }
    report
}

fn direction(wish: &arguments::Lineage, kind: Option<LineageKind>) -> LineageDirection {
    let of_columns = matches!(kind, None | Some(LineageKind::Column | LineageKind::Table));
    if wish.down || (of_columns && !wish.up) { LineageDirection::Down } else { LineageDirection::Up }
}

/// What is asked about: a file that is here by its hash, which stays when it is copied.
async fn subject(wish: &arguments::Lineage) -> Outcome<(String, Option<LineageKind>)> {
    let kind = wish.kind.map(LineageKind::from);
    let name = wish.about.clone();
    if kind.is_none() && name.parse::<RunId>().is_ok() {
        return Ok((name, Some(LineageKind::Run)));
    }
    if let Some(hash) = name.strip_prefix("sha256:") {
        return Ok((hash.to_owned(), Some(LineageKind::File)));
    }
    let path = Path::new(&name);
    // A folder may be called as a table is: its name has a `/`.
    let here = path.is_file() || (path.is_dir() && (kind.is_some() || name.contains('/')));
    let meant = kind == Some(LineageKind::File) || (kind.is_none() && (here || name.contains('/')));
    if !meant {
        return Ok((name, kind));
    }
    if !here {
        // A file that is not here any more is known by its name, or by that of a folder that it was in.
        return Ok((last_parts(&name).to_owned(), Some(LineageKind::File)));
    }
    let hashing = tokio::task::spawn_blocking(move || {
        let whole =
            std::path::absolute(&name).map_err(|error| failure::file("use", Path::new(&name), &error))?;
        super::run::hash_any(&whole, &mut |_, _| {})
    });
    let found = hashing.await.map_err(|error| failure::unexpected(error.to_string()))??;
    if found.fact.sha256 == EMPTY_SHA256 {
        let words = format!(
            "{} is empty: nothing came into it from anywhere, and all empty files have one hash",
            printable(&found.fact.name)
        );
        return Err(failure::not_found("nothing_in_it", words));
    }
    Ok((found.fact.sha256, Some(LineageKind::File)))
}

/// As much of a path, from its end, as one may ask about.
fn last_parts(path: &str) -> &str {
    let whole = std::iter::once(path);
    let parts = path.match_indices('/').filter_map(|(at, _)| path.get(at + 1..));
    whole.chain(parts).find(|rest| rest.len() <= MAX_FILTER_BYTES).unwrap_or(path)
}

/// Some formats are about files: without one there is no document of that form.
fn has_its_files(graph: &graph::Graph<'_>, format: Option<LineageFormat>) -> Outcome<()> {
    let word = match format {
        Some(LineageFormat::Croissant) => "croissant",
        Some(LineageFormat::Intoto) => "intoto",
        _ => return Ok(()),
    };
    if !graph.files().is_empty() {
        return Ok(());
    }
    let words = format!("`--format {word}` is about files, and this answer has none");
    let run = graph.runs().into_iter().find_map(|node| match &node.kind {
        NodeKind::Run { run, .. } => Some(run.as_str()),
        _ => None,
    });
    let what = run.map_or_else(|| "FILE".to_owned(), |run| format!("{} --down", printable(run)));
    Err(failure::usage(words).help(format!(
        "ask about a file, or about a run that wrote one: connect lineage {what} --format {word}"
    )))
}

fn show(application: &Application, wish: &arguments::Lineage, answer: &LineageAnswer) -> Outcome<()> {
    let graph = graph::Graph::new(answer);
    has_its_files(&graph, wish.format)?;
    match wish.format {
        None => application.console.document(answer, || picture::draw(&graph, wish.before_label)),
        Some(LineageFormat::Dot) => application.console.data(&formats::dot(&graph)),
        Some(LineageFormat::Mermaid) => application.console.data(&formats::mermaid(&graph)),
        Some(LineageFormat::Cyclonedx) => application.console.object(&formats::cyclonedx(&graph)),
        Some(LineageFormat::Croissant) => application.console.object(&formats::croissant(&graph)),
        Some(LineageFormat::Intoto) => application.console.object(&formats::intoto(&graph)),
        Some(LineageFormat::Openlineage) => {
            formats::openlineage(&graph).iter().try_for_each(|event| application.console.object(event))
        }
    }
}
