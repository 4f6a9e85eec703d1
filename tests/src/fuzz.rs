//! What the fuzzers run, and a short run of it in every test: seeds, mutated by a generator that gives the
//! same bytes each time. `tests/fuzz` runs the same functions under libFuzzer.

mod login;
mod options;
mod session;

use bytes::BytesMut;
use connect_shared::frame::{Frame, HEADER, MAX_PAYLOAD};

pub use self::{
    login::login,
    session::{session, setup},
};

/// Frames from arbitrary bytes: never a panic, never more kept than a frame may hold, and what is decoded
/// encodes to what it was decoded from.
///
/// # Panics
/// One of these does not hold.
pub fn frames(bytes: &[u8]) {
    let mut buffer = BytesMut::from(bytes);
    loop {
        let before = buffer.clone();
        match Frame::decode(&mut buffer) {
            Ok(Some(frame)) => {
                let taken = before.len() - buffer.len();
                assert!(taken >= HEADER, "a frame takes bytes");
                let mut again = BytesMut::new();
                frame.encode(&mut again).expect("what was decoded is short enough");
                assert_eq!(Frame::decode(&mut again), Ok(Some(frame)));
            }
            Ok(None) => {
                assert_eq!(before, buffer, "half a frame stays");
                assert!(buffer.len() < HEADER + MAX_PAYLOAD, "a whole frame was there and was not taken");
                return;
            }
            Err(_) => return,
        }
    }
}

/// xorshift64*: the same bytes from the same seed, everywhere.
#[derive(Debug)]
pub struct Generator(u64);

impl Generator {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Below `end`; 0 if that is 0.
    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    pub const fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.next() as usize % end }
    }

    /// A variant of `seed`: bytes flipped, set, cut, doubled or put in.
    #[must_use]
    pub fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len());
            let [value, ..] = self.next().to_be_bytes();
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, value][self.below(6)],
                2 => bytes.truncate(at),
                3 => bytes.insert(at, value),
                4 => bytes.extend_from_within(at..),
                _ => bytes.splice(at..at, (0..self.below(9)).map(|_| value)).for_each(drop),
            }
        }
        bytes.truncate(64 * 1024);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use connect_shared::frame::{Hello, VERSION};

    use super::*;

    fn rounds(usual: usize) -> usize {
        if std::env::var_os("CONNECT_TESTS_FULL").is_some() { usual * 50 } else { usual }
    }

    #[test]
    fn mutated_frames_break_nothing() {
        let mut seed = BytesMut::new();
        let hello = Hello {
            version: VERSION,
            grant: "e30".to_owned(),
            client: "connect/0.1.0".to_owned(),
            resume: None,
        };
        for frame in [
            Frame::Hello(hello),
            Frame::Data { offset: 7, bytes: "hello".into() },
            Frame::Ack { offset: 9 },
            Frame::End { offset: 9 },
        ] {
            frame.encode(&mut seed).expect("short");
        }
        let mut generator = Generator::new(0x00C0_FFEE);
        for _ in 0..rounds(20_000) {
            frames(&generator.mutate(&seed));
        }
    }

    #[test]
    fn mutated_sessions_break_nothing() {
        let mut generator = Generator::new(0x5EED);
        for seed in session::seeds() {
            session(&seed);
            for _ in 0..rounds(200) {
                session(&generator.mutate(&seed));
            }
        }
    }

    /// What is committed for a target: the beginning of a longer run, and what one has found.
    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = crate::place::of_tests("fuzz/corpus").join(target);
        let files = std::fs::read_dir(folder).expect("a corpus").flatten();
        files.map(|file| std::fs::read(file.path()).expect("a file")).collect()
    }

    #[test]
    fn the_committed_corpora_break_nothing() {
        let mut generator = Generator::new(0xC0_4905);
        for (target, run) in [("frames", frames as fn(&[u8])), ("login", login), ("session", session)] {
            let inputs = corpus(target);
            assert!(inputs.len() >= 5, "{target} has a corpus");
            let each = rounds(2_000) / inputs.len();
            for input in inputs {
                run(&input);
                for _ in 0..each {
                    run(&generator.mutate(&input));
                }
            }
        }
    }

    #[test]
    fn mutated_logins_break_nothing() {
        let mut generator = Generator::new(0x10_6E);
        for seed in login::seeds() {
            login(&seed);
            for _ in 0..rounds(300) {
                login(&generator.mutate(&seed));
            }
        }
    }

    #[test]
    fn the_generator_is_repeatable() {
        let run = || Generator::new(7).mutate(b"some seed of some length");
        assert_eq!(run(), run());
    }
}
