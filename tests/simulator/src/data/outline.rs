//! When a conversation is active, before its content is generated: one period, or several with a day or more of
//! silence between them.

use fastrand::Rng;

use super::moment::{DAY, HOUR, MINUTE, Moment, SECOND};
use super::random::{long_tailed, one_in};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Message(&'static str),
    Voice,
    VoiceWithCallback,
    Email,
    /// A message conversation in which an agent also called the customer.
    MessageAndVoice,
    /// A medium that is not in any published enum.
    Undocumented,
}

#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) media: Media,
    /// In ascending order, each with its end. Never empty.
    pub(crate) active_periods: Vec<(Moment, Moment)>,
    /// Whether the last period, and with it the conversation, has not ended.
    pub(crate) open: bool,
}

impl Outline {
    pub(crate) fn start(&self) -> Moment {
        self.active_periods[0].0
    }

    pub(crate) fn end(&self) -> Option<Moment> {
        self.active_periods
            .last()
            .filter(|_| !self.open)
            .map(|(_, end)| *end)
    }
}

/// A conversation that begins at `start`.
pub(crate) fn starting_at(rng: &mut Rng, start: Moment) -> Outline {
    let media = match rng.u8(..100) {
        0..58 => Media::Message("webmessaging"),
        58..64 => Media::Message(
            rng.choice(["whatsapp", "sms", "open", "carrierpigeon"])
                .unwrap_or("sms"),
        ),
        64..94 => Media::Voice,
        94..98 => Media::VoiceWithCallback,
        _ => Media::Undocumented,
    };
    let mut active_periods = vec![(start, start + active_duration(rng, media))];
    if matches!(media, Media::Message(_)) && one_in(rng, 8) {
        re_engage(rng, media, &mut active_periods);
    }
    let open = one_in(
        rng,
        if matches!(media, Media::Message(_)) {
            25
        } else {
            120
        },
    );
    Outline {
        media,
        active_periods,
        open,
    }
}

/// A conversation that starts before the interval and is active in it.
pub(crate) fn starting_before(rng: &mut Rng, number: usize, interval: (Moment, Moment)) -> Outline {
    let (from, to) = interval;
    let inside = |rng: &mut Rng, most: i64| from + rng.i64(0..(to.0 - from.0).min(most).max(1));
    let (media, active_periods) = match number % 3 {
        // A call that spans the start of the interval (midnight).
        0 => (
            Media::Voice,
            vec![(from + -rng.i64(1..=30 * MINUTE), inside(rng, HOUR))],
        ),
        // One conversation that lasts for days without a break.
        1 => (
            Media::Message("webmessaging"),
            vec![(from + -rng.i64(1..=3 * DAY), inside(rng, 3 * HOUR))],
        ),
        // Silent for a day or more, then active again.
        _ => {
            let start = from + -(26 * HOUR + rng.i64(0..3 * DAY));
            let again = inside(rng, i64::MAX);
            let media = Media::Message("whatsapp");
            (
                media,
                vec![
                    (start, start + active_duration(rng, media).min(HOUR)),
                    (again, again + active_duration(rng, media)),
                ],
            )
        }
    };
    Outline {
        media,
        active_periods,
        open: one_in(rng, 10),
    }
}

fn re_engage(rng: &mut Rng, media: Media, active_periods: &mut Vec<(Moment, Moment)>) {
    let mut end = active_periods[0].1;
    for _ in 0..rng.u8(1..=3) {
        let again = end + DAY + HOUR + long_tailed(rng, 8 * HOUR, 0.8);
        end = again + active_duration(rng, media);
        active_periods.push((again, end));
    }
}

fn active_duration(rng: &mut Rng, media: Media) -> i64 {
    let median = if matches!(media, Media::Message(_)) {
        12 * MINUTE
    } else {
        5 * MINUTE
    };
    long_tailed(rng, median, 0.9).clamp(30 * SECOND, 20 * HOUR)
}
