//! Pictures and documents of one answer.

use connect_shared::{
    api::{
        Flow, LineageAnswer, LineageDirection, LineageEdge, LineageGap, LineageKind, LineageNode, Moment,
        Named, NodeKind, SearchScope,
    },
    attest::{Approval, Approver, FolderFile},
    error::Exit,
    ids::RequestId,
    label::Label,
    lineage::UnderstandingStatus,
    request::RequestKind,
};

use super::{formats, graph::Graph, has_its_files, picture::draw};
use crate::arguments::LineageFormat;

const RUN: &str = "07070707-0707-4707-8707-070707070707";
const APPROVED: RequestId = RequestId::from_random([5; 16]);
const AT: Moment = Moment { index: 9, time: 1_764_064_800_000 };

fn column(id: &str, name: &str, label: Option<Label>) -> LineageNode {
    let (table, column) = name.rsplit_once('.').expect("a table");
    LineageNode {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: NodeKind::Column {
            resource: "prod-db".to_owned(),
            table: table.to_owned(),
            column: column.to_owned(),
            oid: Some(20_000),
            number: Some(2),
            names: vec![
                Named { name: "public.customers.social".to_owned(), first: AT, last: AT },
                Named { name: name.to_owned(), first: AT, last: AT },
            ],
            label,
            labelled: label.map(|_| AT),
        },
    }
}

fn edge(from: &str, to: &str, flow: Flow, masked: Option<Label>) -> LineageEdge {
    LineageEdge {
        from: from.to_owned(),
        to: to.to_owned(),
        flow,
        masked,
        through: masked.map(|_| "public.customer_mail".to_owned()).into_iter().collect(),
        statements: 2,
        rows: 40,
        first: AT,
        last: AT,
        status: UnderstandingStatus::Complete,
        approvals: masked.map(|_| APPROVED).into_iter().collect(),
    }
}

fn answer() -> LineageAnswer {
    let run = format!("run:{RUN}");
    let ana = "principal:idp#ana";
    LineageAnswer {
        schema: "connect.lineage/1".to_owned(),
        origin: "connect.local/prod".to_owned(),
        indexed: 90,
        size: 90,
        scope: SearchScope::All,
        direction: LineageDirection::Down,
        roots: vec!["column:prod-db/1.2".to_owned()],
        also: vec![LineageKind::Job],
        nodes: vec![
            column("column:prod-db/1.2", "public.customers.ssn", Some(Label::NationalId)),
            column("column:prod-db/3.1", "public.copy.a", None),
            column("column:prod-db/3.2", "public.copy.b", None),
            LineageNode {
                id: run.clone(),
                name: format!("train {RUN}"),
                kind: NodeKind::Run {
                    run: RUN.to_owned(),
                    job: "train".to_owned(),
                    resource: "prod-db".to_owned(),
                    resources: Vec::new(),
                    principal: ana.to_owned(),
                    by: "ana@example.com".to_owned(),
                    status: Some(0),
                },
            },
            LineageNode {
                id: "file:ab".to_owned(),
                name: "model\u{1b}[2J\".bin".to_owned(),
                kind: NodeKind::File { sha256: "ab".repeat(32), length: 3, files: None, within: Vec::new() },
            },
            LineageNode {
                id: ana.to_owned(),
                name: "ana@example.com".to_owned(),
                kind: NodeKind::Principal { sub: "ana".to_owned(), idp: "idp".to_owned(), actor: None },
            },
        ],
        edges: vec![
            edge("column:prod-db/1.2", &run, Flow::Direct, Some(Label::NationalId)),
            edge("column:prod-db/1.2", ana, Flow::Direct, None),
            edge("column:prod-db/1.2", "column:prod-db/3.1", Flow::Direct, None),
            edge("column:prod-db/1.2", "column:prod-db/3.2", Flow::Direct, None),
            edge(&run, "file:ab", Flow::Output, None),
        ],
        approvals: vec![Approval {
            request: APPROVED,
            of: RequestKind::Statement,
            resource: "prod-db".to_owned(),
            by: vec![Approver {
                name: "sam\u{1b}[31m@example.com".to_owned(),
                sub: "sam".to_owned(),
                idp: "idp".to_owned(),
                reason: Some("for the model of spring".to_owned()),
                time: AT.time,
                index: 8,
            }],
        }],
        gaps: vec![LineageGap {
            by: ana.to_owned(),
            name: "ana@example.com".to_owned(),
            resource: "prod-db".to_owned(),
            status: UnderstandingStatus::Opaque,
            statements: 1,
            first: AT,
            reasons: vec!["code: DO".to_owned()],
        }],
        more: true,
    }
}

