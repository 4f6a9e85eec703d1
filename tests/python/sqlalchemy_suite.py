"""SQLAlchemy on psycopg: prints what it sees as JSON, so that two servers can be compared.

usage: sqlalchemy_suite.py HOST PORT USER DATABASE REFUSED_SQL
"""
import json
import sys

from sqlalchemy import Integer, MetaData, Text, create_engine, exc, func, insert, inspect, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

host, port, user, database, refused = sys.argv[1:6]
seen = {}
engine = create_engine(f"postgresql+psycopg://{user}@{host}:{port}/{database}", pool_size=3)


class Base(DeclarativeBase):
    pass


class Scratch(Base):
    __tablename__ = "scratch"
    id = mapped_column(Integer, primary_key=True)
    note = mapped_column(Text)


def sqlstate(error):
    state = error.orig.sqlstate
    return "refused" if state in ("42501", "42P01") else state


meta = MetaData()
inspector = inspect(engine)
seen["tables"] = sorted(inspector.get_table_names())
seen["views"] = sorted(inspector.get_view_names())
seen["columns"] = {name: [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)] for name in ("orders", "products", "scratch")}
seen["keys"] = [inspector.get_pk_constraint("orders"), inspector.get_foreign_keys("orders"), inspector.get_indexes("orders")]
# It asks for a setting whose name is a parameter.
meta.reflect(engine)
seen["reflected"] = {name: [[(c.name, str(c.type), c.nullable, c.primary_key) for c in table.columns], sorted(str(c.name) for c in table.constraints)] for name, table in meta.tables.items()}
orders, products = meta.tables["orders"], meta.tables["products"]
with engine.connect() as connection:
    sold = select(products.c.sku, func.sum(orders.c.quantity).label("sold"), func.rank().over(order_by=func.count().desc()))
    sold = sold.join(orders, orders.c.product_id == products.c.id).group_by(products.c.sku).order_by(products.c.sku).limit(5)
    seen["core"] = [tuple(map(str, row)) for row in connection.execute(sold)]
    streamed = connection.execute(select(orders.c.id).order_by(orders.c.id).execution_options(yield_per=100))
    seen["streamed"] = sum(row.id for row in streamed)
    connection.rollback()
    connection.execute(upsert(Scratch).values(id=9500, note="a").on_conflict_do_nothing())
    seen["returning"] = connection.execute(insert(Scratch).returning(Scratch.id), [{"id": 9501 + n, "note": "many"} for n in range(50)]).scalars().all()
    seen["updated"] = connection.execute(update(Scratch).where(Scratch.id >= 9540).values(note="u")).rowcount
    with connection.begin_nested() as nested:
        try:
            connection.execute(text(refused))
        except exc.DBAPIError as error:
            seen["refused"] = sqlstate(error)
            nested.rollback()
    seen["still"] = connection.execute(select(func.count()).select_from(Scratch).where(Scratch.id >= 9500)).scalar()
    connection.rollback()
with Session(engine) as session:
    session.add_all([Scratch(id=9600, note="orm"), Scratch(id=9601)])
    session.flush()
    session.get(Scratch, 9601).note = "changed"
    session.flush()
    seen["orm"] = [(row.id, row.note) for row in session.scalars(select(Scratch).where(Scratch.id >= 9600).order_by(Scratch.id))]
    session.add(Scratch(id=1))
    try:
        session.flush()
    except exc.IntegrityError as error:
        seen["duplicate"] = sqlstate(error)
    session.rollback()
for level in ("SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"):
    with engine.connect().execution_options(isolation_level=level) as connection:
        seen[level] = connection.execute(text("SHOW transaction_isolation")).scalar()
engine.dispose()
print(json.dumps(seen, indent=1, sort_keys=True, default=str))
