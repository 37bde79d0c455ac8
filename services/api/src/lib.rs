//! sum-api: an exact sum over HTTP.
