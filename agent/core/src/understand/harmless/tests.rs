//! Which of a user's code counts as harmless.

use std::sync::Arc;

use connect_shared::label::Label;

use crate::{
    catalog::{
        BuiltinFunction, Catalog, Oid, Volatility,
        code::Operator,
        fixture::{self, Version},
    },
    session::Session,
    statement::Protection,
    understand::{Limits, settle_code, understand},
};

const SHOP: &str = "
    enum public.status;
    domain public.mail as text;
    public.customer(id int4 not null, email text, city text);
    public.orders(id int4 not null, customer_id int4, state public.status, total numeric);";

/// A shop with these functions.
fn shop(functions: &str) -> Catalog {
    let mut catalog = fixture::catalog(Version::Postgres15, &format!("{SHOP}{functions}")).expect("a draft");
    // A draft's statements end at any semicolon.
    for function in Arc::make_mut(&mut Arc::make_mut(&mut catalog.code).functions).values_mut() {
        function.body = function.body.as_deref().map(|body| body.replace('~', ";").into());
    }
    let users = catalog.code.functions.values().filter(|known| &*known.schema == "public");
    catalog.user_functions = Arc::new(users.map(|known| known.name.clone()).collect());
    for (name, volatility) in [
        ("sum", Volatility::Immutable),
        ("count", Volatility::Immutable),
        ("lower", Volatility::Immutable),
        ("set_config", Volatility::Volatile),
        ("nextval", Volatility::Volatile),
    ] {
        let function = BuiltinFunction { volatility, aggregate: false };
        Arc::make_mut(&mut catalog.builtin_functions).insert(name.into(), function);
    }
    let customer = catalog.candidates(Some("public"), "customer").next().expect("it is there").oid;
    let columns = &mut catalog.relation_mut(customer).expect("it is there").columns;
    columns
        .iter_mut()
        .filter(|column| &*column.name == "email")
        .for_each(|column| column.label = Some(Label::Email));
    let _news = settle_code(&mut catalog);
    catalog
}

fn is_harmless(functions: &str, name: &str) -> bool {
    shop(functions).harmless.functions.contains(name)
}

#[test]
fn a_body_that_computes_or_reads_what_nobody_protects_is_harmless() {
    for (functions, name) in [
        ("function public.twice(n int4) returns int4 language sql immutable as SELECT $1 * 2;", "twice"),
        ("function public.twice(n int4) returns int4 language sql immutable as SELECT n * 2;", "twice"),
        (
            "function public.amount(wanted int4) returns numeric language sql stable as SELECT sum(total) FROM orders WHERE id = wanted;",
            "amount",
        ),
        (
            "function public.inner_one(n int4) returns int4 language sql immutable as SELECT $1 + 1;
             function public.outer_one(n int4) returns int4 language sql immutable as SELECT inner_one($1);",
            "outer_one",
        ),
        (
            "function public.of(wanted public.status) returns int4 language sql stable as SELECT count(*)::int4 FROM orders WHERE state = wanted;",
            "of",
        ),
        (
            "function public.steps(n int4) returns int4 language plpgsql immutable as DECLARE a int4 := n~ BEGIN a := a + 1~ IF a > 3 THEN RETURN a~ END IF~ RETURN n~ END;",
            "steps",
        ),
    ] {
        assert!(is_harmless(functions, name), "{functions}");
    }
}

