//! Values of every type: at their edges, and by chance.

use crate::{
    random::Random,
    texts::{LETTERS, text, texts},
};

/// What makes values of one type, as text that the server reads.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Name,
    Integer {
        smallest: i64,
        largest: i64,
    },
    Numeric {
        digits: u64,
        scale: u64,
        unbounded: bool,
    },
    Date,
    Timestamp,
    Uuid,
    Inet,
    Bytea,
    Json,
    /// Arrays as long as are masked by element, and longer.
    Huge,
    /// These and no others.
    Only(&'static [&'static str]),
}

impl Kind {
    pub fn edges(self) -> Vec<String> {
        match self {
            Self::Text => texts(),
            Self::Name => ["", "a", "Ä", "+49 170 1234567", "de89370400440532013000"].map(Into::into).into(),
            Self::Integer { smallest, largest } => {
                [smallest, smallest + 1, -1, 0, 1, 9, 10, largest - 1, largest].map(|n| n.to_string()).into()
            }
            Self::Numeric { unbounded, .. } => numerics(unbounded),
            Self::Date => {
                let days =
                    ["4714-11-24 BC", "0001-12-31 BC", "0044-03-15 BC", "5874897-12-31", "294276-12-31"];
                [
                    &days[..],
                    &["infinity", "-infinity", "1999-12-31", "2000-01-01", "1970-01-01", "2024-02-29"],
                ]
                .concat()
                .into_iter()
                .map(Into::into)
                .collect()
            }
            Self::Timestamp => [
                "4714-11-24 00:00:00 BC",
                "0001-12-31 23:59:59.999999 BC",
                "294276-12-31 23:59:59.999999",
                "infinity",
                "-infinity",
                "1999-12-31 23:59:59.999999",
                "2000-01-01 00:00:00",
                "2024-02-29 24:00:00",
                "1850-06-01 12:00:00.5",
            ]
            .map(Into::into)
            .into(),
            Self::Uuid => ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
                .map(Into::into)
                .into(),
            Self::Inet => [
                "0.0.0.0",
                "0.0.0.0/0",
                "255.255.255.255/32",
                "84.1.2.3/24",
                "::",
                "::/0",
                "::1",
                "::ffff:1.2.3.4",
                "::1.2.3.4/96",
                "2001:db8::ff/128",
                "1:0:0:2:0:0:0:3",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
            ]
            .map(Into::into)
            .into(),
            Self::Bytea => ["", "\\x00", "\\x5c", "\\x5c78", "\\xff00ff", "\\x27", "\\x5c5c5c"]
                .map(Into::into)
                .into_iter()
                .chain([format!("\\x{}", "ab".repeat(1 << 20))])
                .collect(),
            Self::Json => [
                "{}",
                "[]",
                "null",
                "\"\"",
                "0",
                "1.00",
                "1e100",
                "-0",
                r#"{"b" : 1,  "a":[1,2,{"c":null}], "b":2}"#,
                r#""\u00e4\\\"\n""#,
                r#"{"masked": "x"}"#,
            ]
            .map(Into::into)
            .into_iter()
            .chain([format!("[{}1]", "1,".repeat(200_000))])
            .collect(),
            Self::Huge => {
                [(1 << 20) - 1, 1 << 20].map(|commas| format!("{{NULL{}}}", ",NULL".repeat(commas))).into()
            }
            Self::Only(values) => values.iter().map(|value| (*value).to_owned()).collect(),
        }
    }

    /// One by chance; `None` where the edges are all.
    pub fn random(self, random: &mut Random) -> Option<String> {
        Some(match self {
            Self::Text => text(random),
            Self::Name => random.string(&LETTERS[..20], 40),
            Self::Integer { smallest, largest } => {
                let bits = random.below(64);
                let number = random.within(smallest, largest);
                if random.below(2) == 0 { number } else { number >> bits }.to_string()
            }
            Self::Numeric { digits, scale, .. } => {
                let sign = random.one_of(&["", "-"]);
                let whole = random.digits(1, digits - scale);
                let fraction = random.digits(0, scale);
                format!("{sign}{whole}.{fraction}0")
            }
            Self::Date => date(random),
            Self::Timestamp => {
                let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
                let fraction = random.one_of(&["", ".5", ".000001", ".123456"]);
                let date = date(random);
                let (day, era) = date.split_once(' ').map_or((&*date, ""), |(day, _)| (day, " BC"));
                format!("{day} {hour:02}:{minute:02}:{second:02}{fraction}{era}")
            }
            Self::Uuid => format!("{:016x}{:016x}", random.number(), random.number()),
            Self::Inet => inet(random),
            Self::Bytea => {
                let bytes: String =
                    (0..random.below(40)).map(|_| format!("{:02x}", random.below(256))).collect();
                format!("\\x{bytes}")
            }
            Self::Json => {
                let text = random.string(&['a', 'Z', '9', ' ', 'ä', '漢'], 12);
                format!("{{\"k{}\":[\"{text}\", {}.50]}}", random.below(9), random.below(1_000))
            }
            Self::Huge | Self::Only(_) => return None,
        })
    }
}

fn numerics(unbounded: bool) -> Vec<String> {
    let mut numbers: Vec<String> = ["0", "0.00", "-0", "NaN", "0.5", "-0.5", "0.05"].map(Into::into).into();
    if unbounded {
        let long = "1234567890".repeat(100);
        numbers.extend(
            ["1e131071", "-1e131071", "1e-16383", "1e16", "10000", "1e-5", "100000000"].map(Into::into),
        );
        numbers.push(format!("-{long}.{long}"));
        numbers.push(format!("0.{}1", "0".repeat(600)));
        numbers.push(format!("1{}", "0".repeat(600)));
    }
    numbers
}

fn date(random: &mut Random) -> String {
    let era = if random.below(8) == 0 { " BC" } else { "" };
    let year = if random.below(2) == 0 { 1_900 + random.below(200) } else { 1 + random.below(4_700) };
    format!("{year:04}-{:02}-{:02}{era}", 1 + random.below(12), 1 + random.below(28))
}

fn inet(random: &mut Random) -> String {
    let number = random.number();
    if random.below(2) == 0 {
        let [a, b, c, d, prefix, ..] = number.to_be_bytes();
        return format!("{a}.{b}.{c}.{d}/{}", prefix % 33);
    }
    // Groups of zeros, which are written in short.
    let groups: Vec<String> = (0..8)
        .map(|_| if random.below(2) == 0 { "0".to_owned() } else { format!("{:x}", random.below(65_536)) })
        .collect();
    format!("{}/{}", groups.join(":"), random.below(129))
}
