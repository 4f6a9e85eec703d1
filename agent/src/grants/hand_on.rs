//! An AI agent hands a part of its grant on to another one, which acts for it, which acts for the person. The new
//! grant is never more than the one that it comes from: the same resource, no more actions and tables, no later
//! end, a part of its budget, a step further in the same chain. It is bound to the key of whoever gets it.

use connect_core::principal::covers;
use connect_shared::{
    api::{GrantRequest, HandOn},
    attest::ApprovedAccess,
    entry::HANDED_ON,
    error::{ErrorReport, Exit},
    grant::{Actor, BudgetPart, Confirmation, GrantClaims, HandedOn},
    ids::GrantId,
};

use super::{
    GrantAuthority, GrantError, GrantRefusal, Issued, Thumbprint, VerifiedGrant,
    issue::{check_actor, check_reason, check_tables, check_task},
    verify::principal_of,
};

/// Most AI agents in a chain, the person's own among them.
const MOST_LINKS: usize = 4;
/// A SHA-256 in base64url.
const THUMBPRINT: usize = 43;

/// Why nothing is handed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandOnError {
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Words(#[from] GrantRefusal),
    #[error("only an AI agent hands its grant on, and this one is a person's own")]
    NotAnActor,
    #[error("a grant is handed on {} times at most", MOST_LINKS - 1)]
    TooDeep,
    #[error("what is handed on is never more than what one has, and this is in its {0}")]
    Wider(&'static str),
    #[error("the request to hand a grant on cannot be read: {0}")]
    Form(&'static str),
}

impl HandOnError {
    /// For the caller.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        let report = |code, exit| ErrorReport::new(code, exit, self.to_string());
        match self {
            Self::Grant(error) => error.report(),
            Self::Words(refusal) => refusal.report(),
            Self::NotAnActor => report("not_an_actor", Exit::Denied).help("connect exec --as-agent NAME …"),
            Self::TooDeep => report("grant_too_deep", Exit::Denied)
                .help("let the AI agent that handed it on do that with this one, too"),
            Self::Wider(_) => {
                report("grant_wider", Exit::Denied).help("ask for less, or ask a person for more")
            }
            Self::Form(_) => report("bad_request", Exit::Usage),
        }
    }
}

impl GrantAuthority {
    /// What a caller has who would hand it on.
    ///
    /// # Errors
    /// Its grant is worth nothing here, or not its own.
    pub fn giver(
        &self,
        hand_on: &HandOn,
        certificate: &Thumbprint,
        now: u64,
    ) -> Result<(GrantClaims, VerifiedGrant), GrantError> {
        let claims = self.claims_of(&hand_on.grant, certificate, now)?;
        let verified = self.check_rules(claims.clone())?;
        Ok((claims, verified))
    }

    /// Issues a part of the giver's grant.
    ///
    /// # Errors
    /// It would be more than the giver has, or is no part of anything.
    pub fn hand_on(
        &self,
        giver: &GrantClaims,
        request: &GrantRequest,
        hand_on: &HandOn,
        id: GrantId,
        now: u64,
    ) -> Result<Issued, HandOnError> {
        check_words(request, hand_on, giver)?;
        let acts = giver.act.as_ref().ok_or(HandOnError::NotAnActor)?;
        let name = request.actor.as_deref().ok_or(HandOnError::Form("`actor` names whoever gets it"))?;
        let mut chain = acts.chain();
        if chain.len() >= MOST_LINKS {
            return Err(HandOnError::TooDeep);
        }
        chain.push(name);
        let mut claims = giver.clone();
        claims.act = Actor::of(chain.into_iter());
        claims.task = task(giver, request)?;
        claims.jti = id;
        claims.parent = Some(giver.jti);
        (claims.iat, claims.nbf) = (now, now);
        let longest = hand_on.seconds.unwrap_or(u64::MAX).min(self.lifetime.as_secs());
        claims.exp = giver.exp.min(now.saturating_add(longest));
        claims.reason = request.reason.clone().or_else(|| giver.reason.clone());
        claims.cnf = Confirmation { certificate: hand_on.certificate.clone() };
        narrow(&mut claims, request)?;
        claims.handed_on.push(handed_on(giver, hand_on.budget)?);
        let principal = principal_of(&claims);
        let actions = claims.authorization_details.iter().flat_map(|detail| detail.actions.clone()).collect();
        let text = self.sign(&claims).ok_or(GrantRefusal::Unsigned)?;
        // What its giver's access stands on, its own stands on: the log knows the one by the other.
        Ok(Issued { text, claims, principal, actions, approvals: ApprovedAccess::new() })
    }
}

/// What goes into the log and onto screens, and the key.
fn check_words(request: &GrantRequest, hand_on: &HandOn, giver: &GrantClaims) -> Result<(), HandOnError> {
    check_actor(request.actor.as_deref())?;
    check_task(request.task.as_deref())?;
    check_reason(request.reason.as_deref())?;
    check_tables(&request.tables)?;
    if request.run.is_some() {
        return Err(HandOnError::Form("a run stays that of the grant"));
    }
    if hand_on.seconds == Some(0) {
        return Err(HandOnError::Form("`seconds` is at least one"));
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let key = hand_on.certificate.as_str();
    if key.len() != THUMBPRINT || !key.bytes().all(letter) {
        return Err(HandOnError::Form("`certificate` is the SHA-256 of one, in base64url"));
    }
    // A key stands for one AI agent: what it has done itself it could not be told apart from what it let do.
    let mut known =
        giver.handed_on.iter().map(|step| step.by.as_str()).chain([giver.cnf.certificate.as_str()]);
    if known.any(|known| known == key) {
        return Err(HandOnError::Form("`certificate` is that of one who has handed it on"));
    }
    Ok(())
}

/// A step of the same task.
fn task(giver: &GrantClaims, request: &GrantRequest) -> Result<Option<String>, HandOnError> {
    let Some(wanted) = &request.task else { return Ok(giver.task.clone()) };
    let continues = |own: &String| {
        wanted == own || wanted.strip_prefix(own.as_str()).is_some_and(|step| step.starts_with('/'))
    };
    match &giver.task {
        Some(own) if continues(own) => Ok(Some(wanted.clone())),
        _ => Err(HandOnError::Wider("task")),
    }
}

/// No other resource, and no more of it.
fn narrow(claims: &mut GrantClaims, request: &GrantRequest) -> Result<(), HandOnError> {
    let [detail] = claims.authorization_details.as_mut_slice() else {
        return Err(GrantError::Resource.into());
    };
    if request.resource != detail.identifier {
        return Err(HandOnError::Wider("resource"));
    }
    if !request.actions.is_empty() {
        if request.actions.iter().any(|action| !detail.actions.contains(action)) {
            return Err(HandOnError::Wider("actions"));
        }
        detail.actions.retain(|action| request.actions.contains(action));
    }
    if !request.tables.is_empty() {
        let within = |table: &String| detail.tables.iter().any(|own| covers(own, table));
        if !detail.tables.is_empty() && !request.tables.iter().all(within) {
            return Err(HandOnError::Wider("tables"));
        }
        detail.tables.clone_from(&request.tables);
    }
    Ok(())
}

/// A part of every part before it.
fn handed_on(giver: &GrantClaims, budget: BudgetPart) -> Result<HandedOn, HandOnError> {
    let wider =
        |wanted: Option<u64>, had: Option<u64>| wanted.zip(had).is_some_and(|(wanted, had)| wanted > had);
    for BudgetPart { statements, rows, cells, bytes, persons } in
        giver.handed_on.iter().map(|step| step.budget)
    {
        let pairs = [
            (budget.statements, statements),
            (budget.rows, rows),
            (budget.cells, cells),
            (budget.bytes, bytes),
            (budget.persons, persons),
        ];
        if pairs.into_iter().any(|(wanted, had)| wider(wanted, had)) {
            return Err(HandOnError::Wider("budget"));
        }
    }
    Ok(HandedOn { by: giver.cnf.certificate.clone(), budget })
}

/// The names of a chain as entries have them.
#[must_use]
pub(super) fn joined(actor: &Actor) -> String {
    let mut all = String::new();
    for name in actor.chain() {
        if !all.is_empty() {
            all.push(HANDED_ON);
        }
        all.push_str(name);
    }
    all
}
