//! The demo for a person: sign in, get an address, and things to try.

use std::path::Path;

use tempfile::TempDir;

use super::{add, agent::Facts, stopped};
use crate::{
    application::{Application, Ending},
    console::Console,
    failure::Outcome,
    identity::{Holder, Opening, sign_in},
    keep::{Keep, Passphrase, Wish},
    paths::Paths,
    session::{self, Held, LocalWish, Opened, Request, Signals, Target, Until},
};

/// What to try, and what happens.
const STATEMENTS: [(&str, &str); 5] = [
    ("SELECT id, full_name, email, phone FROM customers LIMIT 5;", "personal data comes masked"),
    ("SELECT status, count(*), sum(total) FROM orders GROUP BY status;", "runs as ever"),
    ("SELECT upper(email) FROM customers LIMIT 5;", "computes with masks, and with nothing else"),
    ("SELECT name, token FROM api_keys LIMIT 5;", "secrets do not leave"),
    ("DELETE FROM customers;", "denied, to whoever may write, too: it names no rows"),
];

/// Runs until the person has seen enough.
pub(super) async fn run(
    application: &Application,
    home: &TempDir,
    facts: &Facts,
    signals: &mut Signals,
) -> Outcome<Ending> {
    let application = Application { paths: Paths::below(home.path()), ..application.clone() };
    let console = &application.console;
    let opened = tokio::select! {
        opened = open(&application, facts) => opened?,
        signal = signals.next() => return Ok(stopped(signal)),
    };
    announce(console, &opened, facts, home.path());
    let until: Until<'_, std::future::Pending<()>> = Until::Asked(signals);
    match opened.hold(console, until).await {
        Held::Signal(_) | Held::Closed | Held::Reached => Ok(Ending::Done),
        Held::Ended(report) => Err(report),
    }
}

async fn open(application: &Application, facts: &Facts) -> Outcome<Opened> {
    let console = &application.console;
    let agent = add(&application.paths, facts).await?;
    console.say("");
    console.say("Sign in as one of these people:");
    for person in &facts.people {
        console.say(&format!("  {:<26} {}", person.email, person.about));
    }
    console.say("");
    // These people are made up, and the folder goes with the demo.
    let keep = Keep::new(&application.paths, Wish::File, Passphrase::new(console.clone()));
    let holder = Holder::new(agent.identity.clone(), keep);
    holder.take(sign_in(console, &agent.identity, Opening::Browser).await?).await?;
    let request = Request {
        target: Target::at(agent, facts.resource.clone()),
        actions: Vec::new(),
        reason: None,
        actor: None,
        run: None,
        task: None,
        local: LocalWish::Port(None),
        patience: session::Patience::Wait,
        how_long: None,
    };
    session::open(application, &request, holder).await
}

fn announce(console: &Console, opened: &Opened, facts: &Facts, home: &Path) {
    let client = &opened.client;
    console.say("");
    console.say_of(&facts.resource, &format!("is ready on {} · as {}", opened.address(), client.principal));
    console.say(&format!("  psql \"{}\"", client.url()));
    console.say(&format!(
        "  GUI: PostgreSQL · host {} · port {} · database {} · any user · no password",
        client.host, client.port, client.database
    ));
    console.say("");
    console.say("Try:");
    for (statement, what) in STATEMENTS {
        console.say(&format!("  {statement:<66} {what}"));
    }
    console.say("");
    console.say("Then, in another terminal:");
    console.say(&format!("  export CONNECT_HOME={}", home.display()));
    console.say("  connect audit receipt --last --out receipt.txt");
    console.say(&format!(
        "  connect audit verify --log {} --receipt receipt.txt",
        facts.state_dir.join("log").display()
    ));
    console.say("");
    console.say("Ctrl-C to end. Nothing is left behind.");
}
