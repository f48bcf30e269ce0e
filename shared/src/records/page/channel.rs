//! The channels of normalized records, and the names by which sources call them.

use std::fmt;

/// One of eight channels; every conversation has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Channel {
    Voice,
    Chat,
    Email,
    Sms,
    Callback,
    SocialMedia,
    Webchat,
    #[default]
    Unknown,
}

impl Channel {
    /// The channel for a `mediaType`, a `messageType` or a gateway's name. Ignores case.
    pub(super) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "voice" | "call" | "phone" => Self::Voice,
            // `open` is open messaging: a messenger of the organisation's own.
            "chat" | "internalmessage" | "open" => Self::Chat,
            "email" => Self::Email,
            "sms" => Self::Sms,
            "callback" => Self::Callback,
            "webchat" | "webmessaging" => Self::Webchat,
            "apple" | "facebook" | "instagram" | "kakao" | "line" | "social" | "social_media"
            | "telegram" | "twitter" | "viber" | "wechat" | "whatsapp" | "x" => Self::SocialMedia,
            // `message` alone does not name the channel.
            _ => Self::Unknown,
        }
    }

    /// Returns `self` unless it is `Unknown`, else `other`.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Unknown { other } else { self }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Voice => "VOICE",
            Self::Chat => "CHAT",
            Self::Email => "EMAIL",
            Self::Sms => "SMS",
            Self::Callback => "CALLBACK",
            Self::SocialMedia => "SOCIAL_MEDIA",
            Self::Webchat => "WEBCHAT",
            Self::Unknown => "UNKNOWN",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_media_type_of_the_api_has_its_channel() {
        let of = |words: &[&str]| {
            let channels = words
                .iter()
                .map(|word| format!("{word} {}", Channel::of(word)));
            channels.collect::<Vec<_>>().join(", ")
        };
        let media_types = [
            "callback",
            "chat",
            "cobrowse",
            "email",
            "internalmessage",
            "message",
            "screenmonitoring",
            "screenshare",
            "unknown",
            "video",
            "voice",
        ];
        let message_types = [
            "webmessaging",
            "sms",
            "whatsapp",
            "open",
            "SMS",
            "carrier-pigeon",
            "",
        ];

        insta::assert_snapshot!(of(&media_types), @"callback CALLBACK, chat CHAT, cobrowse UNKNOWN, email EMAIL, internalmessage CHAT, message UNKNOWN, screenmonitoring UNKNOWN, screenshare UNKNOWN, unknown UNKNOWN, video UNKNOWN, voice VOICE");
        insta::assert_snapshot!(of(&message_types), @"webmessaging WEBCHAT, sms SMS, whatsapp SOCIAL_MEDIA, open CHAT, SMS SMS, carrier-pigeon UNKNOWN,  UNKNOWN");
    }
}
