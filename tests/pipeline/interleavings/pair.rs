//! The pairs of actions that are interleaved.

use std::fmt;

use super::action::{Action, Stage};

/// The source of the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SourceKind {
    Job,
    Gateway,
}

/// When the source forgets its jobs or queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    Never,
    /// Before A begins.
    Early,
    /// While A is suspended, after everything that runs in the meantime.
    Late,
}

/// Two actions: A is suspended while B runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) kind: SourceKind,
    pub(super) loss: Loss,
    pub(super) a: Action,
    pub(super) b: Action,
}

impl Pair {
    /// All pairs for a job, all pairs for a query that is lost early, and the pairs for a query that is lost late in
    /// which A reads from it.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let kinds = [
            (SourceKind::Job, Loss::Never),
            (SourceKind::Gateway, Loss::Early),
            (SourceKind::Gateway, Loss::Late),
        ];
        kinds.into_iter().flat_map(|(kind, loss)| {
            Action::ALL.into_iter().flat_map(move |a| {
                let pairs = Action::ALL.map(|b| Self::new(kind, loss, a, b));
                pairs
                    .into_iter()
                    .filter(move |pair| pair.loss == loss || loss == Loss::Never)
            })
        })
    }

    /// An action on a lost page needs an early loss. A late loss has no effect on an A that reads no page.
    pub(super) fn new(kind: SourceKind, loss: Loss, a: Action, b: Action) -> Self {
        let is_lost = a == Action::LostPage || b == Action::LostPage;
        let loss = match loss {
            _ if is_lost => Loss::Early,
            Loss::Late if !a.reads_a_page() => Loss::Never,
            loss => loss,
        };
        Self { kind, loss, a, b }
    }

    pub(super) fn has(self, action: Action) -> bool {
        self.a == action || self.b == action
    }

    /// The stage of the later action; the other action is late then.
    pub(super) fn stage(self) -> Stage {
        match (self.a.is_command(), self.b.is_command()) {
            (true, false) => self.b.stage(),
            (false, true) => self.a.stage(),
            _ => self.a.stage().max(self.b.stage()),
        }
    }

    /// Whether A is a handler whose message stays in its queue until it is done.
    pub(super) fn a_holds_a_message(self) -> bool {
        let is_letter = matches!(self.a, Action::DeadLetter | Action::LateDeadLetter);
        let resumes = matches!(self.a, Action::ResumeFailed | Action::AutomaticResume);
        let is_command = self.a.is_command() || resumes;
        !is_letter && !is_command && !self.has(Action::Sweep)
    }

    /// Whether the first page of a slice cannot be read within one invocation.
    pub(super) fn parks(self) -> bool {
        self.has(Action::AwaitReady) || self.has(Action::ParkedPage)
    }

    /// Whether the first attempt fails.
    pub(super) fn fails(self) -> bool {
        self.has(Action::FailedCompletion)
            || self.has(Action::ResumeFailed)
            || self.has(Action::AutomaticResume)
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SourceKind::Job => "analytics-job",
            SourceKind::Gateway => "export-gateway",
        };
        let loss = match self.loss {
            Loss::Never => "",
            Loss::Early => ", source lost",
            Loss::Late => ", source lost late",
        };
        write!(f, "{kind}{loss}: {} × {}", self.a, self.b)
    }
}
