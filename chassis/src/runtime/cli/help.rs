//! The ends of the help texts: the settings that have no flag, and the exit codes.

/// Bearer tokens.
pub(super) const TOKENS: &str = "\
Keys that sign bearer tokens come from exactly one of:
  JWT_KEYS            environment only: `kid:secret`, separated by commas; the first one signs, all verify; a secret
                      is 32 random bytes or more as base64url
  JWT_KEYS_PARAMETER  an SSM parameter that holds such a list";

/// The keys of callers.
pub(super) const KEYS: &str = "\
Keys, when they are required, come from exactly one of:
  API_KEY            environment only: `key` or `client:key`, separated by commas; a key is 8 to 128 of
                     A-Z a-z 0-9 . _ -, a client name 1 to 32 of a-z 0-9 -; `none` refuses every caller
  API_KEY_PARAMETER  an SSM parameter that holds such a list";

/// The private listener.
pub(super) const PASSWORD: &str = "\
METRICS_PASSWORD, environment only, is 16 to 128 visible ASCII characters. The private listener then requires it, with
the user METRICS_USERNAME.";

/// The ends of the process.
pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 drained, 64 invalid configuration, 69 cannot listen, 70 invalid document, 71 no runtime or no signal
handlers, 78 SSM refused to give the keys.";
