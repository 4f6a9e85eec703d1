//! AI agents that hand a part of their grant on to others: with real programs, down to the database, and against
//! those who would have more.

use connect_tests::{agent::SHOP, leaves, place, process::Process, world::World};

use crate::budgets::limited;

/// Asks as a sub-agent would, and says what came of it on one line.
const ASK: &str = r#"ask() { said=$(psql -XAtqc "$1" 2>&1) && echo "got $said" || echo "no: $(echo "$said" | tr '\n' ' ')"; }"#;

#[test]
fn a_sub_agent_has_less_than_its_parent_at_each_step_and_the_chain_is_in_the_record() {
    let mut world = World::start();
    limited(&mut world, "[budget.task]\nstatements = 40\n");
    let li = world.person("li");
    let connect = place::built("connect").display().to_string();
    let write = |name: &str, text: String| {
        let path = li.home().join(name);
        std::fs::write(&path, format!("{ASK}\n{text}")).expect("a file");
        path.display().to_string()
    };
    let worker = write(
        "worker.sh",
        format!(
            r#"
ask "SELECT count(*) FROM orders"
ask "SELECT count(*) FROM customers"
ask "SELECT count(*) FROM pg_class WHERE false"
ask "SELECT most_common_vals FROM pg_stats LIMIT 1"
ask "SELECT id FROM orders ORDER BY id LIMIT 2"
ask "SELECT 1"
echo "== digger"
"{connect}" exec {SHOP} --as-agent digger -- psql -XAtqc "SELECT count(*) FROM customers"; echo "over: $?"
"{connect}" exec {SHOP} --as-agent wider --table "public.*" -- true; echo "tables: $?"
"{connect}" exec {SHOP} --as-agent wider --rows 4 -- true; echo "rows: $?"
"{connect}" exec bench-db --as-agent wider -- true; echo "resource: $?"
"{connect}" exec {SHOP} --as-agent "a>b" -- true; echo "chain: $?"
"{connect}" exec {SHOP} --as-agent worker --task elsewhere -- true; echo "task: $?"
"#
        ),
    );
    let script = write(
        "planner.sh",
        format!(
            r#"
echo "== planner"; ask "SELECT count(*) FROM customers"
ask "SELECT pg_advisory_lock(1)"
echo "== worker"
"{connect}" exec {SHOP} --as-agent worker --table public.orders --for 5m --rows 3 -- sh "{worker}"
echo "== planner again"; ask "SELECT count(*) FROM customers"
"#
        ),
    );
    let run = li.runs(&["exec", SHOP, "--as-agent", "planner", "--task", "T-7", "--", "sh", &script]);
    let (stderr, said) = (run.stderr.clone(), run.good());
    let (planner, rest) = said.split_once("== worker").expect("a worker");
    assert!(planner.contains("got 200") && planner.contains("agent holds no locks"), "{said}");
    let (worker, rest) = rest.split_once("== digger").expect("a digger");
    let lines: Vec<&str> = worker.trim().lines().collect();
    assert_eq!(lines[0], "got 2000", "{said}");
    assert!(lines[1].contains("the grant is not for `public.customers`"), "{said}");
    assert_eq!(lines[2], "got 0", "{said}");
    assert!(lines[3].starts_with("no:"), "{said}");
    // Two counts and two rows: more than the three that it may take, so that none of the two rows leaves.
    assert!(!worker.contains("got 1\n2") && worker.contains("3 rows of this sub-agent"), "{said}");
    assert!(lines.last().expect("a line").contains("got 1"), "{said}");
    let (digger, after) = rest.split_once("== planner again").expect("the end");
    assert!(digger.contains("over: 1"), "{said}");
    for what in ["tables", "rows", "resource", "chain", "task"] {
        assert!(digger.contains(&format!("{what}: 125")), "{what}: {said}\n{stderr}");
    }
    assert!(after.contains("got 200"), "{said}");
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let grants = leaves::of_kind(&leaves, "grant_issued");
    let of = |actor: &str| grants.iter().find(|leaf| leaf["principal"]["actor"] == actor).expect(actor);
    let (planner, worker) = (of("planner"), of("planner>worker"));
    assert_eq!((&worker["parent"], &worker["task"]), (&planner["grant"], &"T-7".into()));
    assert_eq!((&worker["tables"][0], &worker["budget"]["rows"]), (&"public.orders".into(), &3.into()));
    assert!(worker["expires_at"].as_u64() <= planner["expires_at"].as_u64());
    let digger = of("planner>worker>digger");
    assert_eq!((&digger["parent"], &digger["tables"]), (&worker["grant"], &worker["tables"]));
    let intents = leaves::of_kind(&leaves, "intent");
    assert!(
        intents.iter().any(|leaf| leaf["principal"]["actor"] == "planner>worker" && leaf["task"] == "T-7")
    );
    let denials = leaves::of_kind(&leaves, "denial");
    assert!(denials.iter().any(|leaf| leaf["principal"]["actor"] == "planner>worker"));
    let refused = leaves::of_kind(&leaves, "grant_refused");
    assert!(refused.iter().filter(|leaf| leaf["code"] == "grant_wider").count() >= 3, "{refused:#?}");
}

