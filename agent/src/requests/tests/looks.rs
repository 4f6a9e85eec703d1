//! A look at what a statement would touch, and what becomes of its request meanwhile.

use tokio::net::TcpListener;

use super::*;
use crate::{
    radius::Looks,
    upstream::{Secret, UpstreamConfig, UpstreamTls, Way},
};

/// A database that says nothing, and whoever holds statements of it.
async fn silent(world: &World) -> (TcpListener, Holder) {
    let database = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = UpstreamConfig {
        host: "127.0.0.1".into(),
        port: database.local_addr().expect("bound").port(),
        database: "d".into(),
        user: "u".into(),
        password: Secret("p".into()),
        tls: UpstreamTls::Disable,
        way: Way::default(),
    };
    let looks = Looks::new("prod-db".into(), Arc::new(upstream), world.log.clone());
    (database, Holder { looks: Some(looks), ..holder("ana") })
}

fn looked_at(statement: &str) -> HoldAsk {
    HoldAsk { radius: Some(Box::default()), ..ask(statement) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_already_is_not_looked_at_again() {
    let world = World::new();
    let (database, holder) = silent(&world).await;
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    let mut again = Waiting::start(&world.requests, holder, looked_at("delete from orders"));
    tokio::select! {
        // Whoever looks calls before it asks.
        biased;
        called = database.accept() => panic!("somebody looks: {called:?}"),
        same = asked(&world, &mut again) => assert_eq!(same.id, request.id),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_during_a_look_is_taken_and_not_asked_for_again() {
    let world = World::new();
    let (database, holder) = silent(&world).await;
    let mut looking = Waiting::start(&world.requests, holder, looked_at("delete from orders"));
    let call = database.accept().await.expect("it looks");
    let mut waiting = world.hold("delete from orders").await;
    let request = asked(&world, &mut waiting).await;
    world.approve(&request).await.expect("approved");
    drop(call);
    match news(&mut looking).await {
        HoldNews::Taken(approval) => assert!(approval.covering(&binding("delete from orders")).is_some()),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        world.requests.find(request.id).await.expect("found").expect("there").state,
        RequestState::Used
    );
}
