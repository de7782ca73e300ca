//! `ui`: the pages in a browser.

use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::agent::daemon::Agent;
use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::base::process::Command;
use crate::engine::store::MARKER;
use crate::face::http::{self, Desk, OPEN_FILE};
use crate::face::world;
use crate::storage::config::Web;

use super::agent;
use super::context::Context;

/// Open the pages in a browser
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals ui                  opens the browser, and prints the address\n  annals ui --no-open        only prints it: it lets one person in, once, within ten minutes\n  annals ui --token          says where programs find the interface and its token\n  annals ui --sign-out       ends every session\n\nThe agent serves the pages. Where none runs, this runs one until Ctrl-C; where there is no store yet, the\npages make one."
)]
pub(crate) struct Ui {
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Say where programs reach the interface, and where its token stands
    #[arg(long, conflicts_with = "sign_out")]
    token: bool,
    /// End all sessions; addresses that nobody used yet let nobody in any more
    #[arg(long)]
    sign_out: bool,
}

impl Ui {
    /// Whether a browser is wanted. It is opened where the person is: not by the agent.
    pub(super) fn opens(&self) -> bool {
        !self.no_open && !self.token && !self.sign_out
    }

    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let here = world::here();
        if let Some(desk) = here.desk() {
            return self.with(context, desk);
        }
        if here.agent().is_some() {
            return Err(Error::missing("web.off", "this agent serves no pages")
                .hint("take enabled = false out of [web] in annals.toml, and start the agent anew"));
        }
        if self.token || self.sign_out {
            return Err(Error::missing("agent.none", "no agent runs on this store").hint("annals agent run starts one, annals ui as well"));
        }
        // Nobody has the store: this process becomes its agent.
        here.signal();
        let dir = world::whole(&context.dir()?)?;
        let opens = self.opens();
        let ready = |desk: Option<&Desk>| match desk {
            Some(desk) => {
                self.with(context, desk)?;
                context.out.flush()?;
                if opens {
                    open(&dir);
                }
                Ok(())
            }
            None => Ok(()),
        };
        let there = dir.join(MARKER).exists();
        let store = match there.then(|| context.store()).transpose() {
            // The pages go on with it.
            Err(e) if e.code() == "rebuild.unfinished" => None,
            found => found?,
        };
        if let Some(store) = store {
            let web = Web { enabled: true, ..store.config().web.clone() };
            let agent = Agent::start(store)?;
            let pages = http::Server::start(&dir, Some(agent.handle()), &agent::token(&dir)?, &web, agent::routes())?;
            return agent::serve(context, &dir, agent, Some(pages), ready);
        }
        let token = http::secret();
        let pages = http::Server::start(&dir, None, &token, &Web::default(), agent::routes())?;
        context.out.note(match there {
            true => format!("the store in {} was not rebuilt to its end; the pages go on with it. Ctrl-C ends it", dir.display()),
            false => format!("there is no store in {} yet; the pages make one. Ctrl-C ends it", dir.display()),
        });
        ready(Some(pages.desk()))?;
        while here.signal() == 0 {
            if let Some(agent) = pages.desk().take_agent() {
                disk::write_file(&dir.join(agent::TOKEN_FILE), format!("{token}\n").as_bytes(), 0o600)?;
                return agent::serve(context, &dir, agent, Some(pages), |_| Ok(()));
            }
            std::thread::sleep(agent::SIGNAL_POLL);
        }
        Ok(0)
    }

    fn with(&self, context: &Context, desk: &Desk) -> Result<u8> {
        let out = &context.out;
        if self.sign_out {
            let ended = desk.end_sessions(None);
            out.object("annals.ui/1", json!({ "ended": ended }))?;
            out.line(format!("{} ended", super::context::counted(ended, "session")))?;
            return Ok(0);
        }
        let base = desk.base();
        if self.token {
            let file = desk.dir().join(agent::TOKEN_FILE).display().to_string();
            out.object("annals.ui/1", json!({ "api": format!("{base}/api/v1"), "outside": desk.outside(), "token_file": file }))?;
            out.line(format!("interface  {base}/api/v1"))?;
            out.line(format!("token      in {file}; send it as Authorization: Bearer TOKEN"))?;
            return Ok(0);
        }
        let address = desk.invitation(&context.actor());
        if self.opens() && desk.dir().is_dir() {
            let page = format!(
                "<!DOCTYPE html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\"><title>Annals</title>\
                 <meta http-equiv=\"refresh\" content=\"0; url={address}\"><a href=\"{address}\">Annals</a>\n"
            );
            disk::write_file(&desk.dir().join(OPEN_FILE), page.as_bytes(), 0o600)?;
        }
        let outside = desk.outside().and_then(|outside| Some(format!("{outside}{}", address.strip_prefix(&base)?)));
        out.object("annals.ui/1", json!({ "address": address, "outside": outside }))?;
        out.line(&address)?;
        if let Some(outside) = outside {
            out.line(format!("{outside} (the same, once, through the reverse proxy)"))?;
        }
        Ok(0)
    }
}

/// Opens the pages in this person's browser, where there is a desktop. The address was printed: nothing is lost where it does not work.
pub(super) fn open(dir: &Path) {
    let page = dir.join(OPEN_FILE);
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| world::variable(name).is_some()) || cfg!(target_os = "macos");
    if !desktop || !page.exists() {
        return;
    }
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    // It hands the page to the browser and ends.
    let _ = Command::new(opener).arg(page).timeout(OPENER_WITHIN).run(&crate::base::monitor::Silent);
}

/// How long the desktop may take to hand a page to the browser.
const OPENER_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