#[test]
fn the_picture_shows_paths_masks_totals_and_what_is_not_known() {
    let answer = answer();
    insta::assert_snapshot!(draw(&Graph::new(&answer), false));
}

#[test]
fn values_that_a_person_wrote_are_said_to_be_brought_in_every_format() {
    let (mut answer, whole) = (answer(), answer());
    let (ana, copy, file) = ("principal:idp#ana", "column:prod-db/3.1", "file:ab");
    answer.direction = LineageDirection::Up;
    answer.roots = vec![file.to_owned()];
    let run = format!("run:{RUN}");
    answer.edges = vec![
        edge(copy, &run, Flow::Direct, None),
        edge(ana, copy, Flow::Written, None),
        edge(&run, file, Flow::Output, None),
    ];
    answer.gaps.clear();
    answer.more = false;
    let graph = Graph::new(&answer);
    let picture = draw(&graph, false);
    let words = "values from outside: where these came from this log does not know\n  prod-db/public.copy.a · by ana@";
    assert!(picture.contains(words), "{picture}");
    let said = "prod-db/public.copy.a: by ana@example.com";
    let bill = formats::cyclonedx(&graph);
    for one in bill["components"].as_array().expect("components") {
        let told = one["properties"].to_string();
        assert_eq!(
            told.contains(said),
            one["bom-ref"] == file || one["name"] == "prod-db/public.copy",
            "{one:#}"
        );
    }
    assert!(formats::croissant(&graph)["description"].to_string().contains("prod-db/public.copy.a"));
    let events = formats::openlineage(&graph);
    let of_ana = events.iter().find(|event| event["job"]["name"] == "ana@example.com").expect("hers");
    let facet = &of_ana["run"]["facets"]["connect_lineage"];
    assert!(facet["status"] == "partial" && facet["reasons"].to_string().contains("outside: "), "{of_ana:#}");
    // Where nobody wrote anything, there is nothing of it.
    let graph = Graph::new(&whole);
    assert!(!formats::cyclonedx(&graph).to_string().contains("connect:outside"));
    assert!(!draw(&graph, false).contains("from outside"));
}

