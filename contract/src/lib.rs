//! The contract of sum-api, held against the real API behind the real nginx.
