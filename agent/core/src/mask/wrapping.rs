//! Masks of texts that are letters between two constants, and how they get into a short column.

use connect_shared::label::Label;

use super::{digest::LETTERS, room::Room};

/// What stands around the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrapping {
    pub(super) before: &'static str,
    pub(super) letters: usize,
    pub(super) after: &'static str,
}

const EMAIL_BEFORE: &str = "u_";
const EMAIL_AFTER: &str = "@masked.invalid";

/// With fewer letters too many addresses would be equal; then the domain is cut.
const FEWEST_LETTERS: usize = 10;

impl Wrapping {
    /// Of the labels whose masks are such texts.
    pub(super) fn new(label: Label, room: Room) -> Option<Self> {
        let before = match label {
            Label::Email => {
                return Some(Self { before: EMAIL_BEFORE, letters: email_letters(room), after: EMAIL_AFTER });
            }
            Label::PersonName => "name_",
            Label::Address => "address_",
            Label::NationalId => "id_",
            _ => return None,
        };
        Some(Self { before, letters: LETTERS, after: "" })
    }
}

fn email_letters(room: Room) -> usize {
    let around = EMAIL_BEFORE.len() + EMAIL_AFTER.len();
    room.characters()
        .and_then(|most| most.checked_sub(around))
        .filter(|letters| (FEWEST_LETTERS..LETTERS).contains(letters))
        .unwrap_or(LETTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_up_letters_before_its_domain() {
        for (most, letters) in [(255, 20), (37, 20), (36, 19), (27, 10), (26, 20), (5, 20)] {
            let wrapping = Wrapping::new(Label::Email, Room::Characters(most)).expect("a wrapping");
            assert_eq!(wrapping.letters, letters, "varchar({most})");
        }
    }
}