#[test]
fn names_of_others_mean_nothing_to_a_terminal_graphviz_or_mermaid() {
    let answer = answer();
    let graph = Graph::new(&answer);
    let (picture, dot, mermaid) = (draw(&graph, false), formats::dot(&graph), formats::mermaid(&graph));
    for text in [&picture, &dot, &mermaid] {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert!(dot.contains("label=\"model\u{fffd}[2J\\\".bin\""), "{dot}");
    assert!(mermaid.contains("[/\"model#65533;#91;2J#34;.bin\"/]"), "{mermaid}");
}

#[test]
fn a_bill_names_the_tables_behind_a_model_and_an_event_its_columns_and_masks() {
    let answer = answer();
    let graph = Graph::new(&answer);
    let bill = formats::cyclonedx(&graph);
    let model =
        bill["components"].as_array().expect("components").iter().find(|one| one["bom-ref"] == "file:ab");
    let model = model.expect("the file");
    assert_eq!(model["type"], "machine-learning-model");
    assert_eq!(model["modelCard"]["modelParameters"]["datasets"][0]["ref"], "table:prod-db/public.customers");
    assert_eq!(bill["dependencies"][0]["dependsOn"][0], "table:prod-db/public.customers");
    let said = |component: &serde_json::Value| -> Vec<(String, String)> {
        let all = component["properties"].as_array().expect("properties").iter();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        all.map(|one| (text(&one["name"]), text(&one["value"]))).collect()
    };
    let ssn = "prod-db/public.customers.ssn: pii.national_id".to_owned();
    let (masked, clear) = (("connect:masked".to_owned(), ssn.clone()), ("connect:clear".to_owned(), ssn));
    // The run saw masks; somebody else saw the values, and they went on into another table.
    let of_model = said(model);
    assert_eq!((of_model.len(), &of_model[0]), (2, &masked), "{model:#}");
    assert!(of_model[1].0 == "connect:approval" && of_model[1].1.starts_with("req_"), "{model:#}");
    let table = bill["components"]
        .as_array()
        .expect("components")
        .iter()
        .find(|one| one["bom-ref"] == "table:prod-db/public.customers");
    assert_eq!(said(table.expect("the table"))[..2], [masked, clear]);
    let statement = formats::intoto(&graph);
    assert_eq!(statement["predicate"]["approvals"][0]["by"][0]["index"], 8);
    assert_eq!(statement["subject"][0]["digest"]["sha256"], "ab".repeat(32));
    let events = formats::openlineage(&graph);
    // Of the run nothing is unknown but what the answer had no place for; of ana there is more.
    let known = |event: &serde_json::Value| {
        let facet = &event["run"]["facets"]["connect_lineage"];
        assert_eq!(facet["_schemaURL"], "tag:connect.invalid,2026:openlineage/1-0-0/lineage");
        (facet["status"].clone(), facet["reasons"].to_string())
    };
    let cut = "cut: there is more than the answer holds";
    assert_eq!(known(&events[0]), ("partial".into(), format!("[\"{cut}\"]")));
    assert_eq!(known(&events[1]), ("opaque".into(), format!("[\"code: DO\",\"{cut}\"]")));
    assert_eq!((events.len(), events[0]["run"]["runId"].as_str()), (2, Some(RUN)));
    let whole = &events[0]["outputs"][0]["facets"]["columnLineage"]["dataset"][0];
    assert_eq!(
        (whole["field"].as_str(), &whole["transformations"][0]["masking"]),
        (Some("ssn"), &true.into())
    );
}

#[test]
fn a_folder_has_the_hash_of_a_folder_in_every_format_and_its_files_have_those_of_files() {
    let mut answer = answer();
    let folder = &mut answer.nodes[4];
    folder.name = "out/".to_owned();
    let file =
        |name: &str, digit: &str| FolderFile { name: name.to_owned(), sha256: digit.repeat(64), length: 1 };
    let within = vec![file("config", "1"), file("weights/0", "1")];
    folder.kind =
        NodeKind::File { sha256: "ab".repeat(32), length: 2, files: Some(2), within: within.clone() };
    let graph = Graph::new(&answer);
    let (bill, statement, dataset) =
        (formats::cyclonedx(&graph), formats::intoto(&graph), formats::croissant(&graph));
    let model = &bill["components"].as_array().expect("components")[2];
    assert_eq!((&model["name"], &model["hashes"]), (&"out/".into(), &serde_json::Value::Null));
    assert_eq!(model["components"][1]["name"], "out/weights/0");
    assert_eq!(model["components"][1]["hashes"][0]["content"], "1".repeat(64));
    assert_eq!(model["properties"][0]["name"], "connect:dirHash");
    assert_eq!(
        statement["subject"],
        serde_json::json!([
            { "name": "out/", "digest": { "dirHash": "ab".repeat(32) } },
            { "name": "out/config", "digest": { "sha256": "1".repeat(64) } },
            { "name": "out/weights/0", "digest": { "sha256": "1".repeat(64) } },
        ])
    );
    let files = dataset["distribution"].as_array().expect("files");
    assert_eq!(files.len(), 2, "{dataset:#}");
    assert_ne!(files[0]["@id"], files[1]["@id"], "two files of one content are two");
    assert!(files.iter().all(|file| file["sha256"] == "1".repeat(64)), "{dataset:#}");
    assert!(draw(&graph, false).contains("out/ · dirHash abab"));
    let events = formats::openlineage(&graph);
    assert_eq!(events[0]["outputs"][0]["name"], format!("out/@dirHash:{}", "ab".repeat(32)));

    // Where nobody can say any more what is in it, no hash of a file is made up.
    let NodeKind::File { within, .. } = &mut answer.nodes[4].kind else { panic!("a folder") };
    within.clear();
    let graph = Graph::new(&answer);
    let dataset = formats::croissant(&graph);
    assert_eq!(dataset["distribution"].as_array().map(Vec::len), Some(0));
    assert!(dataset["description"].as_str().is_some_and(|text| text.contains("out/ are not listed")));
    assert_eq!(formats::intoto(&graph)["subject"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_format_that_is_about_files_is_refused_where_there_is_none_and_says_what_would_do() {
    let refused = |answer: &LineageAnswer, format| has_its_files(&Graph::new(answer), Some(format));
    let mut answer = answer();
    let formats = [LineageFormat::Croissant, LineageFormat::Intoto];
    formats.iter().for_each(|format| refused(&answer, *format).expect("there is a file"));
    answer.nodes.retain(|node| !matches!(node.kind, NodeKind::File { .. }));
    for format in formats {
        let report = refused(&answer, format).expect_err("there is none");
        assert_eq!(report.exit, Exit::Usage);
        assert!(report.help.iter().any(|help| help.contains(&format!("{RUN} --down"))), "{report:?}");
    }
    refused(&answer, LineageFormat::Cyclonedx).expect("tables are data");
    answer.nodes.retain(|node| !matches!(node.kind, NodeKind::Run { .. }));
    let report = refused(&answer, LineageFormat::Intoto).expect_err("there is none");
    assert!(report.help.iter().any(|help| help.contains("connect lineage FILE")), "{report:?}");
}

#[test]
fn whoever_is_in_an_answer_for_what_nobody_understood_has_an_event_that_says_so() {
    let mut answer = answer();
    answer.more = false;
    answer.gaps[0].by = "principal:idp#li".to_owned();
    answer.gaps[0].name = "li@example.com".to_owned();
    let events = formats::openlineage(&Graph::new(&answer));
    let status = |event: &serde_json::Value| event["run"]["facets"]["connect_lineage"]["status"].clone();
    assert_eq!(events.iter().map(status).collect::<Vec<_>>(), ["complete", "complete", "opaque"]);
    let last = &events[2];
    assert_eq!((&last["eventType"], &last["job"]["name"]), (&"OTHER".into(), &"li@example.com".into()));
    // Nor does an answer pass for all of a log that was not looked through.
    answer.size += 1;
    let events = formats::openlineage(&Graph::new(&answer));
    assert_eq!(events.iter().map(status).collect::<Vec<_>>(), ["partial", "partial", "opaque"]);
}

#[test]
fn a_name_that_is_made_to_pass_for_what_the_picture_says_stands_in_quotes() {
    let mut answer = answer();
    answer.nodes[1].name = "public.copy.a · approved: req_1".to_owned();
    if let NodeKind::Column { column, .. } = &mut answer.nodes[1].kind {
        *column = "a · approved: req_1\n└─ b".to_owned();
    }
    if let NodeKind::Run { job, .. } = &mut answer.nodes[3].kind {
        *job = "train by sam@example.com · failed with 1".to_owned();
    }
    let graph = Graph::new(&answer);
    let picture = draw(&graph, false);
    assert!(picture.contains("\"a · approved: req_1\u{fffd}└─ b\""), "{picture}");
    assert!(
        picture.contains("of \"train by sam@example.com · failed with 1\" · by ana@example.com"),
        "{picture}"
    );
    // Nodes of programs that draw are numbers, so that a name or an id ends nothing.
    answer.nodes[1].id = "column:x\"]; evil [label=\"".to_owned();
    answer.edges[2].to.clone_from(&answer.nodes[1].id);
    let graph = Graph::new(&answer);
    let (dot, mermaid) = (formats::dot(&graph), formats::mermaid(&graph));
    assert!(!dot.contains("evil") && dot.contains("n0 -> n1"), "{dot}");
    assert!(!mermaid.contains("evil") && mermaid.contains("n0 -->"), "{mermaid}");
}

#[test]
fn every_format_of_a_large_and_dense_answer_is_made_at_once() {
    let mut answer = answer();
    let runs: Vec<String> = (0..50).map(|number| format!("run:{number}")).collect();
    let files: Vec<String> = (0..1_000).map(|number| format!("file:{number}")).collect();
    let like = |node: &LineageNode, id: &str| LineageNode { id: id.to_owned(), ..node.clone() };
    let (run, file) = (answer.nodes[3].clone(), answer.nodes[4].clone());
    answer.nodes.extend(runs.iter().map(|id| like(&run, id)).chain(files.iter().map(|id| like(&file, id))));
    // Every run has read, and has written, so many files that each reaches each.
    for (place, id) in files.iter().enumerate() {
        let (one, other) = (&runs[place % 50], &runs[(place + 1) % 50]);
        answer.edges.push(edge(one, id, Flow::Output, None));
        answer.edges.push(edge(id, other, Flow::Input, None));
    }
    let graph = Graph::new(&answer);
    let bill = formats::cyclonedx(&graph);
    assert_eq!(bill["components"].as_array().map(Vec::len), Some(1_003));
    assert!(draw(&graph, false).lines().count() > 10);
    assert!(formats::dot(&graph).contains("n1000") && formats::mermaid(&graph).contains("n1000"));
}
