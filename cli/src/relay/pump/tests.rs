use bytes::BytesMut;
use connect_shared::{
    engine::Engine,
    error::Exit,
    frame::{Attempt, Frame, MAX_DATA, Opened, VERSION},
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
        attempt: Attempt::First,
    }
}

impl Bench {
    fn start(first: &'static [u8]) -> Self {
        let (program, local) = duplex(256 * 1024);
        let (agent, tunnel) = duplex(256 * 1024);
        let pump = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(local);
            let (receive, send) = tokio::io::split(tunnel);
            let (mut send, mut receive) = (MemorySink(send), MemorySource(receive));
            let first = Bytes::from_static(first);
            let mut pump = Pump::new(&mut reader, &mut writer, first, Engine::PostgreSql, Arc::default());
            pump.run(&mut send, &mut receive, &open()).await
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

/// A program whose connection is carried over one stream after another; the agent is in the test's hands.
struct Journey {
    streams: tokio::sync::mpsc::UnboundedSender<DuplexStream>,
    agent: DuplexStream,
    received: BytesMut,
}

impl Journey {
    fn start(local: DuplexStream, first: &'static [u8]) -> Self {
        let (streams, mut arriving) = tokio::sync::mpsc::unbounded_channel::<DuplexStream>();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(local);
            let first = Bytes::from_static(first);
            let mut pump = Pump::new(&mut reader, &mut writer, first, Engine::PostgreSql, Arc::default());
            let mut attempt = Attempt::First;
            while let Some(stream) = arriving.recv().await {
                let (receive, send) = tokio::io::split(stream);
                let open = Open { attempt, resume_from: pump.received(), ..open() };
                let _cut = pump.run(&mut MemorySink(send), &mut MemorySource(receive), &open).await;
                attempt = if pump.was_opened() { Attempt::Resume } else { Attempt::Again };
            }
        });
        let mut journey = Self { streams, agent: duplex(1).0, received: BytesMut::new() };
        journey.cut();
        journey
    }

    /// The stream goes with whatever is on its way, and another one comes.
    fn cut(&mut self) {
        let (agent, tunnel) = duplex(64 * 1024);
        self.streams.send(tunnel).expect("it runs");
        self.agent = agent;
        self.received = BytesMut::new();
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
}

#[tokio::test]
async fn after_a_cut_each_side_goes_on_with_the_byte_that_the_other_expects() {
    let (mut program, local) = duplex(1024 * 1024);
    let mut journey = Journey::start(local, b"startup");
    journey.frame().await;
    assert!(matches!(journey.frame().await, Frame::Data { offset: 0, .. }));
    journey.cut();
    let Frame::Open(open) = journey.frame().await else { panic!("not OPEN") };
    assert_eq!((open.attempt, open.resume_from), (Attempt::Again, 0), "nobody has answered yet");
    journey.say(&Frame::Opened(Opened::Accepted { resume_from: 3 })).await;
    assert_eq!(journey.frame().await, Frame::Data { offset: 3, bytes: Bytes::from_static(b"rtup") });
    journey.say(&Frame::Data { offset: 0, bytes: Bytes::from_static(b"answer") }).await;
    let mut heard = [0; 6];
    program.read_exact(&mut heard).await.expect("delivered");
    journey.cut();
    let Frame::Open(open) = journey.frame().await else { panic!("not OPEN") };
    assert_eq!((open.attempt, open.resume_from), (Attempt::Resume, 6));
    journey.say(&Frame::Opened(Opened::Accepted { resume_from: 7 })).await;
    program.write_all(b"more").await.expect("sent");
    assert_eq!(journey.frame().await, Frame::Data { offset: 7, bytes: Bytes::from_static(b"more") });
}

#[tokio::test]
async fn an_agent_that_expects_what_was_never_sent_or_is_acknowledged_ends_the_connection() {
    for (acknowledged, expected) in [(0, 8), (7, 3)] {
        let (_program, local) = duplex(1024);
        let mut journey = Journey::start(local, b"startup");
        journey.frame().await;
        journey.say(&Frame::Opened(Opened::Accepted { resume_from: 0 })).await;
        journey.frame().await;
        journey.say(&Frame::Ack { offset: acknowledged }).await;
        journey.cut();
        journey.frame().await;
        // Its acknowledgement may be seen with the next byte only, so the byte comes first.
        journey.say(&Frame::Opened(Opened::Accepted { resume_from: expected })).await;
        let mut rest = Vec::new();
        if expected == 8 {
            journey.agent.read_to_end(&mut rest).await.expect("the pump lets go");
            assert!(rest.is_empty(), "nothing is made up");
        }
    }
}

#[tokio::test]
async fn whatever_is_cut_wherever_no_byte_is_lost_or_doubled() {
    let (mut program, local) = duplex(16 * 1024);
    let mut journey = Journey::start(local, b"0123456789");
    let question: Vec<u8> = (0..400_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let answer: Vec<u8> = question.iter().rev().copied().collect();
    let (asked, mut told) = (question.clone(), Vec::new());
    let expected = answer.len();
    let talking = tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(&mut program);
        let mut bytes = vec![0; expected];
        let (sent, heard) = tokio::join!(writer.write_all(&asked), reader.read_exact(&mut bytes));
        sent.expect("sent");
        heard.expect("heard");
        bytes
    });
    let (mut taken, mut generator) = (0_u64, 7_u64);
    while told.len() < question.len() + 10 || !talking.is_finished() {
        let Frame::Open(open) = journey.frame().await else { panic!("not OPEN") };
        let mut said = open.resume_from;
        journey.say(&Frame::Opened(Opened::Accepted { resume_from: taken })).await;
        generator = generator.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // So many frames in each direction until the cut.
        for _ in 0..=(generator >> 60) {
            let from = usize::try_from(said).expect("small");
            let length = (answer.len() - from).min(usize::try_from(generator >> 50).expect("small"));
            let bytes = Bytes::copy_from_slice(&answer[from..from + length]);
            journey.say(&Frame::Data { offset: said, bytes }).await;
            said += length as u64;
            if told.len() < question.len() + 10 {
                match journey.frame().await {
                    Frame::Data { offset, bytes } => {
                        assert_eq!(offset, taken);
                        taken += bytes.len() as u64;
                        told.extend_from_slice(&bytes);
                    }
                    Frame::Ack { offset } => assert!(offset <= said),
                    other => panic!("{other:?}"),
                }
                if generator.is_multiple_of(2) {
                    journey.say(&Frame::Ack { offset: taken }).await;
                }
            }
        }
        if !talking.is_finished() {
            journey.cut();
        }
    }
    assert_eq!(talking.await.expect("no panic"), answer);
    assert_eq!(&told[..10], b"0123456789");
    assert!(told[10..] == question, "the question arrived as it was");
}
