//! Renewing a sign-in with its refresh token, and giving that token back.

use openidconnect::{
    OAuth2TokenResponse as _, RefreshToken, RequestTokenError, StandardErrorResponse, TokenResponse as _,
    core::CoreErrorResponseType,
};

use super::{
    provider::{Provider, silent},
    tokens::{Secret, SignIn},
    transport::{self, TransportError},
};
use crate::{
    agents::Identity,
    failure::{self, Outcome},
};

type TokenError = RequestTokenError<TransportError, StandardErrorResponse<CoreErrorResponseType>>;

/// A fresh ID token for the same principal.
pub(super) async fn refresh(identity: &Identity, old: &SignIn) -> Outcome<SignIn> {
    let Some(token) = &old.refresh_token else {
        return Err(failure::sign_in_needed(format!("the sign-in of {} is over", old.profile.principal())));
    };
    let provider = Provider::discover(identity).await?;
    let carry = |request| transport::send(provider.http.clone(), request);
    let token = RefreshToken::new(token.reveal().to_owned());
    let request = provider
        .client
        .exchange_refresh_token(&token)
        .map_err(|_| silent(provider.issuer(), "it names no token endpoint"))?;
    let tokens = request.request_async(&carry).await.map_err(|error| token_problem(&provider, &error))?;
    let id_token = tokens.id_token().ok_or_else(|| {
        failure::sign_in_needed("the identity provider renewed the sign-in without an ID token")
    })?;
    // A provider that does not rotate sends none: the old one goes on (RFC 6749, 6).
    let next = tokens.refresh_token().map(|token| Secret::new(token.secret().clone()));
    let renewed = provider.accept(id_token, next.or_else(|| old.refresh_token.clone()), None)?;
    if renewed.profile.subject != old.profile.subject {
        return Err(
            failure::unverified("id_token", "the renewed sign-in is somebody else's").help("connect login")
        );
    }
    Ok(renewed)
}

/// Gives the refresh token back, if the provider takes it (RFC 7009). Whether it did.
pub(crate) async fn revoke(provider: &Provider, identity: &Identity, sign_in: &SignIn) -> bool {
    let (Some(token), Some(url)) = (&sign_in.refresh_token, provider.revocation()) else { return false };
    let form = [
        ("token", token.reveal()),
        ("token_type_hint", "refresh_token"),
        ("client_id", identity.client_id.as_str()),
    ];
    let answer = provider.http.post(url).form(&form).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Why there are no tokens: a refusal needs a person, silence needs time.
pub(super) fn token_problem(provider: &Provider, error: &TokenError) -> connect_shared::error::ErrorReport {
    match error {
        RequestTokenError::ServerResponse(refusal) => {
            let code = refusal.error().to_string();
            let why = refusal.error_description().map_or(code.clone(), |text| format!("{text} ({code})"));
            failure::sign_in_needed(format!("the identity provider refused: {why}"))
        }
        RequestTokenError::Request(error) => silent(provider.issuer(), &failure::chain(error)),
        RequestTokenError::Parse(..) => silent(provider.issuer(), "its answer is no token"),
        RequestTokenError::Other(why) => silent(provider.issuer(), why),
    }
}
