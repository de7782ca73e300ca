//! Uploads: begun side by side where they are small, watched, and read back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::contract::{self, Outcome, Stored, Upload};
use super::answers::Stats;
use super::session::Session;
use super::{POLL, Rclone, lock};
use crate::base::digest::{Digest, Hasher};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};

/// Uploads run side by side while less than so many bytes are on the way: small objects hide each other's round trips, large ones go alone so
/// that a cut line loses one.
const SIDE_BY_SIDE_BYTES: u64 = 256 << 10;
/// Uploads that run side by side at most.
const SIDE_BY_SIDE_MAX: usize = 4;

impl Rclone {
    /// What stands at the name of an upload: `None` for nothing, otherwise whether it is right.
    fn look_first(&self, session: &Arc<Session>, upload: &Upload, monitor: &dyn Monitor) -> Result<Option<bool>> {
        let size = match self.size(session, &upload.name, monitor) {
            // A new remote: its folder is made by the first upload, also by one that was tried before or sent elsewhere.
            Err(e) if e.code() == "remote.absent" => return Ok(None),
            size => size?,
        };
        let Some(size) = size else { return Ok(None) };
        let right = size == upload.size && self.digest(session, &upload.name, size, monitor)? == file_digest(&upload.from)?;
        Ok(Some(right))
    }

    /// Whether the folder of a name is there, as far as it was seen. In a remote that was used before it most likely is.
    fn knows_folder(&self, name: &str) -> bool {
        let folder = contract::folder_of(name);
        lock(&self.folders).get(folder).copied().unwrap_or(self.options.used_before)
    }

    fn note_folder(&self, name: &str, there: bool) {
        lock(&self.folders).insert(contract::folder_of(name).to_owned(), there);
    }

    /// Begins one upload, unless it is there already.
    fn begin_upload(&self, session: &Arc<Session>, upload: &Upload, monitor: &dyn Monitor) -> Result<Begun> {
        check_stop(monitor)?;
        let begun_before = !lock(&self.begun).insert(upload.name.clone());
        let goal = if upload.tried || begun_before {
            match self.look_first(session, upload, monitor)? {
                Some(true) => return Ok(Begun::Existed),
                Some(false) => Stored::Repaired,
                None => Stored::Written,
            }
        } else {
            Stored::Written
        };
        let known = self.knows_folder(&upload.name);
        let place = if known { session.reach.bare(&upload.name, upload.size) } else { None };
        let bare = place.is_some();
        Ok(Begun::Running(self.copy(session, upload, place)?, goal, bare))
    }

    /// Lets rclone copy to `place`, or to the remote as it is, whose folders rclone makes.
    fn copy(&self, session: &Arc<Session>, upload: &Upload, place: Option<(String, String)>) -> Result<u64> {
        let (folder, file) = split(&upload.from)?;
        let (fs, name) = place.unwrap_or_else(|| (session.reach.fs.clone(), upload.name.clone()));
        let config = json!({"NoCheckDest": true, "IgnoreChecksum": true});
        let params = json!({"srcFs": folder, "srcRemote": file, "dstFs": fs, "dstRemote": name, "_config": config});
        self.begin(session, "operations/copyfile", params)
    }

    /// Reads back what an upload left. Neither its end without an error nor the name on the remote proves anything, unless rclone itself has
    /// read back the size.
    fn read_back(&self, session: &Arc<Session>, upload: &Upload, monitor: &dyn Monitor) -> Result<()> {
        if session.reach.reads_back && !self.options.read_back {
            return Ok(());
        }
        let found = self.size(session, &upload.name, monitor)?;
        let right = found == Some(upload.size);
        if right && (!self.options.read_back || self.digest(session, &upload.name, upload.size, monitor)? == file_digest(&upload.from)?) {
            return Ok(());
        }
        let what = found.map_or("nothing".to_owned(), |size| format!("{size} bytes"));
        let text = format!("an upload of {} bytes left {what} on {}: {}", upload.size, self.described, upload.name);
        Err(Error::new(Kind::Remote, "remote.cut", text).hint("it will be tried again; if this repeats, the remote loses what it is given"))
    }
}

enum Begun {
    Existed,
    /// By number of the job, with what its success will mean, and whether its folder was taken for there.
    Running(u64, Stored, bool),
}

struct Running {
    index: usize,
    job: u64,
    goal: Stored,
    bare: bool,
    bytes: u64,
    moved_at: Duration,
}

/// One call of [`Remote::store`].
pub(super) struct Uploading<'a> {
    rclone: &'a Rclone,
    session: Arc<Session>,
    objects: &'a [Upload],
    monitor: &'a dyn Monitor,
    outcomes: Vec<Option<Outcome>>,
    running: Vec<Running>,
    /// The line was lost: nothing more is begun, since every try would wait for a line that is not there.
    lost: bool,
}

impl<'a> Uploading<'a> {
    pub(super) fn new(rclone: &'a Rclone, session: Arc<Session>, objects: &'a [Upload], monitor: &'a dyn Monitor) -> Self {
        let outcomes = objects.iter().map(|_| None).collect();
        Uploading { rclone, session, objects, monitor, outcomes, running: Vec::new(), lost: false }
    }

