//! Customers: one pure function from a number to a person, so that every table agrees about them.

use super::{
    World,
    numbers::{self, Birth},
    random::Random,
    rows::{Moment, Rows},
};

/// How many there are.
pub const COUNT: u64 = 20_000;
/// 2023-01-01, when the shop opened.
pub const OPENING: i64 = 1_672_531_200;
/// 2026-07-01, when the copy was made.
pub const COPIED: i64 = 1_782_864_000;

/// One customer.
#[derive(Debug)]
pub struct Customer {
    pub full_name: String,
    pub email: String,
    pub phone: String,
    pub address: String,
    pub city: String,
    pub postal_code: String,
    pub country: String,
    pub national_id: String,
    pub iban: Option<String>,
    birth: Birth,
    vip: bool,
    newsletter: bool,
    last_login_ip: String,
    created: Moment,
}

/// The customer of this number, from 1 to [`COUNT`].
pub fn customer(world: &World, id: u64) -> Customer {
    let mut random = Random::of_row("customers", id);
    let random = &mut random;
    let country = world.lists.country(random);
    let (given, family) = (random.pick(&country.given), random.pick(&country.family));
    let birth = birth(random);
    let street = country
        .street
        .replace("{street}", random.word(&country.streets))
        .replace("{number}", &random.between(1, 180).to_string());
    Customer {
        full_name: country.name.replace("{given}", &given.native).replace("{family}", &family.native),
        email: email(world, &given.plain, &family.plain, id, random),
        phone: {
            let pattern = random.pick(&country.phones);
            random.fill(pattern)
        },
        address: street,
        city: random.pick(&country.cities).clone(),
        postal_code: random.fill(&country.postal),
        country: country.code.clone(),
        national_id: numbers::national_id(&country.code, birth, random),
        iban: country.iban.as_ref().map(|pattern| numbers::iban(&country.code, pattern, random)),
        birth,
        vip: random.happens(4),
        newsletter: random.happens(55),
        last_login_ip: documentation_address(random),
        created: created(id, random),
    }
}

/// Names have no digits, so the number at the end makes the address unique.
fn email(world: &World, given: &str, family: &str, id: u64, random: &mut Random) -> String {
    let initial = given.get(..1).unwrap_or(given);
    let local = match random.below(4) {
        0 => format!("{initial}{family}"),
        1 => format!("{family}.{given}"),
        _ => format!("{given}.{family}"),
    };
    format!("{local}{id}@{}", random.word(&world.lists.domains))
}

fn birth(random: &mut Random) -> Birth {
    let year = 1940 + i32::try_from(random.below(68)).unwrap_or_default();
    let small = |value: u64| u8::try_from(value).unwrap_or(1);
    Birth { year, month: small(random.between(1, 12)), day: small(random.between(1, 28)) }
}

/// From the blocks that RFC 5737 and RFC 3849 keep for documentation.
fn documentation_address(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("192.0.2.{}", random.between(1, 254)),
        1 => format!("198.51.100.{}", random.between(1, 254)),
        2 => format!("203.0.113.{}", random.between(1, 254)),
        _ => format!("2001:db8::{:x}", random.between(1, 0xffff)),
    }
}

/// Higher numbers joined later.
fn created(id: u64, random: &mut Random) -> Moment {
    let span = u64::try_from(COPIED - OPENING).unwrap_or_default();
    let offset = span / COUNT * (id - 1) + random.below(span / COUNT);
    Moment(OPENING + i64::try_from(offset).unwrap_or_default())
}

/// The row of `public.customers`.
pub fn write(world: &World, id: u64, rows: &mut Rows) {
    let customer = customer(world, id);
    let Birth { year, month, day } = customer.birth;
    rows.plain(id)
        .text(&customer.full_name)
        .text(&customer.email)
        .text(&customer.phone)
        .plain(format_args!("{year}-{month:02}-{day:02}"))
        .plain(&customer.country)
        .text(&customer.city)
        .text(&customer.address)
        .text(&customer.postal_code)
        .text(&customer.national_id)
        .optional(customer.iban.as_deref())
        .plain(customer.vip)
        .plain(customer.newsletter)
        .plain(&customer.last_login_ip)
        .plain(customer.created)
        .end();
}
