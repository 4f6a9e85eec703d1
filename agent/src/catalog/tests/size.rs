//! temporary
use super::super::{
    connection::Connection,
    read::{Found, follow, read},
};
use super::*;
fn rss() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let find = |name: &str| {
        text.lines()
            .find(|l| l.starts_with(name))
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
            / 1024.0
    };
    println!("  rss {:.1} hwm {:.1}", find("VmRSS"), find("VmHWM"));
    find("VmRSS")
}
fn up(db: &str) -> Arc<UpstreamConfig> {
    Arc::new(UpstreamConfig {
        host: std::env::var("BIG_HOST").unwrap(),
        port: std::env::var("BIG_PORT").unwrap().parse().unwrap(),
        database: db.to_owned(),
        user: "owner".to_owned(),
        password: crate::upstream::Secret(String::new()),
        tls: crate::upstream::UpstreamTls::Disable,
    })
}
#[tokio::test]
#[ignore = "temporary"]
async fn size() {
    let small = {
        let mut c = Connection::open(&up("postgres")).await.unwrap();
        read(&mut c).await.unwrap()
    };
    drop(small);
    let before = rss();
    let t = std::time::Instant::now();
    let mut c = Connection::open(&up("big")).await.unwrap();
    let reading = read(&mut c).await.unwrap();
    println!("read {:?}", t.elapsed());
    println!("reading {:.1} MiB", rss() - before);
    let t = std::time::Instant::now();
    println!(
        "{:?} compare {:?}",
        reading.mark.compare(&c.client).await.unwrap() == super::super::mark::Change::Some,
        t.elapsed()
    );
    let client = {
        let mut config = tokio_postgres::Config::new();
        let u = up("big");
        config.host(&u.host).port(u.port).user("owner").dbname("big");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    let mut reading = reading;
    for sql in [
        "create table extra(id int primary key, a text)",
        "alter table extra add b text",
        "create or replace view vv as select * from extra",
        "drop table extra cascade",
    ] {
        client.batch_execute(sql).await.unwrap();
        let t = std::time::Instant::now();
        let Found::Changed(next) = follow(&mut c, reading).await.unwrap() else { panic!() };
        reading = next;
        println!("{sql}: {:?}", t.elapsed());
    }
    drop(reading);
    drop(c);
    println!("dropped");
    let before = rss();
    let t = std::time::Instant::now();
    let service = CatalogService::start_with(
        "big".to_owned(),
        up("big"),
        LabelOverrides::default(),
        Box::new(|_| Ok(())),
    );
    let catalog = service.newer_than(0).await.unwrap();
    println!("service {:?} {}", t.elapsed(), catalog.relations.len());
    println!("service {:.1} MiB", rss() - before);
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let catalog = service.newer_than(catalog.version).await.unwrap();
        println!("again {:?} {}", t.elapsed(), catalog.version);
        client.batch_execute("create table extra(id int primary key, a text)").await.unwrap();
        let t = std::time::Instant::now();
        let catalog = service.newer_than(catalog.version).await.unwrap();
        println!("changed {:?} {}", t.elapsed(), catalog.version);
        client.batch_execute("drop table extra").await.unwrap();
    }
    rss();
}
