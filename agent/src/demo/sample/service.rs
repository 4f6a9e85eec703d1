//! Support tickets in free text, access keys, and vectors of documents.

use super::{
    World,
    commerce::ORDERS,
    customers::{self, COPIED, OPENING, customer},
    numbers,
    random::Random,
    rows::{Moment, Rows},
};

/// How many tickets there are.
pub const TICKETS: u64 = 6_000;
/// How many keys there are.
pub const KEYS: u64 = 600;
/// How many documents there are.
pub const DOCUMENTS: u64 = 2_000;
/// Numbers of each vector.
const DIMENSIONS: usize = 64;

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8] = b"0123456789abcdef";

/// The row of `public.support_tickets`. Bodies hold addresses, numbers and cards now and then.
pub fn write_ticket(world: &World, id: u64, rows: &mut Rows) {
    let mut random = Random::of_row("support_tickets", id);
    let author = random.between(1, customers::COUNT);
    let customer = customer(world, author);
    let ticket = random.pick(&world.lists.tickets);
    let body = format!("{}{}", ticket.body, random.word(&world.lists.ticket_replies))
        .replace("{order}", &random.between(1, ORDERS).to_string())
        .replace("{email}", &customer.email)
        .replace("{phone}", &customer.phone)
        .replace("{name}", &customer.full_name)
        .replace("{address}", &format!("{}, {} {}", customer.address, customer.postal_code, customer.city))
        .replace("{national_id}", &customer.national_id)
        .replace("{iban}", customer.iban.as_deref().unwrap_or("on file"))
        .replace("{card}", &numbers::card(&mut random));
    rows.plain(id)
        .plain(author)
        .text(&ticket.subject)
        .text(&body)
        .plain(random.pick(&["open", "waiting", "solved", "solved", "solved"]))
        .plain(random.pick(&["low", "normal", "normal", "high"]))
        .plain(some_moment(&mut random))
        .end();
}

/// The row of `public.api_keys`: shapes that scanners know, bodies that open nothing.
pub fn write_key(world: &World, id: u64, rows: &mut Rows) {
    let mut random = Random::of_row("api_keys", id);
    let token = match random.below(5) {
        0 => format!("sk_live_{}", random.letters(BASE62, 24)),
        1 => format!("ghp_{}", random.letters(BASE62, 36)),
        2 => format!("AKIA{}", random.letters(BASE32, 16)),
        3 => format!("xoxb-{}-{}", random.digits(12), random.letters(BASE62, 24)),
        _ => random.letters(HEX, 40),
    };
    let created = some_moment(&mut random);
    let since = u64::try_from(COPIED - created.0).unwrap_or_default();
    let used = random.happens(70).then(|| i64::try_from(random.below(since + 1)).unwrap_or_default());
    let used = used.map(|later| Moment(created.0 + later).to_string());
    rows.plain(id)
        .plain(random.between(1, customers::COUNT))
        .text(random.word(&world.lists.key_names))
        .text(&token)
        .plain(random.pick(&["{read}", "{read,write}", "{orders:read}", "{admin}"]))
        .plain(created)
        .optional(used.as_deref())
        .end();
}

/// The row of `public.document_embeddings`.
pub fn write_document(world: &World, id: u64, rows: &mut Rows) {
    let mut random = Random::of_row("document_embeddings", id);
    let mut vector = String::from("{");
    for place in 0..DIMENSIONS {
        let sign = if random.happens(50) { "-" } else { "" };
        let comma = if place == 0 { "" } else { "," };
        vector += &format!("{comma}{sign}0.{:04}", random.below(4000));
    }
    vector.push('}');
    rows.plain(id)
        .plain(random.between(1, TICKETS))
        .text(&random.pick(&world.lists.tickets).subject)
        .plain("demo-embed-64")
        .plain(vector)
        .plain(some_moment(&mut random))
        .end();
}

fn some_moment(random: &mut Random) -> Moment {
    let span = u64::try_from(COPIED - OPENING).unwrap_or_default();
    Moment(OPENING + i64::try_from(random.below(span)).unwrap_or_default())
}
