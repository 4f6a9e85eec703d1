//! A wrong, expired, stolen or other person's grant gets nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_shared::{
    engine::Engine,
    frame::{Attempt, Frame, Open, Opened, VERSION},
    ids::ConnectionId,
};
use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    leaves,
    stranger::{Stranger, WithKey, hear, id_token, say},
    world::World,
};

async fn open(stranger: &Stranger, grant: &str, resource: &str) -> Result<(), String> {
    let welcomed = stranger.tunnel(grant, WithKey::Yes).await?;
    let (mut send, mut receive) = welcomed.connection.open_bi().await.map_err(|error| error.to_string())?;
    let open = Open {
        version: VERSION,
        connection: ConnectionId::from_random([7; 16]),
        resource: resource.to_owned(),
        engine: Engine::PostgreSql,
        resume_from: 0,
        attempt: Attempt::First,
    };
    say(&mut send, &Frame::Open(open)).await?;
    match hear(&mut receive).await? {
        Frame::Opened(Opened::Accepted { .. }) => Ok(()),
        Frame::Opened(Opened::Refused { error }) => Err(error.code),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_grant_opens_its_resource_for_its_key_and_nothing_else() {
    let mut world = World::start();
    let token = id_token(&world.idp, "ana");
    let (owner, thief) = (Stranger::new(&world.agent), Stranger::new(&world.agent));
    let grant = owner.grant(&token, SHOP).await;
    open(&owner, &grant, SHOP).await.expect("the owner of the grant comes in");

    let refused = [
        ("stolen: another key", open(&thief, &grant, SHOP).await),
        ("stolen: no key", thief.tunnel(&grant, WithKey::No).await.map(|_| ())),
        ("another resource", open(&owner, &grant, BENCH).await),
        ("no grant", open(&owner, "", SHOP).await),
        ("an identity is no grant", open(&owner, &token, SHOP).await),
    ];
    for (what, outcome) in refused {
        assert!(outcome.is_err(), "{what} came in");
    }
    // The owner's session is not harmed by what others tried.
    open(&owner, &grant, SHOP).await.expect("the owner comes in again");

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    assert!(leaves::of_kind(&leaves, "tunnel_refused").len() >= 3, "refusals are entries");
    assert_eq!(leaves::of_kind(&leaves, "connection_opened").len(), 2);
}

#[tokio::test]
async fn a_grant_that_was_changed_or_signed_by_somebody_else_gets_nothing() {
    let world = World::start();
    let other = World::start();
    let owner = Stranger::new(&world.agent);
    let grant = owner.grant(&id_token(&world.idp, "ana"), SHOP).await;
    let parts: Vec<&str> = grant.split('.').collect();
    let decode =
        |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base 64")).expect("JSON");
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);

    let more = decode(parts[1]).replace("\"read\"", "\"write\"");
    let later = decode(parts[1]).replacen("\"exp\":1", "\"exp\":9", 1);
    let unsigned = decode(parts[0]).replace("ES256", "none");
    let symmetric = decode(parts[0]).replace("ES256", "HS256");
    let forged = [
        ("other actions", format!("{}.{}.{}", parts[0], encode(more), parts[2])),
        ("a later end", format!("{}.{}.{}", parts[0], encode(later), parts[2])),
        ("no signature", format!("{}.{}.", encode(unsigned), parts[1])),
        ("a symmetric algorithm", format!("{}.{}.{}", encode(symmetric), parts[1], parts[2])),
        ("a cut signature", grant[..grant.len() - 4].to_owned()),
    ];
    for (what, text) in forged {
        assert_ne!(text, grant, "{what}");
        assert!(open(&owner, &text, SHOP).await.is_err(), "{what} came in");
    }
    // The same key, the same names, but another agent has signed.
    let mut there = Stranger::new(&other.agent);
    let foreign = there.grant(&id_token(&other.idp, "ana"), SHOP).await;
    there.move_to(&world.agent);
    assert!(open(&there, &foreign, SHOP).await.is_err(), "another agent's grant came in");
}

#[tokio::test]
async fn an_expired_grant_gets_nothing() {
    let world = World::start_with(&AgentOptions { lifetime: "30s", ..AgentOptions::default() });
    let owner = Stranger::new(&world.agent);
    let grant = owner.grant(&id_token(&world.idp, "ana"), SHOP).await;
    open(&owner, &grant, SHOP).await.expect("it is good now");
    // The server's clock says when its time is over.
    world.postgres.sql("postgres", "SELECT pg_sleep(32)");
    assert!(open(&owner, &grant, SHOP).await.is_err(), "an expired grant came in");
}

#[tokio::test]
async fn grants_are_given_only_for_a_good_identity_with_a_key_and_a_right() {
    let world = World::start();
    let stranger = Stranger::new(&world.agent);
    let ana = id_token(&world.idp, "ana");
    let mut parts: Vec<String> = ana.split('.').map(str::to_owned).collect();
    parts[1] = {
        let claims = URL_SAFE_NO_PAD.decode(&parts[1]).expect("base 64");
        let claims = String::from_utf8(claims).expect("JSON").replace("developer", "data-oncall");
        URL_SAFE_NO_PAD.encode(claims)
    };
    let promoted = parts.join(".");
    let mallory = id_token(&world.idp, "mallory");

    let cases = [
        ("no identity", stranger.ask(None, SHOP, WithKey::Yes).await, 401),
        ("not a token", stranger.ask(Some("x.y.z"), SHOP, WithKey::Yes).await, 401),
        ("a group written in", stranger.ask(Some(&promoted), SHOP, WithKey::Yes).await, 401),
        ("no right", stranger.ask(Some(&mallory), SHOP, WithKey::Yes).await, 403),
        ("no such resource", stranger.ask(Some(&ana), "nothing", WithKey::Yes).await, 404),
    ];
    for (what, (status, body), expected) in cases {
        assert_eq!(status, expected, "{what}: {body}");
        assert!(body["code"].is_string() && body["message"].is_string(), "{what}: {body}");
        assert!(body["grant"].is_null(), "{what}: {body}");
    }
    let (status, body) = stranger.ask(Some(&ana), SHOP, WithKey::No).await;
    assert!((400..500).contains(&status), "without a key nothing is bound: {status} {body}");
}
