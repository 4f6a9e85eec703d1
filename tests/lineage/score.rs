//! `connect-agent analyze` over the set: right, or not silent.

use std::fmt::Write as _;

use connect_tests::{
    analyze::analyze,
    answers::{
        self, Answer, Status,
        score::{self, Verdict},
    },
    postgres::Version,
};

use crate::server::Server;

/// Its grammar is old; what older servers refuse is to do it.
const NOT_NEWER_IN_GRAMMAR: [&str; 1] = ["merge-into-view"];

/// Of a hundred statements, this many have every column's sources exactly.
const RIGHT_OF_HUNDRED: usize = 99;

#[derive(Default)]
struct Tally {
    statements: usize,
    direct: usize,
    direct_right: usize,
    indirect_right: usize,
    silently_wrong: usize,
    to_flag: usize,
    flagged: usize,
    flagged_needlessly: usize,
    what: String,
}

impl Tally {
    fn take(&mut self, answer: &Answer, said: &score::Said, verdict: Verdict) {
        self.statements += 1;
        self.direct += usize::from(verdict.direct.is_some());
        self.direct_right += usize::from(verdict.direct == Some(true));
        self.indirect_right += usize::from(verdict.indirect == Some(true));
        self.silently_wrong += usize::from(verdict.is_silently_wrong());
        self.to_flag += usize::from(verdict.flagged_as_it_should.is_some());
        self.flagged += usize::from(verdict.flagged_as_it_should == Some(true));
        let needlessly = answer.status == Status::Complete && verdict.flagged;
        self.flagged_needlessly += usize::from(needlessly);
        let wrong = verdict.direct == Some(false)
            || verdict.indirect == Some(false)
            || verdict.flagged_as_it_should == Some(false)
            || needlessly;
        if wrong {
            let _ = writeln!(self.what, "{}\n", disagreement(answer, said, verdict));
        }
    }

    fn take_newer(&mut self, answer: &Answer, flagged: bool) {
        self.to_flag += 1;
        self.flagged += usize::from(flagged);
        if !flagged {
            let _ = writeln!(self.what, "{}: answered although the server cannot read it\n", answer.id);
        }
    }

    fn line(&self) -> String {
        let Self {
            statements, direct, direct_right, indirect_right, silently_wrong, to_flag, flagged, ..
        } = self;
        format!(
            "{statements} statements: direct right {direct_right} of {direct}, indirect right {indirect_right} of {direct}, \
             silently wrong {silently_wrong}, flagged {flagged} of {to_flag} that must be, {} that need not",
            self.flagged_needlessly
        )
    }
}

fn disagreement(answer: &Answer, said: &score::Said, verdict: Verdict) -> String {
    let mut got = answer.clone();
    got.outputs.clone_from(&said.outputs);
    got.indirect.clone_from(&said.indirect);
    let (wanted, got) = (score::as_json(answer), score::as_json(&got));
    let mut text = format!("{}: {verdict:?}\n  {}\n", answer.id, answer.sql.replace('\n', "\n  "));
    for part in ["outputs", "indirect"] {
        if wanted[part] != got[part] {
            let _ = writeln!(text, "  {part}\n    wanted {}\n    got    {}", wanted[part], got[part]);
        }
    }
    if said.flagged {
        let _ = writeln!(text, "  flagged: {}", said.reasons.join("; "));
    }
    text
}

#[test]
fn nearly_every_answer_is_exact_and_none_is_silently_wrong() {
    let tallies = [Version::Fifteen, Version::Eighteen].map(score_on);
    if let Some(to) = std::env::var_os("CONNECT_TESTS_DISAGREEMENTS") {
        std::fs::write(&to, tallies.iter().map(|tally| tally.what.as_str()).collect::<String>())
            .expect("a file");
    }
    for tally in tallies {
        assert_eq!(tally.flagged, tally.to_flag, "{}", tally.what);
        assert_eq!(tally.silently_wrong, 0, "{}", tally.what);
        for right in [tally.direct_right, tally.indirect_right] {
            assert!(right * 100 >= tally.direct * RIGHT_OF_HUNDRED, "{}", tally.what);
        }
    }
}

fn score_on(version: Version) -> Tally {
    let server = Server::of_the_set(version, &["lineage"]);
    let all = answers::all();
    let analysis = analyze(&server.postgres.url("lineage"), &all);
    let mut tally = Tally::default();
    for answer in &all {
        let said = &analysis.said[&answer.id];
        if answer.is_for(version.number()) {
            tally.take(answer, said, score::judge(answer, said));
        } else if answer.is_newer_than(version.number())
            && !NOT_NEWER_IN_GRAMMAR.contains(&answer.id.as_str())
        {
            // This server cannot read it: that must be said.
            tally.take_newer(answer, said.flagged);
        }
    }
    println!("on PostgreSQL {}: {}", version.number(), tally.line());
    tally
}
