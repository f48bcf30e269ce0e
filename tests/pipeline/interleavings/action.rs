//! The actions that are interleaved, and the stage of an export at which each of them takes place.

use std::fmt;

/// A handler with a message, or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    FirstPage,
    /// await-ready with the waiting message of a parked page.
    AwaitReady,
    /// The page message that await-ready sent.
    ParkedPage,
    MiddlePage,
    /// A page whose job or query is unknown to the source.
    LostPage,
    LastPage,
    /// complete-export after the first of two slices has ended.
    FirstCompletion,
    /// complete-export after all slices are complete.
    LastCompletion,
    /// complete-export after a slice has failed.
    FailedCompletion,
    SendWebhook,
    /// start-export with the request of an export that exists.
    StartAgain,
    ResumeRunning,
    ResumeFailed,
    /// archive-page with the message that requests the automatic resume of a failed attempt.
    AutomaticResume,
    Cancel,
    Sweep,
    /// record-failure with the message of a page that is not committed.
    DeadLetter,
    /// record-failure with the message of a page that is committed.
    LateDeadLetter,
}

/// Progress of an export. A stage is reached when a certain message has been received but not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The first page message.
    Started,
    /// The waiting message of a parked page.
    Parked,
    /// The page message that await-ready sent.
    Returned,
    /// The second page of slice 1.
    Middle,
    /// A page of slice 2 after its first one.
    SecondSlice,
    /// The completion message of slice 1, with slice 2 still open.
    FirstEnded,
    /// The last page of slice 2.
    LastPage,
    /// A completion message, with all slices ended.
    AllEnded,
    /// A webhook message.
    Decided,
}

impl Action {
    pub(super) const ALL: [Self; 18] = [
        Self::FirstPage,
        Self::AwaitReady,
        Self::ParkedPage,
        Self::MiddlePage,
        Self::LostPage,
        Self::LastPage,
        Self::FirstCompletion,
        Self::LastCompletion,
        Self::FailedCompletion,
        Self::SendWebhook,
        Self::StartAgain,
        Self::ResumeRunning,
        Self::ResumeFailed,
        Self::AutomaticResume,
        Self::Cancel,
        Self::Sweep,
        Self::DeadLetter,
        Self::LateDeadLetter,
    ];

    /// The earliest stage at which the action is possible.
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::FirstPage => Stage::Started,
            Self::AwaitReady => Stage::Parked,
            Self::ParkedPage => Stage::Returned,
            Self::MiddlePage
            | Self::StartAgain
            | Self::ResumeRunning
            | Self::Cancel
            | Self::Sweep
            | Self::LateDeadLetter => Stage::Middle,
            Self::LostPage | Self::DeadLetter => Stage::SecondSlice,
            Self::FirstCompletion => Stage::FirstEnded,
            Self::LastPage => Stage::LastPage,
            Self::LastCompletion | Self::FailedCompletion => Stage::AllEnded,
            Self::SendWebhook | Self::ResumeFailed | Self::AutomaticResume => Stage::Decided,
        }
    }

    /// Whether it is possible at any stage, so that the other action determines the stage.
    pub(super) fn is_command(self) -> bool {
        matches!(
            self,
            Self::StartAgain | Self::ResumeRunning | Self::Cancel | Self::Sweep
        )
    }

    pub(super) fn reads_a_page(self) -> bool {
        matches!(
            self,
            Self::FirstPage | Self::ParkedPage | Self::MiddlePage | Self::LastPage
        )
    }

    /// Whether it is complete-export, which chooses between outcomes with different keys: two concurrent runs that last
    /// longer than any function may, with a cancellation between them, write two outcomes.
    pub(super) fn concludes(self) -> bool {
        matches!(
            self,
            Self::FirstCompletion | Self::LastCompletion | Self::FailedCompletion
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::FirstPage => "first-page",
            Self::AwaitReady => "await-ready",
            Self::ParkedPage => "parked-page",
            Self::MiddlePage => "middle-page",
            Self::LostPage => "lost-page",
            Self::LastPage => "last-page",
            Self::FirstCompletion => "first-completion",
            Self::LastCompletion => "last-completion",
            Self::FailedCompletion => "failed-completion",
            Self::SendWebhook => "send-webhook",
            Self::StartAgain => "start-again",
            Self::ResumeRunning => "resume-running",
            Self::ResumeFailed => "resume-failed",
            Self::AutomaticResume => "automatic-resume",
            Self::Cancel => "cancel",
            Self::Sweep => "sweep",
            Self::DeadLetter => "dead-letter",
            Self::LateDeadLetter => "late-dead-letter",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
