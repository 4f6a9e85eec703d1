//! One run: its grants, its statements and what they read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use connect_shared::{
    attest::{Approval, Counters, LostResource, Source, StatementRecord, behind, last_read, reads, sources},
    entry::{Entry, Intent, OutcomeEntry, PrincipalRef},
    grant::RunIdentity,
    ids::{RunId, StatementId},
    label::Label,
    lineage::{LineageReport, UnderstandingStatus},
};

use super::{
    approvals::Approvals,
    attest::Ending,
    leaves::{Found, Visitor, has, is_kind},
    lost::Lost,
};

/// What the log says of a run.
pub(super) struct Run {
    id: RunId,
    /// The id as it stands in leaves.
    needle: Vec<u8>,
    /// Whose run it is: nobody else's entries count.
    owner: PrincipalRef,
    pub(super) begun: Option<Begun>,
    /// The run was ended before.
    pub(super) ended: Option<Ended>,
    /// What stands in the log from here on does not count, but for its end: it was ended before.
    upto: u64,
    /// Lineages that its statements refer to.
    wanted: HashSet<String>,
    statements: Vec<(StatementRecord, Option<String>)>,
    places: HashMap<StatementId, usize>,
    reports: HashMap<String, Seen>,
    /// Each once, in the order in which they decided.
    policies: Vec<String>,
    approvals: Approvals,
    denials: u64,
    elsewhere: u64,
    pub(super) last_time: u64,
    lost: Lost,
}

/// How it began.
pub(super) struct Begun {
    pub(super) identity: RunIdentity,
    pub(super) principal: PrincipalRef,
    pub(super) name: String,
    /// All of its resources, the first one first.
    pub(super) resources: Vec<String>,
    pub(super) time: u64,
}

impl Begun {
    /// Which one of several.
    fn one_of_several(&self, resource: &str) -> Option<String> {
        (self.resources.len() > 1).then(|| resource.to_owned())
    }
}

/// How it was ended.
pub(super) struct Ended {
    pub(super) index: u64,
    pub(super) ending: Ending,
    /// Of its statements, as they were then, and of all that was signed.
    pub(super) digest: String,
    pub(super) summary: Option<String>,
}

impl Run {
    pub(super) fn new(id: RunId, owner: PrincipalRef, glance: Glance) -> Self {
        let (wanted, upto) = (glance.lineages, glance.ended_upto.unwrap_or(u64::MAX));
        Self {
            id,
            needle: id.to_string().into_bytes(),
            owner,
            begun: None,
            ended: None,
            upto,
            wanted,
            statements: Vec::new(),
            places: HashMap::new(),
            reports: HashMap::new(),
            policies: Vec::new(),
            approvals: Approvals::default(),
            denials: 0,
            elsewhere: 0,
            last_time: 0,
            lost: Lost::default(),
        }
    }

    /// The actor is the run's own affair; whose run it is, is the person.
    fn is_owner(&self, principal: &PrincipalRef) -> bool {
        principal.is_same_person(&self.owner)
    }

    fn begin(&mut self, found: Begun) {
        if self.is_owner(&found.principal) && self.begun.is_none() {
            self.last_time = found.time;
            self.begun = Some(found);
        }
    }

    /// Whether something is of the run as it began: another resource, or another actor than its own and those to
    /// whom that one has handed a part on, is elsewhere.
    fn is_own(&self, run: Option<RunId>, principal: &PrincipalRef, resource: &str) -> bool {
        let begun = self.begun.as_ref();
        let among = |begun: &Begun| begun.resources.iter().any(|known| known == resource);
        run == Some(self.id)
            && begun.is_some_and(|begun| principal.is_or_acts_for(&begun.principal) && among(begun))
    }

    fn intent(&mut self, index: u64, time: u64, intent: Intent) {
        if !self.is_owner(&intent.principal) || self.begun.is_none() {
            return;
        }
        if !self.is_own(intent.run, &intent.principal, &intent.resource) {
            self.elsewhere += 1;
            return;
        }
        self.last_time = time;
        let record = StatementRecord {
            resource: self.begun.as_ref().and_then(|begun| begun.one_of_several(&intent.resource)),
            approvals: behind(&intent, self.approvals.of_grant(intent.grant)),
            verb: intent.verb,
            commitment: intent.commitment,
            writes: intent.writes,
            time: Some(time),
            policy: Some(self.policy(intent.decision.policy_digest)),
            ..StatementRecord::new(intent.statement, index, intent.text)
        };
        self.places.insert(intent.statement, self.statements.len());
        self.statements.push((record, intent.lineage));
    }

