//! What the agent says of statements, beside what the server's analyser says.
//!
//! A statement that the agent calls complete must agree in every set. One that it calls partial must say
//! nothing that is not so. Read next: [`compare`] for what is compared, [`told`] for the agent's side.

pub mod compare;
pub mod explained;
pub mod report;
pub mod told;

use crate::{
    differential::{compare::differences, explained::Explained, report::Report, told::Analyst},
    generate::Statement,
    oracle::Oracle,
};

/// Puts statements to both sides and notes where they differ.
pub fn run(
    oracle: &mut Oracle,
    analyst: &mut Analyst,
    definitions: &[String],
    statements: &[Statement],
    explained: &Explained,
    report: &mut Report,
) {
    // What the server refuses nobody needs to understand.
    let mut judged = Vec::new();
    for statement in statements {
        match oracle.judge(&statement.judged) {
            // SET, SHOW and their like have nothing to analyse.
            Ok(judgement) if judgement.is_command => report.skip(),
            Ok(judgement) => judged.push((statement, judgement)),
            Err(refusal) => report.refuse(statement, &refusal),
        }
    }
    let texts: Vec<&str> = judged.iter().map(|(statement, _)| statement.sql.as_str()).collect();
    let answers = analyst.ask(&texts);
    for ((statement, judgement), told) in judged.iter().zip(&answers) {
        let found = differences(statement, judgement, &oracle.catalog, told);
        report.add(statement, told, found, (definitions, explained));
    }
}
