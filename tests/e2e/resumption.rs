//! A client of the tests' own changes its tunnel at any byte, dozens of times in one result or COPY: what it
//! reads and what arrives is what goes directly.

use bytes::{Bytes, BytesMut};
use connect_shared::{
    engine::Engine,
    frame::{Attempt, Frame, MAX_DATA, Open, Opened, Resume, VERSION},
    ids::ConnectionId,
};
use connect_tests::{
    agent::BENCH,
    generate::dice::Dice,
    stranger::{Stranger, Welcomed, WithKey, id_token, say},
    wire,
    world::World,
};
use quinn::{RecvStream, SendStream};

/// A connection with everything that was said and heard on it, over whatever tunnels.
struct Traveller {
    stranger: Stranger,
    grant: String,
    /// The last one is in use; those before are as good as dead, but nobody has told the agent.
    tunnels: Vec<Welcomed>,
    stream: Option<(SendStream, RecvStream)>,
    buffer: BytesMut,
    said: Vec<u8>,
    heard: Vec<u8>,
    acknowledged: usize,
}

impl Traveller {
    async fn start(world: &World, person: &str) -> Self {
        let token = id_token(&world.idp, person);
        let stranger = Stranger::new(&world.agent);
        let grant = stranger.grant(&token, BENCH).await;
        let tunnel = stranger.tunnel(&grant, WithKey::Yes).await.expect("a welcome");
        let mut traveller = Self {
            stranger,
            grant,
            tunnels: vec![tunnel],
            stream: None,
            buffer: BytesMut::new(),
            said: Vec::new(),
            heard: Vec::new(),
            acknowledged: 0,
        };
        assert_eq!(traveller.open(Attempt::First).await, 0);
        traveller.say(b"\0\0\0\x16\0\x03\0\0user\0anybody\0\0").await;
        traveller.hear_until(|heard| heard.ends_with(b"Z\0\0\0\x05I")).await;
        traveller
    }

    /// OPEN on the newest tunnel; the agent's answer is the byte that it expects next.
    async fn open(&mut self, attempt: Attempt) -> u64 {
        let tunnel = self.tunnels.last().expect("one");
        let (mut send, receive) = tunnel.connection.open_bi().await.expect("a stream");
        let open = Open {
            version: VERSION,
            connection: ConnectionId::from_random([7; 16]),
            resource: BENCH.to_owned(),
            engine: Engine::PostgreSql,
            resume_from: self.heard.len() as u64,
            attempt,
        };
        say(&mut send, &Frame::Open(open)).await.expect("said");
        self.stream = Some((send, receive));
        self.buffer = BytesMut::new();
        match self.frame().await {
            Frame::Opened(Opened::Accepted { resume_from }) => resume_from,
            other => panic!("{other:?}"),
        }
    }

    /// Another tunnel, without a word in the old one, and everything again that the agent does not have.
    async fn change(&mut self) {
        let welcome = &self.tunnels.last().expect("one").welcome;
        let resume = Resume { session: welcome.session, secret: welcome.secret.clone() };
        let tunnel = self.stranger.tunnel_for(&self.grant, WithKey::Yes, Some(resume)).await;
        self.tunnels.push(tunnel.expect("a welcome"));
        let taken = self.open(Attempt::Resume).await;
        let missing = self.said[usize::try_from(taken).expect("small")..].to_vec();
        self.data(taken, &missing).await;
    }

    async fn say(&mut self, bytes: &[u8]) {
        let offset = self.said.len() as u64;
        self.said.extend_from_slice(bytes);
        self.data(offset, bytes).await;
    }

    async fn data(&mut self, mut offset: u64, bytes: &[u8]) {
        let (send, _) = self.stream.as_mut().expect("open");
        for part in bytes.chunks(MAX_DATA) {
            let bytes = Bytes::copy_from_slice(part);
            say(send, &Frame::Data { offset, bytes }).await.expect("said");
            offset += part.len() as u64;
        }
    }

