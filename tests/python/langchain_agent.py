"""What LangChain's SQLDatabase and its tools do for an agent: list tables, describe some with sample rows, run a query.
A write is refused, whichever way it is sent. The connection is the environment's.

Usage: langchain_agent.py
"""

import os

from langchain_community.tools.sql_database.tool import InfoSQLDatabaseTool, ListSQLDatabaseTool, QuerySQLDatabaseTool
from langchain_community.utilities import SQLDatabase

WRITES = [
    "DELETE FROM scratch WHERE id = 1",
    "INSERT INTO scratch VALUES (99, 'x')",
    "SELECT 1; DROP TABLE scratch",
    "WITH gone AS (DELETE FROM scratch RETURNING id) SELECT count(*) FROM gone",
    "CREATE TABLE stolen AS SELECT email FROM customers",
]

url = os.environ["DATABASE_URL"]
assert url.startswith("postgresql://"), url
database = SQLDatabase.from_uri(url.replace("postgresql://", "postgresql+psycopg://", 1), view_support=True)
tables = ListSQLDatabaseTool(db=database).invoke("").split(", ")
print("tables", *tables)
described = InfoSQLDatabaseTool(db=database).invoke("orders, customers")
assert "CREATE TABLE orders" in described and "FOREIGN KEY(customer_id)" in described, described
# Sample rows of a protected table are masked ones.
assert "zymail.example" not in described and "@masked.invalid" in described, described
ask = QuerySQLDatabaseTool(db=database)
print("rows", ask.invoke("SELECT status, count(*) FROM orders GROUP BY status ORDER BY status"))
print("mail", ask.invoke("SELECT email FROM customers WHERE id = 1"))
for statement in WRITES:
    answer = ask.invoke(statement)
    assert answer.startswith("Error: ") and "InsufficientPrivilege" in answer, (statement, answer)
    print("refused", statement)
