//! Issues a grant: the rules first, then the signature.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use connect_core::principal::Principal;
use connect_shared::{
    api::GrantRequest,
    attest::ApprovedAccess,
    grant::{
        Action, Actor, AuthorizationDetail, Confirmation, DETAIL_TYPE, GRANT_TYPE, GrantClaims, RunIdentity,
    },
    ids::GrantId,
    proof::note::VerifierKey,
};
use jsonwebtoken::Algorithm;
use serde_json::json;

use super::{GrantAuthority, GrantRefusal, Thumbprint, rules::allowed};
use crate::{config::WorksAs, identity::SignedIn};

/// Longest reason that goes into the log.
const MAX_REASON: usize = 500;
/// Longest name of an AI agent.
const MAX_ACTOR: usize = 64;
/// Longest id of its task.
const MAX_TASK: usize = 128;

/// Most tables of a grant, and the longest name of one.
const MOST_TABLES: usize = 64;
const MAX_TABLE: usize = 130;

/// A grant, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The signed JWT.
    pub text: String,
    pub claims: GrantClaims,
    pub principal: Principal,
    pub actions: Vec<Action>,
    /// The approved requests behind those of them that need one.
    pub approvals: ApprovedAccess,
}

/// What a grant may carry, and the latest end that it may have: that of the approval behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub actions: Vec<Action>,
    /// Seconds since 1970.
    pub until: u64,
    /// The approved requests behind those that need one.
    pub approvals: ApprovedAccess,
}

impl GrantAuthority {
    /// Issues what `principal` asks for, or says why not.
    #[cfg(test)]
    pub(super) fn issue(
        &self,
        signed_in: SignedIn,
        request: &GrantRequest,
        certificate: &Thumbprint,
        id: GrantId,
        now: u64,
    ) -> Result<Issued, GrantRefusal> {
        let (principal, actions) = self.admit(signed_in.principal.clone(), request)?;
        let admitted = Admitted { actions, until: u64::MAX, approvals: ApprovedAccess::new() };
        self.issue_admitted(signed_in, principal, admitted, request, certificate, id, now)
    }

    /// Issues a grant to a principal who was admitted, if the sign-in is as the resource demands.
    ///
    /// # Errors
    /// The sign-in is not, or the grant cannot be signed.
    #[expect(clippy::too_many_arguments, reason = "everything that a grant is made of, each of its own type")]
    pub fn issue_admitted(
        &self,
        signed_in: SignedIn,
        principal: Principal,
        admitted: Admitted,
        request: &GrantRequest,
        certificate: &Thumbprint,
        id: GrantId,
        now: u64,
    ) -> Result<Issued, GrantRefusal> {
        self.check_demands(&signed_in, &request.resource)?;
        let Admitted { actions, until, approvals } = admitted;
        let SignedIn { session, issued_at, .. } = signed_in;
        let mut claims = self.claims(&principal, request, &actions, certificate, id, now);
        (claims.sid, claims.signed_in_at) = (session, issued_at);
        claims.exp = claims.exp.min(until);
        claims.reason.clone_from(&request.reason);
        let text = self.sign(&claims).ok_or(GrantRefusal::Unsigned)?;
        Ok(Issued { text, claims, principal, actions, approvals })
    }

    /// Whether somebody has signed in as the resource demands.
    fn check_demands(&self, signed_in: &SignedIn, resource: &str) -> Result<(), GrantRefusal> {
        let Some(demands) = self.resource(resource).map(|resource| &resource.demands) else { return Ok(()) };
        let class = demands.acr.is_empty()
            || signed_in.class.as_ref().is_some_and(|class| demands.acr.contains(class));
        let method =
            demands.amr.is_empty() || signed_in.methods.iter().any(|method| demands.amr.contains(method));
        if class && method {
            return Ok(());
        }
        Err(GrantRefusal::StepUp { resource: resource.to_owned(), demands: demands.clone() })
    }

    /// Who would act, and what a grant would allow; nothing is signed.
    ///
    /// # Errors
    /// The rules do not allow it, or the request is not well-formed.
    pub fn admit(
        &self,
        mut principal: Principal,
        request: &GrantRequest,
    ) -> Result<(Principal, Vec<Action>), GrantRefusal> {
        check_words(request)?;
        principal.reference.actor.clone_from(&request.actor);
        let actions = self.actions(&principal, request)?;
        Ok((principal, actions))
    }

    fn actions(&self, principal: &Principal, request: &GrantRequest) -> Result<Vec<Action>, GrantRefusal> {
        let name = request.resource.as_str();
        let none = |name: &str| GrantRefusal::NoSuchResource(name.chars().take(64).collect());
        let resource = self.resource(name).ok_or_else(|| none(name))?;
        // What a run names stands in its attestation, so a name alone is not enough.
        let mut others = request.run.iter().flat_map(|run| &run.resources);
        if let Some(other) = others.find(|other| self.resource(other).is_none()) {
            return Err(none(other));
        }
        let allowed = allowed(resource, principal);
        let refused = |action| match (&principal.reference.actor, action) {
            (Some(actor), Action::Write) => {
                GrantRefusal::ActorReads { actor: actor.clone(), resource: name.to_owned() }
            }
            (_, Action::Write) => {
                GrantRefusal::not_allowed(principal, name, action, resource.write.to_string())
            }
            (_, Action::Read) => {
                let lists = [resource.read.to_string(), resource.write.to_string()];
                let admits = lists.iter().filter(|list| !list.is_empty()).cloned().collect::<Vec<_>>();
                GrantRefusal::not_allowed(principal, name, action, admits.join(", "))
            }
        };
        let mut wanted = request.actions.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let admitted = resource.read.admits(principal) || resource.write.admits(principal);
        if admitted && resource.roles.of(principal) == WorksAs::Nobody {
            let principal = principal.name.clone();
            return Err(GrantRefusal::NoRole { principal, resource: name.to_owned() });
        }
        if allowed.is_empty() {
            return Err(refused(Action::Read));
        }
        if let Some(more) = wanted.iter().find(|action| !allowed.contains(action)) {
            return Err(refused(*more));
        }
        // Whoever may write may read what is written: a grant to write alone could not be used.
        match wanted.as_slice() {
            [] | [Action::Write] => Ok(allowed),
            _ => Ok(wanted),
        }
    }