#[test]
fn a_body_that_may_reach_protected_values_or_change_something_is_not() {
    for (functions, name) in [
        (
            "function public.f(n int4) returns text language sql stable as SELECT email FROM customer WHERE id = $1;",
            "f",
        ),
        // Not even a column of such a table that nobody protects: its rows are another matter.
        (
            "function public.f(n int4) returns text language sql stable as SELECT city FROM customer WHERE id = $1;",
            "f",
        ),
        ("function public.f(n int4) returns int8 language sql volatile as SELECT nextval('orders');", "f"),
        (
            "function public.f(n text) returns text language sql volatile as SELECT set_config('a.b', $1, false);",
            "f",
        ),
        (
            "function public.f(n int4) returns int4 language sql volatile as DELETE FROM orders WHERE id = $1 RETURNING id;",
            "f",
        ),
        (
            "function public.f(n int4) returns int4 language sql volatile as UPDATE orders SET total = 0~ SELECT 1;",
            "f",
        ),
        (
            "function public.f(n int4) returns int4 language sql volatile as SELECT id FROM orders WHERE id = n FOR UPDATE;",
            "f",
        ),
        ("function public.f(n int4) returns int4 language sql stable as SELECT f($1 - 1);", "f"),
        ("function public.f(n int4) returns int4 language sql stable as SELECT unknown_one($1);", "f"),
        ("function public.f(n int4) returns int4 language sql stable as SELECT $1 +;", "f"),
        ("function public.f(n public.mail) returns int4 language sql immutable as SELECT 1;", "f"),
        (
            "function public.f(n text) returns text language sql immutable as SELECT n::public.mail::text;",
            "f",
        ),
        (
            "function public.f(n text) returns text language plpgsql stable as BEGIN EXECUTE n~ RETURN n~ END;",
            "f",
        ),
        (
            "function public.f(n int4) returns text language plpgsql stable as DECLARE a text~ BEGIN SELECT email INTO a FROM customer WHERE id = n~ RETURN a~ END;",
            "f",
        ),
        (
            "function public.f(n int4) returns int4 language plpgsql volatile as BEGIN DELETE FROM orders~ RETURN 1~ END;",
            "f",
        ),
        (
            "function public.f(n text) returns text language sql immutable as SELECT n;
             function public.f(n int4) returns text language sql stable as SELECT email FROM customer;",
            "f",
        ),
    ] {
        assert!(!is_harmless(functions, name), "{functions}");
    }
}

#[test]
fn harmless_code_may_stand_beside_protected_columns_and_computes_with_masks() {
    let catalog = shop(
        "function public.slug(n text) returns text language sql immutable as SELECT lower(n);
        function public.mail_of(n int4) returns text language sql stable as SELECT email FROM customer;",
    );
    let protection = |sql: &str| {
        let analysis = understand(sql.as_bytes(), &catalog, &Session::default(), &Limits::default());
        analysis.statements.into_iter().next().expect("a statement").protection
    };
    for sql in [
        "SELECT slug(city), email FROM customer",
        "SELECT email FROM customer JOIN orders ON customer.id = customer_id WHERE state = 'open'::status",
        "SELECT id FROM orders WHERE state = 'open'::public.status",
    ] {
        assert!(!matches!(protection(sql), Protection::Refused(_)), "{sql}: {:?}", protection(sql));
    }
    for sql in ["SELECT mail_of(id) FROM orders", "SELECT email, city::mail FROM customer"] {
        assert!(matches!(protection(sql), Protection::Refused(_)), "{sql}");
    }
}

/// A condition that looks a value up runs its operator on the clear value, and a body may tell of its arguments.
#[test]
fn an_operator_with_a_body_is_never_harmless() {
    let same = "function public.same(a text, b text) returns bool language sql immutable as SELECT $1 = $2;";
    let mut catalog = shop(same);
    assert!(catalog.harmless.functions.contains("same"));
    let function =
        catalog.code.functions.values().find(|known| &*known.name == "same").expect("it is there").oid;
    let text = Oid(25);
    Arc::make_mut(&mut catalog.code).insert_operator(Operator {
        oid: Oid(90_000),
        schema: "public".into(),
        name: "=".into(),
        left: text,
        right: text,
        result: Oid(16),
        function,
    });
    catalog.user_operators = Arc::new(["=".into()].into());
    let _news = settle_code(&mut catalog);
    assert!(!catalog.harmless.operators.contains("="));
}

#[test]
fn a_default_that_is_not_harmless_makes_its_function_no_better() {
    let leak =
        "function public.leak() returns text language sql stable as SELECT max(email) FROM public.customer;";
    let echo =
        "function public.echo(a int4, b text default public.leak()) returns text language sql as SELECT b;";
    assert!(!is_harmless(&format!("{leak}{echo}"), "echo"));
    let plain =
        "function public.echo(a int4, b text default 'x'::text) returns text language sql as SELECT b;";
    assert!(is_harmless(plain, "echo"));
}
