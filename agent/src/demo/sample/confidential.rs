//! The schema that nobody outside a small circle reads: salaries and minutes of the board.

use super::{World, random::Random, rows::Rows};

/// How many people the shop employs.
pub const EMPLOYEES: u64 = 180;
/// How many meetings there were.
pub const MEETINGS: u64 = 24;

/// The row of `confidential.salaries`.
pub fn write_salary(world: &World, id: u64, rows: &mut Rows) {
    let mut random = Random::of_row("salaries", id);
    let country = world.lists.country(&mut random);
    let (given, family) = (random.pick(&country.given), random.pick(&country.family));
    let name = country.name.replace("{given}", &given.native).replace("{family}", &family.native);
    rows.plain(id)
        .text(&name)
        .text(random.word(&world.lists.job_titles))
        .plain(random.between(320, 1400) * 100)
        .plain("EUR")
        .plain(format_args!("{}-{:02}-01", random.between(2019, 2026), random.between(1, 6)))
        .end();
}

/// The row of `confidential.board_minutes`: one meeting every other month.
pub fn write_minutes(world: &World, id: u64, rows: &mut Rows) {
    let mut random = Random::of_row("board_minutes", id);
    let (year, month) = (2022 + (id - 1) / 6, (id - 1) % 6 * 2 + 1);
    let first = random.word(&world.lists.minutes);
    let second = random.word(&world.lists.minutes);
    let text = if first == second { first.to_owned() } else { format!("{first} {second}") };
    rows.plain(id)
        .plain(format_args!("{year}-{month:02}-{:02}", random.between(8, 20)))
        .text(&format!("Meeting {id}"))
        .text(&text)
        .end();
}
