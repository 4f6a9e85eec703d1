//! Signing out at the provider, too (OpenID Connect RP-Initiated Logout 1.0): the browser goes there with the ID token
//! as a hint of whose session is meant. The hint is a bearer at the agent for as long as it is good, so it reaches the
//! browser by way of our own loopback and is never shown.
//!
//! No address to come back to is named: providers compare it letter by letter with what was registered, and a port of
//! ours is another one each time.

use std::time::Duration;

use reqwest::Url;
use tokio::time::timeout;

use super::{
    browser::{Opening, open_browser},
    callback::HandOff,
    provider::Provider,
    tokens::SignIn,
};
use crate::{agents::Identity, console::Console, failure::Outcome};

/// How long a browser may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends the session in the browser, if the provider can do that; whether it can.
pub(crate) async fn sign_out(
    console: &Console,
    identity: &Identity,
    provider: &Provider,
    sign_in: &SignIn,
    opening: Opening,
) -> Outcome<bool> {
    let Some(endpoint) = provider.end_session() else { return Ok(false) };
    let plain = with(&endpoint, &[("client_id", &identity.client_id)]);
    if opening == Opening::AddressOnly {
        console.say(&format!("To sign out at {} in your browser, too, open:", identity.issuer));
        console.data(plain.as_str())?;
        return Ok(true);
    }
    let hinted = with(&plain, &[("id_token_hint", sign_in.id_token.reveal())]);
    let hand_off = HandOff::listen().await?;
    if open_browser(&hand_off.address()) {
        console
            .say(&format!("Opening your browser to sign out at {}, too … Ctrl-C to cancel", identity.issuer));
        if timeout(PATIENCE, hand_off.send_on(&hinted)).await.is_ok() {
            return Ok(true);
        }
    }
    console.say(&format!("No browser came. To sign out at {}, too, open this address:", identity.issuer));
    console.say(&format!("  {plain}"));
    Ok(true)
}

fn with(url: &Url, parameters: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_has_in_its_address_stays_there() {
        let endpoint = Url::parse("https://id.example.com/logout?tenant=a").expect("a URL");
        let url = with(&endpoint, &[("client_id", "connect cli&x=y")]);
        assert_eq!(url.as_str(), "https://id.example.com/logout?tenant=a&client_id=connect+cli%26x%3Dy");
    }

    #[tokio::test]
    async fn the_browser_is_sent_on_once_and_a_guess_is_told_nothing() {
        let to = Url::parse("https://id.example.com/logout?id_token_hint=s3cret").expect("a URL");
        let hand_off = HandOff::listen().await.expect("a port");
        let address = hand_off.address();
        let sending = tokio::spawn(async move { hand_off.send_on(&to).await });
        let _installed_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.build().expect("a client");
        let mut guess = Url::parse(&address).expect("a URL");
        guess.set_path("/guess");
        let guessed = client.get(guess).send().await.expect("an answer");
        assert_eq!(guessed.status(), 404);
        assert!(!guessed.text().await.expect("a page").contains("s3cret"));
        let other_name =
            client.get(&address).header("host", "evil.example.com").send().await.expect("an answer");
        assert_eq!(other_name.status(), 404);
        let sent = client.get(&address).send().await.expect("an answer");
        assert_eq!(sent.status(), 303);
        assert_eq!(sent.headers()["location"], "https://id.example.com/logout?id_token_hint=s3cret");
        sending.await.expect("it is done");
        client.get(&address).send().await.expect_err("nobody is there any more");
    }
}
