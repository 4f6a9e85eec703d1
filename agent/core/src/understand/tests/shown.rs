//! Which columns count as shown to whoever may see them, in all ways that a statement gives them.

use super::world::shop;
use crate::{
    catalog::{Catalog, Shown},
    session::Session,
    understand::{Limits, understand},
};

fn catalog() -> Catalog {
    let permitted = ["public.customers.email".to_owned()].into();
    shop().shown_to(&Shown { permitted, ..Shown::default() })
}

fn shown(sql: &str) -> Vec<String> {
    let catalog = catalog();
    let session: Session = crate::understand::new_session_as(None, &catalog, None);
    let analysis = understand(sql.as_bytes(), &catalog, &session, &Limits::default());
    let columns = analysis.statements.iter().flat_map(|statement| &statement.shown);
    columns.map(|column| column.name.clone()).collect()
}

#[test]
fn whatever_gives_a_column_shows_it() {
    for sql in [
        "SELECT email FROM customers",
        "TABLE customers",
        "COPY customers TO STDOUT",
        "SELECT c FROM customers c",
        "SELECT 1 FROM customers WHERE email = 'x'",
        "UPDATE customers SET id = id WHERE id = 1 RETURNING email",
        "UPDATE customers SET id = id WHERE id = 1 RETURNING *",
        "DELETE FROM customers WHERE id = 1 RETURNING upper(email)",
        "WITH w AS (UPDATE customers SET id = id WHERE id = 1 RETURNING email) SELECT * FROM w",
        "INSERT INTO orders SELECT id FROM customers WHERE email IS NOT NULL",
    ] {
        assert!(shown(sql).contains(&"public.customers.email".to_owned()), "{sql}: {:?}", shown(sql));
    }
}
