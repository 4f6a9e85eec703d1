//! Who this person is: signing in at the identity provider that an agent names, keeping the sign-in, and
//! renewing it without anybody noticing.
//!
//! An ID token is a bearer at the agent, so it is treated as a secret, like the refresh token. Read next:
//! [`browser`] for the sign-in, [`provider`] for what is checked, [`holder`] for keeping and renewal.

mod browser;
mod callback;
mod holder;
mod page;
mod provider;
mod refresh;
mod tokens;
mod transport;

pub(crate) use self::{
    browser::{Opening, Pending, sign_in},
    holder::Holder,
    provider::Provider,
    refresh::revoke,
    tokens::{Profile, Secret, SignIn, now},
};
