//! A run is ended by the person whose run it is, and in one way.

use connect_shared::{
    api::{RunAttestation, RunEnd},
    attest::{Envelope, FileFact, Folder, FolderFile, RunPredicate, Statement},
    grant::RunIdentity,
    ids::RunId,
    proof::note::{SigningKey, VerifierKey},
};

use super::*;

fn file(name: &str) -> FileFact {
    FileFact { name: name.to_owned(), sha256: "a".repeat(64), length: 1, modified: 0, files: None }
}

fn end_of(outputs: Vec<FileFact>) -> serde_json::Value {
    serde_json::to_value(RunEnd {
        inputs: Vec::new(),
        outputs,
        folders: Vec::new(),
        left: Vec::new(),
        status: 0,
    })
    .expect("JSON")
}

fn identity(id: RunId, name: &str) -> RunIdentity {
    let key = SigningKey::from_seed(name, [9; 32]).expect("a key").verifier().to_string();
    RunIdentity { id, job: "train".to_owned(), key, parent: None, resources: Vec::new() }
}

#[tokio::test]
async fn a_run_is_ended_by_its_own_person_and_once() {
    let agent = TestAgent::start().await;
    let keys = ClientKeys::new();
    let id = RunId::from_random([5; 16]);
    let ask = async |person: &str, path: &str, body: &serde_json::Value| {
        let token = agent.provider.token(person, &["developer"]);
        let request = agent.http(Some(&keys)).post(agent.url(path)).bearer_auth(token).json(body);
        request.send().await.expect("an answer")
    };
    let other_name = json!({"resource": "prod-db", "run": identity(id, "other")});
    assert_eq!(error(ask("ana", "/v1/grants", &other_name).await).await, is(400, "bad_request"));
    let granted = json!({"resource": "prod-db", "run": identity(id, &id.to_string())});
    assert_eq!(ask("ana", "/v1/grants", &granted).await.status(), 200);

    let (path, end) = (format!("/v1/runs/{id}/end"), end_of(vec![file("model")]));
    assert_eq!(error(ask("bo", &path, &end).await).await, is(404, "no_such_run"));
    assert_eq!(error(ask("ana", "/v1/runs/x/end", &end).await).await, is(400, "bad_request"));
    for name in ["", "a/b", "a\nb"] {
        let bad = end_of(vec![file(name)]);
        assert_eq!(error(ask("ana", &path, &bad).await).await, is(400, "bad_request"), "{name}");
    }
    let answer: RunAttestation = ask("ana", &path, &end).await.json().await.expect("an attestation");
    let line = serde_json::to_string(&answer.envelope.expect("an envelope")).expect("JSON");
    let (envelope, payload) = Envelope::parse(&line).expect("an envelope");
    let key: VerifierKey = agent.running.log.verifier_key().parse().expect("a key");
    envelope.verify(&payload, &key).expect("signed by the agent");
    let said: Statement<RunPredicate> = serde_json::from_slice(&payload).expect("a statement");
    assert_eq!((said.predicate.run, said.predicate.counters.statements), (id.to_string(), 0));
    // An answer that was lost is given again; another end of the same run is not.
    let again: RunAttestation = ask("ana", &path, &end).await.json().await.expect("an attestation");
    let line = serde_json::to_string(&again.envelope).expect("JSON");
    let (_, payload) = Envelope::parse(&line).expect("an envelope");
    let same: Statement<RunPredicate> = serde_json::from_slice(&payload).expect("a statement");
    assert_eq!((same.predicate.index, same.predicate.ended), (said.predicate.index, said.predicate.ended));
    let otherwise = end_of(vec![file("other")]);
    assert_eq!(error(ask("ana", &path, &otherwise).await).await, is(409, "run_ended"));
    let most = end_of((0..64).map(|number| file(&format!("{number}{}", "x".repeat(250)))).collect());
    assert_eq!(error(ask("ana", &path, &most).await).await, is(409, "run_ended"), "it fits");
    let with = |outputs, folders, status| {
        serde_json::to_value(RunEnd { inputs: Vec::new(), outputs, folders, left: Vec::new(), status })
            .expect("JSON")
    };
    let failed = with(vec![file("model")], Vec::new(), 1);
    assert_eq!(error(ask("ana", &path, &failed).await).await, is(400, "bad_request"));

    // A folder is its list of files, and nothing else is.
    let inside = FolderFile { name: "a/b".to_owned(), sha256: "b".repeat(64), length: 1 };
    let list = Folder::new(vec![inside]);
    let folder = FileFact { name: "data/".to_owned(), sha256: list.hash(), files: Some(1), ..file("") };
    let escaping = Folder::new(vec![FolderFile { name: "../b".to_owned(), ..list.files[0].clone() }]);
    let escaped = FileFact { sha256: escaping.hash(), ..folder.clone() };
    for (outputs, folders) in [
        (vec![folder.clone()], vec![]),
        (vec![], vec![list.clone()]),
        (vec![file("model")], vec![list.clone()]),
        (vec![folder.clone()], vec![list.clone(), list.clone()]),
        (vec![FileFact { files: Some(2), ..folder.clone() }], vec![list.clone()]),
        (vec![FileFact { name: "data".to_owned(), ..folder.clone() }], vec![list.clone()]),
        (vec![escaped], vec![escaping]),
    ] {
        let bad = with(outputs, folders, 0);
        assert_eq!(error(ask("ana", &path, &bad).await).await, is(400, "bad_request"), "{bad}");
    }
    let good = with(vec![folder], vec![list], 0);
    assert_eq!(error(ask("ana", &path, &good).await).await, is(409, "run_ended"), "it can be read");
    assert_eq!(error(ask("bo", &path, &end).await).await, is(404, "no_such_run"));
    assert!(agent.kinds().await.contains(&"run_ended".to_owned()));

    // An end whose entry no receipt could prove is refused, and the run can still end as one that failed.
    let next = RunId::from_random([6; 16]);
    let granted = json!({"resource": "prod-db", "run": identity(next, &next.to_string())});
    assert_eq!(ask("ana", "/v1/grants", &granted).await.status(), 200);
    let path = format!("/v1/runs/{next}/end");
    let long = |from: u32| -> Vec<FileFact> {
        (from..from + 64).map(|number| file(&format!("{number}{}", "\"".repeat(250)))).collect()
    };
    let too_long =
        RunEnd { inputs: long(0), outputs: long(100), folders: Vec::new(), left: Vec::new(), status: 0 };
    let refused = ask("ana", &path, &serde_json::to_value(too_long).expect("JSON")).await;
    assert_eq!(error(refused).await.1, "run_too_large");
    let answer: RunAttestation =
        ask("ana", &path, &with(Vec::new(), Vec::new(), 3)).await.json().await.expect("an answer");
    assert_eq!(answer.envelope, None, "what failed is not attested");
    assert_eq!(ask("ana", "/v1/grants", &granted).await.status(), 403, "it is over");
}
