use super::*;

fn row(role: &str, calls: u64, text: &str) -> Row {
    Row { role: role.to_owned(), calls, text: Some(text.to_owned()) }
}

fn compared(rows: Vec<Row>, statements: &[(&str, u64)]) -> ForeignStatements {
    let statements = statements.iter().map(|(text, times)| ((*text).to_owned(), *times)).collect();
    let counted = Counted { rows, ..Counted::default() };
    let accounts = ["agent", "analyst"].map(str::to_owned);
    let own = Own::new(["SELECT pg_backend_pid()".to_owned()], None);
    compare(counted, &Recorded { statements, ..Recorded::default() }, &HashSet::from(accounts), &own)
}

#[test]
fn what_ran_as_often_as_the_log_says_is_explained_and_what_ran_more_often_is_not() {
    let log = [("SELECT a FROM t WHERE b = $1", 3)];
    assert_eq!(compared(vec![row("agent", 3, "select a from t where b = $1")], &log).found, []);
    let found = compared(vec![row("agent", 5, "select a from t where b = $1")], &log).found;
    assert_eq!((found.len(), found[0].calls, found[0].recorded), (1, 5, 3));
}

#[test]
fn calls_that_other_statements_have_left_over_explain_none_that_are_too_many() {
    let log = [("SELECT a FROM t", 3), ("SELECT b FROM u", 100)];
    let found = compared(vec![row("agent", 5, "SELECT a FROM t"), row("agent", 1, "SELECT b FROM u")], &log);
    assert_eq!((found.found.len(), found.found[0].calls, found.found[0].recorded), (1, 5, 3));
    assert_eq!(found.unexplained, []);
}

#[test]
fn a_role_that_people_work_as_is_the_agents() {
    let log = [("SELECT a FROM t", 3)];
    let tagged = "SELECT a FROM t\n/*principal='ana%40example.com'*/";
    assert_eq!(compared(vec![row("analyst", 3, tagged)], &log).found, []);
    assert_eq!(compared(vec![row("analyst", 4, tagged)], &log).found.len(), 1);
}

#[test]
fn what_the_server_puts_together_under_one_text_is_no_excess() {
    let log = [("SELECT a AS x FROM t", 3), ("SELECT a AS y FROM t", 4)];
    assert_eq!(compared(vec![row("agent", 7, "SELECT a AS x FROM t")], &log).found, []);
    assert_eq!(compared(vec![row("agent", 7, "SELECT a AS z FROM t")], &log).unexplained, []);
    let found = compared(vec![row("agent", 8, "SELECT a AS x FROM t")], &log).found;
    assert_eq!((found.len(), found[0].recorded), (1, 7));
}

#[test]
fn another_role_came_another_way_and_no_literal_is_told() {
    let rows = vec![
        row("intern", 1, "ALTER ROLE x PASSWORD 'hunter2'"),
        row("agent", 9, "SELECT c FROM unheard_of"),
    ];
    let seen = compared(rows, &[("ALTER ROLE x PASSWORD $1", 1)]);
    assert_eq!(seen.found.len(), 1);
    assert_eq!(seen.found[0].sql.as_deref(), Some("ALTER ROLE x PASSWORD $1"));
    assert_eq!((seen.unexplained.len(), seen.unexplained[0].calls), (1, 9));
}

#[test]
fn what_the_agent_asks_for_itself_is_counted_and_not_told() {
    let rows = vec![row("agent", 9, "SELECT pg_backend_pid()"), row("intern", 1, "SELECT pg_backend_pid()")];
    let seen = compared(rows, &[]);
    assert_eq!((seen.own, seen.unexplained.len(), seen.found.len()), (1, 0, 1));
}

#[test]
fn what_clients_ask_as_the_agent_does_is_no_excess() {
    let set = "SET statement_timeout = '15s'";
    let own = Own::new([set, "COMMIT", "SELECT pg_backend_pid()"].map(str::to_owned), None);
    let rows = vec![row("agent", 40, "COMMIT"), row("agent", 7, set), row("agent", 3, "SELECT a FROM t")];
    let log = [("COMMIT", 4), ("SET statement_timeout = $1", 2), ("SELECT a FROM t", 3)];
    let statements = log.map(|(text, times)| (text.to_owned(), times)).to_vec();
    let recorded = Recorded { statements, ..Recorded::default() };
    let counted = Counted { rows, ..Counted::default() };
    let seen = compare(counted, &recorded, &HashSet::from(["agent".to_owned()]), &own);
    assert_eq!((seen.own, seen.is_clean()), (2, true), "{seen:?}");
}

