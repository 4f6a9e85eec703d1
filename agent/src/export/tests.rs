//! Sinks that are away, refuse, or write half a line.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::post};
use connect_shared::{entry::Entry, hexadecimal::hexadecimal, proof::tree::plain_hash};
use serde_json::Value;
use tempfile::TempDir;

use super::Exporter;
use crate::{
    audit::Follower,
    config::{SinkConfig, SinkFormat, SinkTarget},
    log::{Log, LogOptions},
};

struct Place {
    folder: TempDir,
    log: Log,
    follower: Follower,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let options = LogOptions::new("connect.local/test", folder.path());
        let (log, _) = Log::open(folder.path(), options).expect("it opens");
        let follower = Follower::start(&log, folder.path()).expect("a thread");
        Self { folder, log, follower }
    }

    fn export(&self, target: SinkTarget) -> Exporter {
        self.export_and_sum_up(target, None)
    }

    fn export_and_sum_up(&self, target: SinkTarget, summary: Option<Duration>) -> Exporter {
        let config = SinkConfig { name: "one".to_owned(), format: SinkFormat::Entries, target, summary };
        Exporter::start(&self.log, &self.follower, self.folder.path(), &[config]).expect("it starts")
    }

    async fn add(&self, count: usize) {
        for number in 0..count {
            self.log.append(Entry::AgentStopped { reason: number.to_string() }).expect("appended");
        }
        self.log.publish_now().await.expect("published");
    }

    /// Everything up to `next` is taken and summed up.
    async fn until_summed_up(&self, next: u64) {
        let path = self.folder.path().join("sinks/one.cursor");
        let done = format!("{next}\n{next} 0 ");
        while !std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with(&done)) {
            tokio::task::yield_now().await;
        }
    }

    async fn until_cursor_is(&self, next: u64) {
        let path = self.folder.path().join("sinks/one.cursor");
        let at =
            || std::fs::read_to_string(&path).ok().and_then(|text| text.lines().next()?.parse::<u64>().ok());
        while at().is_none_or(|at| at < next) {
            tokio::task::yield_now().await;
        }
    }
}

