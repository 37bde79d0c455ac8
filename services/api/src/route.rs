//! The routes by their names, for a `match` and for the labels of metrics and logs.

/// A route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/healthz`
    Healthz,
    /// `/readyz`
    Readyz,
    /// `/sum`
    Sum,
    /// `/openapi.json`
    OpenApi,
    /// `/metrics`
    Metrics,
    /// Anything else.
    Unknown,
}

impl Route {
    /// The route of a path, which must match to the letter.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "/sum" => Self::Sum,
            "/healthz" => Self::Healthz,
            "/readyz" => Self::Readyz,
            "/openapi.json" => Self::OpenApi,
            "/metrics" => Self::Metrics,
            _ => Self::Unknown,
        }
    }

    /// The path; empty for [`Route::Unknown`].
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Sum => "/sum",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::OpenApi => "/openapi.json",
            Self::Metrics => "/metrics",
            Self::Unknown => "",
        }
    }
}
