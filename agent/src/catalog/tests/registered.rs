//! The word of an administrator about a function holds for the source that was read, and for no other.

use connect_core::catalog::Catalog;

use super::{super::*, server::Server};

const SIGNATURE: &str = "app.slug(text, integer)";

const SOURCE: &str = "CREATE OR REPLACE FUNCTION app.slug(t text, n int) RETURNS text LANGUAGE plpgsql AS \
    'DECLARE r text; BEGIN EXECUTE ''SELECT '' || ''lower($1)'' INTO r USING t; RETURN r; END'";

/// It reads a table, in a statement that nobody sees.
const REPLACED: &str = "CREATE OR REPLACE FUNCTION app.slug(t text, n int) RETURNS text LANGUAGE plpgsql AS \
    'DECLARE r text; BEGIN EXECUTE ''SELECT '' || ''max(email) FROM app.people'' INTO r; RETURN r; END'";

fn registered(digest: &str) -> Registered {
    let mut functions = Registered::default();
    functions.add(SIGNATURE, digest).expect("a good line");
    functions
}

fn start(server: &Server, functions: Registered) -> CatalogService {
    let record: Recorder = Box::new(|_| Ok(()));
    CatalogService::start_with(
        "shop".to_owned(),
        server.upstream(),
        LabelOverrides::default(),
        functions,
        record,
    )
}

async fn digest(server: &Server) -> String {
    let wrong = registered(&format!("sha256:{}", "0".repeat(64)));
    let lines = unregistered_once(&server.upstream(), &wrong).await.expect("it can be read");
    match lines.as_slice() {
        [Unregistered::Changed { signature, digest }] if signature == SIGNATURE => digest.clone(),
        other => panic!("the digest of its source: {other:?}"),
    }
}

fn counts(catalog: &Catalog) -> bool {
    let marked =
        catalog.code.functions.values().any(|function| function.registered && &*function.name == "slug");
    assert_eq!(catalog.harmless.functions.contains("slug"), marked, "what is registered may be called");
    marked
}

#[tokio::test]
async fn a_registered_function_counts_until_its_source_is_replaced() {
    let server = Server::start();
    let client = server.client().await;
    client
        .batch_execute("CREATE SCHEMA app; CREATE TABLE app.people (id int, email text)")
        .await
        .expect("set up");
    client.batch_execute(SOURCE).await.expect("a function");
    let service = start(&server, Registered::default());
    assert!(!counts(&service.newer_than(0).await.expect("a catalog")), "nobody has read it");

    let first = digest(&server).await;
    let service = start(&server, registered(&first));
    let catalog = service.newer_than(0).await.expect("a catalog");
    assert!(counts(&catalog));
    for (replaced, expected) in [
        (REPLACED, false),
        (SOURCE, true),
        ("ALTER FUNCTION app.slug SET search_path = app", false),
        ("ALTER FUNCTION app.slug RESET ALL", true),
        ("ALTER FUNCTION app.slug RENAME TO other", false),
    ] {
        client.batch_execute(replaced).await.expect(replaced);
        let catalog = service.newer_than(catalog.version).await.expect("a catalog");
        assert_eq!(counts(&catalog), expected, "{replaced}");
    }
}

#[tokio::test]
async fn a_line_about_no_function_names_those_that_are_alike() {
    let server = Server::start();
    let client = server.client().await;
    client.batch_execute("CREATE SCHEMA app").await.expect("a schema");
    client.batch_execute(SOURCE).await.expect("a function");
    let mut functions = Registered::default();
    let digest = format!("sha256:{}", "0".repeat(64));
    functions.add("app.slug(text)", &digest).expect("a good line");
    functions.add("app.none()", &digest).expect("a good line");
    let lines = unregistered_once(&server.upstream(), &functions).await.expect("it can be read");
    let words: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "[resource.functions]: there is no function `app.none()`",
            "[resource.functions]: there is no function `app.slug(text)`, but `app.slug(text, integer)`",
        ]
    );
    for (signature, digest) in [("slug(text)", &*digest), ("app.slug", &*digest), (SIGNATURE, "sha256:12")] {
        assert!(functions.add(signature, digest).is_err(), "{signature} {digest}");
    }
}