    fn claims(
        &self,
        principal: &Principal,
        request: &GrantRequest,
        actions: &[Action],
        certificate: &Thumbprint,
        id: GrantId,
        now: u64,
    ) -> GrantClaims {
        GrantClaims {
            iss: self.origin.clone(),
            aud: self.origin.clone(),
            sub: principal.reference.sub.clone(),
            idp: principal.reference.idp.clone(),
            name: principal.name.clone(),
            groups: principal.groups.clone(),
            act: Actor::of(principal.reference.chain()),
            run: request.run.as_ref().map(|run| run.id),
            task: request.task.clone(),
            jti: id,
            sid: None,
            signed_in_at: 0,
            iat: now,
            nbf: now,
            exp: now.saturating_add(self.lifetime.as_secs()),
            cnf: Confirmation { certificate: certificate.as_str().to_owned() },
            authorization_details: vec![AuthorizationDetail {
                kind: DETAIL_TYPE.to_owned(),
                identifier: request.resource.clone(),
                actions: actions.to_vec(),
                tables: request.tables.clone(),
            }],
            reason: None,
            parent: None,
            handed_on: Vec::new(),
        }
    }

    pub(super) fn sign(&self, claims: &GrantClaims) -> Option<String> {
        let header = json!({ "typ": GRANT_TYPE, "alg": "ES256" });
        let payload = serde_json::to_vec(claims).ok()?;
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &self.signing, Algorithm::ES256).ok()?;
        Some(format!("{signed}.{signature}"))
    }
}

/// Longest name of a job, and of the run that a run is part of.
const MAX_JOB: usize = 100;
const MAX_PARENT: usize = 300;
/// Most resources of one run, and the longest name of one.
const MAX_RUN_RESOURCES: usize = 16;
const MAX_RESOURCE: usize = 128;

/// All of it goes into the log, and its key signs for files.
fn check_run(run: &RunIdentity, resource: &str) -> bool {
    let fits = |text: &str, longest| text.chars().count() <= longest && !text.chars().any(char::is_control);
    let key = run.key.parse::<VerifierKey>();
    !run.job.is_empty()
        && fits(&run.job, MAX_JOB)
        && run.parent.as_ref().is_none_or(|parent| fits(parent, MAX_PARENT))
        && key.is_ok_and(|key| key.name() == run.id.to_string())
        && check_resources(&run.resources, resource)
}

/// Several, each once, and what is asked for is one of them.
fn check_resources(all: &[String], resource: &str) -> bool {
    let each: std::collections::BTreeSet<&String> = all.iter().collect();
    let sound =
        |name: &String| !name.is_empty() && name.len() <= MAX_RESOURCE && !name.chars().any(char::is_control);
    all.is_empty()
        || ((2..=MAX_RUN_RESOURCES).contains(&all.len())
            && each.len() == all.len()
            && all.iter().all(sound)
            && all.iter().any(|name| name == resource))
}

/// It goes into the log and onto screens.
///
/// # Errors
/// It is too long, or more than a line.
pub fn check_reason(reason: Option<&str>) -> Result<(), GrantRefusal> {
    match reason {
        Some(reason) if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) => {
            Err(GrantRefusal::BadReason)
        }
        _ => Ok(()),
    }
}

/// All go into the log and onto screens.
fn check_words(request: &GrantRequest) -> Result<(), GrantRefusal> {
    check_reason(request.reason.as_deref())?;
    if request.run.as_ref().is_some_and(|run| !check_run(run, &request.resource)) {
        return Err(GrantRefusal::BadRun);
    }
    check_tables(&request.tables)?;
    check_actor(request.actor.as_deref())?;
    check_task(request.task.as_deref())
}

/// `schema.table` or `schema.*`, and not too many of them: each statement is held against all.
pub(super) fn check_tables(tables: &[String]) -> Result<(), GrantRefusal> {
    let fits = |table: &String| match table.split_once('.') {
        Some((schema, name)) => {
            let part = |part: &str| !part.is_empty() && !part.contains(['.', '*']);
            part(schema)
                && (name == "*" || part(name))
                && table.len() <= MAX_TABLE
                && !table.chars().any(char::is_control)
        }
        None => false,
    };
    if tables.len() <= MOST_TABLES && tables.iter().all(fits) { Ok(()) } else { Err(GrantRefusal::BadTables) }
}

/// Its name is for the record, and read by people.
///
/// # Errors
/// It is none.
pub fn check_actor(actor: Option<&str>) -> Result<(), GrantRefusal> {
    if actor.is_none_or(|actor| is_word(actor, MAX_ACTOR, b"-_./")) {
        Ok(())
    } else {
        Err(GrantRefusal::BadActor)
    }
}

/// So is its task.
///
/// # Errors
/// It is none.
pub fn check_task(task: Option<&str>) -> Result<(), GrantRefusal> {
    if task.is_none_or(|task| is_word(task, MAX_TASK, b"-_./:#")) {
        Ok(())
    } else {
        Err(GrantRefusal::BadTask)
    }
}

fn is_word(text: &str, longest: usize, marks: &[u8]) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
    !text.is_empty() && text.len() <= longest && text.bytes().all(fits)
}
