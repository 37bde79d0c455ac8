//! Incidents that callers cause.

use crate::drill::incident::{Alarm, DO_NOT_NOTICE, Incident, Injected, RECOVERED, SIGN};
use crate::testbed::key::Key;
use crate::testbed::load::Load;

pub(super) const KEY_GUESSING: Incident = Incident {
    name: "key-guessing",
    what: "240 requests a second with made-up keys, from one address",
    inject: |drill| {
        Box::pin(async {
            let keys: Vec<_> = (0..40).map(|_| Key::random("nobody")).collect::<Result<_, _>>()?;
            let call = &drill.testbed.call;
            let rate = f64::from(call.limit.rate + 1);
            Ok(Injected::while_held(Load::start(drill.testbed.tunnel(), &keys, call, rate)?))
        })
    },
    hold: 12,
    sign: (SIGN, "Unauthorized and AddressThrottled in the sidecar's records"),
    shows: |s| s.sidecars("Unauthorized") + s.sidecars("AddressThrottled") > 20.0,
    alarms: &[("unauthorized-burst", Alarm::Metric("unauthorized-burst"))],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "WAF blocks the address (here: the requests stop)"),
    ..Incident::COMMON
};

pub(super) const CLIENT_FLOODS: Incident = Incident {
    name: "client-floods",
    what: "one client with a valid key calls 80 times a second",
    inject: |drill| {
        Box::pin(async {
            let (call, key) = (&drill.testbed.call, std::slice::from_ref(&drill.flooder));
            let rate = f64::from(16 * call.limit.rate);
            Ok(Injected::while_held(Load::start(drill.testbed.tunnel(), key, call, rate)?))
        })
    },
    hold: 17,
    sign: (SIGN, "ClientThrottled in the sidecar's records"),
    shows: |s| s.sidecars("ClientThrottled") > 10.0,
    alarms: &[("client-throttled", Alarm::Metric("client-throttled"))],
    callers: DO_NOT_NOTICE,
    recovery: (RECOVERED, "the client calls less often (here: its requests stop)"),
    ..Incident::COMMON
};
