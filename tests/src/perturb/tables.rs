//! The tables under perturbation, read from the server's catalog.

use std::collections::BTreeSet;

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::answers::{Answer, Sources};

/// A table that holds rows of its own; a partitioned one stands for its partitions.
#[derive(Debug, Clone)]
pub struct Table {
    /// `schema.table`.
    pub name: String,
    pub columns: Vec<Column>,
    /// Other relations through which the same rows are read, with the columns that they have.
    readers: Vec<(String, BTreeSet<String>)>,
    /// The column that decides in which partition a row is.
    divided_by: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub type_name: String,
    pub nullable: bool,
    pub in_key: bool,
    pub generated: bool,
    /// Generated columns that are computed from it.
    pub feeds: Vec<String>,
}

impl Table {
    /// Whether its rows are in partitions.
    pub fn is_divided(&self) -> bool {
        self.divided_by.is_some()
    }
}

/// One column that can be changed alone, with what changes by itself when it does.
#[derive(Debug, Clone)]
pub struct Unit {
    pub table: String,
    pub column: String,
    /// Its names, and those of generated columns that follow it.
    pub names: Sources,
    /// Its table is divided by it, into these.
    partitions: Vec<String>,
}

impl Unit {
    #[must_use]
    pub fn is_named_in(&self, sources: &Sources) -> bool {
        !self.names.is_disjoint(sources)
    }

    /// Whether changing it would move rows into or out of a partition that the statement names: there, it
    /// decides without standing in the statement.
    #[must_use]
    pub fn moves_rows_away_from(&self, answer: &Answer) -> bool {
        let columns = answer.outputs.iter().flat_map(|output| &output.columns);
        let mut sources = columns.flat_map(|column| &column.direct).chain(&answer.indirect);
        let is_part =
            |name: &str| self.partitions.iter().any(|partition| name.starts_with(partition.as_str()));
        let written = answer.outputs.iter().filter_map(|output| output.table.as_deref());
        sources.any(|source| is_part(source)) || written.into_iter().any(is_part)
    }

    #[must_use]
    pub fn is_of(&self, table: &str, column: &str) -> bool {
        self.names.contains(&format!("{table}.{column}"))
    }
}

/// Takes foreign keys away, so that a column can change alone.
const WITHOUT_FOREIGN_KEYS: &str = "
    DO $$
    DECLARE it record;
    BEGIN
      FOR it IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', it.relation, it.conname);
      END LOOP;
    END $$";

/// Makes tables of materialized views, without the views over them, and takes clocks out of columns.
const FLAT: &str = "
    DO $$
    DECLARE it record;
    BEGIN
      FOR it IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind = 'm' LOOP
        CONTINUE WHEN to_regclass(format('%I.%I', it.nspname, it.relname)) IS NULL;
        EXECUTE format('CREATE TABLE %I.flat AS SELECT * FROM %I.%I WITH NO DATA', it.nspname, it.nspname, it.relname);
        EXECUTE format('DROP MATERIALIZED VIEW %I.%I CASCADE', it.nspname, it.relname);
        EXECUTE format('ALTER TABLE %I.flat RENAME TO %I', it.nspname, it.relname);
      END LOOP;
      FOR it IN SELECT adrelid::regclass AS relation, attname FROM pg_attrdef d
          JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
          WHERE pg_get_expr(adbin, adrelid) LIKE '%now()%' LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP DEFAULT', it.relation, it.attname);
      END LOOP;
    END $$;
    SET max_parallel_workers_per_gather = 0;
    SET client_min_messages = warning";

/// Takes foreign keys away.
///
/// # Panics
/// The server refuses.
pub async fn drop_foreign_keys(client: &Client) {
    client.batch_execute(WITHOUT_FOREIGN_KEYS).await.expect("keys that can be dropped");
}

/// Takes away what would keep one column from changing alone.
pub async fn flatten(client: &Client) {
    drop_foreign_keys(client).await;
    client.batch_execute(FLAT).await.expect("a schema that can be made flat");
}