fn indices(file: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(file).expect("a file");
    let index = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["index"].as_u64();
    text.lines().filter_map(index).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_every_entry_in_order_also_over_a_restart_of_the_sink() {
    let place = Place::new();
    let file = place.folder.path().join("out.jsonl");
    let sink = place.export(SinkTarget::File(file.clone()));
    place.add(600).await;
    place.until_cursor_is(600).await;
    drop(sink);
    place.add(100).await;
    let _again = place.export(SinkTarget::File(file.clone()));
    place.until_cursor_is(700).await;
    assert_eq!(indices(&file), (0..700).collect::<Vec<_>>());
}

/// What a receiver does with what it has stored: whether every summary is of just these lines.
fn is_complete(lines: &[&str]) -> bool {
    let read = |line: &&str| serde_json::from_str::<Value>(line).expect("JSON");
    let mut upto = 0;
    let summaries = lines.iter().map(read).filter(|value| !value["export_summary"].is_null());
    let all_hold = summaries.map(|value| value["export_summary"].clone()).all(|summary| {
        let (from, end) =
            (summary["from"].as_u64().expect("a number"), summary["upto"].as_u64().expect("one"));
        // Each once, in the order of indices: what came again is the same.
        let index = |line: &&str| read(line)["index"].as_u64().filter(|index| (from..end).contains(index));
        let of_it: BTreeMap<u64, &str> =
            lines.iter().filter_map(|line| index(line).map(|index| (index, *line))).collect();
        let (mut chain, mut events) = ([0; 32], 0);
        for line in of_it.values() {
            events += 1;
            chain = plain_hash(&[chain, plain_hash(line.as_bytes()).0].concat()).0;
        }
        let follows = from <= std::mem::replace(&mut upto, end);
        follows && summary["events"] == events && summary["chain"] == hexadecimal(&chain)
    });
    all_hold && upto > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_receives_events_can_tell_that_all_of_them_are_there_and_as_they_were_sent() {
    let place = Place::new();
    let file = place.folder.path().join("out.jsonl");
    let target = SinkTarget::File(file.clone());
    let sink = place.export_and_sum_up(target.clone(), Some(Duration::from_millis(1)));
    place.add(600).await;
    place.until_summed_up(600).await;
    drop(sink);
    // What was not summed up when the agent ended is so later.
    let sink = place.export_and_sum_up(target.clone(), Some(Duration::from_secs(3_600)));
    place.add(50).await;
    place.until_cursor_is(650).await;
    drop(sink);
    let _sink = place.export_and_sum_up(target, Some(Duration::from_millis(1)));
    place.add(50).await;
    place.until_summed_up(700).await;
    let text = std::fs::read_to_string(&file).expect("a file");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(indices(&file), (0..700).collect::<Vec<_>>());
    assert!(is_complete(&lines));
    let last: Value = serde_json::from_str(lines.last().expect("lines")).expect("JSON");
    let checkpoint = last["export_summary"]["checkpoint"].as_str().expect("a text");
    assert!(checkpoint.starts_with("connect.local/test\n700\n"), "{checkpoint}");
    for lost in [0, 300, lines.len() - 2] {
        let mut fewer = lines.clone();
        fewer.remove(lost);
        assert!(!is_complete(&fewer), "without line {lost}");
    }
    let changed = lines[5].replace("agent_stopped", "agent_started");
    let mut other = lines.clone();
    other[5] = &changed;
    assert!(!is_complete(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_gets_entries_again_when_the_operator_asks_and_the_log_says_so() {
    let place = Place::new();
    let file = place.folder.path().join("out.jsonl");
    let target = SinkTarget::File(file.clone());
    let _sink = place.export_and_sum_up(target, Some(Duration::from_secs(3_600)));
    place.add(300).await;
    place.until_cursor_is(300).await;
    let wish = |from: u64| {
        let folder = place.folder.path().join("sinks");
        std::fs::write(folder.join("one.resend"), format!("{from}\n")).expect("written");
    };
    // Nothing is skipped by it.
    wish(10_000);
    place.add(1).await;
    place.until_cursor_is(301).await;
    wish(100);
    place.add(1).await;
    place.until_cursor_is(303).await;
    let twice: Vec<u64> = (0..=300).chain(100..303).collect();
    let skipped_none = indices(&file);
    // The entry behind the wish may have gone out before it was seen.
    let expected = [twice.clone(), (0..=301).chain(100..303).collect()];
    assert!(expected.contains(&skipped_none), "{skipped_none:?}");
    let mut leaves = crate::audit::Leaves::new(crate::log::PublicFolder::new(place.log.public_dir()), 303);
    let mut added = (301..303).map(|index| leaves.get(index).expect("an entry").leaf.entry);
    let told = added.find_map(|entry| match entry {
        Entry::SinkResent { sink, from: 100, next: 301 | 302 } => Some(sink),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("one"));
    assert!(!place.folder.path().join("sinks/one.resend").exists());
    // Nothing falls between two summaries by it.
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(is_complete(&text.lines().collect::<Vec<_>>()), "{text}");
}

/// An endpoint that can be told how to answer, and what it was given.
#[derive(Clone, Default)]
struct Endpoint {
    away: Arc<AtomicBool>,
    refuses: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<u64>>>,
}

impl Endpoint {
    async fn serve(&self) -> SinkTarget {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let this = self.clone();
        let take = move |body: String| {
            let this = this.clone();
            async move { this.take(&body) }
        };
        let router = Router::new().route("/in", post(take)).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        SinkTarget::Webhook { url: format!("http://{address}/in"), secret: vec![7; 32] }
    }

    fn take(&self, body: &str) -> StatusCode {
        if self.away.load(Ordering::SeqCst) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        if self.refuses.load(Ordering::SeqCst) {
            return StatusCode::BAD_REQUEST;
        }
        let message: Value = serde_json::from_str(body).expect("JSON");
        let events = message["events"].as_array().expect("events");
        if events.iter().any(|event| event["leaf"]["reason"] == "13") {
            return StatusCode::UNPROCESSABLE_ENTITY;
        }
        let indices = events.iter().filter_map(|event| event["index"].as_u64());
        self.taken.lock().expect("not poisoned").extend(indices);
        StatusCode::NO_CONTENT
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_of_openlineage_gets_the_end_of_a_run_as_its_only_event_with_the_token() {
    let place = Place::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/api/v1/lineage", listener.local_addr().expect("bound"));
    let all = Arc::clone(&heard);
    let take = move |headers: http::HeaderMap, body: String| {
        let all = Arc::clone(&all);
        async move {
            let token = headers["authorization"].to_str().expect("text").to_owned();
            all.lock()
                .expect("not poisoned")
                .push((token, serde_json::from_str::<Value>(&body).expect("JSON")));
            StatusCode::CREATED
        }
    };
    let router = Router::new().route("/api/v1/lineage", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let target = SinkTarget::OpenLineage { url, token: Some(crate::upstream::Secret("t0ken".to_owned())) };
    let config = SinkConfig {
        name: "one".to_owned(),
        format: SinkFormat::OpenLineage(crate::config::EventsOf::Statements),
        target,
        summary: None,
    };
    let sink = Exporter::start(&place.log, &place.follower, place.folder.path(), &[config]);
    let _sink = sink.expect("it starts");
    place.add(3).await;
    for entry in Entry::samples().into_iter().filter(|entry| entry.kind() == "run_ended") {
        place.log.append(entry).expect("appended");
    }
    place.add(2).await;
    place.until_cursor_is(6).await;
    let heard = heard.lock().expect("not poisoned");
    let [(token, event)] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!((token.as_str(), event["job"]["name"].as_str()), ("Bearer t0ken", Some("finetune")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_away_gets_everything_later_and_what_it_refuses_is_a_dead_letter() {
    let place = Place::new();
    let endpoint = Endpoint::default();
    endpoint.away.store(true, Ordering::SeqCst);
    let target = endpoint.serve().await;
    let _sink = place.export(target);
    place.add(300).await;
    endpoint.away.store(false, Ordering::SeqCst);
    place.until_cursor_is(301).await;
    let taken = endpoint.taken.lock().expect("not poisoned").clone();
    let expected: Vec<u64> = (0..=300).filter(|index| *index != 13).collect();
    assert_eq!(taken, expected, "in order, once, and without the one that was refused");
    let mut leaves = crate::audit::Leaves::new(crate::log::PublicFolder::new(place.log.public_dir()), 301);
    let dead = leaves.get(300).expect("an entry").leaf.entry;
    let code = "refused".to_owned();
    assert_eq!(dead, Entry::SinkRefused { sink: "one".to_owned(), index: 13, code });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refuses_everything_for_a_while_is_asked_less_often_and_the_rest_arrives() {
    let (place, endpoint) = (Place::new(), Endpoint::default());
    endpoint.refuses.store(true, Ordering::SeqCst);
    let target = endpoint.serve().await;
    place.add(600).await;
    let _sink = place.export(target);
    place.until_cursor_is(16).await;
    endpoint.refuses.store(false, Ordering::SeqCst);
    place.until_cursor_is(600).await;
    let taken = endpoint.taken.lock().expect("not poisoned").clone();
    let lost = 600 - taken.iter().filter(|index| **index < 600).count();
    // Sixteen, and one for each pause that was over meanwhile.
    assert!((16..=18).contains(&lost), "{lost} dead letters");
    place.log.publish_now().await.expect("published");
    let size = place.log.published().borrow().size;
    let mut leaves = crate::audit::Leaves::new(crate::log::PublicFolder::new(place.log.public_dir()), size);
    let told = (600..size).filter(|index| {
        matches!(leaves.get(*index).expect("an entry").leaf.entry, Entry::SinkRefused { .. })
    });
    assert_eq!(told.count(), lost, "each of them is in the log");
}

/// What a collector was sent: one body a request, with who sent it.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<(String, String)>>>,
    answers: Arc<Mutex<Vec<(StatusCode, &'static str)>>>,
}

impl Collector {
    /// Answers so in turn, and well after that.
    async fn serve(&self, answers: &[(StatusCode, &'static str)]) -> String {
        self.answers.lock().expect("not poisoned").extend(answers.iter().rev());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let this = self.clone();
        let take = move |headers: http::HeaderMap, body: String| {
            let token =
                headers.get("authorization").and_then(|token| token.to_str().ok()).unwrap_or_default();
            let answer = this.answers.lock().expect("not poisoned").pop().unwrap_or((StatusCode::OK, "{}"));
            if answer.0 == StatusCode::OK {
                this.bodies.lock().expect("not poisoned").push((token.to_owned(), body));
            }
            async move { answer }
        };
        let router = Router::new().route("/in", post(take)).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/in")
    }

    fn bodies(&self) -> Vec<(String, String)> {
        self.bodies.lock().expect("not poisoned").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opentelemetry_collector_gets_records_and_what_it_rejects_in_part_is_sent_one_by_one() {
    let (place, collector) = (Place::new(), Collector::default());
    let rejected = r#"{"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "too old"}}"#;
    // Busy; then one of the batch is rejected, which the first of three sent alone turns out to be.
    let answers = [
        (StatusCode::SERVICE_UNAVAILABLE, ""),
        (StatusCode::OK, rejected),
        (StatusCode::OK, rejected),
        (StatusCode::OK, r#"{"partialSuccess": {"rejectedLogRecords": 0}}"#),
    ];
    let url = collector.serve(&answers).await;
    let token = Some(crate::upstream::Secret("hush".to_owned()));
    place.add(3).await;
    let _sink = place.export(SinkTarget::Otlp { url, token });
    place.until_cursor_is(4).await;
    let mut indices = Vec::new();
    for (token, body) in collector.bodies() {
        assert_eq!(token, "Bearer hush");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let records = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        for record in records.as_array().expect("records") {
            let nanos = record["timeUnixNano"].as_str().expect("64 bits are texts");
            assert!(nanos.len() == 19 && nanos.ends_with("000000"), "{nanos}");
            let event: Value =
                serde_json::from_str(record["body"]["stringValue"].as_str().expect("a text")).expect("JSON");
            assert_eq!(record["attributes"][0]["value"]["intValue"], event["index"].to_string());
            indices.push(event["index"].as_u64().expect("a number"));
        }
    }
    assert_eq!(indices, [0, 1, 2, 0, 1, 2, 3], "the batch, each alone, and the dead letter's entry");
    let mut leaves = crate::audit::Leaves::new(crate::log::PublicFolder::new(place.log.public_dir()), 4);
    let dead = leaves.get(3).expect("an entry").leaf.entry;
    assert_eq!(dead, Entry::SinkRefused { sink: "one".to_owned(), index: 0, code: "rejected".to_owned() });
}

#[tokio::test(flavor = "multi_thread")]
async fn splunk_gets_events_with_its_token_and_nothing_is_lost_while_it_does_not_accept() {
    let (place, collector) = (Place::new(), Collector::default());
    let answers = [(StatusCode::FORBIDDEN, r#"{"text":"Invalid token","code":4}"#)];
    let url = collector.serve(&answers).await;
    let token = crate::upstream::Secret("hush".to_owned());
    place.add(300).await;
    let _sink = place.export(SinkTarget::Splunk { url, token });
    place.until_cursor_is(300).await;
    let bodies = collector.bodies();
    assert!(bodies.iter().all(|(token, _)| token == "Splunk hush"));
    let text: String = bodies.into_iter().map(|(_, body)| body).collect();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let indices: Vec<u64> = events.iter().filter_map(|event| event["event"]["index"].as_u64()).collect();
    assert_eq!(indices, (0..300).collect::<Vec<_>>());
    assert_eq!(events[7]["fields"]["connect_index"], "7");
    assert_eq!(events[7]["sourcetype"], "connect:entry");
    assert!(events[7]["time"].as_str().is_some_and(|time| time.split('.').map(str::len).eq([10, 3])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_has_taken_more_than_the_log_has_is_no_reason_to_skip_anything() {
    let place = Place::new();
    std::fs::create_dir(place.folder.path().join("sinks")).expect("a folder");
    std::fs::write(place.folder.path().join("sinks/one.cursor"), "7\n").expect("written");
    place.add(3).await;
    let target = SinkTarget::File(place.folder.path().join("out.jsonl"));
    let config = SinkConfig { name: "one".to_owned(), format: SinkFormat::Entries, target, summary: None };
    let refused = Exporter::start(&place.log, &place.follower, place.folder.path(), &[config]);
    let words = refused.expect_err("refused").to_string();
    assert!(words.contains("has taken 7 entries and the log has 3"), "{words}");
}

/// An hour of a thousand events a second in the full tier.
fn hour() -> usize {
    if std::env::var_os("CONNECT_TESTS_FULL").is_some() { 3_600_000 } else { 20_000 }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_events_waits_for_a_sink_that_is_away_and_all_of_it_arrives_in_order() {
    let (place, endpoint) = (Place::new(), Endpoint::default());
    endpoint.away.store(true, Ordering::SeqCst);
    let target = endpoint.serve().await;
    let sink = place.export(target.clone());
    let hour = hour();
    for part in (0..hour).step_by(50_000) {
        // Whoever records is not held up by it.
        place.add((hour - part).min(50_000)).await;
    }
    assert_eq!(endpoint.taken.lock().expect("not poisoned").len(), 0);
    endpoint.away.store(false, Ordering::SeqCst);
    place.until_cursor_is(hour as u64 / 2).await;
    // In the middle of it the agent stops without a word, and goes on.
    drop(sink);
    let _again = place.export(target);
    place.until_cursor_is(hour as u64).await;
    let taken = endpoint.taken.lock().expect("not poisoned").clone();
    let mut once = taken.clone();
    once.sort_unstable();
    once.dedup();
    once.retain(|index| *index < hour as u64);
    // Each part has one that is refused for good.
    let refused: Vec<u64> = (0..hour as u64).filter(|index| index % 50_000 == 13).collect();
    let expected: Vec<u64> = (0..hour as u64).filter(|index| !refused.contains(index)).collect();
    assert_eq!(once, expected);
    let turns_back = taken.windows(2).filter(|pair| pair[0] >= pair[1]).count();
    // To where the second one began, and once more where a request of the first, under way when it stopped, was
    // answered between two of the second.
    assert!(turns_back <= 2, "it went back {turns_back} times");
    assert!(taken.len() <= expected.len() + 2 * 256, "{} of {}", taken.len(), expected.len());
}