    async fn frame(&mut self) -> Frame {
        let (_, receive) = self.stream.as_mut().expect("open");
        loop {
            if let Some(frame) = Frame::decode(&mut self.buffer).expect("a good frame") {
                return frame;
            }
            let chunk = receive.read_chunk(64 * 1024, true).await.expect("alive").expect("not ended");
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }

    /// Reads until it has heard enough.
    async fn hear_until(&mut self, enough: impl Fn(&[u8]) -> bool) {
        while !enough(&self.heard) {
            match self.frame().await {
                Frame::Data { offset, bytes } => {
                    assert_eq!(offset, self.heard.len() as u64);
                    self.heard.extend_from_slice(&bytes);
                }
                Frame::Ack { offset } => assert!(offset <= self.said.len() as u64),
                other => panic!("{other:?}"),
            }
            if self.heard.len() - self.acknowledged > 1_000_000 {
                self.acknowledge().await;
            }
        }
    }

    async fn acknowledge(&mut self) {
        self.acknowledged = self.heard.len();
        let offset = self.acknowledged as u64;
        let (send, _) = self.stream.as_mut().expect("open");
        say(send, &Frame::Ack { offset }).await.expect("said");
    }
}

/// Bodies of the messages of one kind.
fn bodies(mut bytes: &[u8], kind: u8) -> Vec<u8> {
    let mut found = Vec::new();
    while let [first, a, b, c, d, rest @ ..] = bytes {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
        if *first == kind {
            found.extend_from_slice(&rest[..length]);
        }
        bytes = &rest[length..];
    }
    found
}

#[tokio::test]
async fn a_result_read_over_forty_tunnels_is_the_bytes_of_the_server() {
    let world = World::start();
    let rows = "SELECT i, md5(i::text), repeat('x', i % 90) FROM generate_series(1, 60000) i";
    let direct = world.postgres.sql("bench", &format!("COPY ({rows}) TO STDOUT"));
    let mut traveller = Traveller::start(&world, "ana").await;
    let begun = traveller.heard.len();
    traveller.say(&wire::query(&format!("COPY ({rows}) TO STDOUT"))).await;
    let ended = |heard: &[u8]| heard.len() > begun && heard.ends_with(b"Z\0\0\0\x05I");
    let mut dice = Dice::new(21);
    for _ in 0..40 {
        let until = traveller.heard.len() + dice.below(2 * direct.len() / 40);
        traveller.hear_until(|heard| heard.len() >= until || ended(heard)).await;
        if dice.chance(50) {
            traveller.acknowledge().await;
        }
        traveller.change().await;
    }
    traveller.hear_until(ended).await;
    let read = bodies(&traveller.heard[begun..], b'd');
    assert!(read == format!("{}\n", direct.trim_end()).as_bytes(), "the same bytes");
    assert_eq!(traveller.tunnels.len(), 41);
}

#[tokio::test]
async fn a_copy_said_over_forty_tunnels_arrives_once() {
    let world = World::start();
    let mut traveller = Traveller::start(&world, "ana").await;
    traveller.say(&wire::query("CREATE TABLE kept (n int PRIMARY KEY, note text)")).await;
    traveller.hear_until(|heard| heard.windows(12).any(|w| w == b"CREATE TABLE")).await;
    traveller.hear_until(|heard| heard.ends_with(b"Z\0\0\0\x05I")).await;
    traveller.say(&wire::query("COPY kept FROM STDIN")).await;
    traveller.hear_until(|heard| heard.contains(&b'G')).await;
    let rows: Vec<u8> = (0..90_000).flat_map(|n| format!("{n}\t{:x}\n", n * 7_919).into_bytes()).collect();
    let mut said = Vec::new();
    for part in rows.chunks(1_700) {
        said.push(b'd');
        said.extend_from_slice(&u32::try_from(part.len() + 4).expect("short").to_be_bytes());
        said.extend_from_slice(part);
    }
    said.extend_from_slice(b"c\0\0\0\x04");
    let mut dice = Dice::new(22);
    let mut rest = &said[..];
    let mut changes = 0;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(rest.len().min(1 + dice.below(2 * said.len() / 40)));
        rest = later;
        traveller.say(part).await;
        traveller.change().await;
        changes += 1;
    }
    traveller.hear_until(|heard| heard.windows(10).any(|w| w == b"COPY 90000")).await;
    assert!(changes >= 20, "{changes}");
    let arrived = "SELECT count(*) || ' ' || sum(n) || ' ' || count(*) FILTER (WHERE note = to_hex(n * 7919)) FROM kept";
    assert_eq!(world.postgres.sql("bench", arrived), "90000 4049955000 90000");
}