/// Tables with their columns; those with rules or triggers of their own are left empty, and out.
pub async fn read(client: &Client) -> Vec<Table> {
    let sql = "
        SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, NULL), a.attnotnull,
          EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)),
          a.attgenerated <> '',
          (SELECT string_agg(u.dependent_column, ',') FROM information_schema.column_column_usage u
            WHERE u.table_schema = n.nspname AND u.table_name = c.relname AND u.column_name = a.attname),
          (SELECT k.attname FROM pg_partitioned_table p JOIN pg_attribute k ON k.attrelid = p.partrelid AND k.attnum = p.partattrs[0]
            WHERE p.partrelid = c.oid)
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE (n.oid >= 16384 OR n.nspname = 'public') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND NOT c.relhasrules AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
        ORDER BY 1, a.attnum";
    let readers = readers(client).await;
    let mut tables: Vec<Table> = Vec::new();
    for [name, column, type_name, not_null, in_key, generated, feeds, divided_by] in
        rows::<8>(client, sql).await
    {
        if tables.last().is_none_or(|table| table.name != name) {
            let of_it = |reader: &&(String, String, BTreeSet<String>)| reader.0 == name;
            let readers = readers.iter().filter(of_it).map(|(_, reader, has)| (reader.clone(), has.clone()));
            let readers = readers.collect();
            let divided_by = Some(divided_by).filter(|column| !column.is_empty());
            tables.push(Table { name, columns: Vec::new(), readers, divided_by });
        }
        tables.last_mut().expect("one is there").columns.push(Column {
            name: column,
            type_name,
            nullable: not_null == "f",
            in_key: in_key == "t",
            generated: generated == "t",
            feeds: feeds.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        });
    }
    tables
}

/// SQL that sets every sequence to the same number again: their values outlive a rollback.
pub async fn sequences_again(client: &Client) -> String {
    let sql = "SELECT format('SELECT setval(%L, 1000); ', oid::regclass) FROM pg_class WHERE relkind = 'S'";
    rows::<1>(client, sql).await.into_iter().map(|[line]| line).collect()
}

/// (table, other relation with the same rows, its columns): partitions of a root, parents of a child.
async fn readers(client: &Client) -> Vec<(String, String, BTreeSet<String>)> {
    let sql = "
        WITH pairs AS (
          SELECT CASE WHEN c.relispartition THEN inhparent ELSE inhrelid END AS holder,
                 CASE WHEN c.relispartition THEN inhrelid ELSE inhparent END AS reader
          FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE c.relkind <> 'i'
        )
        SELECT hn.nspname || '.' || h.relname, rn.nspname || '.' || r.relname, string_agg(a.attname, ',')
        FROM pairs
        JOIN pg_class h ON h.oid = holder JOIN pg_namespace hn ON hn.oid = h.relnamespace
        JOIN pg_class r ON r.oid = reader JOIN pg_namespace rn ON rn.oid = r.relnamespace
        JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0
        GROUP BY 1, 2";
    let rows = rows::<3>(client, sql).await.into_iter();
    rows.map(|[holder, reader, columns]| (holder, reader, columns.split(',').map(str::to_owned).collect()))
        .collect()
}

async fn rows<const WIDTH: usize>(client: &Client, sql: &str) -> Vec<[String; WIDTH]> {
    let messages = client.simple_query(sql).await.expect("the catalog answers");
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some(std::array::from_fn(|at| row.get(at).unwrap_or_default().to_owned()))
        }
        _ => None,
    });
    rows.collect()
}

/// The columns of a table that can be changed.
pub fn units(table: &Table) -> Vec<Unit> {
    let columns = table.columns.iter().filter(|column| !column.generated);
    columns
        .map(|column| {
            let mut names = Sources::new();
            for member in std::iter::once(&column.name).chain(&column.feeds) {
                names.insert(format!("{}.{member}", table.name));
                let readers = table.readers.iter().filter(|(_, has)| has.contains(member));
                names.extend(readers.map(|(reader, _)| format!("{reader}.{member}")));
            }
            let divides = table.divided_by.as_ref() == Some(&column.name);
            let readers = table.readers.iter().filter(|_| divides).map(|(reader, _)| reader.clone());
            let partitions = readers.collect();
            Unit { table: table.name.clone(), column: column.name.clone(), names, partitions }
        })
        .collect()
}
