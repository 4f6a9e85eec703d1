//! What one COPY gives and another one takes.

use super::*;

impl Place {
    fn gives(&self, who: &str, content: &str) {
        let flows = Flows {
            result: &["public.customers.email"],
            columns: &[("public.customers.email", 20_000, 2, Some(Label::Email))],
            masks: &[("public.customers.email", Label::Email)],
            content: Some(content),
            ..Flows::default()
        };
        self.run((who, None), "copy", "COPY customers (email) TO STDOUT", &flows);
    }

    fn takes(&self, who: &str, content: &str, ended: StatementResult) {
        let flows = Flows {
            table: Some(("public.mail", &[("address", &[])])),
            columns: &[("public.mail.address", 30_000, 1, None)],
            content: Some(content),
            ..Flows::default()
        };
        self.run_as((who, None), "copy", "COPY mail FROM STDIN", &flows, ended);
    }
}

/// Flow and mask from the one column to the other.
fn thread(answer: &LineageAnswer) -> Option<(Flow, Option<Label>)> {
    let is_it = |edge: &&connect_shared::api::LineageEdge| {
        edge.from == "column:prod/20000.2" && edge.to == "column:prod/30000.1"
    };
    answer.edges.iter().find(is_it).map(|edge| (edge.flow, edge.masked))
}

#[test]
fn a_copy_that_takes_what_another_one_gave_is_a_thread_between_their_tables() {
    let place = Place::new();
    place.gives("ana", "h1");
    place.takes("li", "h1", StatementResult::Done);
    for answer in [place.down("public.customers.email"), place.up("public.mail.address")] {
        assert_eq!(thread(&answer), Some((Flow::Direct, Some(Label::Email))), "{answer:#?}");
        // Whoever carried it stands there as before.
        assert!(names(&answer).iter().any(|name| ["ana", "li"].contains(name)), "{answer:#?}");
    }
}

#[test]
fn other_data_an_earlier_copy_and_one_that_failed_are_no_thread() {
    let place = Place::new();
    place.takes("li", "h1", StatementResult::Done);
    place.gives("ana", "h1");
    place.takes("li", "h2", StatementResult::Done);
    place.takes("li", "h1", StatementResult::Failed("23505".to_owned()));
    for answer in [place.down("public.customers.email"), place.up("public.mail.address")] {
        assert_eq!(thread(&answer), None, "{answer:#?}");
    }
    place.takes("li", "h1", StatementResult::Done);
    assert!(thread(&place.down("public.customers.email")).is_some());
}

#[test]
fn what_was_written_after_it_was_given_did_not_go_along() {
    let place = Place::new();
    place.gives("ana", "h1");
    let flows = Flows {
        table: Some(("public.customers", &[("email", &["public.leads.email"])])),
        columns: &[
            ("public.customers.email", 20_000, 2, Some(Label::Email)),
            ("public.leads.email", 40_000, 1, None),
        ],
        ..Flows::default()
    };
    place.run(("ana", None), "insert", "INSERT INTO customers (email) SELECT email FROM leads", &flows);
    place.takes("li", "h1", StatementResult::Done);
    let up = place.up("public.mail.address");
    assert!(thread(&up).is_some());
    assert!(!names(&up).contains(&"public.leads.email"), "{up:#?}");
    let down = place.down("public.leads.email");
    assert!(!names(&down).contains(&"public.mail.address"), "{down:#?}");
}

#[test]
fn who_asks_for_oneself_sees_no_thread_that_others_had_a_part_in() {
    let place = Place::new();
    place.gives("ana", "h1");
    place.takes("li", "h1", StatementResult::Done);
    place.takes("ana", "h1", StatementResult::Done);
    let own =
        |about: &str| LineageQuestion { scope: SearchScope::Own, ..question(about, LineageDirection::Up) };
    let of_li = place.asks("li", &own("public.mail.address"));
    assert!(of_li.is_some_and(|answer| thread(&answer).is_none()));
    let of_ana = place.asks("ana", &own("public.mail.address"));
    assert!(of_ana.is_some_and(|answer| thread(&answer).is_some()));
}
