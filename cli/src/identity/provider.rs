//! The identity provider: what it says of itself, and what an ID token of it must survive (OpenID Connect
//! Core 1.0, 3.1.3.7): issuer, audience, signature by a published key with a public-key algorithm, expiry,
//! nonce.

use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, Client, ClientId, DiscoveryError, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, Nonce, ProviderMetadata,
    StandardErrorResponse, StandardTokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
        CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{
    tokens::{Profile, Secret, SignIn},
    transport,
};
use crate::{
    agents::Identity,
    failure::{self, Outcome},
};

/// Longest ID token that is accepted: an agent looks at no longer one.
const MAX_ID_TOKEN: usize = 16 * 1024;

/// Public-key algorithms only: with a keyed hash everybody who can verify could sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
];

/// What we read of the provider's metadata beyond the standard's core.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct More {
    /// RFC 7009.
    #[serde(default)]
    revocation_endpoint: Option<String>,
    /// RP-Initiated Logout 1.0.
    #[serde(default)]
    end_session_endpoint: Option<String>,
    /// RFC 8628.
    #[serde(default)]
    device_authorization_endpoint: Option<String>,
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

/// What we read of an ID token beyond the standard's claims. Any shape is accepted: it is only shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Groups {
    #[serde(default)]
    groups: serde_json::Value,
}

impl AdditionalClaims for Groups {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type IdToken = openidconnect::IdToken<
    Groups,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

pub(super) type Tokens = StandardTokenResponse<
    IdTokenFields<
        Groups,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

pub(super) type ProviderClient = Client<
    Groups,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider that answered.
pub(crate) struct Provider {
    pub(super) client: ProviderClient,
    pub(super) http: reqwest::Client,
    issuer: IssuerUrl,
    more: More,
}

impl Provider {
    /// Asks the provider for its metadata and keys.
    pub(crate) async fn discover(identity: &Identity) -> Outcome<Self> {
        let wrong = |why: &str| failure::usage(format!("the issuer `{}` {why}", identity.issuer));
        let url = Url::parse(&identity.issuer).map_err(|_| wrong("is no URL"))?;
        if !transport::is_acceptable(&url) {
            return Err(wrong("must be https: plain http is for this machine only"));
        }
        let issuer = IssuerUrl::new(identity.issuer.clone()).map_err(|_| wrong("is no URL"))?;
        let http = transport::client(&url)?;
        let carry = |request| transport::send(http.clone(), request);
        let metadata =
            Metadata::discover_async(issuer.clone(), &carry).await.map_err(|error| match error {
                DiscoveryError::Request(error) => silent(&identity.issuer, &failure::chain(&error)),
                other => silent(&identity.issuer, &failure::chain(&other)),
            })?;
        check_endpoints(&metadata, &identity.issuer)?;
        let more = metadata.additional_metadata().clone();
        let client =
            Client::from_provider_metadata(metadata, ClientId::new(identity.client_id.clone()), None);
        Ok(Self { client, http, issuer, more })
    }

    /// The issuer as the agent names it.
    pub(super) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Whether every answer of the provider names its issuer (RFC 9207).
    pub(super) const fn names_itself(&self) -> bool {
        self.more.authorization_response_iss_parameter_supported
    }

    /// Where tokens are given back, if that is possible.
    pub(super) fn revocation(&self) -> Option<Url> {
        let url = Url::parse(self.more.revocation_endpoint.as_deref()?).ok()?;
        transport::is_acceptable(&url).then_some(url)
    }

    /// Where a browser's session ends, if that is possible.
    pub(super) fn end_session(&self) -> Option<Url> {
        let url = Url::parse(self.more.end_session_endpoint.as_deref()?).ok()?;
        transport::is_acceptable(&url).then_some(url)
    }

    /// Where a sign-in by device code begins (RFC 8628), if that is possible.
    pub(super) fn device_endpoint(&self) -> Option<Url> {
        let url = Url::parse(self.more.device_authorization_endpoint.as_deref()?).ok()?;
        transport::is_acceptable(&url).then_some(url)
    }

    /// Checks an ID token and reads it. A renewed one has no nonce of ours.
    pub(super) fn accept(
        &self,
        token: &IdToken,
        refresh_token: Option<Secret>,
        nonce: Option<&Nonce>,
    ) -> Outcome<SignIn> {
        let verifier = self.client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let refuse = |why: String| {
            failure::unverified("id_token", format!("the sign-in cannot be trusted: {why}"))
                .help("connect login")
        };
        let text = token.to_string();
        if text.len() > MAX_ID_TOKEN {
            return Err(refuse(format!("the ID token is over {MAX_ID_TOKEN} bytes long")));
        }
        let claims = match nonce {
            Some(nonce) => token.claims(&verifier, nonce),
            None => token.claims(&verifier, |_: Option<&Nonce>| Ok(())),
        };
        let claims = claims.map_err(|error| refuse(failure::chain(&error)))?;
        let expires_at = u64::try_from(claims.expiration().timestamp()).unwrap_or(0);
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        let profile = Profile {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            name,
            groups: names(&claims.additional_claims().groups),
            expires_at,
        };
        Ok(SignIn { id_token: Secret::new(text), refresh_token, profile })
    }
}

/// The provider does not answer, or not as one.
pub(super) fn silent(issuer: &str, why: &str) -> connect_shared::error::ErrorReport {
    failure::unreachable("identity_unreachable", format!("cannot sign in at {issuer}: {why}"))
        .help("connect doctor")
}

fn check_endpoints(metadata: &Metadata, issuer: &str) -> Outcome<()> {
    let token = metadata.token_endpoint().map(|url| url.url());
    let authorization = metadata.authorization_endpoint().url();
    for url in token.into_iter().chain([authorization]) {
        if !transport::is_acceptable(url) {
            return Err(silent(issuer, &format!("it names the endpoint {url}, which is not https")));
        }
    }
    if token.is_none() {
        return Err(silent(issuer, "it names no token endpoint"));
    }
    Ok(())
}

fn names(groups: &serde_json::Value) -> Vec<String> {
    let texts = |list: &Vec<serde_json::Value>| {
        list.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect()
    };
    groups.as_array().map(texts).unwrap_or_default()
}
