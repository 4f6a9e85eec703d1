//! Signing in through the browser: OpenID Connect's authorization code with PKCE (RFC 7636) on a loopback
//! redirect (RFC 8252). The code is worthless without the verifier that never leaves this process.

use std::time::Duration;

use connect_shared::error::StepUp;
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreAuthPrompt, CoreResponseType},
};
use tokio::time::timeout;

use super::{
    callback::{Answer, Callback, Expected},
    provider::{Provider, silent},
    refresh,
    tokens::{Secret, SignIn},
    transport,
};
use crate::{
    agents::Identity,
    console::Console,
    failure::{self, Outcome},
};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How the person gets to the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// We open the browser, and show the address too.
    Browser,
    /// The address goes to standard output, and nothing is opened.
    AddressOnly,
}

/// One sign-in that is under way.
struct Attempt {
    url: String,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
}

/// Signs somebody in and says who it is.
pub(crate) async fn sign_in(console: &Console, identity: &Identity, opening: Opening) -> Outcome<SignIn> {
    stronger_sign_in(console, identity, opening, &StepUp::default()).await
}

/// The same, in a way that a resource demands. Whether it was that way is for the agent to see.
pub(crate) async fn stronger_sign_in(
    console: &Console,
    identity: &Identity,
    opening: Opening,
    demands: &StepUp,
) -> Outcome<SignIn> {
    let pending = Pending::with(identity, demands).await?;
    show(console, pending.address(), opening)?;
    let sign_in = pending.finish().await?;
    console.say(&format!("Signed in as {}", sign_in.profile.principal()));
    Ok(sign_in)
}

/// A sign-in that waits for somebody to visit its address.
pub(crate) struct Pending {
    provider: Provider,
    callback: Callback,
    attempt: Attempt,
}

impl Pending {
    /// Begins one; nothing is opened.
    pub(crate) async fn start(identity: &Identity) -> Outcome<Self> {
        Self::with(identity, &StepUp::default()).await
    }

    async fn with(identity: &Identity, demands: &StepUp) -> Outcome<Self> {
        let provider = Provider::discover(identity).await?;
        let callback = Callback::listen().await?;
        let attempt = Attempt::start(&provider, identity, callback.redirect_url(), demands)?;
        Ok(Self { provider, callback, attempt })
    }

    /// Where the person signs in, in a browser on this machine.
    pub(crate) fn address(&self) -> &str {
        &self.attempt.url
    }

    /// Waits for the person.
    pub(crate) async fn finish(self) -> Outcome<SignIn> {
        let Self { provider, callback, attempt } = self;
        let expected = Expected {
            state: attempt.state.secret().clone(),
            issuer: provider.issuer().to_owned(),
            issuer_required: provider.names_itself(),
        };
        let answered = timeout(PATIENCE, callback.answer(&expected)).await;
        let (answer, visitor) = answered.map_err(|_| {
            failure::sign_in_needed(format!("nobody signed in within {} minutes", PATIENCE.as_secs() / 60))
        })??;
        let result = attempt.finish(&provider, answer).await;
        match &result {
            Ok(sign_in) => visitor.show(Ok(sign_in.profile.principal())).await,
            Err(report) => visitor.show(Err(&report.message)).await,
        }
        result
    }
}

fn show(console: &Console, url: &str, opening: Opening) -> Outcome<()> {
    if opening == Opening::AddressOnly {
        console.say("Sign in at this address, in a browser on this machine … Ctrl-C to cancel");
        return console.data(url);
    }
    if open_browser(url) {
        console.say("Opening your browser to sign in … Ctrl-C to cancel");
        console.say(&format!("  If it does not open: {url}"));
    } else {
        console.say("No browser could be opened here. To sign in, open this address … Ctrl-C to cancel");
        console.say(&format!("  {url}"));
    }
    Ok(())
}

/// Whether a browser took the address. Only what cannot be started is known at once.
pub(super) fn open_browser(url: &str) -> bool {
    let (said, heard) = std::sync::mpsc::channel();
    let url = url.to_owned();
    // A text browser stays until it is left, so its thread is not waited for.
    std::thread::spawn(move || {
        let _nobody_listens = said.send(webbrowser::open(&url).is_ok());
    });
    heard.recv_timeout(Duration::from_secs(2)).unwrap_or(true)
}

impl Attempt {
    fn start(provider: &Provider, identity: &Identity, redirect: String, demands: &StepUp) -> Outcome<Self> {
        let redirect = RedirectUrl::new(redirect).map_err(|error| failure::unexpected(error.to_string()))?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let client = provider.client.clone().set_redirect_uri(redirect.clone());
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in identity.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if *demands != StepUp::default() {
            // Who is signed in there already is asked again.
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        if !demands.acr.is_empty() {
            request = request.add_extra_param("acr_values", demands.acr.join(" "));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        Ok(Self { url: url.to_string(), state, nonce, verifier, redirect })
    }

    async fn finish(self, provider: &Provider, answer: Answer) -> Outcome<SignIn> {
        let code = match answer {
            Answer::Code(code) => AuthorizationCode::new(code),
            Answer::Refused { error, description } => return Err(refused(&error, description.as_deref())),
        };
        let client = provider.client.clone().set_redirect_uri(self.redirect);
        let carry = |request| transport::send(provider.http.clone(), request);
        let request = client
            .exchange_code(code)
            .map_err(|_| silent(provider.issuer(), "it names no token endpoint"))?
            .set_pkce_verifier(self.verifier);
        let tokens =
            request.request_async(&carry).await.map_err(|error| refresh::token_problem(provider, &error))?;
        let id_token = tokens.id_token().ok_or_else(|| {
            failure::unverified("id_token", "the identity provider sent no ID token").help("connect doctor")
        })?;
        let refresh_token = tokens.refresh_token().map(|token| Secret::new(token.secret().clone()));
        provider.accept(id_token, refresh_token, Some(&self.nonce))
    }
}

fn refused(error: &str, description: Option<&str>) -> connect_shared::error::ErrorReport {
    let why = match description {
        Some(description) => format!("{description} ({error})"),
        None => error.to_owned(),
    };
    failure::sign_in_needed(format!("the identity provider refused the sign-in: {why}"))
}
