use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chromex::core::observe::{Event, Observer};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::tell;

/// Draws a bar per task on a terminal and writes a plain line now and then elsewhere.
pub(crate) struct Progress {
    bars: MultiProgress,
    on_terminal: bool,
    tasks: Mutex<HashMap<String, Task>>,
}

struct Task {
    bar: ProgressBar,
    last_line: Instant,
}

/// The time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            bars: MultiProgress::new(),
            on_terminal: std::io::stderr().is_terminal(),
            tasks: Mutex::default(),
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: &Event<'_>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(|e| e.into_inner());
        match *event {
            Event::Begin { task, steps, done } => {
                let bar = if self.on_terminal {
                    self.bars.add(ProgressBar::new(steps))
                } else {
                    tell(format_args!("{task}: {done} of {steps}"));
                    ProgressBar::hidden()
                };
                bar.set_length(steps);
                let template = "{prefix} {wide_bar} {pos}/{len} {msg} {eta}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_prefix(task.to_owned());
                bar.set_position(done);
                bar.reset_eta();
                let last_line = Instant::now();
                tasks.insert(task.to_owned(), Task { bar, last_line });
            }
            Event::Step { task, done, values } => {
                let Some(known) = tasks.get_mut(task) else {
                    return;
                };
                known.bar.set_position(done);
                if !values.is_empty() {
                    let text: Vec<String> = values
                        .iter()
                        .map(|(name, value)| format!("{} {value:.4}", name.replace('_', " ")))
                        .collect();
                    known.bar.set_message(text.join(", "));
                }
                if !self.on_terminal && known.last_line.elapsed() >= BETWEEN_LINES {
                    known.last_line = Instant::now();
                    let length = known.bar.length().unwrap_or(done);
                    tell(format_args!(
                        "{task}: {done} of {length} {}",
                        known.bar.message()
                    ));
                }
            }
            Event::End { task } => {
                if let Some(known) = tasks.remove(task) {
                    known.bar.finish_and_clear();
                }
            }
            Event::Note { text } => self.bars.suspend(|| {
                // Who does not listen any more loses the line, not the work.
                let _ = writeln!(std::io::stderr(), "{text}");
            }),
            _ => {}
        }
    }
}
