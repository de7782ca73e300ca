//! The only door to child processes. A child gets a clean environment, is read without ever blocking, is watched by timeouts and by the
//! caller's monitor, and is gone, with everything it started, when its owner is.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::error::{Error, Kind, Result};
use super::monitor::{Monitor, check_stop};

/// Bytes: what is kept of each of a child's two output streams unless [`Command::keep`] says otherwise. The rest is read and dropped.
pub const OUTPUT_BYTES_KEPT: usize = 1 << 20;
/// Bytes: the longest line that a line callback is given; longer lines come in pieces.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// How long a child may take to end after it was asked to, before it is killed.
pub const GRACE: Duration = Duration::from_secs(5);

/// Where programs are looked for when this process has no PATH of its own.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
/// Waits between looks at a running child: from the first to the second, doubling.
const POLL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Runs the program given as `$0` and the arguments after it, and ends it when the standard input of this shell is closed: the other end of
/// that pipe is ours, so even `kill -9` on us ends the child. The shell ignores the signals that end the child (set before it starts, and
/// handed down to nobody, then ignored), so that `wait` is never interrupted and its status is the child's; the watcher goes with the child,
/// so that it cannot signal whoever gets the child's number afterwards.
const TETHER: &str = r#"exec 3<&0
trap : TERM INT
"$0" "$@" </dev/null 3<&- &
child=$!
trap '' TERM INT
{ read -r _ <&3; kill -TERM "$child"; } 2>/dev/null >/dev/null &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill -KILL "$watcher" 2>/dev/null
exit "$code""#;

/// Which of a child's streams a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it (Unix).
    pub signal: Option<i32>,
}

impl Exit {
    /// Whether the program ended by itself with code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal = None;
        Exit { code: status.code(), signal }
    }
}

/// What a finished child left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// The first bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The first bytes of its standard error.
    pub stderr: Vec<u8>,
    /// Whether either stream was longer than what is kept.
    pub cut: bool,
}

/// Takes lines as they come, without their line ends. Runs on a reading thread: it must be quick and must not panic.
pub type LineSink = Arc<dyn Fn(Stream, &str) + Send + Sync>;

/// A child to be started. Nothing of this process's environment reaches it but PATH, HOME and TMPDIR; the language is always `C.UTF-8`.
pub struct Command {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    input: Vec<u8>,
    kept: usize,
    total: Option<Duration>,
    quiet: Option<Duration>,
    grace: Duration,
    tethered: bool,
    lines: Option<LineSink>,
}

impl Command {
    /// The program by path, or by a name that is looked for in PATH.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Command {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            input: Vec::new(),
            kept: OUTPUT_BYTES_KEPT,
            total: None,
            quiet: None,
            grace: GRACE,
            tethered: false,
            lines: None,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets one variable of the child's environment. The place for secrets: arguments can be read by other users.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the child in `directory`.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What [`Command::run`] feeds to standard input; without it the input is empty.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Keeps up to `bytes` of each output stream.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.kept = bytes;
        self
    }

    /// Stops the child when it has run this long.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.total = Some(total);
        self
    }

    /// Stops the child when it has said nothing for this long.
    pub fn quiet_timeout(mut self, quiet: Duration) -> Self {
        self.quiet = Some(quiet);
        self
    }

    /// How long the child may take to end once it was asked to; [`GRACE`] by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Ends the child even when this process is killed without a chance to clean up. For long-lived children; such a child has no input.
    pub fn tethered(mut self) -> Self {
        self.tethered = true;
        self
    }

    /// Sends each line of both streams to `sink` as it comes.
    pub fn on_line(mut self, sink: impl Fn(Stream, &str) + Send + Sync + 'static) -> Self {
        self.lines = Some(Arc::new(sink));
        self
    }

    /// Starts the child and leaves it running. A program that is not there is [`Kind::Failed`] with code `process.missing`.
    pub fn spawn(self) -> Result<Child> {
        let search = std::env::var_os("PATH").unwrap_or_else(|| PATH_DEFAULT.into());
        let program = find(&self.program, &search)?;
        let mut command = if self.tethered && cfg!(unix) {
            let mut shell = std::process::Command::new("/bin/sh");
            shell.arg("-c").arg(TETHER).arg(&program);
            shell
        } else {
            std::process::Command::new(&program)
        };
        command.args(&self.arguments).env_clear().env("PATH", &search).env("LANG", "C.UTF-8").envs(kept_environment());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);

        let mut inner = command.spawn().map_err(|e| {
            Error::new(Kind::Failed, "process.spawn", format!("could not start {}: {e}", program.display()))
                .hint("check that the program can be run by this user and that the limit of processes is not reached")
                .caused_by(e)
        })?;
        let shared = Arc::new(Mutex::new(Heard { last: Instant::now(), out: Vec::new(), err: Vec::new(), cut: false }));
        let reading = reading(inner.stdout.take(), inner.stderr.take(), &shared, self.kept, self.lines);
        let stdin = inner.stdin.take();
        let (held, writing) = if self.tethered { (stdin, None) } else { (None, feeding(stdin, self.input)) };
        Ok(Child {
            name: program,
            inner,
            started: Instant::now(),
            total: self.total,
            quiet: self.quiet,
            grace: self.grace,
            held,
            shared,
            reading,
            writing,
            exit: None,
        })
    }

    /// Starts the child, waits for its end and returns what it said. Stops it when a timeout passes (code `process.timeout`) or when the
    /// monitor wants to stop. An exit code other than 0 is not an error here.
    pub fn run(self, monitor: &dyn Monitor) -> Result<Output> {
        let mut child = self.spawn()?;
        let exit = child.watch(monitor)?;
        child.join();
        let mut heard = lock(&child.shared);
        Ok(Output { exit, stdout: std::mem::take(&mut heard.out), stderr: std::mem::take(&mut heard.err), cut: heard.cut })
    }
}

