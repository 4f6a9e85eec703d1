"""What public tools say of a statement, each asked as its documentation asks to be.

A tool gets what it takes: the dialect, the default schema, the tables with their columns, the definitions of views. Its
answer is a list of (table or None for the result, column or None, sources as `schema.table.column`), and whether it said
that something is not known: an error, a warning, a diagnostic.
"""

import json
import logging
import subprocess
import tempfile
from collections import defaultdict

SCHEMA = "harbour"


class Refused(Exception):
    """The tool says that it does not do this."""


def source(schema, table, column):
    parts = [schema or SCHEMA, table, column]
    return ".".join(part.strip('"').lower() for part in parts)


class Sqlglot:
    name = "sqlglot"
    takes_views = True

    def __init__(self, catalog):
        import sqlglot
        from sqlglot import lineage

        self.sqlglot, self.lineage = sqlglot, lineage
        self.schema = defaultdict(dict)
        for table, columns in catalog["tables"].items():
            schema, name = table.split(".")
            self.schema[schema][f'"{name}"'] = {f'"{column}"': kind for column, kind in columns}
        self.views = {}
        for view, definition in catalog["views"].items():
            self.views[view] = definition["sql"]
            if view.startswith(SCHEMA + "."):
                self.views[view.split(".")[1]] = definition["sql"]
        self.warnings = []
        handler = logging.Handler()
        handler.emit = lambda record: self.warnings.append(record.getMessage())
        logging.getLogger("sqlglot").handlers = [handler]
        logging.getLogger("sqlglot").propagate = False

    def ask(self, sql):
        self.warnings.clear()
        tree = self.sqlglot.parse_one(sql, dialect="postgres")
        table, names, query = self.parts(tree)
        columns = self.columns(query)
        names = names or [name for name, _ in columns]
        said = [(table, name, sources) for name, (_, sources) in zip(names, columns)]
        return said, bool(self.warnings)

    def parts(self, tree):
        """Lineage is asked of queries: of a statement that writes, of the query that it writes from."""
        exp = self.sqlglot.exp
        if isinstance(tree, exp.Query):
            into = tree.args.get("into")
            return (self.table(into.this) if into else None), None, tree
        query = tree.args.get("expression")
        if not isinstance(tree, (exp.Insert, exp.Create)) or not isinstance(query, exp.Query):
            raise Refused("no query")
        common = tree.args.get("with_") or tree.args.get("with")
        if common:
            query.set("with_", common)
        target, names = tree.this, None
        if isinstance(target, exp.Schema):
            names = [column.name for column in target.expressions]
            target = target.this
        table = self.table(target)
        if isinstance(tree, exp.Insert) and not names:
            schema, name = table.split(".")
            names = [column.strip('"') for column in self.schema[schema].get(f'"{name}"', {})]
        return table, names, query

    def table(self, node):
        return f"{node.db or SCHEMA}.{node.name}"

    def columns(self, query):
        exp = self.sqlglot.exp
        query = exp.expand(query, {name: self.sqlglot.parse_one(sql, dialect="postgres") for name, sql in self.views.items()}, dialect="postgres")
        schema = self.sqlglot.MappingSchema(self.schema, dialect="postgres")
        query = self.lineage.qualify.qualify(query, dialect="postgres", schema=schema, db=SCHEMA, validate_qualify_columns=False, identify=False)
        scope = self.lineage.build_scope(query)
        if not scope:
            raise Refused("no scope")
        columns = []
        # By position: names may stand twice.
        for at, select in enumerate(scope.expression.selects):
            root = self.lineage.to_node(at, scope, "postgres", schema=schema)
            columns.append((select.alias_or_name, {self.leaf(node) for node in root.walk() if not node.downstream} - {None}))
        return columns

    def leaf(self, node):
        table = node.expression
        if not isinstance(table, self.sqlglot.exp.Table) or not table.name:
            return None
        return source(table.db, table.name, node.name.rsplit(".", 1)[-1])