#[test]
fn sub_agents_in_parallel_spend_their_parents_budget_and_end_with_it() {
    let mut world = World::start();
    limited(&mut world, "[budget.task]\nstatements = 30\ncells = 100000\n");
    let (ana, li) = (world.person("ana"), world.person("li"));
    let connect = place::built("connect").display().to_string();
    // Four sub-agents at once, under names of their own, each with ten that it may ask: the task has thirty.
    let each = "for n in 1 2 3 4 5 6 7 8 9 10 11; do psql -XAtqc 'SELECT 7' || echo over; done";
    let all = format!(
        "for name in a b c d; do \"{connect}\" exec {SHOP} --as-agent $name --statements 10 -- sh -c \"{each}\" & done; wait"
    );
    let run = ana.runs(&["exec", SHOP, "--as-agent", "planner", "--task", "T-1", "--", "sh", "-c", &all]);
    let count = |word: &str| run.stdout.lines().filter(|line| *line == word).count();
    assert_eq!((count("7"), count("over")), (30, 14), "{}\n{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("30 statements of this task"), "{}", run.stderr);
    // A new process, a new session, a new name, a step of the task: the same budget.
    for (name, task) in [("planner", "T-1"), ("other", "T-1/more")] {
        let again =
            ana.runs(&["exec", SHOP, "--as-agent", name, "--task", task, "--", "psql", "-c", "SELECT 1"]);
        assert!(again.stderr.contains("30 statements of this task"), "{}", again.stderr);
    }
    let cells = ["exec", SHOP, "--as-agent", "wide", "--task", "T-2", "--", "psql", "-XAtqc"];
    let ask = |sql: &str| ana.runs(&[&cells[..], &[sql]].concat());
    let wide = ask("SELECT o.*, n FROM orders o, generate_series(1, 40) n");
    assert!(wide.code != 0 && wide.stderr.contains("100000 cells of this task"), "{}", wide.stderr);

    // A parent that is revoked takes its sub-agents along, and hands nothing on any more.
    let inner = format!(
        "\"{connect}\" exec {SHOP} --as-agent worker -- sh -c 'psql -XAtqc \"SELECT 555777\"; psql -XAtqc \"SELECT pg_sleep(300)\"; echo ended' ; \
         \"{connect}\" exec {SHOP} --as-agent late -- true; echo late: $?"
    );
    let mut parent =
        li.connect(&["exec", SHOP, "--as-agent", "planner", "--task", "T-3", "--", "sh", "-c", &inner]);
    let mut running = Process::start("planner", &mut parent);
    running.wait_for_line("555777");
    // Its parent's session is the one before its own.
    let said = world.agent.process().transcript();
    let opened: Vec<&str> = said.lines().filter(|line| line.contains("a session opened")).collect();
    let line = opened[opened.len() - 2];
    let id = &line[line.find("ss_").expect("an id")..];
    let id = id.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().expect("an id");
    let ended = li.runs(&["revoke", id]).good();
    assert!(ended.contains("2 sessions"), "{ended}");
    running.wait_for_line("revoked");
    running.wait_for_line("ended");
    running.wait_for_line("late: 125");
    running.wait_for_end();
}
