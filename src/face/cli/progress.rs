//! Progress on stderr: a bar on terminals, lines or JSON lines where asked for.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::base::monitor::{Monitor, Progress};
use crate::face::world::{self, Stream, World};

pub(crate) use crate::face::world::exit_of_signal;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum How {
    /// A bar on a terminal, nothing otherwise.
    Auto,
    /// A line of text every few seconds.
    Plain,
    /// A JSON object a line.
    Json,
    /// Nothing.
    Off,
}

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows what the engine tells, and passes signals on to it.
pub(crate) struct Shown {
    how: How,
    world: Arc<dyn World>,
    bar: Option<ProgressBar>,
    last: Mutex<Option<Instant>>,
}

impl Shown {
    pub(crate) fn new(how: How) -> Self {
        let world = world::here();
        // Asked once here, so that signals are taken over before the work begins.
        world.signal();
        let terminal = world.is_terminal(Stream::Err);
        let bar = (how == How::Auto && terminal).then(|| {
            let target = ProgressDrawTarget::term_like(Box::new(Screen(world.clone())));
            let bar = ProgressBar::with_draw_target(None, target);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Shown { how, world, bar, last: Mutex::new(None) }
    }
}

impl Monitor for Shown {
    fn progress(&self, p: &Progress) {
        if let Some(bar) = &self.bar {
            let by_bytes = p.bytes_total > 0;
            let template = if by_bytes {
                "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
            } else if p.items_total > 0 {
                "{msg} {wide_bar} {pos}/{len} {per_sec} {eta}"
            } else {
                "{msg} {pos} {spinner}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(p.phase);
            if by_bytes {
                bar.set_length(p.bytes_total);
                bar.set_position(p.bytes);
            } else {
                if p.items_total > 0 {
                    bar.set_length(p.items_total);
                }
                bar.set_position(p.items);
            }
            return;
        }
        if !matches!(self.how, How::Plain | How::Json) {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(|e| e.into_inner());
        if last.is_some_and(|at| at.elapsed() < LINE_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        if self.how == How::Json {
            let line = serde_json::json!({ "phase": p.phase, "items": p.items, "items_total": p.items_total, "bytes": p.bytes, "bytes_total": p.bytes_total });
            self.world.complain(&format!("{line}\n"));
        } else {
            let line = format!("{}: {} of {} items, {} of {} bytes\n", p.phase, p.items, p.items_total, p.bytes, p.bytes_total);
            self.world.complain(&line);
        }
    }

    fn note(&self, message: &str) {
        match (&self.bar, self.how) {
            (Some(bar), _) => bar.println(message),
            (None, How::Json) => self.world.complain(&format!("{}\n", serde_json::json!({ "note": message }))),
            (None, How::Off) => {}
            (None, _) => self.world.complain(&format!("{}\n", self.world.as_typed(message))),
        }
    }

    fn stopped(&self) -> bool {
        self.world.signal() != 0
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The terminal at the other end of a world, as far as a progress bar needs one.
struct Screen(Arc<dyn World>);

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl Screen {
    fn send(&self, text: &str) -> std::io::Result<()> {
        self.0.complain(text);
        Ok(())
    }

    fn move_cursor(&self, n: usize, code: char) -> std::io::Result<()> {
        if n == 0 { Ok(()) } else { self.send(&format!("\x1b[{n}{code}")) }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.0.columns()
    }

    fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
        self.move_cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> std::io::Result<()> {
        self.move_cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> std::io::Result<()> {
        self.move_cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> std::io::Result<()> {
        self.move_cursor(n, 'D')
    }

    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.send(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.send(text)
    }

    fn clear_line(&self) -> std::io::Result<()> {
        self.send("\r\x1b[2K")
    }

    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}
