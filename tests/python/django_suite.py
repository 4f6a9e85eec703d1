"""Django's ORM over the sample shop: prints what it sees as JSON, so that two servers can be compared.

usage: django_suite.py HOST PORT USER DATABASE REFUSED_SQL
"""
import json
import sys

import django
from django.conf import settings

host, port, user, database, refused = sys.argv[1:6]
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "HOST": host, "PORT": port, "USER": user, "NAME": database,
            "OPTIONS": {"sslmode": "disable"},
        }
    },
    INSTALLED_APPS=[], USE_TZ=True, TIME_ZONE="UTC", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

from django.db import DatabaseError, connection, models, transaction  # noqa: E402


class Product(models.Model):
    sku = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label, managed, db_table = "shop", False, "products"


class Order(models.Model):
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.IntegerField()
    status = models.TextField()
    placed_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "shop", False, "orders"


class Scratch(models.Model):
    id = models.IntegerField(primary_key=True)
    note = models.TextField(null=True)

    class Meta:
        app_label, managed, db_table = "shop", False, "scratch"


def sqlstate(error):
    state = error.__cause__.sqlstate
    return "refused" if state in ("42501", "42P01") else state


seen = {}
seen["rows"] = list(Product.objects.filter(id__lt=5).order_by("id").values_list("id", "sku", "price"))
seen["join"] = list(Order.objects.select_related("product").filter(status="open").order_by("id").values_list("id", "product__sku")[:5])
sold = Order.objects.values("product__sku").annotate(sold=models.Sum("quantity"), n=models.Count("id"))
seen["aggregate"] = list(sold.order_by("product__sku").values_list("product__sku", "sold", "n")[:5])
seen["exists"] = Product.objects.filter(models.Exists(Order.objects.filter(product=models.OuterRef("pk"), quantity=5))).count()
seen["prefetch"] = [o.product.sku for o in Order.objects.filter(id__lte=3).order_by("id").prefetch_related("product")]
seen["iterator"] = sum(order.id for order in Order.objects.order_by("id").iterator(chunk_size=100))
seen["explain"] = "Scan" in Product.objects.filter(id=1).explain()
seen["dates"] = [str(day) for day in Order.objects.dates("placed_at", "month")]
Scratch.objects.bulk_create([Scratch(id=9000 + n, note=f"bulk {n}") for n in range(100)])
Scratch.objects.bulk_update([Scratch(id=9000, note="changed")], ["note"])
seen["created"] = Scratch.objects.get_or_create(id=9200, defaults={"note": "new"})[1]
seen["updated"] = Scratch.objects.filter(id__gte=9090).update(note=models.functions.Upper("note"))
try:
    with transaction.atomic():
        Scratch.objects.create(id=9300)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                Scratch.objects.create(id=9301)
                cursor.execute(refused)
        except DatabaseError as error:
            seen["refused"] = sqlstate(error)
        Scratch.objects.create(id=9000)
except DatabaseError as error:
    seen["duplicate"] = sqlstate(error)
seen["left"] = Scratch.objects.filter(id__gte=9000).count()
with transaction.atomic():
    seen["locked"] = Scratch.objects.select_for_update().get(id=9000).note
with connection.cursor() as cursor:
    seen["tables"] = sorted(table.name for table in connection.introspection.get_table_list(cursor))
    seen["description"] = [str(column) for column in connection.introspection.get_table_description(cursor, "orders")]
    seen["constraints"] = sorted(connection.introspection.get_constraints(cursor, "orders"))
    seen["relations"] = connection.introspection.get_relations(cursor, "orders")
seen["deleted"] = Scratch.objects.filter(id__gte=9000).delete()[0]
print(json.dumps(seen, indent=1, sort_keys=True, default=str))
