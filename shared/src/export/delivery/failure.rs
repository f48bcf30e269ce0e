//! Why a delivery failed, as the audit trail stores it, and how an operator can fix it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of a delivery without a 2xx. It holds no path and no query: those of a receiver's URL may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum DeliveryFailure {
    /// The receiver responded with another status.
    Status {
        status: u16,
        /// Scheme, host and port of a redirect's target.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
    },
    /// The receiver did not respond in time.
    Timeout { seconds: u64 },
    /// No TLS connection could be established.
    Tls { cause: String },
    /// The receiver's name could not be resolved.
    Name { cause: String },
    /// No connection could be established.
    NoConnection { cause: String },
    /// The connection was established and ended without a response.
    NoAnswer { cause: String },
    /// The address rules, or the URL's form, forbid the delivery.
    Forbidden { cause: String },
    /// The delivery could not be sent for a local reason.
    NotSent { cause: String },
}

impl DeliveryFailure {
    pub(crate) fn from_status(status: u16) -> Self {
        Self::Status {
            status,
            location: None,
        }
    }

    /// Reads the `answer` of a delivery event of an earlier version, which had no `refusal`.
    pub(crate) fn from_legacy_answer(answer: &str) -> Self {
        let status = answer.strip_prefix("status ");
        match status.and_then(|status| status.parse().ok()) {
            Some(status) => Self::from_status(status),
            None => Self::NotSent {
                cause: answer.to_owned(),
            },
        }
    }

    /// The result in one phrase.
    pub fn summary(&self) -> String {
        match self {
            Self::Status { status, .. } => format!("{status}, {}", status_meaning(*status)),
            Self::Timeout { seconds } => format!("no response within {seconds} s"),
            Self::Tls { cause } => format!("no TLS connection ({cause})"),
            Self::Name { cause } => format!("the host name cannot be resolved ({cause})"),
            Self::NoConnection { cause } => format!("no connection ({cause})"),
            Self::NoAnswer { cause } => format!("no response ({cause})"),
            Self::Forbidden { cause } | Self::NotSent { cause } => format!("not sent: {cause}"),
        }
    }

    /// Whether retrying the same URL is useless, because the receiver is elsewhere.
    pub fn needs_another_url(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                is_redirect(*status) || matches!(status, 404 | 405 | 407 | 410)
            }
            Self::Name { .. } | Self::NoConnection { .. } | Self::Forbidden { .. } => true,
            Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::NoAnswer { .. }
            | Self::NotSent { .. } => false,
        }
    }

    /// The change that is needed before a delivery can succeed.
    pub fn fix(&self) -> String {
        let fix = match self {
            Self::Status { status, location } => {
                return fix_for_status(*status, location.as_deref());
            }
            Self::Timeout { .. } => {
                "let the receiver respond first and process the event afterwards"
            }
            Self::Tls { .. } => {
                "use https and a certificate that this machine trusts; SSL_CERT_FILE names the file of trusted authorities"
            }
            Self::Name { .. } => "correct the host of the URL, or the name server",
            Self::NoConnection { .. } => "start the receiver, or correct host and port of the URL",
            Self::NoAnswer { .. } => "check the receiver's log: any 2xx status accepts a delivery",
            Self::Forbidden { .. } => {
                "set an https URL with a public address, or list its host in WEBHOOK_ALLOWED_HOSTS"
            }
            Self::NotSent { .. } => "fix the cause, then send it again",
        };
        fix.to_owned()
    }
}

/// The result and the fix.
impl fmt::Display for DeliveryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.summary(), self.fix())
    }
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301..=303 | 307 | 308)
}

fn status_meaning(status: u16) -> &'static str {
    match status {
        _ if is_redirect(status) => "redirects are not followed",
        401 => "the receiver does not accept the signature",
        403 => "the receiver, or a firewall in front of it, forbids the request",
        404 => "nothing receives webhooks at this path",
        405 => "the path does not accept POST",
        407 => "a proxy in front of the receiver requires authentication",
        408 | 425 | 429 => "the receiver asks to retry later",
        410 => "the receiver accepts no more deliveries",
        413 => "the body is too large for the receiver",
        415 => "the receiver does not accept application/json",
        422 => "the receiver does not accept the content of the event",
        400..=499 => "the receiver refuses the request",
        502..=504 => "the receiver is not available",
        500..=599 => "the receiver failed",
        _ => "which does not accept a delivery",
    }
}

