//! Progress, told to whoever listens: libraries never print.

/// One thing that happened during long work.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Tasks from here on are of a fold of a split.
    Fold {
        /// The fold, where there are several.
        name: Option<&'a str>,
    },
    /// A task of a known number of steps begins (or goes on, after `done` of them).
    Begin {
        /// What is being done, as a reader would say it.
        task: &'a str,
        /// How many steps it has.
        steps: u64,
        /// How many were done in an earlier run.
        done: u64,
    },
    /// A step is done.
    Step {
        /// The task.
        task: &'a str,
        /// How many steps are done now.
        done: u64,
        /// What was measured, by name.
        values: &'a [(&'a str, f64)],
    },
    /// The task is over.
    End {
        /// The task.
        task: &'a str,
    },
    /// Something that whoever waits for the work should know, though it goes on.
    Note {
        /// What happened, as a sentence.
        text: &'a str,
    },
}

/// Listens to progress. Calls come from the thread that does the work and must return quickly.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: &Event<'_>);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: &Event<'_>) {}
}

/// Passes every event on to several listeners.
impl<O: Observer + ?Sized> Observer for Vec<std::sync::Arc<O>> {
    fn observe(&self, event: &Event<'_>) {
        for observer in self {
            observer.observe(event);
        }
    }
}
