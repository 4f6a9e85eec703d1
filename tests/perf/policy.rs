//! What a decision costs under 200 policies: of a statement that was not decided before, and of one that was.

use std::{
    fmt::Write as _,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use connect_core::{
    catalog::fixture::{Version, catalog},
    decide::{Asking, DEFAULT_POLICY, Kept, Policies, Verdict},
    principal::{GrantInForce, Narrowed, Principal, Resource, ResourceClass},
    statement::Statement,
    understand::{Limits, new_session, understand},
};
use connect_shared::{
    entry::PrincipalRef,
    grant::Action,
    ids::{GrantId, StatementId},
};

use crate::report::{Figure, Report};

const POLICIES: usize = 200;
const ROUNDS: usize = 2_000;

const STATEMENTS: [&str; 4] = [
    "SELECT c1 FROM t2 WHERE id = 7",
    "UPDATE t3 SET c1 = c1 + 1 WHERE id = 2",
    "INSERT INTO t4 (id, c1) VALUES (1, 2)",
    "SELECT a.c1 FROM t0 a JOIN t1 b ON a.id = b.id JOIN t2 c ON b.id = c.id",
];

pub(crate) fn measure(report: &mut Report) {
    let policies = policies();
    let principal = Principal {
        reference: PrincipalRef { sub: "ana".into(), idp: "https://id.example".into(), actor: None },
        name: "ana@example.com".into(),
        groups: (0..10).map(|number| format!("group-{number}")).collect(),
    };
    let actions = vec![Action::Read, Action::Write];
    let grant = GrantInForce {
        id: GrantId::from_random([1; 16]),
        actions,
        reason: Some("ticket".into()),
        task: None,
        narrowed: Narrowed::default(),
        leaves: Arc::default(),
    };
    let resource = Resource {
        name: "prod-db".into(),
        database: "shop".into(),
        class: ResourceClass::Production,
        approvers: vec!["data-oncall".into()],
    };
    let wall = Duration::from_secs(1_795_663_354);
    let asking = Asking { principal: &principal, grant: &grant, resource: &resource, purpose: None, wall };
    let statements = statements();
    let id = StatementId::from_random([2; 16]);
    let mut misses: Vec<f64> = Vec::new();
    for round in 0..ROUNDS {
        let (_, statement) = &statements[round % statements.len()];
        let started = Instant::now();
        let verdict = black_box(policies.decide(&asking, black_box(statement), id, None));
        misses.push(started.elapsed().as_nanos() as f64 / 1_000.0);
        assert!(matches!(verdict, Verdict::Permit(..)));
    }
    misses.sort_by(f64::total_cmp);
    let note =
        format!("p99 {:.0} µs, {} policies, 1 to 3 tables", misses[ROUNDS * 99 / 100], policies.count());
    let figure = Figure::new("a decision that was not made before", misses[ROUNDS / 2], "µs");
    report.add(figure.at_most(200.0).note(&note));

    let mut kept = Kept::default();
    let mut hits: Vec<f64> = Vec::new();
    for round in 0..ROUNDS {
        let (_, statement) = &statements[round % statements.len()];
        let started = Instant::now();
        for _ in 0..100 {
            let evaluated = kept.evaluated(&policies, &asking, black_box(statement));
            black_box(evaluated.verdict(statement, id, None));
        }
        hits.push(started.elapsed().as_nanos() as f64 / 100_000.0);
    }
    hits.sort_by(f64::total_cmp);
    let note = format!("p99 {:.2} µs, with its permit and its words", hits[ROUNDS * 99 / 100]);
    let figure = Figure::new("a decision that was made before", hits[ROUNDS / 2], "µs");
    report.add(figure.at_most(2.0).note(&note));
}

fn policies() -> Policies {
    let mut text = DEFAULT_POLICY.to_owned();
    let own = DEFAULT_POLICY.matches("@id(").count();
    for number in own..POLICIES {
        let action = ["read", "insert", "update", "delete", "ddl"][number % 5];
        let _infallible = writeln!(
            text,
            "@id(\"more-{number}\") {} (principal in Group::\"team-{number}\", action == Action::\"{action}\", \
             resource in Schema::\"prod-db/s{number}\") when {{ context has purpose && context.time.hour < 20 \
             && !context.labels.contains(\"secret\") }};",
            ["permit", "forbid"][number % 2],
        );
    }
    Policies::load(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn statements() -> Vec<(&'static str, Arc<Statement>)> {
    let tables: String = (0..5)
        .map(|table| format!("public.t{table}(id int4 not null, c1 int4, primary key (id));\n"))
        .collect();
    let catalog = catalog(Version::Postgres15, &tables).expect("a database");
    let analysed = STATEMENTS.map(|sql| {
        let session = new_session(&catalog, None);
        let mut analysis = understand(sql.as_bytes(), &catalog, &session, &Limits::default());
        (sql, Arc::new(analysis.statements.remove(0)))
    });
    analysed.into()
}