    /// Its place among those that decided.
    fn policy(&mut self, digest: String) -> u32 {
        let known = self.policies.iter().position(|known| *known == digest);
        let place = known.unwrap_or_else(|| {
            self.policies.push(digest);
            self.policies.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    fn outcome(&mut self, time: u64, outcome: OutcomeEntry) {
        if self.ended.is_some() {
            return;
        }
        let place = self.places.get(&outcome.statement).copied();
        if let Some((record, ..)) = place.and_then(|place| self.statements.get_mut(place)) {
            record.result = outcome.result;
            record.rows = outcome.rows;
            record.ended = Some(time);
            self.last_time = time;
        }
    }

    /// Everything that is known, once the whole log was seen; `only` is the resource of a run that has one.
    pub(super) fn finish(self, only: &str) -> Finished {
        let mut statements = Vec::with_capacity(self.statements.len());
        for (mut record, lineage) in self.statements {
            match lineage.map(|lineage| self.reports.get(&lineage)) {
                Some(Some(seen)) => fill(&mut record, seen),
                // It refers to what the log does not say.
                Some(None) => record.status = UnderstandingStatus::Opaque,
                None => {}
            }
            statements.push(record);
        }
        Finished {
            counters: Counters {
                denials: self.denials,
                elsewhere: self.elsewhere,
                ..Counters::of(&statements)
            },
            sources: sources(reads(&statements)),
            approvals: self.approvals.behind(&statements, only),
            policies: self.policies,
            last_read: last_read(&statements),
            statements,
            lost: self.lost.into_list(),
        }
    }
}

/// What a first look finds, before anything is kept: whether there is such a run, and what it refers to.
pub(super) struct Glance {
    id: RunId,
    needle: Vec<u8>,
    owner: PrincipalRef,
    pub(super) exists: bool,
    pub(super) lineages: HashSet<String>,
    /// It was ended before: up to where the log was gone through then.
    pub(super) ended_upto: Option<u64>,
}

impl Glance {
    pub(super) fn new(id: RunId, owner: PrincipalRef) -> Self {
        let needle = id.to_string().into_bytes();
        Self { id, needle, owner, exists: false, lineages: HashSet::new(), ended_upto: None }
    }
}

impl Visitor for Glance {
    fn wants(&self, leaf: &[u8]) -> bool {
        has(leaf, &self.needle)
    }

    fn visit(&mut self, found: Found) {
        match found.entry {
            Entry::GrantIssued { principal, run: Some(identity), .. } if identity.id == self.id => {
                self.exists |= principal.is_same_person(&self.owner);
            }
            Entry::Intent(intent) if intent.run == Some(self.id) => self.lineages.extend(intent.lineage),
            Entry::RunEnded { run, principal, upto, .. } if run == self.id => {
                let own = principal.is_same_person(&self.owner);
                self.ended_upto = self.ended_upto.or(upto.filter(|_| own));
            }
            _ => {}
        }
    }
}

/// What the statements of a run come to.
pub(super) struct Finished {
    pub(super) statements: Vec<StatementRecord>,
    pub(super) counters: Counters,
    pub(super) sources: Vec<Source>,
    pub(super) approvals: Vec<Approval>,
    pub(super) policies: Vec<String>,
    pub(super) last_read: Option<u64>,
    pub(super) lost: Vec<LostResource>,
}

impl Visitor for Run {
    fn wants(&self, leaf: &[u8]) -> bool {
        is_kind(leaf, &["statement_lineage", "request", "grant_issued"])
            || has(leaf, &self.needle)
            // Once it has begun: ends of its statements, and what its principal did beside it.
            || self.begun.is_some() && (is_kind(leaf, &["outcome", "intent"]) || Lost::wants(leaf))
    }

    fn visit(&mut self, found: Found) {
        let Found { index, time, entry } = found;
        let is_over = self.ended.is_some() || index >= self.upto;
        if is_over && !matches!(entry, Entry::RunEnded { .. }) {
            return;
        }
        self.approvals.visit(&self.owner, (index, time), &entry);
        self.lost.visit(self.id, &self.owner, &entry);
        match entry {
            Entry::GrantIssued { principal, name, resource, run: Some(identity), .. }
                if identity.id == self.id =>
            {
                let resources = identity.all_resources(&resource);
                self.begin(Begun { identity, principal, name, resources, time });
            }
            Entry::StatementLineage { lineage, report, masks, .. } if self.wanted.contains(&lineage) => {
                self.reports.insert(lineage, Seen { report: *report, masks });
            }
            Entry::Intent(intent) => self.intent(index, time, *intent),
            Entry::Outcome(outcome) => self.outcome(time, *outcome),
            Entry::Denial(denial) if self.is_own(denial.run, &denial.principal, &denial.resource) => {
                self.denials += 1;
            }
            Entry::RunEnded { run, principal, inputs, outputs, status, reason, digest, summary, .. }
                if run == self.id && self.is_owner(&principal) && self.ended.is_none() =>
            {
                let ending = Ending { inputs, outputs, status, reason };
                self.ended = Some(Ended { index, ending, digest, summary });
            }
            _ => {}
        }
    }
}

/// What an entry says of the lineage of statements.
struct Seen {
    report: LineageReport,
    masks: BTreeMap<String, Label>,
}

fn fill(record: &mut StatementRecord, seen: &Seen) {
    let columns = seen.report.outputs.iter().flat_map(|output| &output.columns);
    let direct: BTreeSet<&String> = columns.flat_map(|column| &column.direct).collect();
    record.direct = direct.into_iter().cloned().collect();
    record.indirect.clone_from(&seen.report.indirect);
    record.status = seen.report.status;
    (record.masked, record.labels) = seen.masks.iter().map(|(name, label)| (name.clone(), *label)).unzip();
}

#[cfg(test)]
mod tests {
    use connect_shared::{
        decision::{Decision, Outcome},
        entry::TextRef,
        ids::{ConnectionId, GrantId, SessionId},
    };

    use super::*;

    const ID: RunId = RunId::from_random([7; 16]);

    fn person(actor: Option<&str>) -> PrincipalRef {
        PrincipalRef { sub: "u1".into(), idp: "https://id.test".into(), actor: actor.map(str::to_owned) }
    }

    fn intent(number: u8, resource: &str, actor: Option<&str>) -> Entry {
        Entry::Intent(Box::new(Intent {
            statement: StatementId::from_random([number; 16]),
            session: SessionId::from_random([1; 16]),
            connection: ConnectionId::from_random([2; 16]),
            principal: person(actor),
            grant: GrantId::from_random([3; 16]),
            resource: resource.to_owned(),
            verb: "select".to_owned(),
            text: TextRef::Length(9),
            commitment: String::new(),
            read_only: true,
            reads: Vec::new(),
            writes: Vec::new(),
            sequence: None,
            run: Some(ID),
            task: None,
            purpose: None,
            lineage: Some("gone".to_owned()),
            decision: Decision {
                outcome: Outcome::Permit(Vec::new()),
                reasons: Vec::new(),
                shadow: Vec::new(),
                policy_digest: String::new(),
            },
        }))
    }

    fn begun(resources: &[&str]) -> Run {
        let mut run = Run::new(ID, person(None), Glance::new(ID, person(None)));
        run.begin(Begun {
            identity: RunIdentity {
                id: ID,
                job: "j".into(),
                key: String::new(),
                parent: None,
                resources: resources.iter().map(|name| (*name).to_owned()).collect(),
            },
            principal: person(None),
            name: "ana".into(),
            resources: resources.iter().map(|name| (*name).to_owned()).collect(),
            time: 1,
        });
        run
    }

    #[test]
    fn statements_of_another_resource_or_actor_are_not_the_runs() {
        let mut run = begun(&["staging"]);
        let all = [intent(1, "staging", None), intent(2, "prod", None), intent(3, "staging", Some("claude"))];
        for (entry, index) in all.into_iter().zip(0..) {
            run.visit(Found { index, time: 2 + index, entry });
        }
        assert_eq!(run.last_time, 2);
        let finished = run.finish("staging");
        assert_eq!((finished.counters.statements, finished.counters.elsewhere), (1, 2));
        assert_eq!(finished.counters.opaque, 1, "it refers to a lineage that the log does not hold");
        assert_eq!(finished.statements[0].resource, None, "there is one");
    }

    #[test]
    fn what_an_ai_agent_has_handed_on_is_done_in_its_run_and_nobody_elses() {
        let mut run = begun(&["staging"]);
        run.begun.as_mut().expect("begun").principal = person(Some("bot"));
        let actors =
            [Some("bot"), Some("bot>sub"), Some("bot>sub>one"), Some("bots>sub"), Some("other"), None];
        for (actor, number) in actors.into_iter().zip(1..) {
            let index = u64::from(number);
            run.visit(Found { index, time: 2 + index, entry: intent(number, "staging", actor) });
        }
        let finished = run.finish("staging");
        assert_eq!((finished.counters.statements, finished.counters.elsewhere), (3, 3));
    }

    #[test]
    fn of_several_resources_each_statement_says_its_own_and_tables_of_one_name_are_two() {
        let mut run = begun(&["staging", "prod"]);
        run.wanted.insert("gone".to_owned());
        let report = LineageReport { indirect: vec!["public.t.a".to_owned()], ..LineageReport::default() };
        run.reports.insert("gone".to_owned(), Seen { report, masks: BTreeMap::new() });
        let all = [intent(1, "staging", None), intent(2, "prod", None), intent(3, "other", None)];
        for (entry, index) in all.into_iter().zip(0..) {
            run.visit(Found { index, time: 2 + index, entry });
        }
        let finished = run.finish("staging");
        assert_eq!((finished.counters.statements, finished.counters.elsewhere), (2, 1));
        let of = |resource: Option<&String>| resource.cloned().unwrap_or_default();
        let ran: Vec<String> = finished.statements.iter().map(|one| of(one.resource.as_ref())).collect();
        assert_eq!(ran, ["staging", "prod"]);
        let read: Vec<(String, &str)> =
            finished.sources.iter().map(|one| (of(one.resource.as_ref()), one.table.as_str())).collect();
        assert_eq!(read, [("prod".to_owned(), "public.t"), ("staging".to_owned(), "public.t")]);
    }
}
