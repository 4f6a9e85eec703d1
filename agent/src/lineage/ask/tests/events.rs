//! The same log as events of whole runs.

use serde_json::Value;

use super::*;
use crate::{
    audit::{Describer, Leaves},
    config::EventsOf,
    lineage::{Entering, event},
    log::PublicFolder,
};

impl Place {
    fn events(&self, events: EventsOf) -> Vec<Value> {
        let size = self.log.publish_now_blocking().expect("published").size;
        let mut seen = self.follower.seen();
        block_on(seen.wait_for(|seen| seen.indexed >= size)).expect("indexed");
        let describer = Describer::open(self.follower.path()).expect("an index");
        let mut leaves = Leaves::new(PublicFolder::new(self.log.public_dir()), size);
        let mut of = |index| {
            let entry = leaves.get(index).expect("an entry");
            let facts = describer.describe(&entry).expect("facts");
            let (connection, origin) = (describer.connection(), "log");
            let entering = Entering { connection, origin, entry: &entry, facts: &facts };
            event(&entering, &mut leaves, events).expect("readable")
        };
        (0..size).filter_map(&mut of).collect()
    }
}

#[test]
fn a_run_has_two_events_and_what_is_outside_of_it_or_after_it_has_its_own() {
    let place = Place::new();
    let read = Flows { result: &["public.t.ssn"], columns: &[SSN], ..Flows::default() };
    place.begin(RUN, "ana");
    // Its grant is given again; it began once.
    place.begin(RUN, "ana");
    place.run(("ana", Some(RUN)), "select", "SELECT ssn FROM t", &read);
    place.run(("ana", Some(RUN)), "select", "SELECT ssn FROM t", &read);
    place.run(("ana", None), "select", "SELECT ssn FROM t", &read);
    // Somebody else names it.
    place.run(("li", Some(RUN)), "select", "SELECT ssn FROM t", &read);
    place.end(RUN, "ana", &[], &["model"]);
    place.run(("ana", Some(RUN)), "select", "SELECT ssn FROM t", &read);

    let events = place.events(EventsOf::Runs);
    let id = RUN.to_string();
    let told: Vec<(&str, bool)> = events
        .iter()
        .map(|one| (one["eventType"].as_str().unwrap_or_default(), one["run"]["runId"] == id.as_str()))
        .collect();
    let expected =
        [("START", true), ("COMPLETE", false), ("COMPLETE", false), ("COMPLETE", true), ("COMPLETE", false)];
    assert_eq!(told, expected, "{events:#?}");
    let whole = &events[3];
    assert_eq!(whole["run"]["facets"]["connect_run"]["statements"], 2, "{whole:#}");
    assert!(whole["outputs"].to_string().contains("model@sha256:"), "{whole:#}");
    let each = place.events(EventsOf::Statements);
    let told: Vec<(&str, bool)> = each
        .iter()
        .map(|one| (one["eventType"].as_str().unwrap_or_default(), one["run"]["runId"] == id.as_str()))
        .collect();
    let statement = ("COMPLETE", false);
    let expected =
        [("START", true), statement, statement, statement, statement, ("COMPLETE", true), statement];
    assert_eq!(told, expected, "five statements, and the beginning and the end of the run: {each:#?}");
}