#[test]
fn what_was_prepared_in_sql_may_run_as_often_as_the_log_has_executions() {
    let prepare = "PREPARE p (int) AS SELECT a FROM t WHERE b = $1";
    let log = [(prepare, 1), ("EXECUTE p ($1)", 3), ("EXECUTE q", 2), ("DEALLOCATE p", 1)];
    let rows = |calls| vec![row("agent", calls, prepare), row("agent", 1, "DEALLOCATE p")];
    assert!(compared(rows(5), &log).is_clean());
    let found = compared(rows(6), &log).found;
    assert_eq!((found.len(), found[0].calls, found[0].recorded), (1, 6, 5));
    // That it was prepared is no execution, and executions explain no other text.
    assert_eq!(compared(rows(1), &log[..1]).unexplained.len(), 2);
    assert_eq!(compared(vec![row("agent", 1, "SELECT a FROM t WHERE b = $1")], &log).unexplained.len(), 1);
    let masked = "SELECT (CAST((pg_catalog.sha256($1)) AS pg_catalog.\"text\")) FROM users";
    assert_eq!(compared(vec![row("agent", 1, masked)], &log[..3]).rewritten, 0);
    let in_two = [("PREPARE TRANSACTION $1", 2)];
    assert!(compared(vec![row("agent", 2, "PREPARE TRANSACTION $1")], &in_two).is_clean());
}

#[test]
fn that_a_part_was_not_looked_at_is_told() {
    let counted = Counted { is_cut: true, forgotten: Some(4), ..Counted::default() };
    let seen = compare(counted, &Recorded::default(), &HashSet::new(), &Own::default());
    assert_eq!((seen.cut, seen.forgotten, seen.is_clean()), (true, Some(4), false));
}

#[test]
fn what_ran_before_the_first_entry_that_is_kept_accuses_nobody() {
    let seen = |since, kept_since, role: &str| {
        let statements = vec![("SELECT a FROM t".to_owned(), 2), ("SELECT b FROM t".to_owned(), 2)];
        let recorded = Recorded { statements, kept_since, ..Recorded::default() };
        let texts = [(2, "SELECT a FROM t"), (3, "SELECT b FROM t"), (1, "SELECT c FROM t")];
        let rows = Vec::from(texts.map(|(calls, text)| row(role, calls, text)));
        let counted = Counted { since, rows, ..Counted::default() };
        compare(counted, &recorded, &HashSet::from(["agent".to_owned()]), &Own::default())
    };
    for (since, kept_since) in [(Some(99), Some(100)), (None, Some(100)), (Some(99), Some(u64::MAX))] {
        let seen = seen(since, kept_since, "agent");
        assert_eq!((seen.found.len(), seen.unexplained.len(), seen.before_log), (0, 0, 2), "{since:?}");
        assert!(!seen.is_clean());
    }
    for (since, kept_since) in [(Some(100), Some(100)), (Some(99), None), (None, None)] {
        let seen = seen(since, kept_since, "agent");
        assert_eq!((seen.found.len(), seen.unexplained.len(), seen.before_log), (1, 1, 0), "{since:?}");
    }
    // Whoever else it was came another way at any time.
    let seen = seen(Some(99), Some(100), "intern");
    assert_eq!((seen.found.len(), seen.before_log), (3, 0));
}

#[test]
fn samples_and_masks_are_counted_apart_and_masks_no_more_often_than_entries_are_left() {
    let sample = "SELECT substr(\"email\"::text, $1, $2) FROM \"public\".\"users\" LIMIT $3";
    let masked = "SELECT (CAST((pg_catalog.sha256($1)) AS pg_catalog.\"text\")) FROM users";
    let log = [("SELECT email FROM users WHERE upper(email) = $1", 2)];
    let seen = compared(vec![row("agent", 9, sample), row("agent", 2, masked)], &log);
    assert_eq!((seen.samples, seen.rewritten), (1, 1));
    assert!(seen.is_clean());
    let seen = compared(vec![row("agent", 3, masked)], &log);
    assert_eq!((seen.rewritten, seen.unexplained.len()), (0, 1));
}
