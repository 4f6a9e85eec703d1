//! Pictures and documents of one answer.

use connect_shared::{
    api::{
        Flow, LineageAnswer, LineageDirection, LineageEdge, LineageGap, LineageNode, Moment, Named, NodeKind,
        SearchScope,
    },
    label::Label,
    lineage::UnderstandingStatus,
};

use super::{formats, graph::Graph, picture::draw};

const RUN: &str = "07070707-0707-4707-8707-070707070707";
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
                    status: Some(0),
                },
            },
            LineageNode {
                id: "file:ab".to_owned(),
                name: "model\u{1b}[2J\".bin".to_owned(),
                kind: NodeKind::File { sha256: "ab".repeat(32), length: 3 },
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
    insta::assert_snapshot!(draw(&Graph::new(&answer)));
}

#[test]
fn names_of_others_mean_nothing_to_a_terminal_graphviz_or_mermaid() {
    let answer = answer();
    let graph = Graph::new(&answer);
    let (picture, dot, mermaid) = (draw(&graph), formats::dot(&graph), formats::mermaid(&graph));
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
    let statement = formats::intoto(&graph);
    assert_eq!(statement["subject"][0]["digest"]["sha256"], "ab".repeat(32));
    let events = formats::openlineage(&graph);
    assert_eq!((events.len(), events[0]["run"]["runId"].as_str()), (2, Some(RUN)));
    let whole = &events[0]["outputs"][0]["facets"]["columnLineage"]["dataset"][0];
    assert_eq!(
        (whole["field"].as_str(), &whole["transformations"][0]["masking"]),
        (Some("ssn"), &true.into())
    );
}
