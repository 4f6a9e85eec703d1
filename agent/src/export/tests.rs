//! Sinks that are away, refuse, or write half a line.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::post};
use connect_shared::entry::Entry;
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
        let config = SinkConfig { name: "one".to_owned(), format: SinkFormat::Entries, target };
        Exporter::start(&self.log, &self.follower, self.folder.path(), &[config]).expect("it starts")
    }

    async fn add(&self, count: usize) {
        for number in 0..count {
            self.log.append(Entry::AgentStopped { reason: number.to_string() }).expect("appended");
        }
        self.log.publish_now().await.expect("published");
    }

    async fn until_cursor_is(&self, next: u64) {
        let path = self.folder.path().join("sinks/one.cursor");
        let at = || std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u64>().ok());
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

/// An endpoint that can be told how to answer, and what it was given.
#[derive(Clone, Default)]
struct Endpoint {
    away: Arc<AtomicBool>,
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