class Sqllineage:
    name = "sqllineage"
    takes_views = False

    def __init__(self, catalog):
        from sqllineage.config import SQLLineageConfig
        from sqllineage.core.metadata.dummy import DummyMetaDataProvider
        from sqllineage.runner import LineageRunner

        self.config, self.runner = SQLLineageConfig, LineageRunner
        tables = {table: [column for column, _ in columns] for table, columns in catalog["tables"].items()}
        self.tables = DummyMetaDataProvider(tables)

    def ask(self, sql):
        # It reports what is written: a query is made to write a table.
        asked = sql.split(None, 1)[0].upper()
        is_query = asked in ("SELECT", "WITH", "VALUES", "TABLE") or sql.startswith("(")
        writes = is_query and any(word in sql.upper() for word in (" INTO ", "INSERT ", "UPDATE ", "DELETE ", "MERGE "))
        text = f"CREATE TABLE {SCHEMA}.result_ AS {sql}" if is_query and not writes else sql
        with self.config(DEFAULT_SCHEMA=SCHEMA):
            runner = self.runner(text, dialect="postgres", metadata_provider=self.tables)
            paths = runner.get_column_lineage()
        columns = defaultdict(set)
        for path in paths:
            first, last = path[0], path[-1]
            table = str(last.parent).replace("<default>", SCHEMA)
            table = None if table.endswith(".result_") else table
            schema, _, name = str(first.parent).replace("<default>", SCHEMA).rpartition(".")
            columns[table, last.raw_name].add(source(schema, name, first.raw_name))
        return [(table, name, sources) for (table, name), sources in columns.items()], False


class Openlineage:
    name = "openlineage-sql"
    takes_views = False

    def __init__(self, catalog):
        from openlineage_sql import parse

        self.parse = parse

    def ask(self, sql):
        meta = self.parse([sql], dialect="postgres", default_schema=SCHEMA)
        if meta is None:
            raise Refused("nothing parsed")
        table = meta.out_tables[0].qualified_name if meta.out_tables else None
        said = []
        for column in meta.column_lineage:
            sources = set()
            for origin in column.lineage:
                schema, _, name = (origin.origin.qualified_name if origin.origin else "unknown").rpartition(".")
                sources.add(source(schema, name, origin.name))
            said.append((table, column.descendant.name, sources))
        return said, bool(meta.errors)


class SqlInsight:
    name = "sql-insight"
    takes_views = False
    version = "0.4.0"

    def __init__(self, catalog, program):
        # A program that is not there would look like one that refuses everything.
        subprocess.run([program, "--version"], check=True, capture_output=True)
        self.program = program
        self.ddl = tempfile.NamedTemporaryFile("w", suffix=".sql")
        for table, columns in catalog["tables"].items():
            schema, name = table.split(".")
            described = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            self.ddl.write(f'CREATE TABLE {schema}."{name}" ({described});\n')
        self.ddl.flush()

    def ask(self, sql):
        options = ["--dialect", "postgres", "--format", "json", "--ddl-file", self.ddl.name, "--default-schema", SCHEMA]
        ran = subprocess.run([self.program, "extract", "column-ops", *options], input=sql, capture_output=True, text=True)
        if ran.returncode:
            raise Refused(ran.stderr)
        columns, flagged = defaultdict(set), False
        for statement in json.loads(ran.stdout):
            flagged |= bool(statement["diagnostics"])
            for edge in statement["lineage"]:
                # A reference that it does not find is one that it says it does not know.
                flagged |= edge["source"]["reference"]["table"] is None
                columns[self.target(edge["target"])].add(self.column(edge["source"]))
        return [(table, name, sources) for (table, name, _), sources in columns.items()], flagged

    def target(self, target):
        if "QueryOutput" in target:
            output = target["QueryOutput"]
            return None, (output["name"] or {}).get("value"), output["position"]
        reference = target["Relation"]["reference"]
        table = reference["table"]
        return f"{(table['schema'] or {}).get('value', SCHEMA)}.{table['name']['value']}", reference["name"]["value"], 0

    def column(self, reference):
        reference = reference["reference"]
        table = reference["table"] or {"schema": None, "name": {"value": "unknown"}}
        return source((table["schema"] or {}).get("value"), table["name"]["value"], reference["name"]["value"])
