//! `connect demo --script`: a guided tour by real commands of this program, as two people, without a browser
//! or a terminal. Each step must end as it is said to, or the tour fails.

mod step;

use std::path::{Path, PathBuf};

use self::step::{Guide, Step};
use super::{agent::Facts, transcript::Elisions};
use crate::failure::{self, Outcome};

const MASKED: &str = "SELECT id, full_name, email, phone FROM customers ORDER BY id LIMIT 3";
const EXPRESSION: &str = "SELECT upper(email) FROM customers LIMIT 3";
const COPY: &str = "CREATE TABLE mine AS SELECT email FROM customers";
const TRANSACTION: &str = "BEGIN;
UPDATE orders SET status = 'shipped' WHERE id = 1;
DELETE FROM customers;
SELECT 'not reached';
ROLLBACK;
SELECT count(*) AS customers FROM customers;
";
/// psql's and our status for "the server said no".
const SQL_ERROR: u8 = 1;
const UNVERIFIED: u8 = 10;

/// Runs the tour.
pub(super) async fn run(agent_program: &Path, home: &Path, facts: &Facts) -> Outcome<()> {
    let guide = Guide::new(home, elisions(agent_program, home, facts))?;
    guide.tell("Two people. Ana is a developer; Li is on call for the data.");
    for person in ["ana", "li"] {
        guide.add_agent(person, facts).await?;
        guide.sign_in(person, &format!("{person}@demo.test")).await?;
    }
    read_masked(&guide, agent_program, facts).await?;
    try_the_forbidden(&guide, facts).await?;
    prove_it(&guide, facts).await
}

async fn read_masked(guide: &Guide, agent_program: &Path, facts: &Facts) -> Outcome<()> {
    let resource = facts.resource.as_str();
    guide.tell("Ana reads personal data. It comes masked, and equal values stay equal.");
    guide.run(Step::new("ana", &["exec", resource, "--", "psql", "-X", "-c", MASKED])).await?;
    guide.tell("The same for a program whose driver asks for binary results.");
    let program = agent_program.display().to_string();
    guide.run(Step::new("ana", &["exec", resource, "--", &program, "demo-query", MASKED])).await?;
    guide.tell("A statement that computes with it computes with masks: the database reads nothing else.");
    guide.run(Step::new("ana", &["exec", resource, "--", "psql", "-X", "-c", EXPRESSION])).await
}

async fn try_the_forbidden(guide: &Guide, facts: &Facts) -> Outcome<()> {
    let resource = facts.resource.as_str();
    guide.tell("What a mask could not hold is denied, and the error says what to do.");
    guide
        .run(Step::new("ana", &["exec", resource, "--", "psql", "-X", "-c", COPY]).ends_with(SQL_ERROR))
        .await?;
    guide.tell(
        "Li may write. A DELETE that names no rows is denied; the transaction is aborted as the server\n\
         would abort it, and the connection goes on.",
    );
    guide.run(Step::new("li", &["exec", resource, "--", "psql", "-X", "-e"]).with_input(TRANSACTION)).await
}

async fn prove_it(guide: &Guide, facts: &Facts) -> Outcome<()> {
    guide.tell("Every statement is in a log that can be checked by anybody who holds its key.");
    guide.run(Step::new("li", &["audit", "receipt", "--last", "--out", "receipt.txt"])).await?;
    guide.run(Step::new("li", &["audit", "verify", "--receipt", "receipt.txt"])).await?;
    let copy = guide.folder().join("log-copy");
    copy_log(&facts.state_dir.join("log/public"), &copy)?;
    guide.run(Step::new("li", &["audit", "verify", "--log", "log-copy", "--receipt", "receipt.txt"])).await?;
    guide.tell("The operator changes one byte of that copy …");
    change_one_byte(&copy)?;
    guide.run(Step::new("li", &["audit", "verify", "--log", "log-copy"]).ends_with(UNVERIFIED)).await?;
    guide.tell("That was all on this machine, and nothing of it is left.");
    Ok(())
}

fn elisions(agent_program: &Path, home: &Path, facts: &Facts) -> Elisions {
    let mut elisions = Elisions::default();
    elisions.hide(facts.agent_url.clone(), "https://127.0.0.1:…");
    elisions.hide(facts.issuer.clone(), "http://127.0.0.1:…");
    elisions.hide(facts.fingerprint.clone(), "sha256:…");
    elisions.hide(agent_program.display().to_string(), "connect-agent");
    elisions.hide(home.display().to_string(), "…");
    elisions
}

/// Copies a log that is being written: the checkpoint first, so that all that it covers is in the copy.
fn copy_log(from: &Path, to: &Path) -> Outcome<()> {
    let problem = |error: std::io::Error| failure::file("copy", from, &error);
    std::fs::create_dir_all(to).map_err(problem)?;
    std::fs::copy(from.join("checkpoint"), to.join("checkpoint")).map_err(problem)?;
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(from.join(&below)).map_err(problem)?.flatten() {
            let path = below.join(entry.file_name());
            if entry.path().is_dir() {
                std::fs::create_dir_all(to.join(&path)).map_err(problem)?;
                folders.push(path);
            } else if !to.join(&path).exists() {
                std::fs::copy(entry.path(), to.join(&path)).map_err(problem)?;
            }
        }
    }
    Ok(())
}

/// Changes a byte in the middle of the entries.
fn change_one_byte(log: &Path) -> Outcome<()> {
    let missing = || failure::unexpected("the log has no entries");
    let mut files = Vec::new();
    let mut folders = vec![log.join("tile/entries")];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).map_err(|error| failure::file("read", &folder, &error))?.flatten()
        {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    // The largest bundle is the one that the checkpoint needs.
    let largest = files.into_iter().max_by_key(|path| path.metadata().map_or(0, |about| about.len()));
    let path = largest.ok_or_else(missing)?;
    let mut bytes = std::fs::read(&path).map_err(|error| failure::file("read", &path, &error))?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).ok_or_else(missing)? ^= 1;
    std::fs::write(&path, bytes).map_err(|error| failure::file("write", &path, &error))
}
