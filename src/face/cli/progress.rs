//! Progress on stderr: a bar on terminals, lines or JSON lines where asked for. Also where signals arrive.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::base::monitor::{Monitor, Progress};

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

static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

fn signal() -> &'static Arc<AtomicUsize> {
    SIGNAL.get_or_init(|| {
        let number = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // A second signal ends the process at once, for people who cannot wait for a safe place. The order of the three matters.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, again.clone());
            let _ = signal_hook::flag::register(signal, again.clone());
            let _ = signal_hook::flag::register_usize(signal, number.clone(), signal as usize);
        }
        number
    })
}

/// Exit code of the signal that stopped us, 130 or 143.
pub(crate) fn exit_of_signal() -> Option<u8> {
    match SIGNAL.get()?.load(Ordering::Relaxed) {
        0 => None,
        number => Some(128 + number as u8),
    }
}

/// Shows what the engine tells, and passes signals on to it.
pub(crate) struct Shown {
    how: How,
    bar: Option<ProgressBar>,
    last: Mutex<Option<Instant>>,
}

impl Shown {
    pub(crate) fn new(how: How) -> Self {
        signal();
        let terminal = std::io::stderr().is_terminal();
        let bar = (how == How::Auto && terminal).then(|| {
            let bar = ProgressBar::no_length();
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Shown { how, bar, last: Mutex::new(None) }
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
            eprintln!("{line}");
        } else {
            eprintln!("{}: {} of {} items, {} of {} bytes", p.phase, p.items, p.items_total, p.bytes, p.bytes_total);
        }
    }

    fn note(&self, message: &str) {
        match (&self.bar, self.how) {
            (Some(bar), _) => bar.println(message),
            (None, How::Json) => eprintln!("{}", serde_json::json!({ "note": message })),
            (None, How::Off) => {}
            (None, _) => eprintln!("{message}"),
        }
    }

    fn stopped(&self) -> bool {
        signal().load(Ordering::Relaxed) != 0
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
