use connect_shared::{
    engine::Engine,
    error::Exit,
    frame::{MAX_DATA, Opened, VERSION},
    ids::ConnectionId,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex},
    task::JoinHandle,
};

use super::*;

struct MemorySink(WriteHalf<DuplexStream>);
struct MemorySource(ReadHalf<DuplexStream>);

impl Sink for MemorySink {
    async fn send(&mut self, chunks: &mut [Bytes]) -> Result<(), Broken> {
        for chunk in chunks {
            self.0.write_all(chunk).await.map_err(|error| Broken::Stream(error.to_string()))?;
        }
        Ok(())
    }

    fn finish(&mut self) {}
}

impl Source for MemorySource {
    async fn receive(&mut self, buffer: &mut BytesMut) -> Result<bool, Broken> {
        let count = self.0.read_buf(buffer).await.map_err(|error| Broken::Stream(error.to_string()))?;
        Ok(count > 0)
    }

    fn stop(&mut self) {}
}

/// A pump between a program and an agent, both in the test's hands.
struct Bench {
    program: DuplexStream,
    agent: DuplexStream,
    received: BytesMut,
    pump: JoinHandle<Ended>,
}

fn open() -> Open {
    Open {
        version: VERSION,
        connection: ConnectionId::from_random([7; 16]),
        resource: "demo-db".into(),
        engine: Engine::PostgreSql,
        resume_from: 0,
    }
}

impl Bench {
    fn start(first: &'static [u8]) -> Self {
        let (program, local) = duplex(256 * 1024);
        let (agent, tunnel) = duplex(256 * 1024);
        let pump = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(local);
            let (receive, send) = tokio::io::split(tunnel);
            let (send, receive) = (MemorySink(send), MemorySource(receive));
            let pump = Pump::new(&mut reader, &mut writer, send, receive, Arc::default());
            pump.run(&open(), Bytes::from_static(first)).await
        });
        Self { program, agent, received: BytesMut::new(), pump }
    }

    async fn accepted(first: &'static [u8]) -> Self {
        let mut bench = Self::start(first);
        assert_eq!(bench.frame().await, Frame::Open(open()));
        bench.say(&Frame::Opened(Opened::Accepted { resume_from: 0 })).await;
        bench
    }

    async fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = Frame::decode(&mut self.received).expect("a good frame") {
                return frame;
            }
            assert!(self.agent.read_buf(&mut self.received).await.expect("read") > 0, "the pump is gone");
        }
    }

    async fn say(&mut self, frame: &Frame) {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes).expect("encoded");
        self.agent.write_all(&bytes).await.expect("sent");
    }

    async fn say_data(&mut self, offset: u64, bytes: &'static [u8]) {
        self.say(&Frame::Data { offset, bytes: Bytes::from_static(bytes) }).await;
    }
}

#[tokio::test]
async fn the_first_words_travel_with_open_and_offsets_go_on_from_them() {
    let mut bench = Bench::accepted(b"startup").await;
    assert_eq!(bench.frame().await, Frame::Data { offset: 0, bytes: Bytes::from_static(b"startup") });
    bench.program.write_all(b"query").await.expect("sent");
    assert_eq!(bench.frame().await, Frame::Data { offset: 7, bytes: Bytes::from_static(b"query") });
}

#[tokio::test]
async fn what_the_agent_sends_reaches_the_program_in_order() {
    let mut bench = Bench::accepted(b"s").await;
    bench.say_data(0, b"one ").await;
    bench.say_data(4, b"two").await;
    bench.say(&Frame::End { offset: 7 }).await;
    assert!(matches!(bench.pump.await.expect("no panic"), Ended::Orderly));
    let mut heard = String::new();
    bench.program.read_to_string(&mut heard).await.expect("read");
    assert_eq!(heard, "one two");
}

#[tokio::test]
async fn data_at_another_offset_or_before_opened_ends_the_connection() {
    let mut bench = Bench::accepted(b"s").await;
    bench.say_data(1, b"late").await;
    assert!(matches!(bench.pump.await.expect("no panic"), Ended::Broken(Broken::Stream(_))));
    let mut bench = Bench::start(b"s");
    bench.say_data(0, b"early").await;
    assert!(matches!(bench.pump.await.expect("no panic"), Ended::Broken(Broken::Stream(_))));
}

