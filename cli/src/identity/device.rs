//! Signing in from a machine without a browser: OAuth 2.0 device code (RFC 8628). The person visits an address on
//! any other device and enters, or compares, a code.

use std::time::Duration;

use openidconnect::{
    DeviceAuthorizationUrl, DeviceCodeErrorResponseType, OAuth2TokenResponse as _, RequestTokenError, Scope,
    TokenResponse as _, core::CoreDeviceAuthorizationResponse,
};

use super::{
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

/// How long a person may take, whatever the provider says.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The provider is asked no more often than this, even if it would let us.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Signs somebody in through another device.
pub(crate) async fn sign_in_elsewhere(console: &Console, identity: &Identity) -> Outcome<SignIn> {
    let provider = Provider::discover(identity).await?;
    let url = provider.device_endpoint().ok_or_else(|| {
        failure::usage(format!("the identity provider {} knows no sign-in by device code", identity.issuer))
            .help("connect login --no-browser")
    })?;
    let url = DeviceAuthorizationUrl::new(url.to_string())
        .map_err(|error| failure::unexpected(error.to_string()))?;
    let client = provider.client.clone().set_device_authorization_url(url);
    let carry = |request| transport::send(provider.http.clone(), request);
    let scopes = identity.scopes.iter().filter(|scope| *scope != "openid");
    let request = client.exchange_device_code().add_scopes(scopes.map(|scope| Scope::new(scope.clone())));
    let details: CoreDeviceAuthorizationResponse =
        request.request_async(&carry).await.map_err(|error| refresh::token_problem(&provider, &error))?;
    show(console, &details)?;
    let pause = async |wanted: Duration| tokio::time::sleep(wanted.max(LEAST_PAUSE)).await;
    let request = client
        .exchange_device_access_token(&details)
        .map_err(|_| silent(provider.issuer(), "it names no token endpoint"))?;
    let tokens =
        request.request_async(&carry, pause, Some(PATIENCE)).await.map_err(|error| match &error {
            RequestTokenError::ServerResponse(refusal) => refused(refusal.error()),
            RequestTokenError::Request(error) => silent(provider.issuer(), &failure::chain(error)),
            RequestTokenError::Parse(..) => silent(provider.issuer(), "its answer is no token"),
            RequestTokenError::Other(why) => silent(provider.issuer(), why),
        })?;
    let id_token = tokens.id_token().ok_or_else(|| {
        failure::unverified("id_token", "the identity provider sent no ID token").help("connect doctor")
    })?;
    let refresh_token = tokens.refresh_token().map(|token| Secret::new(token.secret().clone()));
    let sign_in = provider.accept(id_token, refresh_token, None)?;
    console.say(&format!("Signed in as {}", sign_in.profile.principal()));
    Ok(sign_in)
}

/// The address is data, as with `--no-browser`; the code is for whoever reads.
fn show(console: &Console, details: &CoreDeviceAuthorizationResponse) -> Outcome<()> {
    let (address, code) = (details.verification_uri().as_str(), details.user_code().secret());
    console.say("Sign in on any device with a browser … Ctrl-C to cancel");
    console.say(&format!("  at {}  with the code {}", failure::printable(address), failure::printable(code)));
    let complete = details.verification_uri_complete().map(|uri| uri.secret().clone());
    console.data(&failure::printable(complete.as_deref().unwrap_or(address)))
}

fn refused(error: &DeviceCodeErrorResponseType) -> connect_shared::error::ErrorReport {
    let words = match error {
        DeviceCodeErrorResponseType::AccessDenied => "the sign-in was declined",
        DeviceCodeErrorResponseType::ExpiredToken => "nobody signed in before the code expired",
        _ => "the identity provider refused the sign-in",
    };
    failure::sign_in_needed(words)
}
