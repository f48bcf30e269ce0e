//! Differences between an emulator and AWS. A test asserts each of them, and no product code works around them.

use Frequency::{Always, Sometimes};

/// A promise that a back end breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) backend: &'static str,
    pub(crate) promise: &'static str,
    /// The behaviour of the back end instead.
    pub(crate) instead: &'static str,
    /// Text in the error by which this gap is recognised, as opposed to another failure.
    pub(crate) error_text: &'static str,
    pub(crate) frequency: Frequency,
}

/// When a gap can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frequency {
    Always,
    /// Only in a race: the promise is tested repeatedly until the gap shows. If it does not show, the test reports
    /// this, which proves nothing.
    Sometimes,
}

/// All known gaps, as listed in docs/emulators.md.
pub(crate) const GAPS: &[Gap] = &[
    Gap {
        backend: "ministack",
        promise: "a_wrong_secret_is_refused",
        instead: "does not check the signature of ordinary requests",
        error_text: "Ok(",
        frequency: Always,
    },
    Gap {
        backend: "ministack",
        promise: "the_service_refuses_a_delay_of_901_seconds",
        instead: "accepts it",
        error_text: "answered with None",
        frequency: Always,
    },
    Gap {
        backend: "s3s-fs",
        promise: "a_prefix_of_other_keys_is_not_an_object",
        instead: "500: keys are paths, and the key is a folder",
        error_text: "cannot read reads: S3 returned InternalError",
        frequency: Always,
    },
    Gap {
        backend: "s3s-fs",
        promise: "a_key_and_a_key_below_it_are_two_objects",
        instead: "500: keys are paths, and a file is not a folder",
        error_text: "cannot create key/child: S3 returned InternalError",
        frequency: Always,
    },
    Gap {
        backend: "s3s-fs",
        promise: "of_sixteen_concurrent_creates_one_wins",
        instead: "checks for the object before it writes: in a race, two creates may succeed",
        error_text: "creates won",
        frequency: Sometimes,
    },
    Gap {
        backend: "s3s-fs",
        promise: "a_reader_never_sees_half_an_object",
        instead: "body and checksum are two files: a reader may receive those of different writes, which the SDK refuses",
        error_text: "body checksum mismatch",
        frequency: Sometimes,
    },
    Gap {
        backend: "s3s-fs",
        promise: "a_missing_bucket_is_an_error_and_not_a_missing_object",
        instead: "returns `NoSuchKey` for a read",
        error_text: "Ok(None)",
        frequency: Always,
    },
    Gap {
        backend: "s3s-fs",
        promise: "the_kms_key_is_kept",
        instead: "does not store the encryption headers",
        error_text: ": None",
        frequency: Always,
    },
    Gap {
        backend: "moto",
        promise: "a_duplicate_is_discarded_after_the_first_was_deleted",
        instead: "deletes a deduplication id together with its message",
        error_text: "the depth is 1, not 0",
        frequency: Always,
    },
];

impl Gap {
    pub(crate) fn matches_error(&self, error: &str) -> bool {
        error.contains(self.error_text)
    }
}

pub(crate) fn of_backend(backend: &str) -> impl Iterator<Item = &'static Gap> {
    GAPS.iter().filter(move |gap| gap.backend == backend)
}

/// The maximum number of times that a promise of a back end is tested.
pub(crate) fn tries(backend: &str, promise: &str) -> u32 {
    let may_hide =
        of_backend(backend).any(|gap| gap.promise == promise && gap.frequency == Sometimes);
    if may_hide { 100 } else { 1 }
}

#[test]
fn an_unrelated_error_is_not_taken_for_a_gap() {
    for gap in GAPS {
        assert!(!gap.matches_error("dispatch failure: connection refused"));
        assert!(!gap.matches_error(gap.promise), "the promise's own name");
    }
}

#[test]
fn the_documentation_lists_every_gap() {
    let text = include_str!("../../docs/emulators.md");

    let listed: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();

    let expected: Vec<_> = GAPS.iter().map(line).collect();
    assert_eq!(listed, expected);
}

fn line(gap: &Gap) -> String {
    let words = gap.promise.replace('_', " ");
    format!("| `{}` | {words} | {} |", gap.backend, gap.instead)
}
