//! Who this person is: signing in at the identity provider that an agent names, keeping the sign-in, and
//! renewing it without anybody noticing.
//!
//! An ID token is a bearer at the agent, so it is treated as a secret, like the refresh token. Read next:
//! [`browser`] for the sign-in, [`provider`] for what is checked, [`holder`] for keeping and renewal,
//! [`workload`] for programs that sign in by themselves.

mod browser;
mod callback;
mod device;
mod holder;
mod page;
mod provider;
mod refresh;
mod sign_out;
mod tokens;
mod transport;
mod workload;

pub(crate) use self::{
    browser::{Opening, Pending, sign_in, stronger_sign_in},
    device::sign_in_elsewhere,
    holder::Holder,
    provider::Provider,
    refresh::revoke,
    sign_out::sign_out,
    tokens::{Profile, Secret, SignIn, now},
    workload::{Source, Workload},
};
