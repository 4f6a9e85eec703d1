//! A session: one resource, opened for this person, with a local address for as long as it lasts.
//!
//! Sign-in → grant → tunnel → local address → hold. Read next: [`open`] for that chain, [`keeper`] for the
//! grant's renewals, [`hold`] for the time until the end, [`door`] for how other processes ask about it.

mod approval;
mod board;
mod choose;
mod client;
mod door;
mod handover;
mod hold;
mod keeper;
mod known;
pub(crate) mod left;
mod open;
mod parts;
mod profile;
mod pulse;
mod reach;
mod shell;
mod signals;
mod target;
mod together;

pub(crate) use self::{
    approval::{HowLong, Patience, decided, short},
    board::{SessionInfo, Stage},
    choose::{goes_on, in_order},
    client::ClientSettings,
    handover::{detach, receive as receive_handover, report_failure, report_ready},
    hold::{Held, Until},
    known::{Question, ask, find, list},
    open::{LocalWish, Opened, Request, open, open_part},
    parts::{Giver, Parent, PartWish, Parts, Terms, VARIABLE as PARENT},
    profile::{Program, profile},
    shell::{Shell, lines},
    signals::{Signals, status_of},
    target::{Seen, Target, nearest, resolve},
    together::{Others, hold_all},
};