#[tokio::test]
async fn a_refusal_and_an_abort_carry_their_reason() {
    let error = ErrorReport::new("too_many_connections", Exit::Unreachable, "full");
    for frame in [Frame::Opened(Opened::Refused { error: error.clone() }), Frame::Abort(error)] {
        let mut bench = Bench::start(b"s");
        bench.say(&frame).await;
        match bench.pump.await.expect("no panic") {
            Ended::Told(report) => assert_eq!(report.message, "full"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_programs_end_is_told_and_answers_still_arrive() {
    let mut bench = Bench::accepted(b"s").await;
    bench.frame().await;
    bench.program.shutdown().await.expect("ended");
    assert_eq!(bench.frame().await, Frame::End { offset: 1 });
    bench.say_data(0, b"answer").await;
    bench.say(&Frame::End { offset: 6 }).await;
    assert!(matches!(bench.pump.await.expect("no panic"), Ended::Orderly));
    let mut heard = String::new();
    bench.program.read_to_string(&mut heard).await.expect("read");
    assert_eq!(heard, "answer");
}

#[tokio::test]
async fn a_long_answer_is_acknowledged_about_every_256_kib() {
    let mut bench = Bench::accepted(b"s").await;
    bench.frame().await;
    let block = Bytes::from(vec![7; MAX_DATA]);
    for block_number in 0..4u64 {
        bench.say(&Frame::Data { offset: block_number * MAX_DATA as u64, bytes: block.clone() }).await;
        let mut taken = vec![0; MAX_DATA];
        bench.program.read_exact(&mut taken).await.expect("delivered");
    }
    assert_eq!(bench.frame().await, Frame::Ack { offset: 4 * MAX_DATA as u64 });
}

#[tokio::test]
async fn a_short_answer_is_acknowledged_after_a_second_of_silence() {
    let mut bench = Bench::accepted(b"s").await;
    bench.frame().await;
    bench.say_data(0, b"short").await;
    assert_eq!(bench.frame().await, Frame::Ack { offset: 5 });
}

#[tokio::test]
async fn no_data_frame_is_longer_than_the_limit_and_nothing_is_lost() {
    let mut bench = Bench::accepted(b"s").await;
    bench.frame().await;
    let sent: Vec<u8> = (0..700_000u32).map(|number| number as u8).collect();
    let (mut received, mut next) = (Vec::new(), 1);
    let mut program = bench.program;
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        program.write_all(&copy).await.expect("sent");
        program
    });
    bench.program = duplex(1).0;
    while received.len() < sent.len() {
        match bench.frame().await {
            Frame::Data { offset, bytes } => {
                assert_eq!(offset, next);
                assert!(bytes.len() <= MAX_DATA);
                next += bytes.len() as u64;
                received.extend_from_slice(&bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received, sent);
    drop(writing.await.expect("no panic"));
}

#[tokio::test]
async fn both_directions_move_while_both_are_full() {
    // The agent does not read before all of its own bytes are taken: a pump that waited for one direction
    // would stand still for ever.
    let mut bench = Bench::accepted(b"s").await;
    let mut program = bench.program;
    let writing = tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(&mut program);
        let block = vec![1; 1024 * 1024];
        let mut taken = vec![0; 1024 * 1024];
        let (sent, read) = tokio::join!(writer.write_all(&block), reader.read_exact(&mut taken));
        sent.expect("sent");
        read.expect("read");
    });
    bench.program = duplex(1).0;
    let block = Bytes::from(vec![2; MAX_DATA]);
    for number in 0..16u64 {
        bench.say(&Frame::Data { offset: number * MAX_DATA as u64, bytes: block.clone() }).await;
    }
    let mut taken = 0;
    while taken < 1024 * 1024 {
        if let Frame::Data { bytes, offset } = bench.frame().await {
            taken += if offset == 0 { 0 } else { bytes.len() };
        }
    }
    writing.await.expect("no panic");
}

#[tokio::test]
async fn a_program_that_does_not_read_any_more_ends_the_connection() {
    let mut bench = Bench::accepted(b"s").await;
    bench.frame().await;
    drop(bench.program);
    bench.program = duplex(1).0;
    bench.say_data(0, b"nobody hears this").await;
    assert!(matches!(bench.pump.await.expect("no panic"), Ended::LocalGone));
}
