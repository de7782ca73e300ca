//! What was proved, when: verifications and rehearsals with their figures, and doing one now.

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::engine::proof::{Proof, ProofKind};
use crate::engine::store::Store;
use crate::face::http::{Answer, Ask};
use crate::model::job::Task;
use crate::model::moment;

use super::parts::{self, Scribe};
use super::{copies, deeds, works};

/// Proofs on one page.
const PROOFS_SHOWN: usize = 50;

/// The page.
pub(super) fn proof(ask: &Ask) -> Result<Answer> {
    let scribe = Scribe::of(ask);
    let store = ask.store()?;
    let title = scribe.say("proof-title");
    let before: i64 = ask.query("before").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut proofs = store.proofs(before, PROOFS_SHOWN + 1)?;
    let more = proofs.len() > PROOFS_SHOWN;
    proofs.truncate(PROOFS_SHOWN);
    let older =
        proofs.last().filter(|_| more).map(|last| (ask.here(&[("before", Some(&last.id.to_string()))]), scribe.say("turn-older").into_owned()));
    let newer = (before > 0).then(|| (ask.here(&[("before", None)]), scribe.say("turn-newest").into_owned()));
    let columns =
        [("col-when", ""), ("proof-what", ""), ("proof-found", ""), ("proof-read", "number"), ("proof-rto", "number"), ("proof-rpo", "number")];
    let body = html! {
        h1 { (title) }
        p .lead { (scribe.say("proof-lead")) }
        (now(ask, &scribe, &store)?)
        section .card.flush {
            @if proofs.is_empty() { (parts::empty(scribe.say("proof-none"), scribe.say("proof-none-what"))) }
            @else { (parts::table(&scribe, &scribe.say("proof-history"), true, true, &columns, &html! { @for one in &proofs { (row(&scribe, one))
                } })) }
            (parts::pager(&scribe, newer, older))
        }
        section .card aria-labelledby="attest" {
            h2 #attest { (scribe.say("proof-attest")) }
            p { (scribe.say("proof-attest-what")) }
            div .acts { a .button href=(ask.link_now("/proof/attestation", &[])) download { (scribe.say("proof-attest-do")) } }
            p .quiet.small { (scribe.say("proof-attest-later")) " " code { "annals verify --check" } }
        }
        p .quiet.small { (scribe.say("proof-terms")) }
    };
    works::page(ask, &title, &body)
}

/// The signed statement of now, as a file.
pub(super) fn attestation(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let name = store.config().store.site.clone().unwrap_or_else(|| store.name().to_owned());
    let day = moment::rfc3339_utc(store.now_is()).chars().take(10).collect::<String>();
    Ok(Answer::File("application/json".into(), format!("{name}-{day}.attestation.json"), store.attest()?.into_bytes()))
}

/// The newest of each kind, and doing it now.
fn now(ask: &Ask, scribe: &Scribe, store: &Store) -> Result<Markup> {
    let local =
        [ProofKind::Verify, ProofKind::Patrol].into_iter().filter_map(|kind| store.last_proof(kind, "").transpose()).collect::<Result<Vec<_>>>()?;
    let newest = local.into_iter().max_by_key(|proof| proof.at);
    let drills =
        store.config().remotes.iter().map(|r| Ok((r.name.clone(), store.last_proof(ProofKind::Drill, &r.name)?))).collect::<Result<Vec<_>>>()?;
    Ok(html! {
        div .cards {
            section .card {
                h2 { (scribe.say("proof-local")) }
                p { (copies::last(scribe, newest.as_ref())) }
                @if let Some(problem) = newest.as_ref().filter(|p| !p.well) { p .grave lang="en" { bdi { (problem.said) } } }
                p .small.quiet { (scribe.say("proof-local-what")) }
                div .acts { (parts::act(ask, "/proof/do", &[("do", "verify"), ("back", "/proof")], "", scribe.say("proof-do-verify"))) }
            }
            @for (name, drill) in &drills {
                section .card {
                    h2 { span { (scribe.say("task-drill")) " " bdi { (name) } } }
                    p { (copies::last(scribe, drill.as_ref())) }
                    @if let Some(drill) = drill {
                        dl .pairs {
                            @if let Some(rto) = drill.rto_secs { dt { (scribe.say("proof-rto")) } dd { (seconds(scribe, rto)) } }
                            @if let Some(rpo) = drill.rpo_secs { dt { (scribe.say("proof-rpo")) } dd { (lost(scribe, rpo)) } }
                        }
                        @if !drill.well { p .grave lang="en" { bdi { (drill.said) } } }
                    }
                    div .acts { (parts::act(ask, "/proof/do", &[("do", "drill"), ("remote", name), ("back", "/proof")], "",
                        scribe.say("proof-do-drill"))) }
                }
            }
        }
    })
}

/// A measured time.
fn seconds(scribe: &Scribe, secs: f64) -> String {
    if secs < 10.0 { scribe.say_with("proof-seconds", &[("n", format!("{secs:.1}").into())]).into_owned() } else { scribe.span(secs.round() as i64) }
}

/// What would have been lost.
pub(super) fn lost(scribe: &Scribe, secs: u64) -> String {
    if secs == 0 {
        scribe.say("proof-nothing-lost").into_owned()
    } else {
        scribe.say_with("proof-lost", &[("span", scribe.span(secs as i64).into())]).into_owned()
    }
}

/// How little was looked at, where it was not everything.
fn shallow(p: &Proof) -> Option<&'static str> {
    match p.kind {
        _ if p.deep => None,
        ProofKind::Patrol => None,
        ProofKind::Verify | ProofKind::Remote => Some("proof-quick"),
        ProofKind::Drill => Some("proof-sample"),
    }
}

fn row(scribe: &Scribe, p: &Proof) -> Markup {
    html! {
        tr {
            th scope="row" { (scribe.time(p.at)) }
            td { (scribe.say(&format!("proof-kind-{}", p.kind.word()))) @if !p.subject.is_empty() { " " strong { bdi { (p.subject) } } }
                @if let Some(how) = shallow(p) { " " span .quiet.small { (scribe.say(how)) } } }
            td data-name=(scribe.say("proof-found")) {
                @if p.well { (parts::badge("good", scribe.say("proof-well"))) } @else { (parts::badge("bad", scribe.say("proof-not-well")))
                    p .small lang="en" { bdi { (p.said) } } }
            }
            td .number data-name=(scribe.say("proof-read")) { (scribe.size(p.bytes)) }
            td .number data-name=(scribe.say("proof-rto")) { @if let Some(rto) = p.rto_secs { (seconds(scribe, rto)) } }
            td .number data-name=(scribe.say("proof-rpo")) { @if let Some(rpo) = p.rpo_secs { (lost(scribe, rpo)) } }
        }
    }
}

/// Asks the agent for a verification, a rehearsal or a shipment now.
pub(super) fn act(ask: &Ask) -> Result<Answer> {
    let store = ask.store()?;
    let remote = || {
        let name = ask.form("remote").unwrap_or_default();
        store.config().remote(name).map(|remote| remote.name.clone())
    };
    let task = match ask.form("do") {
        Some("verify") => Task::Verify,
        Some("drill") => Task::Drill(remote()?),
        Some("ship") => Task::Ship(remote()?),
        other => return Err(Error::usage("proof.verb", format!("nothing that can be asked for: {}", other.unwrap_or_default()))),
    };
    store.add_job(&task)?;
    ask.agent()?.poke();
    let to = deeds::back(ask);
    Ok(Answer::See(if to == "/proof" || to == "/copies" { ask.link_now("/transfers", &[]) } else { to.to_owned() }))
}
