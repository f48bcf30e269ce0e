//! The addresses that are answered.

use std::fmt;

use http::Method;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    Login,
    Availability,
    JobSubmit,
    JobStatus,
    JobResults,
    JobDelete,
    Retention,
    ExportQuery,
    ExportResults,
    /// Nothing is there: 404.
    Unknown,
}

impl Route {
    /// The name under which stats and logs know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Availability => "availability",
            Self::JobSubmit => "job-submit",
            Self::JobStatus => "job-status",
            Self::JobResults => "job-results",
            Self::JobDelete => "job-delete",
            Self::Retention => "retention",
            Self::ExportQuery => "export-query",
            Self::ExportResults => "export-results",
            Self::Unknown => "unknown",
        }
    }

    /// The route, and the id in its path where it has one.
    pub(crate) fn of(method: &Method, path: &str) -> (Self, String) {
        let (route, id) = match (method.as_str(), segments(path).as_slice()) {
            ("POST", ["oauth", "token"]) => (Self::Login, ""),
            ("GET", ["api", "v2", "analytics", "dataretention", "settings"]) => {
                (Self::Retention, "")
            }
            ("POST", ["api", "v2", "export", "query"]) => (Self::ExportQuery, ""),
            ("GET", ["api", "v2", "export", "job", id, "results"]) => (Self::ExportResults, *id),
            (
                verb,
                [
                    "api",
                    "v2",
                    "analytics",
                    "conversations",
                    "details",
                    "jobs",
                    rest @ ..,
                ],
            ) => Self::of_jobs(verb, rest),
            _ => (Self::Unknown, ""),
        };
        (route, id.to_owned())
    }

    fn of_jobs<'a>(verb: &str, rest: &[&'a str]) -> (Self, &'a str) {
        match (verb, rest) {
            ("POST", []) => (Self::JobSubmit, ""),
            ("GET", ["availability"]) => (Self::Availability, ""),
            ("GET", [id]) => (Self::JobStatus, id),
            ("DELETE", [id]) => (Self::JobDelete, id),
            ("GET", [id, "results"]) => (Self::JobResults, id),
            _ => (Self::Unknown, ""),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_start_matches('/').split('/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_method_too() {
        let jobs = "/api/v2/analytics/conversations/details/jobs";

        assert_eq!(
            Route::of(&Method::POST, jobs),
            (Route::JobSubmit, String::new())
        );
        assert_eq!(Route::of(&Method::GET, jobs).0, Route::Unknown);
        assert_eq!(
            Route::of(&Method::GET, &format!("{jobs}/availability")).0,
            Route::Availability
        );
        assert_eq!(
            Route::of(&Method::GET, &format!("{jobs}/x/results")),
            (Route::JobResults, "x".to_owned())
        );
        assert_eq!(
            Route::of(&Method::DELETE, &format!("{jobs}/x")),
            (Route::JobDelete, "x".to_owned())
        );
        assert_eq!(
            Route::of(&Method::GET, "/"),
            (Route::Unknown, String::new())
        );
    }
}
