//! Products, orders, what is in them, and how they were paid.

use super::{
    World,
    customers::{self, COPIED, OPENING, customer},
    numbers,
    random::Random,
    rows::{Cents, Moment, Rows},
};

/// How many products there are.
pub const PRODUCTS: u64 = 300;
/// How many orders there are.
pub const ORDERS: u64 = 80_000;
const DAY: u64 = 86_400;

/// One order.
#[derive(Debug)]
pub struct Order {
    customer: u64,
    status: &'static str,
    created: Moment,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    product: u64,
    quantity: u64,
    price: Cents,
}

impl Order {
    fn total(&self) -> Cents {
        Cents(self.lines.iter().map(|line| line.quantity * line.price.0).sum())
    }
}

/// The order of this number, from 1 to [`ORDERS`].
fn order(id: u64) -> Order {
    let mut random = Random::of_row("orders", id);
    // The smaller of two draws: old customers order more.
    let customer = random.between(1, customers::COUNT).min(random.between(1, customers::COUNT));
    let span = u64::try_from(COPIED - OPENING).unwrap_or_default();
    let offset = span / ORDERS * (id - 1) + random.below(span / ORDERS);
    let created = Moment(OPENING + i64::try_from(offset).unwrap_or_default());
    let status = match random.below(100) {
        0..4 => "cancelled",
        4..8 => "returned",
        // Only the newest orders are still on their way.
        _ if id + 400 > ORDERS => "open",
        _ if id + 1200 > ORDERS => "shipped",
        _ => "delivered",
    };
    let count = random.between(1, 3) + u64::from(random.happens(30));
    let lines = (0..count).map(|_| line(&mut random)).collect();
    Order { customer, status, created, lines }
}

fn line(random: &mut Random) -> Line {
    let product = random.between(1, PRODUCTS);
    Line {
        product,
        quantity: 1 + u64::from(random.happens(20)) + u64::from(random.happens(5)),
        price: price(product),
    }
}

fn price(product: u64) -> Cents {
    let mut random = Random::of_row("prices", product);
    Cents(random.between(4, 60) * random.between(2, 9) * 100 - 5)
}

/// The row of `public.products`: every style of every kind.
pub fn write_product(world: &World, id: u64, rows: &mut Rows) {
    let mut random = Random::of_row("products", id);
    let kinds = world.lists.product_kinds.len() as u64;
    let kind = at(&world.lists.product_kinds, (id - 1) % kinds);
    let style = at(&world.lists.product_styles, (id - 1) / kinds);
    let (kind, category) = kind.split_once('|').unwrap_or((kind, "other"));
    rows.plain(id)
        .plain(format_args!("SKU-{:05}-{}", id * 37, random.fill("@@")))
        .text(&format!("{style} {kind}"))
        .text(category)
        .plain(price(id))
        .plain(random.between(80, 24_000))
        .plain(random.below(900))
        .plain(!random.happens(6))
        .end();
}

/// Begins again after the last.
fn at(list: &[String], place: u64) -> &str {
    &list[usize::try_from(place).unwrap_or_default() % list.len()]
}

/// The row of `public.orders`.
pub fn write_order(_world: &World, id: u64, rows: &mut Rows) {
    let order = order(id);
    let mut random = Random::of_row("shipping", id);
    let shipped = matches!(order.status, "shipped" | "delivered" | "returned")
        .then(|| {
            Moment(order.created.0 + i64::try_from(random.between(DAY / 4, 3 * DAY)).unwrap_or_default())
        })
        .map(|moment| moment.to_string());
    rows.plain(id)
        .plain(order.customer)
        .plain(order.status)
        .plain(order.total())
        .plain("EUR")
        .plain(order.created)
        .optional(shipped.as_deref())
        .end();
}

/// The rows of `public.order_items` of one order.
pub fn write_items(_world: &World, id: u64, rows: &mut Rows) {
    for (place, line) in order(id).lines.iter().enumerate() {
        rows.plain(id).plain(place + 1).plain(line.product).plain(line.quantity).plain(line.price).end();
    }
}

/// The row of `public.payments` of one order, where it was paid.
pub fn write_payment(world: &World, id: u64, rows: &mut Rows) {
    let order = order(id);
    if matches!(order.status, "cancelled" | "open") {
        return;
    }
    let mut random = Random::of_row("payments", id);
    let payer = customer(world, order.customer);
    let by_account = payer.iban.filter(|_| random.happens(35));
    let (method, card) = match &by_account {
        Some(_) => ("direct_debit", None),
        None => ("card", Some(numbers::card(&mut random))),
    };
    let status = if order.status == "returned" { "refunded" } else { "settled" };
    rows.plain(id)
        .plain(id)
        .plain(method)
        .text(&payer.full_name)
        .optional(card.as_deref())
        .optional(by_account.as_deref())
        .plain(order.total())
        .plain(status)
        .plain(Moment(order.created.0 + i64::try_from(random.between(5, 900)).unwrap_or_default()))
        .end();
}
