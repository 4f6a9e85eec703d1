//! Everything that the provider remembers: all of it in memory, in tables of fixed size.

use std::time::{Duration, Instant};

use super::{
    bounded::Bounded,
    keys::{KeyError, random_text},
    request::AuthorizationRequest,
};

const MINUTE: Duration = Duration::from_secs(60);
/// How long a code can be exchanged.
const CODE_LIFETIME: Duration = MINUTE;
/// How long an access token works, in seconds.
pub const ACCESS_LIFETIME: u64 = 300;

/// Who signed in, when, in which browser.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub email: String,
    /// Seconds since 1970.
    pub auth_time: u64,
    /// The `sid` claim: one sign-in of one browser.
    pub sid: String,
}

/// A request that waits on the sign-in page.
#[derive(Debug)]
pub struct Pending {
    pub request: AuthorizationRequest,
    /// The browser that asked; only it may answer.
    pub browser: String,
}

/// What a code stands for. It stays after its use, so that a replay is noticed.
#[derive(Debug)]
pub struct Code {
    pub request: AuthorizationRequest,
    pub signed_in: SignedIn,
    pub issued: Instant,
    /// The family of the tokens that it gave; set when it is used.
    pub used: Option<String>,
}

impl Code {
    pub fn is_stale(&self, now: Instant) -> bool {
        now.duration_since(self.issued) >= CODE_LIFETIME
    }
}

/// All that descends from one code: access tokens and one refresh token at a time.
#[derive(Debug)]
pub struct Family {
    pub client: String,
    pub signed_in: SignedIn,
    pub scopes: Vec<String>,
    /// The secret half of the only refresh token that works now.
    pub secret: Option<String>,
}

/// An access token for `/userinfo`.
#[derive(Debug)]
pub struct Access {
    pub family: String,
}

/// The tables.
#[derive(Debug)]
pub struct Store {
    pub pending: Bounded<Pending>,
    pub codes: Bounded<Code>,
    pub families: Bounded<Family>,
    pub access: Bounded<Access>,
    /// Browsers that are signed in, by cookie.
    pub browsers: Bounded<SignedIn>,
    /// Questions «sign out?» that wait for a click: question to browser.
    pub sign_outs: Bounded<String>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            pending: Bounded::new(256, 10 * MINUTE),
            codes: Bounded::new(256, 10 * MINUTE),
            families: Bounded::new(512, 12 * 60 * MINUTE),
            access: Bounded::new(512, Duration::from_secs(ACCESS_LIFETIME)),
            browsers: Bounded::new(128, 8 * 60 * MINUTE),
            sign_outs: Bounded::new(64, 10 * MINUTE),
        }
    }
}

impl Store {
    /// Issues the code that answers a request.
    pub fn issue_code(
        &mut self,
        now: Instant,
        request: AuthorizationRequest,
        signed_in: SignedIn,
    ) -> Result<String, KeyError> {
        let code = random_text()?;
        self.codes.insert(now, code.clone(), Code { request, signed_in, issued: now, used: None });
        Ok(code)
    }

    /// Ends everything that came from one code.
    pub fn revoke_family(&mut self, now: Instant, family: &str) {
        self.families.remove(now, family);
        self.access.retain(|access| access.family != family);
    }

    /// Ends a sign-in everywhere: its browser, its codes and its tokens.
    pub fn sign_out(&mut self, sid: &str) {
        self.browsers.retain(|signed_in| signed_in.sid != sid);
        self.codes.retain(|code| code.signed_in.sid != sid);
        self.families.retain(|family| family.signed_in.sid != sid);
    }
}