/// A running child. Dropping it asks the whole process group to end, waits for [`Command::grace`], then kills it.
pub struct Child {
    name: PathBuf,
    inner: std::process::Child,
    started: Instant,
    total: Option<Duration>,
    quiet: Option<Duration>,
    grace: Duration,
    /// The open end of a tethered child's input.
    held: Option<ChildStdin>,
    shared: Arc<Mutex<Heard>>,
    reading: Vec<JoinHandle<()>>,
    writing: Option<JoinHandle<()>>,
    exit: Option<Exit>,
}

impl Child {
    /// The process id, which is also the id of its process group.
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// How the child ended, if it has. What it had started is killed then.
    pub fn exited(&mut self) -> Result<Option<Exit>> {
        if self.exit.is_none() && self.ended()? {
            // The ended leader is not reaped yet, so its group id cannot belong to anybody else.
            self.signal(Signal::Kill);
            let status = self.inner.wait().map_err(|e| Error::io(format_args!("wait for {}", self.name.display()), e))?;
            self.exit = Some(status.into());
        }
        Ok(self.exit)
    }

    /// Waits until the child ends or `limit` has passed.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<Exit>> {
        let start = Instant::now();
        let mut poll = POLL.0;
        loop {
            if let Some(exit) = self.exited()? {
                return Ok(Some(exit));
            }
            if start.elapsed() >= limit {
                return Ok(None);
            }
            std::thread::sleep(poll);
            poll = (poll * 2).min(POLL.1);
        }
    }

    /// Ends the child: asks its group, waits for the grace, kills.
    pub fn stop(&mut self) -> Result<Exit> {
        if let Some(exit) = self.exited()? {
            return Ok(exit);
        }
        self.signal(Signal::Term);
        if let Some(exit) = self.wait(self.grace)? {
            return Ok(exit);
        }
        self.signal(Signal::Kill);
        let status = self.inner.wait().map_err(|e| Error::io(format_args!("wait for {}", self.name.display()), e))?;
        let exit = Exit::from(status);
        self.exit = Some(exit);
        Ok(exit)
    }

    /// The kept part of standard error so far, lossily as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&lock(&self.shared).err).into_owned()
    }

    fn watch(&mut self, monitor: &dyn Monitor) -> Result<Exit> {
        let mut poll = POLL.0;
        loop {
            if let Some(exit) = self.exited()? {
                return Ok(exit);
            }
            let silent = lock(&self.shared).last.elapsed();
            let late = self.total.filter(|limit| self.started.elapsed() >= *limit).map(|limit| ("did not end", limit));
            let late = late.or(self.quiet.filter(|limit| silent >= *limit).map(|limit| ("said nothing", limit)));
            if let Some((what, limit)) = late {
                self.stop()?;
                let text = format!("a program {what} within {} s and was stopped: {}", limit.as_secs_f32(), self.name.display());
                return Err(Error::new(Kind::Failed, "process.timeout", text).hint("try again, or allow it more time"));
            }
            if let Err(e) = check_stop(monitor) {
                self.stop()?;
                return Err(e);
            }
            std::thread::sleep(poll);
            poll = (poll * 2).min(POLL.1);
        }
    }

    /// Waits for the readers. All writers of the pipes are dead by now, so this is short.
    fn join(&mut self) {
        for thread in self.reading.drain(..).chain(self.writing.take()) {
            // A panic of a caller's line callback has been reported by the panic hook; what was read is kept.
            let _ = thread.join();
        }
    }

    #[cfg(unix)]
    fn ended(&mut self) -> Result<bool> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid()), options) {
            Ok(status) => Ok(status.is_some()),
            Err(e) => Err(Error::io(format_args!("wait for {}", self.name.display()), e.into())),
        }
    }

    #[cfg(not(unix))]
    fn ended(&mut self) -> Result<bool> {
        let status = self.inner.try_wait().map_err(|e| Error::io(format_args!("wait for {}", self.name.display()), e))?;
        Ok(status.is_some())
    }

    #[cfg(unix)]
    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.inner)
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: Signal) {
        let signal = match signal {
            Signal::Term => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        // Fails only when the group is gone already, which is what we want.
        let _ = rustix::process::kill_process_group(self.pid(), signal);
    }

    #[cfg(not(unix))]
    fn signal(&mut self, signal: Signal) {
        self.held = None;
        if matches!(signal, Signal::Kill) {
            let _ = self.inner.kill();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nothing to tell anybody: stop() fails only when the system has lost the child.
        let _ = self.stop();
        self.held = None;
        self.join();
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Term,
    Kill,
}

struct Heard {
    last: Instant,
    out: Vec<u8>,
    err: Vec<u8>,
    cut: bool,
}

fn lock(shared: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    shared.lock().unwrap_or_else(|e| e.into_inner())
}

fn kept_environment() -> impl Iterator<Item = (&'static str, OsString)> {
    ["HOME", "TMPDIR"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// Resolves a program as the shell would, so that a missing one is told apart from a failing one.
fn find(program: &Path, search: &OsStr) -> Result<PathBuf> {
    let found = if program.components().count() > 1 {
        Some(program.to_owned()).filter(|p| runnable(p))
    } else {
        std::env::split_paths(search).map(|dir| dir.join(program)).find(|p| runnable(p))
    };
    found.ok_or_else(|| {
        let text = format!("a program is missing: {}", program.display());
        Error::new(Kind::Failed, "process.missing", text).hint("install it, or give its full path")
    })
}

fn runnable(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = true;
    metadata.is_file() && executable
}

fn feeding(stdin: Option<ChildStdin>, bytes: Vec<u8>) -> Option<JoinHandle<()>> {
    let mut stdin = stdin.filter(|_| !bytes.is_empty())?;
    // A child that ends before it has read everything closes the pipe; its exit code tells the story.
    Some(std::thread::spawn(move || drop(stdin.write_all(&bytes))))
}

fn reading(
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    shared: &Arc<Mutex<Heard>>,
    kept: usize,
    lines: Option<LineSink>,
) -> Vec<JoinHandle<()>> {
    let mut threads = Vec::new();
    if let Some(out) = out {
        let (shared, lines) = (shared.clone(), lines.clone());
        threads.push(std::thread::spawn(move || drain(out, Stream::Out, &shared, kept, lines)));
    }
    if let Some(err) = err {
        let shared = shared.clone();
        threads.push(std::thread::spawn(move || drain(err, Stream::Err, &shared, kept, lines)));
    }
    threads
}

fn drain(from: impl Read, stream: Stream, shared: &Mutex<Heard>, kept: usize, lines: Option<LineSink>) {
    let mut reader = BufReader::with_capacity(16 * 1024, from);
    let mut line = Vec::new();
    loop {
        let piece = match reader.fill_buf() {
            Ok(piece) if !piece.is_empty() => piece,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            _ => break,
        };
        {
            let mut heard = lock(shared);
            heard.last = Instant::now();
            let buffer = if stream == Stream::Out { &mut heard.out } else { &mut heard.err };
            let room = kept.saturating_sub(buffer.len()).min(piece.len());
            buffer.extend_from_slice(&piece[..room]);
            heard.cut |= room < piece.len();
        }
        if let Some(sink) = &lines {
            for &byte in piece {
                if byte != b'\n' {
                    line.push(byte);
                }
                if byte == b'\n' || line.len() >= LINE_BYTES_MAX {
                    tell(sink, stream, &mut line);
                }
            }
        }
        let n = piece.len();
        reader.consume(n);
    }
    if let Some(sink) = &lines
        && !line.is_empty()
    {
        tell(sink, stream, &mut line);
    }
}

fn tell(sink: &LineSink, stream: Stream, line: &mut Vec<u8>) {
    sink(stream, String::from_utf8_lossy(line).trim_end_matches('\r'));
    line.clear();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::base::monitor::{Progress, Silent};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    fn sh(script: &str) -> Command {
        Command::new("sh").arg("-c").arg(script)
    }

    #[test]
    fn the_environment_is_clean_and_input_and_output_pass() {
        let out = sh("cat; env; echo oops >&2; exit 3").env("GIVEN", "1").input("fed\n").run(&Silent).expect("run");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(out.exit, Exit { code: Some(3), signal: None });
        assert!(text.starts_with("fed\n") && text.contains("GIVEN=1\n") && text.contains("LANG=C.UTF-8\n"), "{text}");
        // Cargo sets dozens of variables for tests; none of them may reach a child.
        assert!(!text.contains("CARGO"), "{text}");
        assert_eq!((out.stderr.as_slice(), out.cut), (&b"oops\n"[..], false));
    }

    #[test]
    fn endless_output_is_bounded_and_lines_are_told() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let out = sh("printf 'a\\r\\nb\\nc'; head -c 300000 /dev/zero")
            .keep(1000)
            .on_line(move |stream, line| sink.lock().expect("lines").push((stream, line.len())))
            .run(&Silent)
            .expect("run");
        assert_eq!((out.stdout.len(), out.cut, out.exit.success()), (1000, true, true));
        let lines = lines.lock().expect("lines");
        assert_eq!(lines[..2], [(Stream::Out, 1), (Stream::Out, 1)]);
        assert_eq!(lines.iter().map(|l| l.1).sum::<usize>(), 3 + 300_000);
        assert!(lines.iter().all(|l| l.1 <= LINE_BYTES_MAX));
    }

    #[test]
    fn a_missing_program_is_told_apart() {
        for name in ["annals-no-such-program", "/annals/no/such/program"] {
            let e = Command::new(name).run(&Silent).expect_err("missing");
            assert_eq!(e.code(), "process.missing");
            assert!(e.what_next().is_some());
        }
    }

    #[test]
    fn timeouts_stop_a_child_that_hangs() {
        let e = sh("sleep 600").timeout(Duration::from_millis(30)).run(&Silent).expect_err("total");
        assert_eq!(e.code(), "process.timeout");
        let e = sh("echo x; sleep 600").quiet_timeout(Duration::from_millis(30)).run(&Silent).expect_err("quiet");
        assert_eq!(e.code(), "process.timeout");
    }

    struct Stopped(AtomicBool);
    impl Monitor for Stopped {
        fn progress(&self, _: &Progress) {}
        fn note(&self, _: &str) {}
        fn stopped(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn the_monitor_stops_a_child() {
        let e = sh("sleep 600").run(&Stopped(AtomicBool::new(true))).expect_err("stopped");
        assert_eq!(e.kind(), Kind::Interrupted);
    }

    /// Starts a script, and returns the child with what the script printed first.
    fn started(command: Command) -> (Child, String) {
        let (tx, rx) = mpsc::channel();
        let child = command.on_line(move |_, line| drop(tx.send(line.to_owned()))).spawn().expect("spawn");
        let first = rx.recv_timeout(Duration::from_secs(20)).expect("a line");
        (child, first)
    }

    fn alive(pid: &str) -> bool {
        // A zombie has ended; its parent has just not looked yet.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
    }

    fn eventually(what: impl Fn() -> bool) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if what() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    #[test]
    fn a_dropped_child_takes_its_children_with_it() {
        let (child, grandchild) = started(sh("sleep 600 & echo $!; wait"));
        assert!(alive(&grandchild));
        drop(child);
        assert!(eventually(|| !alive(&grandchild)));
    }

    #[test]
    fn a_deaf_child_is_killed_and_an_obedient_one_may_clean_up() {
        let (mut deaf, _) = started(sh("trap '' TERM; echo ready; while :; do sleep 1; done").grace(Duration::from_millis(20)));
        assert_eq!(deaf.stop().expect("stop").signal, Some(9));
        let (mut tidy, _) = started(sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done").grace(Duration::from_secs(60)));
        assert_eq!(tidy.stop().expect("stop").code, Some(7));
    }

    #[test]
    fn a_tethered_child_ends_when_the_other_end_is_gone_and_passes_its_code_on() {
        let (mut child, pid) = started(sh("echo $$; exec sleep 600").tethered());
        assert!(alive(&pid));
        // What the system does with our end of the pipe when we are killed.
        child.held = None;
        assert!(eventually(|| !alive(&pid)));
        assert!(child.wait(Duration::from_secs(20)).expect("wait").is_some_and(|exit| !exit.success()));
        let mut child = sh("exit 5").tethered().spawn().expect("spawn");
        assert_eq!(child.wait(Duration::from_secs(20)).expect("wait").and_then(|e| e.code), Some(5));
    }

    /// Many at once, so that they end at every moment of the shell's waiting.
    #[test]
    fn a_tethered_child_that_is_stopped_passes_its_code_on() {
        let tidy = || started(sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done").tethered().grace(Duration::from_secs(60))).0;
        let mut children: Vec<Child> = (0..40).map(|_| tidy()).collect();
        for child in &mut children {
            assert_eq!(child.stop().expect("stop").code, Some(7));
        }
    }
}