    pub(super) fn run(mut self) -> Result<Vec<Outcome>> {
        let mut next = 0;
        let mut poll = POLL.0;
        while next < self.objects.len() || !self.running.is_empty() {
            while next < self.objects.len() && self.has_room(&self.objects[next]) {
                self.begin(next);
                next += 1;
                poll = POLL.0;
            }
            if self.look() {
                poll = POLL.0;
            }
            self.show();
            if self.monitor.stopped() {
                for running in std::mem::take(&mut self.running) {
                    self.rclone.stop(&self.session, running.job);
                    let text = format!("stopped while uploading: {}", self.objects[running.index].name);
                    let error = Error::new(Kind::Interrupted, "stopped", text).hint("run the same command again to go on");
                    self.outcomes[running.index] = Some(Err(error));
                }
            } else if !self.running.is_empty() {
                self.rclone.options.sleeper.sleep(poll);
                poll = (poll * 2).min(POLL.1);
            }
        }
        Ok(self.outcomes.into_iter().flatten().collect())
    }

    fn has_room(&self, upload: &Upload) -> bool {
        let running = || self.running.iter().map(|running| &self.objects[running.index]);
        let on_the_way: u64 = running().map(|upload| upload.size).sum();
        let alone = upload.alone || running().any(|upload| upload.alone);
        self.running.is_empty() || (!alone && self.running.len() < SIDE_BY_SIDE_MAX && on_the_way + upload.size <= SIDE_BY_SIDE_BYTES)
    }

    fn begin(&mut self, index: usize) {
        if self.lost {
            self.outcomes[index] = Some(Err(contract::unsent(&self.objects[index].name)));
            return;
        }
        match self.rclone.begin_upload(&self.session, &self.objects[index], self.monitor) {
            Ok(Begun::Existed) => self.outcomes[index] = Some(Ok(Stored::Existed)),
            Ok(Begun::Running(job, goal, bare)) => {
                let moved_at = self.rclone.options.sleeper.elapsed();
                self.running.push(Running { index, job, goal, bare, bytes: 0, moved_at });
            }
            Err(e) => self.failed(index, e),
        }
    }

    fn failed(&mut self, index: usize, error: Error) {
        self.lost |= matches!(error.code(), "remote.unreachable" | "remote.name_lookup" | "remote.timeout" | "remote.cut");
        self.outcomes[index] = Some(Err(error));
    }

    /// Looks at all running uploads; says whether one ended.
    fn look(&mut self) -> bool {
        let mut still = Vec::new();
        let mut any = false;
        for mut running in std::mem::take(&mut self.running) {
            let upload = &self.objects[running.index];
            let ended = match self.rclone.look::<Value>(&self.session, running.job) {
                Ok(None) => self.stalled(&mut running).map(Err),
                Ok(Some(Ok(_))) => {
                    self.rclone.note_folder(&upload.name, true);
                    Some(self.rclone.read_back(&self.session, upload, self.monitor).map(|()| running.goal))
                }
                Ok(Some(Err(e))) if running.bare && is_of_folder(&e) => {
                    // It was made away with, or is the first of its tenant.
                    self.rclone.note_folder(&upload.name, false);
                    running.bare = false;
                    match self.rclone.copy(&self.session, upload, None) {
                        Ok(job) => {
                            (running.job, running.bytes) = (job, 0);
                            None
                        }
                        Err(e) => Some(Err(e)),
                    }
                }
                Ok(Some(Err(e))) | Err(e) => Some(Err(e)),
            };
            match ended {
                None => still.push(running),
                Some(outcome) => {
                    match outcome {
                        Ok(stored) => self.outcomes[running.index] = Some(Ok(stored)),
                        Err(e) => self.failed(running.index, e),
                    }
                    any = true;
                }
            }
        }
        self.running = still;
        any
    }

    /// Notes how far an upload is; stops it when nothing has moved for too long.
    fn stalled(&self, running: &mut Running) -> Option<Error> {
        let params = json!({"group": format!("job/{}", running.job)});
        let stats: Stats = self.rclone.ask(&self.session, "core/stats", &params).unwrap_or_default();
        let now = self.rclone.options.sleeper.elapsed();
        if stats.bytes > running.bytes {
            (running.bytes, running.moved_at) = (stats.bytes, now);
        }
        if now.saturating_sub(running.moved_at) < self.rclone.options.stall_timeout {
            return None;
        }
        self.rclone.stop(&self.session, running.job);
        Some(self.rclone.timeout("took nothing"))
    }

    fn show(&self) {
        let all = self.objects.len() as u64;
        let mut progress = Progress { phase: "uploading", items_total: all, ..Progress::default() };
        for (upload, outcome) in self.objects.iter().zip(&self.outcomes) {
            progress.bytes_total += upload.size;
            if matches!(outcome, Some(Ok(_))) {
                progress.items += 1;
                progress.bytes += upload.size;
            }
        }
        progress.bytes += self.running.iter().map(|running| running.bytes.min(self.objects[running.index].size)).sum::<u64>();
        self.monitor.progress(&progress);
    }
}

/// Whether a failure may come of a folder that is not there. Servers say that in many ways.
fn is_of_folder(error: &Error) -> bool {
    error.kind() == Kind::Missing || matches!(error.code(), "remote.failed" | "remote.absent")
}

/// Folder and file as rclone wants them: absolute, without links.
fn split(path: &Path) -> Result<(String, String)> {
    let real = path.canonicalize().map_err(|e| Error::io(format_args!("read {}", path.display()), e))?;
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|p| p.to_str()).map(str::to_owned);
    match (text(real.parent().map(Path::as_os_str)), text(real.file_name())) {
        (Some(folder), Some(file)) => Ok((folder, file)),
        _ => Err(Error::usage("remote.source_name", format!("rclone cannot be told this file name: {}", path.display()))),
    }
}

fn file_digest(path: &Path) -> Result<Digest> {
    let mut hasher = Hasher::new();
    let copied = std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
    copied.map_err(|e| Error::io(format_args!("read {}", path.display()), e))?;
    Ok(hasher.finish())
}