fn fix_for_status(status: u16, location: Option<&str>) -> String {
    let fix = match status {
        _ if is_redirect(status) => {
            let target = location.map(|to| format!(" (the redirect points to {to})"));
            return format!("set the final URL{}", target.unwrap_or_default());
        }
        401 => "verify with the same WEBHOOK_SIGNING_SECRET, over the bytes of the body",
        403 => "let the receiver, or its firewall, accept these requests and their signature",
        404 => "correct the path of the URL",
        405 => "set a URL that accepts POST",
        407 => "set a URL that needs no proxy: deliveries use none",
        408 | 425 | 429 => "send it again later, or raise the receiver's limit",
        410 => "set the URL of a receiver that accepts them",
        413 => "raise the receiver's limit for bodies",
        415 => "let it accept JSON",
        422 => "let the receiver accept the `type` and `data` that docs/format.md describes",
        500..=599 => "repair or start the receiver",
        _ => "check the receiver's log: any 2xx status accepts a delivery",
    };
    fix.to_owned()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_refusal_names_its_cause_and_the_fix() {
        let statuses = [
            301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 407, 413, 415, 422, 429, 451,
            500, 503, 599,
        ];
        let of_status = statuses.map(|status| DeliveryFailure::from_status(status).to_string());
        let cause = || "why".to_owned();
        let others = [
            DeliveryFailure::Status {
                status: 308,
                location: Some("https://new.example".to_owned()),
            },
            DeliveryFailure::Timeout { seconds: 5 },
            DeliveryFailure::Tls { cause: cause() },
            DeliveryFailure::Name { cause: cause() },
            DeliveryFailure::NoConnection { cause: cause() },
            DeliveryFailure::NoAnswer { cause: cause() },
            DeliveryFailure::Forbidden { cause: cause() },
            DeliveryFailure::NotSent { cause: cause() },
        ]
        .map(|refusal| refusal.to_string());

        assert_snapshot!([of_status.join("\n"), others.join("\n")].join("\n"), @"
        301, redirects are not followed; set the final URL
        302, redirects are not followed; set the final URL
        303, redirects are not followed; set the final URL
        304, which does not accept a delivery; check the receiver's log: any 2xx status accepts a delivery
        307, redirects are not followed; set the final URL
        308, redirects are not followed; set the final URL
        400, the receiver refuses the request; check the receiver's log: any 2xx status accepts a delivery
        401, the receiver does not accept the signature; verify with the same WEBHOOK_SIGNING_SECRET, over the bytes of the body
        403, the receiver, or a firewall in front of it, forbids the request; let the receiver, or its firewall, accept these requests and their signature
        404, nothing receives webhooks at this path; correct the path of the URL
        405, the path does not accept POST; set a URL that accepts POST
        407, a proxy in front of the receiver requires authentication; set a URL that needs no proxy: deliveries use none
        413, the body is too large for the receiver; raise the receiver's limit for bodies
        415, the receiver does not accept application/json; let it accept JSON
        422, the receiver does not accept the content of the event; let the receiver accept the `type` and `data` that docs/format.md describes
        429, the receiver asks to retry later; send it again later, or raise the receiver's limit
        451, the receiver refuses the request; check the receiver's log: any 2xx status accepts a delivery
        500, the receiver failed; repair or start the receiver
        503, the receiver is not available; repair or start the receiver
        599, the receiver failed; repair or start the receiver
        308, redirects are not followed; set the final URL (the redirect points to https://new.example)
        no response within 5 s; let the receiver respond first and process the event afterwards
        no TLS connection (why); use https and a certificate that this machine trusts; SSL_CERT_FILE names the file of trusted authorities
        the host name cannot be resolved (why); correct the host of the URL, or the name server
        no connection (why); start the receiver, or correct host and port of the URL
        no response (why); check the receiver's log: any 2xx status accepts a delivery
        not sent: why; set an https URL with a public address, or list its host in WEBHOOK_ALLOWED_HOSTS
        not sent: why; fix the cause, then send it again
        ");
    }

    #[test]
    fn a_refusal_survives_a_round_trip() {
        let refusal = DeliveryFailure::Status {
            status: 308,
            location: Some("https://new.example".to_owned()),
        };

        let stored = json!(refusal);

        assert_eq!(
            stored,
            json!({"kind": "status", "status": 308, "location": "https://new.example"})
        );
        assert_eq!(
            serde_json::from_value::<DeliveryFailure>(stored).unwrap(),
            refusal
        );
    }

    #[test]
    fn a_refusal_stored_by_an_earlier_version_is_read() {
        let unreachable = "the webhook receiver at lake.example could not be reached";

        assert_eq!(
            DeliveryFailure::from_legacy_answer("status 308"),
            DeliveryFailure::from_status(308)
        );
        assert_eq!(
            DeliveryFailure::from_legacy_answer(unreachable).summary(),
            format!("not sent: {unreachable}")
        );
    }
}
